package rotation

import (
	"slices"
	"strings"
	"time"
)

// A Moment is an entry in a timeline.
type Moment struct {
	At          time.Time `json:"at"`
	What        Happening `json:"what"`
	Fingerprint string    `json:"fingerprint"`  // of the secret to which it happened
	Of          string    `json:"of,omitempty"` // the managed secret, if it is not the report's
}

// A Happening is what happened to a secret.
type Happening string

const (
	MustDie      Happening = "must die"      // the mark in the register, or the endPrevious, covers the secret
	WasMinted    Happening = "minted"        // PingOne made it
	WasPromoted  Happening = "promoted"      // it became AWSCURRENT
	WasEnded     Happening = "ended"         // PingOne answered that it has ended it
	FirstRefused Happening = "refused first" // PingOne refused it for the first time
	LastRefused  Happening = "refused last"  // PingOne refused it in the last probe
)

// happened adds entries to the timeline, each only once for a secret.
func (rec *record) happened(what Happening, at time.Time, fingerprints ...string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, f := range fingerprints {
		m := Moment{At: at.UTC(), What: what, Fingerprint: f}
		if f != "" && !slices.ContainsFunc(rec.timeline, func(old Moment) bool { return old.What == what && old.Fingerprint == f }) {
			rec.timeline = append(rec.timeline, m)
		}
	}
}

// sortedTimeline returns the entries in order.
func sortedTimeline(all []Moment) []Moment {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Moment) int {
		if c := a.At.Compare(b.At); c != 0 || a.What == b.What {
			return c
		}
		return rank(a.What) - rank(b.What)
	})
	return all
}

// rank orders entries of the same moment.
func rank(w Happening) int {
	return slices.Index([]Happening{MustDie, WasMinted, WasPromoted, WasEnded, FirstRefused, LastRefused}, w)
}

// servedAs returns the timeline of a managed secret that was served, with its name in each
// entry.
func servedAs(name string, all []Moment) (told []Moment) {
	for _, m := range all {
		m.Of = strings.TrimSpace(name)
		told = append(told, m)
	}
	return told
}
