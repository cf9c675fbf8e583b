// Package remedy keeps what to do about an error apart from what went wrong, so that an
// error can be wrapped on its way up and the advice still comes last.
package remedy

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is an error with what to do about it. The errors of other packages that have a
// method Remedy are treated the same.
type Error struct {
	err    error
	remedy string
}

// With returns the error with what to do about it.
func With(err error, remedy string) error { return &Error{err, remedy} }

// Errorf is fmt.Errorf with what to do about it.
func Errorf(remedy, format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...), remedy}
}

func (e *Error) Error() string  { return e.err.Error() }
func (e *Error) Unwrap() error  { return e.err }
func (e *Error) Remedy() string { return e.remedy }

// Of returns what to do about an error: the remedy of the outermost error that has one, or
// those of joined errors; "" if there is none.
func Of(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Remedy() string
	}](err); ok && e.Remedy() != "" {
		return e.Remedy()
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			if todo := Of(e); todo != "" {
				all = append(all, todo)
			}
		}
		return strings.Join(all, "; ")
	}
	if next := errors.Unwrap(err); next != nil {
		return Of(next)
	}
	return ""
}

// Text returns what went wrong and what to do about it, once, even if the error's text
// already says it.
func Text(err error) string { return with(err.Error(), err) }

// Line is [Text] as one line, for a log or a report.
func Line(err error) string { return with(strings.ReplaceAll(err.Error(), "\n", "; and "), err) }

func with(text string, err error) string {
	if todo := Of(err); todo != "" && !strings.Contains(text, todo) {
		text += "; " + todo
	}
	return text
}
