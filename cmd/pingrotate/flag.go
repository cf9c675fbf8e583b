package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A choice is a flag that takes one of a few values, which the shells complete. Its
// zero value is the empty text, which cannot be given.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("must be " + strings.Join(c.of, " or "))
	}
	c.value = s
	return nil
}

// A text is a flag that takes any text. What kind of text that is, is its name in the
// help.
type text struct {
	value *string
	kind  string
}

func (t text) String() string     { return *t.value }
func (t text) Type() string       { return t.kind }
func (t text) Set(s string) error { *t.value = s; return nil }

// A list is a flag that takes a text and may be given several times.
type list struct {
	values *[]string
	kind   string
}

func (l list) String() string     { return strings.Join(*l.values, " ") }
func (l list) Type() string       { return l.kind }
func (l list) Set(s string) error { *l.values = append(*l.values, s); return nil }

// A number is a flag that takes a whole number.
type number struct{ value *int }

func (n number) String() string { return strconv.Itoa(*n.value) }
func (n number) Type() string   { return "N" }

func (n number) Set(s string) error {
	value, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("must be a whole number")
	}
	*n.value = value
	return nil
}
