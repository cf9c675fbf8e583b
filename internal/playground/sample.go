package playground

import "fmt"

// A Sample is what both services hold right after one call of the function or,
// between its steps, after an hour. Secrets appear as fingerprints.
type Sample struct {
	Day     int      `json:"day"`
	Step    string   `json:"step,omitempty"`    // none: an hour has passed
	Call    string   `json:"call,omitempty"`    // "pingone POST application secret"
	Current string   `json:"current"`           // labelled AWSCURRENT
	Works   bool     `json:"works"`             // whether PingOne accepts that now
	Pending string   `json:"pending,omitempty"` // labelled AWSPENDING, with a value
	PingOne []string `json:"pingOne"`           // accepted by PingOne, the newest first
	Killed  bool     `json:"killed,omitempty"`  // the function never got the reply
}

// when names the part of the story.
func (s Sample) when() string {
	if s.Step == "" {
		return "the next 25 hours"
	}
	return fmt.Sprintf("day %d", s.Day)
}
