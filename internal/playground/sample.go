package playground

import "fmt"

// A Sample is what both services hold right after one call of the function or, between its
// steps, after an hour has passed. Secrets appear as fingerprints.
type Sample struct {
	Day     int      `json:"day"`
	Step    string   `json:"step,omitempty"`    // empty: an hour has passed
	Call    string   `json:"call,omitempty"`    // "pingone POST application secret"
	Current string   `json:"current"`           // the secret labelled AWSCURRENT
	Works   bool     `json:"works"`             // whether PingOne accepts Current
	Pending string   `json:"pending,omitempty"` // the secret labelled AWSPENDING, if any
	PingOne []string `json:"pingOne"`           // the secrets that PingOne accepts, newest first
	Killed  bool     `json:"killed,omitempty"`  // the function never got the reply
}

// when returns the heading in the timeline.
func (s Sample) when() string {
	if s.Step == "" {
		return "the next 25 hours"
	}
	return fmt.Sprintf("day %d", s.Day)
}
