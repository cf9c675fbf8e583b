package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A decoder reads a value. Its error says what the value must be, never what it is. It
// names only fields below the value; the decoders around it add the rest of the path.
type decoder func(raw string) error

// wrong returns an error about the value itself.
func wrong(problem string) error { return NewFieldError("", problem) }

// within adds the field to an error about its value.
func within(field string, err error) error {
	inner, ok := errors.AsType[*FieldError](err)
	if !ok {
		return NewFieldError(field, err.Error())
	}
	outer := *inner
	if outer.Field != "" && outer.Field[0] != '[' {
		field += "."
	}
	outer.Field = field + outer.Field
	return &outer
}

// parsed decodes a JSON string with parse.
func parsed[T any](into *T, parse func(string) (T, error)) decoder {
	return func(raw string) error {
		if raw[0] != '"' {
			return wrong("must be a string")
		}
		value, err := parse(unquote(raw))
		if err != nil {
			return wrong(err.Error())
		}
		*into = value
		return nil
	}
}

// unknownFields says what to do about an object's fields that have no decoder.
type unknownFields bool

const (
	keep   unknownFields = false
	refuse unknownFields = true
)

// object decodes the fields of a JSON object, by their exact names. A null field counts as
// absent.
func object(unknown unknownFields, fields map[string]decoder) decoder {
	return func(raw string) error {
		all, err := members(raw, span{0, len(raw)})
		if err != nil {
			return wrong(err.Error())
		}
		for _, m := range all {
			value := raw[m.value.start:m.value.end]
			decode, ok := fields[m.name]
			switch {
			case ok && value != "null":
				err = decode(value)
			case !ok && unknown == refuse:
				err = wrong("is unknown; correct its spelling or remove it")
			}
			if err != nil {
				return within(Printable(m.name), err)
			}
		}
		return nil
	}
}

// list decodes a JSON array, one element at a time.
func list[T any](into *[]T, element func(*T) decoder) decoder {
	return func(raw string) error {
		all, ok := elements(raw, span{0, len(raw)})
		if !ok {
			return wrong("must be an array")
		}
		*into = make([]T, len(all))
		for i, at := range all {
			if err := element(&(*into)[i])(raw[at.start:at.end]); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
		}
		return nil
	}
}

// anyObject decodes a JSON object with any members.
func anyObject(into *map[string]any) decoder {
	return func(raw string) error {
		if raw[0] != '{' || json.NewDecoder(strings.NewReader(raw)).Decode(into) != nil {
			return wrong("must be a JSON object")
		}
		return nil
	}
}

// boolean decodes true or false.
func boolean(into *bool) decoder {
	return func(raw string) error {
		if raw != "true" && raw != "false" {
			return wrong("must be true or false")
		}
		*into = raw == "true"
		return nil
	}
}
