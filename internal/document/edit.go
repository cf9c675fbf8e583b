package document

import (
	"bytes"
	"encoding/json"
	"strings"
)

// set returns the document's text with the value at the path replaced or, if there is none,
// with the member added at the end of its parent, in the layout of the parent's first
// member. Every other byte stays. [Parse] has checked that the parent is there.
func set(text string, path []string, value string) string {
	at := skipSpace(text, 0)
	for _, name := range path[:len(path)-1] {
		var ok bool
		if at, ok = find(text, at, name); !ok {
			return text
		}
	}
	name := path[len(path)-1]
	if start, ok := find(text, at, name); ok {
		return text[:start] + quote(value) + text[skipValue(text, start):]
	}
	first := skipSpace(text, at+1)
	if text[first] == '}' {
		return text[:at+1] + quote(name) + ":" + quote(value) + text[first:]
	}
	indent := text[at+1 : first]
	key := skipString(text, first)
	colon := text[key:skipSpace(text, skipSpace(text, key)+1)]
	last := endOfMembers(text, at)
	return strings.Join([]string{text[:last], ",", indent, quote(name), colon, quote(value), text[last:]}, "")
}

// endOfMembers returns where the last member ends, of the object that begins at at and is
// not empty.
func endOfMembers(text string, at int) int {
	bracket := skipValue(text, at) - 1
	return len(strings.TrimRight(text[:bracket], " \n\t\r"))
}

// quote encodes a string as JSON.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
