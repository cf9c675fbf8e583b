package document

import (
	"fmt"
	"strings"
)

// A FieldError says which field of a document is wrong, and why. It quotes no value.
type FieldError struct {
	Field   string // its path, such as "rotation.application.roles[0].scope"; "" for the document itself
	Problem string // what is wrong with it, such as "is missing"

	remedy string
}

// NewFieldError returns the error of a field. The problem may end with what to do about it,
// after a semicolon.
func NewFieldError(field, problem string) error {
	problem, remedy, _ := strings.Cut(problem, "; ")
	return &FieldError{Field: field, Problem: problem, remedy: remedy}
}

// Error returns what is wrong, and what to do about it.
func (e *FieldError) Error() string {
	text := "it " + e.Problem
	if e.Field != "" {
		text = fmt.Sprintf("field %s: %s", e.Field, e.Problem)
	}
	if e.remedy != "" {
		text += "; " + e.remedy
	}
	return text
}

// Remedy says what to do about it.
func (e *FieldError) Remedy() string {
	switch {
	case e.remedy != "":
		return e.remedy
	case e.Field == "":
		return "store a JSON object with environmentId, region and clientId"
	}
	return "correct the field " + e.Field + " of the stored document"
}

// Printable makes a name from outside safe to print in an error: at most 60 visible ASCII
// characters, with "?" for any other.
func Printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	return name[:min(len(name), 60)]
}
