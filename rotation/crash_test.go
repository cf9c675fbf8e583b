package rotation_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pingrotate/pingone/pingonetest"
)

// A cell is a scenario with what strikes it.
type cell struct {
	s       scenario
	strikes []strike
}

func (c cell) String() string {
	text := c.s.name
	for _, s := range c.strikes {
		text += ", " + s.String()
	}
	return text
}

// column is the fate that the tables count the cell under.
func (c cell) column() string {
	if len(c.strikes) == 0 {
		return "no fault"
	}
	return c.strikes[0].name()
}

// late reports whether a call may take effect when the scenario is over.
func (c cell) late() bool {
	return slices.ContainsFunc(c.strikes, func(s strike) bool { return s.kind.Holds() })
}

// share reports whether a cell is in the seeded part that is played.
func share(text string, n, m uint64) bool {
	sum := sha256.Sum256(fmt.Append(nil, *seed, text))
	return binary.BigEndian.Uint64(sum[:])%m < n
}

// A hash that does not mix its lowest bits, as FNV does not, would leave out all cells of a
// part where the share divides by two.
func TestASharePlaysCellsOfEveryPart(t *testing.T) {
	const all = 100_000
	n := 0
	for i := range all {
		if text := fmt.Sprint("scenario, call ", i); share("part "+text, 1, 16) && share("share "+text, 1, 60) {
			n++
		}
	}
	if want := all / 16 / 60; n < want/2 || n > 2*want {
		t.Errorf("%d of %d cells are chosen, want about %d", n, all, want)
	}
}

// result is what a play has shown.
type result struct {
	report  string // of the breaches; empty if there was none
	digests []string
	end     string // digest, once it is over
	places  [][]place
	checks  int
	excused map[cause]int
	unhit   bool // a strike did not happen
}

// try plays a cell.
func (c cell) try(t *testing.T, weeks *weeks, stop int) (r result) {
	c.s.perform(t, c.strikes, stop, func(p *play, err error) {
		stopped := errors.Is(err, errStopped)
		if !stopped && c.late() {
			err = errors.Join(err, p.audited(30)) // what arrives when all is over is for audits
		}
		r.end = p.digest()
		if weeks != nil {
			weeks.live(p, r.end, stopped)
		}
		if !stopped {
			p.promise.finish(err)
			p.promise.free()
		}
		p.promise.silent(err)
		for i := range p.from {
			r.places = append(r.places, p.callsFrom(i))
		}
		r.digests, r.checks, r.excused = p.digests, p.promise.checks, p.promise.excused
		r.unhit = p.struck < len(c.strikes)
		if len(p.promise.breaches) > 0 {
			r.report = c.String() + "\n" + p.promise.report()
		}
	})
	return r
}

// A tally counts cells and keeps the states that they led to.
type tally struct {
	mu     sync.Mutex
	states map[string]cell // by scenario and digest: after the attempt that was struck
	order  []string
}

func (y *tally) enter(c cell, r result) (isNew bool) {
	if len(c.strikes) == 0 || len(r.digests) < 1 || r.unhit {
		return false
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	key := c.s.name + "\n" + r.digests[0]
	if _, ok := y.states[key]; !ok {
		y.states[key] = c
		y.order = append(y.order, key)
		return true
	}
	return false
}

// TestCrashMatrix plays every scenario with everything that can happen at each of its
// calls, one cell each, and checks the promise after every call; then once more with a
// second fault, in the attempts that follow, from each distinct state to which the first
// has led. From each distinct end weeks are played. Without -prove it tries a sample.
func TestCrashMatrix(t *testing.T) {
	first, all := 0, &tally{states: map[string]cell{}}
	w := newWeeks()
	cells := map[string][]cell{}
	for _, s := range scenarios {
		if !strings.Contains(s.name, *only) {
			continue
		}
		var clean result
		t.Run("without faults/"+s.name, func(t *testing.T) {
			if clean = (cell{s: s}.try(t, nil, 0)); clean.report != "" {
				t.Error(clean.report)
			}
			if len(clean.places) > 0 {
				t.Logf("%d attempts, %d calls", len(clean.places), len(clean.places[0]))
			}
		})
		if len(clean.places) == 0 {
			t.Errorf("%s makes no call", s.name)
			continue
		}
		cells[s.name] = append(cells[s.name], cell{s: s})
		for _, at := range clean.places[0] {
			for _, f := range fates() {
				c := cell{s, []strike{{at, f}}}
				if first++; c.chosen() {
					cells[s.name] = append(cells[s.name], c)
				}
			}
		}
	}
	run(t, "one fault", cells, func(t *testing.T, c cell) result {
		r := c.try(t, w, 0)
		if all.enter(c, r) { // and Secrets Manager never comes back
			if stopped := c.try(t, w, 1); stopped.report != "" {
				r.report += "without further attempts: " + stopped.report
			}
		}
		return r
	})
	results.cells = first
	t.Logf("one fault: %d cells in all, %d distinct states after the attempt that was struck", first, len(all.order))

	// A second fault: died before, died after, refused, reply lost at each later call.
	cells = map[string][]cell{}
	second := 0
	slices.Sort(all.order)
	for _, key := range all.order {
		c := all.states[key]
		r := c.try(t, nil, 0)
		if len(r.places) < 2 {
			continue
		}
		for _, at := range r.places[1] {
			for _, f := range seconds() {
				d := cell{c.s, []strike{c.strikes[0], {at, f}}}
				if second++; d.chosen() {
					cells[c.s.name] = append(cells[c.s.name], d)
				}
			}
		}
	}
	run(t, "two faults", cells, func(t *testing.T, c cell) result { return c.try(t, w, 0) })
	t.Logf("two faults: %d cells in all", second)
	t.Log(w)
	results.weeks = w.String()
}

// chosen reports whether a cell is played. With -prove the deaths, a refused connection
// and a lost reply are played at each call, every fate at each call that changes
// something, in scenarios that take few calls; of the rest a seeded part; or the share of
// all these that is asked for. Without it, a sample.
func (c cell) chosen() bool {
	part := uint64(1)
	basic := slices.Contains(seconds(), c.strikes[0].fate)
	switch changes := c.strikes[0].changes(); {
	case len(c.strikes) > 1:
		part = 16
	case c.s.slow && !changes && basic:
		part = 4
	case c.s.slow || !changes && !basic:
		part = 16
	}
	switch {
	case *only != "":
		return true
	case *prove:
		return share("part "+c.String(), 1, part) && share("share "+c.String(), shareN, shareM)
	}
	if len(c.strikes) > 1 {
		return share(c.String(), 1, 200) // from the few states that the sample has led to
	}
	return share("part "+c.String(), 1, part*1500)
}

// changes reports whether the call changes something.
func (p place) changes() bool {
	switch p.operation {
	case "PutItem", "DeleteItem", "PutSecretValue", "UpdateSecretVersionStage":
		return true
	}
	return p.service == "pingone" && p.operation != pingonetest.OpToken && p.operation != pingonetest.OpIntrospect && !strings.HasPrefix(p.operation, "GET ")
}

// run plays the cells of each scenario.
func run(t *testing.T, what string, cells map[string][]cell, try func(*testing.T, cell) result) {
	p := &progress{what: what}
	for _, c := range cells {
		p.all += len(c)
	}
	t.Run(what, func(t *testing.T) {
		for _, s := range scenarios {
			if len(cells[s.name]) == 0 {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for _, c := range cells[s.name] {
					r := try(t, c)
					if r.report != "" {
						t.Error(r.report)
						p.tell(r.report)
					}
					note(what, c, r)
					p.step(r.report == "")
				}
			})
		}
	})
	t.Logf("%s: %d cells played, %d kept every invariant", what, p.done, p.done-p.breaches)
}
