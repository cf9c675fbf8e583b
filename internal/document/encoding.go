package document

import (
	"encoding/json"
	"strings"
)

// checkObject checks that the text is one JSON object, and names the mistake if it is a
// well-known one.
func checkObject(text string) error {
	const (
		mark  = "\ufeff"
		store = "; store it as UTF-8 without a byte order mark, in PowerShell 7 with -Encoding utf8NoBOM"
	)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), utf16(text):
		return wrong("is UTF-16, and must be a JSON object in UTF-8" + store)
	case strings.HasPrefix(text, mark):
		return wrong("begins with a byte order mark, which JSON does not have" + store)
	case !json.Valid([]byte(text)):
		return wrong("must be a JSON object")
	}
	if text = strings.TrimSpace(text); text[0] == '"' {
		if inner := strings.TrimSpace(unquote(text)); strings.HasPrefix(inner, "{") && json.Valid([]byte(inner)) {
			return wrong("is a JSON object inside a JSON string: it was quoted twice; store the object itself, encoded once")
		}
	}
	if text[0] != '{' {
		return wrong("must be a JSON object")
	}
	return nil
}

// utf16 reports whether the text is an object in UTF-16 whose byte order mark is missing,
// or has become U+FFFD on the way.
func utf16(text string) bool {
	text = strings.TrimLeft(text, "\ufffd\ufeff")
	return strings.HasPrefix(text, "{\x00") || strings.HasPrefix(text, "\x00{")
}
