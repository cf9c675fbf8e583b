// Package belief reads the numbered lists in which the stand-ins say what they hold to
// be true of the real services, and how well each item is supported.
package belief

import (
	"fmt"
	"regexp"
	"strings"
)

// A Grade says how well something is supported. A smaller one is better.
type Grade int

const (
	Recorded   Grade = iota // an answer of the service was written down
	Documented              // by the vendor
	Standard                // an RFC or OpenID Connect says so; that the service follows it is assumed
	Seen                    // in the source of a client, a provider or an SDK
	Reported                // by people who met it
	Assumed                 // nothing decides it
)

var grades = [...]string{"recorded", "documented", "by a standard", "seen in a client", "reported", "assumed"}

// String returns the grade in words.
func (g Grade) String() string {
	if g < Recorded || g > Assumed {
		return fmt.Sprintf("grade %d", int(g))
	}
	return grades[g]
}

// Grades returns all of them, the best first.
func Grades() []Grade {
	return []Grade{Recorded, Documented, Standard, Seen, Reported, Assumed}
}

// A Belief is one item of a list.
type Belief struct {
	ID     string  // "B07"
	Text   string  // what is held to be true
	Source string  // why, in the words of the list
	Grades []Grade // of its parts, the best first
}

// Grade returns the grade of the belief's weakest part.
func (b Belief) Grade() Grade { return b.Grades[len(b.Grades)-1] }

// item is the beginning of an item; what follows may have several sources, each in
// parentheses after what it supports.
var (
	item    = regexp.MustCompile(`^//   - ([A-Z]\d+): (.+)$`)
	sources = regexp.MustCompile(` \(([^()]+)\)(?: ?|$)`)
)

// marks are what sources of each grade have in them, where the lists do not name the
// grade itself.
var marks = []struct {
	grade Grade
	of    *regexp.Regexp
}{
	{Recorded, regexp.MustCompile(`\brecorded\b`)},
	{Documented, regexp.MustCompile(`\bdocumented\b|\bAPI [A-Z]|\bguide\b`)},
	{Standard, regexp.MustCompile(`\bRFC \d|\bOpenID Connect Core\b`)},
	{Seen, regexp.MustCompile(`\bseen in a client\b|\bSDK\b|terraform-provider|floci|smithy-go`)},
	{Reported, regexp.MustCompile(`\breported\b|#\d+`)},
	{Assumed, regexp.MustCompile(`\bassumed\b`)},
}

// Parse returns the items of a list in the comment of a package, given the source file
// that has it. An item without a source is an error: it would have no grade.
func Parse(source string) ([]Belief, error) {
	var all []Belief
	for _, line := range strings.Split(source, "\n") {
		m := item.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		b := Belief{ID: m[1]}
		var why []string
		for _, s := range sources.FindAllStringSubmatch(m[2], -1) {
			if gradesOf(s[1]) != nil {
				why = append(why, s[1])
			}
		}
		b.Text = strings.TrimSpace(sources.ReplaceAllStringFunc(m[2], func(s string) string {
			if gradesOf(s) != nil {
				return " "
			}
			return s
		}))
		b.Source = strings.Join(why, "; ")
		if b.Grades = gradesOf(b.Source); b.Grades == nil {
			return nil, fmt.Errorf("read the beliefs: %s has no source", b.ID)
		}
		all = append(all, b)
	}
	return all, nil
}

func gradesOf(source string) (found []Grade) {
	for _, m := range marks {
		if m.of.MatchString(source) {
			found = append(found, m.grade)
		}
	}
	return found
}

// MustParse is Parse for a list that a test has shown to be readable.
func MustParse(source string) []Belief {
	all, err := Parse(source)
	if err != nil {
		panic(err)
	}
	return all
}
