package registertest

import (
	_ "embed"

	"pingrotate/internal/belief"
)

//go:embed doc.go
var comment string

// Beliefs returns the beliefs about DynamoDB in this package's comment.
func Beliefs() []belief.Belief { return belief.MustParse(comment) }
