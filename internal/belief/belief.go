// Package belief reads the numbered lists in which the stand-ins say what they believe
// about the real services, and how well each belief is supported.
package belief

import (
	"fmt"
	"regexp"
	"strings"
)

// A Grade says how well a belief is supported. A smaller one is better.
type Grade int

const (
	Recorded   Grade = iota // an answer of the service was recorded
	Documented              // by the vendor
	Standard                // an RFC or OpenID Connect says so; the service is assumed to follow it
	Seen                    // in the source of a client, a provider or an SDK
	Reported                // by people who have met it
	Assumed                 // nothing supports it
)

var grades = [...]string{"recorded", "documented", "by a standard", "seen in a client", "reported", "assumed"}

// String returns the grade in words.
func (g Grade) String() string {
	if g < Recorded || g > Assumed {
		return fmt.Sprintf("grade %d", int(g))
	}
	return grades[g]
}

// Grades returns all grades, best first.
func Grades() []Grade {
	return []Grade{Recorded, Documented, Standard, Seen, Reported, Assumed}
}

// A Belief is one item of a list.
type Belief struct {
	ID     string  // "B07"
	Text   string  // what is believed
	Source string  // the sources, as the list gives them
	Grades []Grade // of its parts, best first
}

// Grade returns the grade of the belief's weakest part.
func (b Belief) Grade() Grade { return b.Grades[len(b.Grades)-1] }

// item matches an item. Its text may have several sources, each in parentheses after what
// it supports.
var (
	item    = regexp.MustCompile(`^//   - ([A-Z]\d+): (.+)$`)
	sources = regexp.MustCompile(` \(([^()]+)\)(?: ?|$)`)
)

// marks recognize the sources of each grade, if the list does not name the grade itself.
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

// Parse returns the items of the list in a package's comment, given the source file that
// has it. An item without a source has no grade and is an error.
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

// MustParse is Parse for a list that a test has shown to be valid. It panics on an error.
func MustParse(source string) []Belief {
	all, err := Parse(source)
	if err != nil {
		panic(err)
	}
	return all
}
