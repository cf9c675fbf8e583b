package rotation

import (
	"slices"
	"strings"
	"time"
)

// A Moment is an entry of an emergency's timeline.
type Moment struct {
	At          time.Time `json:"at"`
	What        Happening `json:"what"`
	Fingerprint string    `json:"fingerprint"`  // of the secret that it happened to
	Of          string    `json:"of,omitempty"` // the managed secret, where it is not the report's own
}

// A Happening is what a timeline tells of a secret.
type Happening string

const (
	MustDie      Happening = "must die"      // the emergency was marked in the register, and names the secret
	WasMinted    Happening = "minted"        // PingOne made it
	WasPromoted  Happening = "promoted"      // it became AWSCURRENT
	WasEnded     Happening = "ended"         // PingOne answered that it has ended it
	FirstRefused Happening = "refused first" // PingOne was asked, and refused it
	LastRefused  Happening = "refused last"
)

// happened adds to the timeline.
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

// sortedTimeline returns the timeline in order.
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

// rank orders what happened in the same moment.
func rank(w Happening) int {
	return slices.Index([]Happening{MustDie, WasMinted, WasPromoted, WasEnded, FirstRefused, LastRefused}, w)
}

// servedAs returns what a managed secret that was served has to tell, as its own.
func servedAs(name string, all []Moment) (told []Moment) {
	for _, m := range all {
		m.Of = strings.TrimSpace(name)
		told = append(told, m)
	}
	return told
}
