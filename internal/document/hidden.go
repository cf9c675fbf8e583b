package document

import (
	"strings"

	"pingrotate/pingone"
)

// What replaces secrets in a text that a person edits.
const (
	hiddenSecret = "(the client secret, which edit keeps)"
	hiddenKey    = "(the private key, which edit keeps)"
)

// Hidden returns the document's text with words in place of the client secret and the
// private key, wherever they occur. [Document.Shown] reverses it.
func (d *Document) Hidden() string {
	return replaceStrings(d.text, map[string]string{d.ClientSecret.Reveal(): hiddenSecret, d.PrivateKey.Reveal(): hiddenKey})
}

// Shown returns an edited text from [Document.Hidden] with the secrets put back.
func (d *Document) Shown(edited string) string {
	if checkObject(edited) != nil {
		return edited
	}
	return replaceStrings(edited, map[string]string{hiddenSecret: d.ClientSecret.Reveal(), hiddenKey: d.PrivateKey.Reveal()})
}

// replaceStrings replaces whole strings in a JSON text. Every other byte stays.
func replaceStrings(text string, by map[string]string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '"' {
			b.WriteByte(text[i])
			i++
			continue
		}
		end := skipString(text, i)
		value := unquote(text[i:end])
		if to, ok := by[value]; ok && value != "" && to != "" {
			b.WriteString(quote(to))
		} else {
			b.WriteString(text[i:end])
		}
		i = end
	}
	return b.String()
}

// Keeping returns the document with the secret put back if an editor has removed it.
func (d *Document) Keeping(secret pingone.Secret) *Document {
	if secret.IsZero() || !d.ClientSecret.IsZero() {
		return d
	}
	next := *d
	next.ClientSecret = secret
	next.set("clientSecret", secret.Reveal())
	return &next
}
