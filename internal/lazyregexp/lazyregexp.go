// Package lazyregexp compiles regular expressions when they are first used. A cold start,
// which Lambda bills and a rotation waits for, then does not pay for those that only a
// refusal or a rare document needs.
package lazyregexp

import (
	"regexp"
	"sync"
)

// A Regexp is a regular expression. It is safe for concurrent use.
//
// A counted repetition is compiled once per count, so {1,512} costs as much as 512
// expressions: compare the length of the text instead.
type Regexp struct {
	expression string
	compiled   func() *regexp.Regexp
}

// New returns the regular expression, in the syntax of package [regexp]. An invalid one
// panics when it is first used.
func New(expression string) Regexp {
	return Regexp{expression, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// MatchString is [regexp.Regexp.MatchString].
func (r Regexp) MatchString(s string) bool { return r.compiled().MatchString(s) }

// FindString is [regexp.Regexp.FindString].
func (r Regexp) FindString(s string) string { return r.compiled().FindString(s) }

// FindStringSubmatch is [regexp.Regexp.FindStringSubmatch].
func (r Regexp) FindStringSubmatch(s string) []string { return r.compiled().FindStringSubmatch(s) }

// FindAllString is [regexp.Regexp.FindAllString].
func (r Regexp) FindAllString(s string, n int) []string { return r.compiled().FindAllString(s, n) }

// ReplaceAllString is [regexp.Regexp.ReplaceAllString].
func (r Regexp) ReplaceAllString(s, with string) string {
	return r.compiled().ReplaceAllString(s, with)
}

// String returns the expression.
func (r Regexp) String() string { return r.expression }
