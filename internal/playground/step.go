package playground

import (
	"fmt"
	"time"
)

// A Step is one step of a rotation, as the function's log line tells it. If the process
// died there is no line, and only Step and Ended are set.
type Step struct {
	Step          string    `json:"step"`
	Decision      string    `json:"decision,omitempty"`
	Current       string    `json:"current,omitempty"` // fingerprint
	Pending       string    `json:"pending,omitempty"` // fingerprint
	PreviousUntil time.Time `json:"previousUntil,omitzero"`
	Verified      string    `json:"verified,omitempty"`
	Warning       string    `json:"warning,omitempty"`
	Error         string    `json:"error,omitempty"`
	Ended         string    `json:"ended,omitempty"` // "signal: killed"
	DurationMs    int64     `json:"durationMs,omitempty"`
	Calls         struct {
		SecretsManager int `json:"secretsManager"`
		PingOne        int `json:"pingOne"`
		Register       int `json:"register"`
	} `json:"calls,omitzero"`
}

// line returns the step in one line.
func (s Step) line() string {
	outcome := s.Decision
	if s.Error != "" {
		outcome = s.Error
	}
	return fmt.Sprintf("function %s: %s, %d ms", s.Step, outcome, s.DurationMs)
}
