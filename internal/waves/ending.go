package waves

import (
	"strings"
	"time"
)

// The outcomes of a rotation, as package rotation names them.
const (
	promoted = "promoted"
	ended    = "ended"
	skipped  = "skipped"
	refused  = "refused"
	busy     = "busy"
	open     = "open"

	// Left is the outcome of an item that did not begin because the campaign had stopped.
	Left = "left"
)

// Why a state machine tries an item again.
const (
	Busy        = "Busy"        // another rotation of the secret is under way
	RateLimited = "RateLimited" // PingOne asked to slow down
)

// An Ending is how a secret of a campaign ended, or how a try went. The register keeps it,
// and the state machine receives it. Every member is always present, because a JSONPath to
// a missing one is an error.
type Ending struct {
	Secret     string    `json:"secret"` // as the campaign names it
	Outcome    string    `json:"outcome"`
	Error      string    `json:"error"`
	Unverified bool      `json:"unverified"` // the new secret was refused
	Again      string    `json:"again"`      // Busy, RateLimited, or ""
	Well       bool      `json:"well"`       // the campaign need not stop
	Calls      int64     `json:"calls"`      // configuration calls to PingOne
	At         time.Time `json:"at"`
}

// maxError is how many bytes of an error are kept. The log has all of it.
const maxError = 500

// Judged returns the ending with what follows from its outcome. A secret that another
// rotation is busy with, or whose consumers lag, does not stop the campaign.
func (e Ending) Judged(rateLimited bool) Ending {
	if len(e.Error) > maxError {
		e.Error = strings.ToValidUTF8(e.Error[:maxError], "") + "…"
	}
	switch {
	case e.Unverified:
	case e.rotated() || e.Outcome == skipped || e.Outcome == refused || e.Outcome == Left:
		e.Well = true
	case rateLimited:
		e.Again = RateLimited
	case e.Outcome == busy:
		e.Again, e.Well = Busy, true
	}
	return e
}

func (e Ending) rotated() bool { return (e.Outcome == promoted || e.Outcome == ended) && !e.Unverified }

// over reports whether the campaign is done with the secret.
func (e Ending) over() bool { return e.Well && e.Again == "" }

// A Halt means that no other item of a campaign begins.
type Halt struct {
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// Looked is what an audit of some secrets found. The values are named as in the function's
// metrics.
type Looked struct {
	Secrets   []string           `json:"secrets"`
	Failing   int                `json:"failing"`
	Values    map[string]float64 `json:"values"`
	NotLooked int                `json:"notLooked"` // there was no time for them
	Calls     int64              `json:"calls"`
	At        time.Time          `json:"at"`
}
