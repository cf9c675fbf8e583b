// Package canary finds out whether a text gives a secret away.
package canary

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// In reports whether the secret is in the text: as it is, as in a URL or a form, or inside
// something that was encoded in base64, such as a Basic header. An empty secret is in no
// text.
func In(text, secret string) bool {
	for _, form := range forms(secret) {
		if form != "" && strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// forms lists what a secret may look like. In base64 that depends on how many bytes come
// before it, modulo three; the groups of three bytes that belong to the secret alone stay
// the same.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret)}
	for skip := range min(3, len(secret)) {
		groups := []byte(secret[skip : len(secret)-(len(secret)-skip)%3])
		all = append(all, base64.RawStdEncoding.EncodeToString(groups), base64.RawURLEncoding.EncodeToString(groups))
	}
	return all
}
