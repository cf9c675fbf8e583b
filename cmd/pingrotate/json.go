package main

import (
	"encoding/json"
	"io"

	"pingrotate/internal/remedy"
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
		return v, remedy.Errorf("is it of another version than this command?", "read the function's answer: %w", err)
	}
	return v, nil
}
