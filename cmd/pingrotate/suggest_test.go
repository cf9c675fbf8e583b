package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
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
	// Whatever is typed and however many there are, it takes a moment.
	var many []string
	for i := range 200_000 {
		many = append(many, fmt.Sprintf("%s-%06d", strings.Repeat("x", 121), i))
	}
	begun := time.Now()
	nearest(strings.Repeat("y", 128), many)
	nearest(strings.Repeat("y", 1<<20), many)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
