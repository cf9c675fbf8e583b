package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"pingrotate/pingone"
)

// A decoder reads the value of the field at the path. Its error names the path and
// says what the value must be, never what it is.
type decoder func(path string, raw json.RawMessage) error

// fieldError says which field is wrong, and how.
func fieldError(path, problem string) error {
	if path == document {
		return errors.New("it " + problem)
	}
	return fmt.Errorf("field %s: %s", path, problem)
}

// parsed decodes a JSON string by parse.
func parsed[T any](into *T, parse func(string) (T, error)) decoder {
	return func(path string, raw json.RawMessage) error {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return fieldError(path, "must be a string")
		}
		value, err := parse(*s)
		if err != nil {
			return fieldError(path, err.Error())
		}
		*into = value
		return nil
	}
}

// unknownFields says what to do about the fields of an object that have no decoder.
type unknownFields bool

const (
	keep   unknownFields = false
	refuse unknownFields = true
)

// object decodes the fields of a JSON object, by their exact names.
func object(unknown unknownFields, fields map[string]decoder) decoder {
	return func(path string, raw json.RawMessage) error {
		all, err := members(raw)
		if err != nil {
			return fieldError(path, err.Error())
		}
		for _, m := range all {
			field := strings.TrimPrefix(path+"."+printable(m.name), document+".")
			if decode, ok := fields[m.name]; ok {
				err = decode(field, m.value)
			} else if unknown == refuse {
				err = fieldError(field, "is unknown; correct its spelling or remove it")
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// document is the path of the outermost object.
const document = "(document)"

// list decodes a JSON array, one element at a time.
func list[T any](into *[]T, element func(*T) decoder) decoder {
	return func(path string, raw json.RawMessage) error {
		var all []json.RawMessage
		if json.Unmarshal(raw, &all) != nil || all == nil {
			return fieldError(path, "must be an array")
		}
		*into = make([]T, len(all))
		for i, one := range all {
			if err := element(&(*into)[i])(fmt.Sprintf("%s[%d]", path, i), one); err != nil {
				return err
			}
		}
		return nil
	}
}

// anyObject decodes a JSON object whose members are the user's own.
func anyObject(into *map[string]any) decoder {
	return func(path string, raw json.RawMessage) error {
		if json.Unmarshal(raw, into) != nil || *into == nil {
			return fieldError(path, "must be a JSON object")
		}
		return nil
	}
}

func parseText(s string) (string, error) { return s, nil }

func parseSecret(s string) (pingone.Secret, error) { return pingone.NewSecret(s), nil }

func parseUUID(s string) (string, error) {
	if !pingone.IsUUID(s) {
		return "", errors.New("must be a UUID in lower case")
	}
	return s, nil
}

var visible = regexp.MustCompile(`^[!-~]{1,256}$`)

func parseClientID(s string) (string, error) {
	if !visible.MatchString(s) {
		return "", errors.New("must have 1 to 256 visible ASCII characters")
	}
	return s, nil
}

var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}$`)

func parseDomain(s string) (string, error) {
	if !IsDomain(s) {
		return "", errors.New("must be a host name in lower case, without scheme, port or path")
	}
	return s, nil
}

// IsDomain reports whether s is a host name in lower case, and nothing more.
func IsDomain(s string) bool { return len(s) <= 253 && hostname.MatchString(s) }

func parseMethod(s string) (pingone.AuthMethod, error) {
	m := pingone.AuthMethod(s)
	if !m.Supported() {
		return "", fmt.Errorf("must be one of %v", pingone.AuthMethods())
	}
	return m, nil
}

// parseAnyMethod reads a method that an admin may have. That a target's has a secret
// is checked where the document is known to be a target's.
func parseAnyMethod(s string) (pingone.AuthMethod, error) {
	m := pingone.AuthMethod(s)
	if !slices.Contains(pingone.AdminAuthMethods(), m) {
		return "", fmt.Errorf("must be one of %v, or in an admin's secret %s", pingone.AuthMethods(), pingone.PrivateKeyJWT)
	}
	return m, nil
}

func parseKind(s string) (string, error) {
	if s != kindApplication && s != kindResource {
		return "", errors.New(`must be "application" or "resource"`)
	}
	return s, nil
}

func parseStrategy(s string) (string, error) {
	if s != single && s != alternating {
		return "", errors.New(`must be "single" or "alternating"`)
	}
	return s, nil
}

// ParseGrace reads how long a replaced secret shall live, such as "24h". PingOne
// takes 1 minute to 30 days; what is nearer to these ends than a slow call or two
// clocks may differ is refused.
func ParseGrace(s string) (time.Duration, error) {
	const shortest, longest = 2 * time.Minute, 30*24*time.Hour - time.Hour
	d, err := time.ParseDuration(s)
	if err != nil || d < shortest || d > longest {
		return 0, errors.New(`must be a duration from "2m" to "719h", such as "24h"`)
	}
	return d, nil
}

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
			return nil, fmt.Errorf("has the field %s twice", printable(name))
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

// printable makes a name from a document fit to stand in an error.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	return name[:min(len(name), 60)]
}
