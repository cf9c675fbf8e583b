package document

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A decoder reads the value of the field at the path. Its error names the path and
// says what the value must be, never what it is.
type decoder func(path string, raw json.RawMessage) error

// parsed decodes a JSON string by parse.
func parsed[T any](into *T, parse func(string) (T, error)) decoder {
	return func(path string, raw json.RawMessage) error {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return NewFieldError(path, "must be a string")
		}
		value, err := parse(*s)
		if err != nil {
			return NewFieldError(path, err.Error())
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
			return NewFieldError(path, err.Error())
		}
		for _, m := range all {
			field := strings.TrimPrefix(path+"."+Printable(m.name), ".")
			if decode, ok := fields[m.name]; ok {
				err = decode(field, m.value)
			} else if unknown == refuse {
				err = NewFieldError(field, "is unknown; correct its spelling or remove it")
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// list decodes a JSON array, one element at a time.
func list[T any](into *[]T, element func(*T) decoder) decoder {
	return func(path string, raw json.RawMessage) error {
		var all []json.RawMessage
		if json.Unmarshal(raw, &all) != nil || all == nil {
			return NewFieldError(path, "must be an array")
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
			return NewFieldError(path, "must be a JSON object")
		}
		return nil
	}
}

// boolean decodes true or false.
func boolean(into *bool) decoder {
	return func(path string, raw json.RawMessage) error {
		var value *bool
		if json.Unmarshal(raw, &value) != nil || value == nil {
			return NewFieldError(path, "must be true or false")
		}
		*into = *value
		return nil
	}
}
