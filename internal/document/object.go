package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"unicode/utf8"
)

// The functions below split JSON without decoding it, reading each byte once. [Parse] has
// checked that their input is valid JSON, so every string and bracket has its end.

// A member is one member of a JSON object.
type member struct {
	name  string
	value span
}

// A span is the position of a value in the text.
type span struct{ start, end int }

var errNotObject = errors.New("must be a JSON object")

// members splits the object at the span. Two members with the same name are an error,
// because readers disagree about which one counts.
func members(text string, at span) ([]member, error) {
	if text[at.start] != '{' {
		return nil, errNotObject
	}
	// There is at most one member more than commas.
	all := make([]member, 0, strings.Count(text[at.start:at.end], ",")+1)
	for i := skipSpace(text, at.start+1); text[i] != '}'; {
		var m member
		end := skipString(text, i)
		m.name = unquote(text[i:end])
		m.value.start = skipSpace(text, skipSpace(text, end)+1) // past the colon
		m.value.end = skipValue(text, m.value.start)
		all = append(all, m)
		if i = skipSpace(text, m.value.end); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	if name, ok := repeated(all, func(m member) string { return m.name }); ok {
		return nil, fmt.Errorf("has the field %s twice", Printable(name))
	}
	return all, nil
}

// repeated returns a name that two of the members have. It keeps a hash table of indexes,
// with a seed for the process, so that no document can be made of names that collide.
func repeated[T any](all []T, name func(T) string) (string, bool) {
	size := 8
	for size < 2*len(all) {
		size *= 2
	}
	places := make([]int32, size) // index + 1 of an element; 0 is free
	for i, one := range all {
		at := int(maphash.String(seed, name(one)) & uint64(size-1))
		for ; places[at] != 0; at = (at + 1) & (size - 1) {
			if name(all[places[at]-1]) == name(one) {
				return name(one), true
			}
		}
		places[at] = int32(i + 1)
	}
	return "", false
}

var seed = maphash.MakeSeed()

// elements splits the array at the span; ok is false if it is not an array.
func elements(text string, at span) (all []span, ok bool) {
	if text[at.start] != '[' {
		return nil, false
	}
	for i := skipSpace(text, at.start+1); text[i] != ']'; {
		end := skipValue(text, i)
		all = append(all, span{i, end})
		if i = skipSpace(text, end); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	return all, true
}

// find returns where the member's value begins, in the object that begins at at.
func find(text string, at int, name string) (start int, found bool) {
	if text[at] != '{' {
		return 0, false
	}
	for i := skipSpace(text, at+1); text[i] != '}'; {
		end := skipString(text, i)
		start = skipSpace(text, skipSpace(text, end)+1)
		if unquote(text[i:end]) == name {
			return start, true
		}
		if i = skipSpace(text, skipValue(text, start)); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	return 0, false
}

// whole returns the span of the value that makes up the text.
func whole(text string) span { return span{skipSpace(text, 0), len(text)} }

func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// skipString returns where the string that begins at i ends.
func skipString(text string, i int) int {
	for i++; ; i++ {
		i += strings.IndexByte(text[i:], '"')
		escapes := 0
		for text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// skipValue returns where the value that begins at i ends.
func skipValue(text string, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = skipString(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth < 0 {
				return i // the bracket ends the container of a number or a word
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

// unquote decodes a JSON string.
func unquote(quoted string) string {
	inner := quoted[1 : len(quoted)-1]
	if strings.IndexByte(inner, '\\') < 0 && utf8.ValidString(inner) {
		return inner
	}
	var s string
	json.Unmarshal([]byte(quoted), &s) // it is valid JSON
	return s
}
