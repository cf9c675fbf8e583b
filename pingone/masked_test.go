package pingone_test

import (
	"testing"

	"pingrotate/pingone"
)

func TestAMaskedValueIsNoSecret(t *testing.T) {
	for value, want := range map[string]bool{
		"****": true, "***": true, "[redacted]": true, "<REDACTED>": true, "(sensitive value)": true, "[secret]": true, "••••••••": true, "xxxxxxxx": true, "abc***xyz": true,
		"": false, "N1ZK~x.~Y2.vC0Qm-oL3pB9sT": false, "x1x": false, "hunter2": false, "redacted7": false,
	} {
		if got := pingone.NewSecret(value).Masked(); got != want {
			t.Errorf("%q: got %t, want %t", value, got, want)
		}
	}
}
