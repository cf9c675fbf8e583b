package main

import (
	"os"
	"strings"
	"testing"
)

// TestTheNoticesAreThoseOfTheModulesThatAreLinked: when go.mod changes, so does
// THIRD_PARTY.md.
func TestTheNoticesAreThoseOfTheModulesThatAreLinked(t *testing.T) {
	if testing.Short() {
		t.Skip("asks go for the modules of three platforms")
	}
	t.Chdir("../..")
	modules, err := linked("./cmd/rotator", "./cmd/pingrotate")
	if err != nil {
		t.Fatal(err)
	}
	want, err := page(modules)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("THIRD_PARTY.md is not of the modules that are linked; run make notices")
	}
	for _, m := range modules {
		if !strings.Contains(want, "| "+m.path+" | "+m.version+" |") {
			t.Errorf("%s is missing", m.path)
		}
	}
	if len(modules) < 10 {
		t.Errorf("got %d modules, which are too few", len(modules))
	}
}
