// Package canary finds out whether a text gives a secret away.
package canary

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"
)

// In reports whether the secret is in the text: as it is, as in a URL or a form, or inside
// something that was encoded in base64, such as a Basic header. An empty secret is in no
// text.
func In(text, secret string) bool { return Any(text, []string{secret}) }

// Any reports whether one of the secrets is in the text, as [In] does. It reads the text
// once, however many secrets there are: tests search everything that was logged for every
// secret that there was.
func Any(text string, secrets []string) bool {
	forms := map[beginning][]string{}
	var likely [1 << 16]bool // whether a beginning with this hash is among them
	for _, secret := range secrets {
		for _, form := range formsOf(secret) {
			if len(form) < len(beginning{}) {
				if form != "" && strings.Contains(text, form) {
					return true
				}
				continue
			}
			b := beginning([]byte(form[:len(beginning{})]))
			forms[b] = append(forms[b], form)
			likely[b.hash()] = true
		}
	}
	for i := range max(0, len(text)-len(beginning{})+1) {
		if b := beginning([]byte(text[i : i+len(beginning{})])); likely[b.hash()] {
			for _, form := range forms[b] {
				if strings.HasPrefix(text[i:], form) {
					return true
				}
			}
		}
	}
	return false
}

// A beginning is that of a form of a secret.
type beginning [8]byte

func (b beginning) hash() uint16 {
	const odd = 0x9e3779b97f4a7c15 // so that the product's high bits depend on all of it
	return uint16(binary.LittleEndian.Uint64(b[:]) * odd >> 48)
}

// formsOf lists what a secret may look like. In base64 that depends on how many bytes come
// before it, modulo three; the groups of three bytes that belong to the secret alone stay
// the same.
func formsOf(secret string) []string {
	all := []string{secret, url.QueryEscape(secret)}
	for skip := range min(3, len(secret)) {
		groups := []byte(secret[skip : len(secret)-(len(secret)-skip)%3])
		all = append(all, base64.RawStdEncoding.EncodeToString(groups), base64.RawURLEncoding.EncodeToString(groups))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
