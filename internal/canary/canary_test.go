package canary_test

import (
	"encoding/base64"
	"net/url"
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
	if canary.In("text", "") {
		t.Error("the empty secret: found")
	}
}
