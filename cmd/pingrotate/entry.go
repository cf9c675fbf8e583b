package main

import "time"

// An entry is one of the function's log lines about a step or an action.
type entry struct {
	Message       string    `json:"message"`
	Step          string    `json:"step"`
	Action        string    `json:"action"`
	SecretID      string    `json:"secretId"`
	Version       string    `json:"version"`
	DurationMs    int64     `json:"durationMs"`
	Decision      string    `json:"decision"`
	Current       string    `json:"current"` // fingerprint
	Pending       string    `json:"pending"` // fingerprint
	PreviousUntil time.Time `json:"previousUntil"`
	Verified      string    `json:"verified"`
	Changed       string    `json:"changed"` // in PingOne, beside the secret
	Warning       string    `json:"warning"`
	Error         string    `json:"error"`
	Outcome       string    `json:"outcome"`
	Emergency     string    `json:"emergency"`
	Reason        string    `json:"reason"`
	By            string    `json:"by"`
	Revoked       string    `json:"revoked"`  // fingerprint
	Promoted      string    `json:"promoted"` // fingerprint

	at time.Time // when it was written, which is at the end
}
