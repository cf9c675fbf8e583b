package pingone_test

import (
	"strings"
	"testing"

	"pingrotate/pingone"
)

func TestASettingAddsRegionsAndMovesNone(t *testing.T) {
	all, err := pingone.ParseRegions("IN=pingone.in, BR=pingone.com.br")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[pingone.Region]string{"IN": "https://auth.pingone.in/x", "BR": "https://auth.pingone.com.br/x", "EU": "https://auth.pingone.eu/x"} {
		if e, err := all.Environment(code, "x"); err != nil || e.Auth != want || !all.IsAuthHost(strings.TrimSuffix(want[len("https://"):], "/x")) {
			t.Errorf("%s: got %+v, %v, want %s", code, e, err, want)
		}
	}
	if _, err := all.Environment("ZZ", "x"); err == nil {
		t.Error("ZZ: got no error, want one")
	}
	if all.IsAuthHost("auth.example.com") || all.IsAuthHost("auth.pingone.in.example.com") {
		t.Error("a host of others passes for PingOne's")
	}
	for _, list := range []string{"EU=pingone.in", "IN=pingone.eu", "IN=evil.example", "IN=pingone.in.evil.example", "IN=pingone.in/x", "IN=https://pingone.in", "in=pingone.in", "IN", "IN=", "IN=pingone.in,IN=pingone.de", "IN=pingone.in:8443", "IN=x.pingone.in"} {
		if all, err := pingone.ParseRegions(list); err == nil {
			t.Errorf("%s: got %v, want an error", list, all)
		}
	}
}
