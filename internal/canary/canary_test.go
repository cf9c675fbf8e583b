package canary_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"pingrotate/internal/canary"
)

func TestASecretIsFoundHoweverItIsEncoded(t *testing.T) {
	const secret = "n-E_w~.s3cret/with+more?"
	for _, text := range []string{
		secret,
		"before " + secret + " after",
		url.QueryEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("a:" + secret)),
		base64.StdEncoding.EncodeToString([]byte("ab:" + secret)),
		base64.URLEncoding.EncodeToString([]byte("abc:" + secret + "!")),
	} {
		if !canary.In(text, secret) {
			t.Errorf("%s: not found", text)
		}
	}
	for _, text := range []string{"", "n-E_w~.", "another text"} {
		if canary.In(text, secret) {
			t.Errorf("%s: found", text)
		}
	}
	// Longer than PingOne's, and its beginning comes before it.
	long := strings.Repeat(secret, 4)
	for _, text := range []string{long, long[:40] + long, "n" + long, strings.Repeat("n-E_w~.s", 9) + long + "x"} {
		if !canary.In(text, long) {
			t.Errorf("%s: not found", text)
		}
	}
	for _, text := range []string{long[:len(long)-1], long[1:], long[:40] + "x" + long[40:]} {
		if canary.In(text, long) {
			t.Errorf("%s: found", text)
		}
	}
	for _, others := range [][]string{{}, {""}, {"short", "another secret", ""}} {
		if !canary.Any("before "+secret, append(others, secret)) || canary.Any("before "+secret[1:], append(others, secret)) {
			t.Errorf("among %q: the secret is not found, or is found where it is not", others)
		}
	}
	if !canary.Any("a short text", []string{secret, "short"}) {
		t.Error("a short secret: not found")
	}
	if canary.In("text", "") {
		t.Error("the empty secret: found")
	}
}
