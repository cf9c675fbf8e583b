package playground

import "testing"

func TestCloudRefusesWhatItDoesNotPlay(t *testing.T) {
	for _, pattern := range []string{"", "ERROR", `{ $.message = "x" }`, `{ ($.message = "x") && ($.message = "y") }`} {
		if _, err := filterPattern(pattern); err == nil {
			t.Errorf("pattern %q: got no error, want one", pattern)
		}
	}
	passes, err := filterPattern(`{ ($.message = "rotation step") || ($.message = "rotation action") }`)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		`{"message":"rotation step"}`: true, `{"message":"rotation action"}`: true, `{"message":"other"}`: false, "rotation step": false, "": false,
	} {
		if passes(line) != want {
			t.Errorf("%s: got %t, want %t", line, !want, want)
		}
	}
}
