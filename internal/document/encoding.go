package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
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
	}
	if err := json.Unmarshal([]byte(text), new(json.RawMessage)); err != nil {
		return notJSON(text, err)
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

// notJSON says where a text stops being JSON, and quotes none of it.
func notJSON(text string, err error) error {
	bad, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return wrong("must be a JSON object")
	}
	before := text[:max(0, min(int(bad.Offset)-1, len(text)))]
	if int(bad.Offset) >= len(text) && !strings.HasSuffix(strings.TrimSpace(text), "}") {
		before = text // it breaks off
	}
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return wrong(fmt.Sprintf("must be a JSON object, and is none from line %d, column %d on; look there, and just before, for a comma or a quotation mark that is missing or one too many", line, column))
}

// utf16 reports whether the text is an object in UTF-16 whose byte order mark is missing,
// or has become U+FFFD on the way.
func utf16(text string) bool {
	text = strings.TrimLeft(text, "\ufffd\ufeff")
	return strings.HasPrefix(text, "{\x00") || strings.HasPrefix(text, "\x00{")
}
