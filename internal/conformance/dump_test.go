package conformance_test

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"

	"pingrotate/internal/conformance"
)

var all = flag.Bool("all", false, "ask about every belief while the service lies about one, and not about every sixth only")

// withoutTime is a dump without its first line, which tells the time.
func withoutTime(dump string) string {
	_, rest, _ := strings.Cut(dump, "\n")
	return rest
}

// chosen are the beliefs to ask about while the service lies about one: that one, and
// others, for which the lie must make no difference.
func chosen(s conformance.Suite, liesAbout string) []string {
	if *all {
		return nil
	}
	only := []string{liesAbout}
	n := 0
	for i, p := range s.Probes() {
		if p.Belief == liesAbout {
			n = i
		}
	}
	for i, p := range s.Probes() {
		if (i+n)%6 == 0 && p.Belief != liesAbout {
			only = append(only, p.Belief)
		}
	}
	return only
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func suites(t testing.TB) []conformance.Suite {
	return []conformance.Suite{newPingOneWorld(t).suite, newAWSWorld(t).suite}
}
