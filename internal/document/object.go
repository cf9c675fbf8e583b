package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// member is one member of a JSON object, and where its value lies in the text.
type member struct {
	name       string
	value      json.RawMessage
	start, end int
}

// members splits an object without interpreting its values. Two members of one
// name are an error, because readers disagree about which of them counts.
func members(text []byte) ([]member, error) {
	notObject := errors.New("must be a JSON object")
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, notObject
	}
	var all []member
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, notObject
		}
		m := member{name: name}
		if dec.Decode(&m.value) != nil {
			return nil, notObject
		}
		m.end = int(dec.InputOffset())
		m.start = m.end - len(m.value)
		if slices.ContainsFunc(all, func(o member) bool { return o.name == name }) {
			return nil, fmt.Errorf("has the field %s twice", Printable(name))
		}
		all = append(all, m)
	}
	if _, err := dec.Token(); err != nil || len(bytes.TrimSpace(text[dec.InputOffset():])) > 0 {
		return nil, notObject
	}
	return all, nil
}

// setMember returns the object with a member's value replaced, or with the member
// added at the end in the layout of the first one. Every other byte stays.
func setMember(text []byte, name, value string) []byte {
	var quoted bytes.Buffer
	enc := json.NewEncoder(&quoted)
	enc.SetEscapeHTML(false)
	enc.Encode(value) // a string always encodes
	raw := bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))

	all, _ := members(text)
	for _, m := range all {
		if m.name == name {
			return slices.Concat(text[:m.start], raw, text[m.end:])
		}
	}
	// A document has members that are required, so there is a first and a last one.
	open, quote := bytes.IndexByte(text, '{'), bytes.IndexByte(text, '"')
	indent, first := text[open+1:quote], text[quote:all[0].start]
	colon := first[bytes.LastIndexByte(first, '"')+1:]
	last := all[len(all)-1].end
	return slices.Concat(text[:last], []byte(","), indent, []byte(`"`+name+`"`), colon, raw, text[last:])
}

// editMember returns the object with a member's value changed in place, if it has
// the member.
func editMember(text []byte, name string, edit func([]byte) []byte) []byte {
	all, _ := members(text)
	for _, m := range all {
		if m.name == name {
			return slices.Concat(text[:m.start], edit(text[m.start:m.end]), text[m.end:])
		}
	}
	return text
}
