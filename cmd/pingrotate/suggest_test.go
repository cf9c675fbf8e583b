package main

import (
	"slices"
	"strings"
	"testing"
)

func TestMistypedSecretNamesTheNearest(t *testing.T) {
	names := []string{"pingone/billing-api", "pingone/orders-api", "pingone/orders-api-2"}
	for given, want := range map[string]string{
		"pingone/biling-api":  "; did you mean pingone/billing-api?",
		"pingone/order-api":   "; did you mean pingone/orders-api?",
		"pingone/orders":      "; did you mean pingone/orders-api?",
		"pingone/orders-api":  "",
		"pingone/elsewhere":   "",
		"":                    "",
		"arn:aws:x":           "",
		"pingone/billing-apx": "; did you mean pingone/billing-api?",
	} {
		if got := nearest(given, names); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
	// However many secrets there are, and however long the name is, it looks at a bounded part.
	last := append(slices.Repeat([]string{"pingone/another-name"}, suggestMost), "pingone/orders-api")
	if got := nearest("pingone/order-api", last); got != "" {
		t.Errorf("of more names than it looks at: got %q, want no answer", got)
	}
	if got := nearest("pingone/order-api", last[1:]); got != "; did you mean pingone/orders-api?" {
		t.Errorf("of as many names as it looks at: got %q, want the last", got)
	}
	if long := strings.Repeat("x", longestTyped); nearest(long, []string{long + "y"}) == "" || nearest(long+"x", []string{long + "y"}) != "" {
		t.Error("want an answer to a name of the greatest length, and none to a longer one")
	}
}
