package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A choice is a flag's value out of a few, which the shells complete.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("must be " + strings.Join(c.of, " or "))
	}
	c.value = s
	return nil
}

// choose declares a flag that takes one of the values. The first is its default,
// which may be empty and is not offered then.
func choose(flags *flag.FlagSet, name string, values ...string) *choice {
	c := &choice{value: values[0], of: values}
	if values[0] == "" {
		c.of = values[1:]
	}
	flags.Var(c, name, "")
	return c
}

// outputFlag declares -o.
func outputFlag(flags *flag.FlagSet) *choice { return choose(flags, "o", "text", "json") }

const outputUsage = `    -o text|json     for people (the default), or one JSON object a line
`

// A many is a flag that may be given several times.
type many []string

func (m *many) String() string { return strings.Join(*m, " ") }

func (m *many) Set(s string) error {
	*m = append(*m, s)
	return nil
}

// writeJSON writes a value in a line of its own.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// readJSON decodes an answer of the function.
func readJSON[T any](raw json.RawMessage) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("read the function's answer: %w; is it of another version than this command?", err)
	}
	return v, nil
}
