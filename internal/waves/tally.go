package waves

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Tally is what the register knows of a campaign.
type Tally struct {
	Endings []Ending // the last of each secret that PingOne did not cut short
	Limited []Ending // tries that PingOne cut short
	Looked  []Looked
	Halts   []Halt
}

// Halted returns why the campaign stopped in the execution that began at this time, or ""
// if it has not.
func (t Tally) Halted(since time.Time) string {
	for _, h := range t.Halts {
		if !h.At.Before(since) {
			return h.Why
		}
	}
	return ""
}

// done returns the secrets that the campaign is done with.
func (t Tally) done() map[string]bool {
	all := map[string]bool{}
	for _, e := range t.Endings {
		all[e.Secret] = e.over()
	}
	for _, l := range t.Looked {
		for _, s := range l.Secrets {
			all[s] = true
		}
	}
	return all
}

// Ended reports whether the campaign has ended the leak of the secret with this name.
func (t Tally) Ended(name string) bool {
	return slices.ContainsFunc(t.Endings, func(e Ending) bool { return e.Secret == name && e.Outcome == ended && e.over() })
}

// rotated returns the names of the rotated secrets, in the order in which they ended.
func (t Tally) rotated() (names []string) {
	for _, e := range slices.SortedFunc(slices.Values(t.Endings), func(a, b Ending) int { return a.At.Compare(b.At) }) {
		if e.rotated() {
			names = append(names, e.Secret)
		}
	}
	return names
}

// cost returns the configuration calls of a rotation by experience, or the given number if
// there is too little.
func (t Tally) cost(otherwise float64) float64 {
	if calls, n := t.experience(); t.knows() {
		return calls / n
	}
	return otherwise
}

// knows reports whether enough rotations have ended to say what one costs.
func (t Tally) knows() bool {
	const enough = 20
	calls, n := t.experience()
	return n >= enough && calls > 0
}

func (t Tally) experience() (calls, rotations float64) {
	for _, e := range t.Endings {
		if e.rotated() {
			calls, rotations = calls+float64(e.Calls), rotations+1
		}
	}
	return calls, rotations
}

// A Summary says how a campaign stands, or ended.
type Summary struct {
	Start    time.Time `json:"start"`
	Planned  int       `json:"planned"` // secrets given to the state machine, or about to be
	Promoted int       `json:"promoted"`
	Ended    int       `json:"ended"`
	Skipped  int       `json:"skipped"`
	Refused  int       `json:"refused"`
	Busy     int       `json:"busy"`
	Open     int       `json:"open"`
	Failed   int       `json:"failed"`
	Left     int       `json:"left"` // of those planned, without an ending
	Off      int       `json:"off"`  // left out because their rotation is turned off
	OffNames []string  `json:"offNames"`
	Limited  int       `json:"limited"`           // tries that PingOne cut short with 429
	Calls    int64     `json:"calls"`             // configuration calls to PingOne
	Rotated  []string  `json:"rotated,omitempty"` // names of the first that were rotated; at most maxTold
	Unwell   []Ending  `json:"unwell"`            // those that did not end well; at most maxUnwell
	Last     time.Time `json:"last,omitzero"`
	Stopped  string    `json:"stopped"` // why it stopped before the end; "" if it did not
	Well     bool      `json:"well"`
	Text     string    `json:"text"` // the same in words
}

// maxUnwell is how many of the secrets that did not end well a summary names.
const maxUnwell = 50

// Summary returns how the campaign stands. The plan's memory has how many secrets were
// planned; stopped says why the state machine stopped before the end, if it did.
func (t Tally) Summary(c Campaign, m Memory, stopped string) Summary {
	s := Summary{Start: c.Start, Planned: m.Planned, Off: m.Off, OffNames: append([]string{}, m.OffNames...), Stopped: stopped, Limited: len(t.Limited), Unwell: []Ending{}}
	if halted := t.Halted(m.Since); halted != "" {
		s.Stopped = halted // it says more than the state machine can
	}
	for _, e := range t.Limited {
		s.Calls += e.Calls
	}
	for _, e := range t.Endings {
		s.Calls += e.Calls
		if e.At.After(s.Last) {
			s.Last = e.At
		}
		switch {
		case e.Outcome == promoted && !e.Unverified:
			s.Promoted++
			continue
		case e.Outcome == ended:
			s.Ended++
			continue
		case e.Outcome == skipped:
			s.Skipped++
			continue
		case e.Outcome == refused:
			s.Refused++
		case e.Outcome == busy:
			s.Busy++
		case e.Outcome == open:
			s.Open++
		default:
			s.Failed++
		}
		s.Unwell = append(s.Unwell, e)
	}
	s.Rotated = t.rotated()
	s.Rotated = s.Rotated[:min(len(s.Rotated), maxTold)]
	s.Planned = max(s.Planned, s.over())
	s.Left = s.Planned - s.over()
	slices.SortFunc(s.Unwell, func(a, b Ending) int { return cmp.Compare(a.Secret, b.Secret) })
	s.Unwell = s.Unwell[:min(len(s.Unwell), maxUnwell)]
	s.Well = s.Stopped == "" && s.Refused+s.Busy+s.Open+s.Failed+s.Left == 0
	s.Text = s.words()
	return s
}

func (s Summary) over() int {
	return s.Promoted + s.Ended + s.Skipped + s.Refused + s.Busy + s.Open + s.Failed
}

// maxTold is how many secrets a message lists, with their errors.
const maxTold = 10

func (s Summary) words() string {
	var b strings.Builder
	if s.Well {
		b.WriteString("Every secret has ended well.\n")
	} else {
		b.WriteString("Not every secret has ended well.\n")
	}
	if s.Stopped != "" {
		fmt.Fprintf(&b, "Stopped: %s\n", s.Stopped)
	}
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Promoted, "promoted: AWSCURRENT is a new secret"},
		{s.Ended, "ended: AWSCURRENT is a new secret, and the leaked one is refused"},
		{s.Skipped, "skipped: rotated since the campaign began"},
		{s.Refused, "refused: consumers lag, nothing was changed"},
		{s.Busy, "busy: another rotation was under way"},
		{s.Open, "open: the leaked secret may still work"},
		{s.Failed, "failed"},
		{s.Left, "left: not begun, or not ended"},
		{s.Off, "left out: their rotation is turned off"},
	} {
		if c.n > 0 {
			fmt.Fprintf(&b, "%7d %s\n", c.n, c.what)
		}
	}
	for i, e := range s.Unwell {
		if i == maxTold {
			fmt.Fprintf(&b, "and others, which pingrotate campaign show lists\n")
			break
		}
		fmt.Fprintf(&b, "%s: %s: %s\n", e.Secret, e.Outcome, e.Error)
	}
	return b.String()
}
