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

// reserved reports whether the name is a word that an expression may not use as an
// attribute's name.
func reserved(name string) bool { return reservedSet()[strings.ToUpper(name)] }
