package registertest

import (
	_ "embed"
	"strings"
	"sync"
)

// The developer guide's page "Reserved words in DynamoDB".
//
//go:embed reserved.txt
var reservedWords string

var reservedSet = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(reservedWords) {
		set[word] = true
	}
	return set
})

// reserved reports whether an expression may not name an attribute so.
func reserved(name string) bool { return reservedSet()[strings.ToUpper(name)] }
