package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// writeJSON writes a value as one line.
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
