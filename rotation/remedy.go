package rotation

import (
	"errors"
	"strings"
)

// A remedy is what to do about an error, apart from what is wrong. Errors that have
// one have a method Remedy.
type remedy interface{ Remedy() string }

// remedied returns the error with what to do about it.
func remedied(err error, remedy string) error { return &withRemedy{err, remedy} }

type withRemedy struct {
	error
	remedy string
}

func (e *withRemedy) Remedy() string { return e.remedy }
func (e *withRemedy) Unwrap() error  { return e.error }

// remedyOf returns what to do about an error: the outermost remedy, or those of errors
// that were joined. Empty where none is known.
func remedyOf(err error) string {
	var r remedy
	if errors.As(err, &r) && r.Remedy() != "" {
		return r.Remedy()
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			if text := remedyOf(e); text != "" {
				all = append(all, text)
			}
		}
		return strings.Join(all, "; ")
	}
	if next := errors.Unwrap(err); next != nil {
		return remedyOf(next)
	}
	return ""
}

// inFull returns an error as one line for a log or a report, with what to do about it.
func inFull(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; and ")
	if r := remedyOf(err); r != "" && !strings.Contains(text, r) {
		text += "; " + r
	}
	return text
}
