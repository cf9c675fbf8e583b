package registertest

import (
	_ "embed"

	"pingrotate/internal/belief"
)

//go:embed doc.go
var comment string

// Beliefs returns what this package's comment lists: what it holds to be true of
// DynamoDB.
func Beliefs() []belief.Belief { return belief.MustParse(comment) }
