package rotation_test

import (
	"slices"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// A pair is what a ledger knows of two applications that alternate.
type pair struct {
	flips    int            // how often consumers were given the other application
	mints    map[string]int // regenerations by a rotation, by application
	previous stored         // the other application's credential, as consumers had it last

	// promised is set while the previous credential must work: from when consumers
	// were given the other one until the next rotation regenerates it.
	promised bool
}

// lookAtTwins enters a regeneration that a rotation made, of whichever application.
func (w *walk) lookAtTwins(l *ledger, c fault.Call) {
	p := l.pair
	if c.Operation == pingonetest.OpRegenerateSecret && slices.Contains(l.begun, c.Trace) {
		n := w.ping.Mints(l.app.Environment, c.Target)
		if n == p.mints[c.Target] {
			return
		}
		p.mints[c.Target] = n
		if l.mints[c.Trace]++; l.mints[c.Trace] > 1 {
			w.breach("I2: rotation %s of %s has regenerated %d times", c.Trace, l.name, l.mints[c.Trace])
		}
		switch {
		case c.Target == l.current.ClientID:
			w.breach("I1: rotation %s has regenerated the secret of %s that is in use", c.Trace, l.name)
		case c.Target == p.previous.ClientID && c.Trace == w.sm.VersionID(l.name, "AWSCURRENT"):
			w.breach("I5: rotation %s of %s has regenerated the secret that it has just replaced", c.Trace, l.name)
		case c.Target == p.previous.ClientID:
			p.promised = false
		}
	}
	if p.promised && !w.ping.Authenticates(l.app.Environment, p.previous.ClientID, p.previous.ClientSecret) {
		w.breach("I5: AWSPREVIOUS of %s does not work, and there was no rotation since", l.name)
		p.promised = false
	}
}

// flipped enters that consumers were given the other application.
func (w *walk) flipped(l *ledger, was stored) {
	if l.current.ClientID == was.ClientID {
		return
	}
	l.pair.flips++
	l.pair.previous = was
	// Not if somebody has regenerated at the console: then it ends when they said, or has
	// yet to begin.
	l.pair.promised = w.ping.Secret(l.app.Environment, was.ClientID).Value == was.ClientSecret &&
		w.ping.Authenticates(l.app.Environment, was.ClientID, was.ClientSecret)
	l.live = w.ping.Secret(l.app.Environment, l.current.ClientID).Value
}
