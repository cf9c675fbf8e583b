package secretsmanagertest

import (
	_ "embed"

	"pingrotate/internal/belief"
)

//go:embed doc.go
var comment string

// Beliefs returns the beliefs about Secrets Manager in this package's comment.
func Beliefs() []belief.Belief { return belief.MustParse(comment) }
