package main

import (
	"errors"
	"slices"
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
