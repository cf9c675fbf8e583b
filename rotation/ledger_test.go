package rotation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// A ledger is the model of one managed secret in a walk: what its consumers have
// been promised, and what people did that no rotation can make good. It knows
// nothing of how the rotation decides.
type ledger struct {
	name     string
	app      pingonetest.Application
	disabled bool
	begun    []string // ClientRequestTokens, oldest first
	stranded bool     // AWSPENDING may be on an earlier rotation's version

	live, previous string // PingOne's secrets at the last look
	used           time.Time
	text           string // AWSCURRENT at the last look
	current        stored
	since          time.Time            // when consumers were first given AWSCURRENT's secret
	until          map[string]time.Time // replaced secrets, and to when they must work
	mints          map[string]int       // regenerations by ClientRequestToken
	note           int                  // somebody's own member of the document

	// excused is set where people or time ended AWSCURRENT's secret. I1 holds
	// again from the moment in which it works.
	excused bool
	// unfinished is set from when AWSCURRENT moves until Secrets Manager has noticed
	// that the rotation is over. It cannot tell before when that was.
	unfinished bool
	// raced is the invocation during which somebody regenerated at the console. A
	// rotation that regenerates in the same moment cannot see that coming.
	raced int

	pair *pair // of the strategy alternating; nil with single
}

// stored is what the walk looks at in a document.
type stored struct {
	ClientID                string
	ClientSecret            string
	TokenEndpointAuthMethod string
	Note                    int
}

// promised is how long a replaced secret must work. PingOne counts by its own
// clock, in seconds, from when the rotation last looked.
const promised = 24*time.Hour - time.Minute

// idle is for how long a previous secret must be out of use before a rotation may
// give it up.
const idle = 2 * time.Hour

// look compares the world with the ledger after a call. The walk's lock is held.
func (w *walk) look(l *ledger, c fault.Call) {
	now, ping := w.ping.Now(), w.ping.Secret(l.app.Environment, l.client())
	switch {
	case l.pair != nil:
		w.lookAtTwins(l, c)
	case ping.Value != l.live:
		w.minted(l, c, ping, now)
	}
	l.live, l.previous, l.used = ping.Value, ping.Previous, ping.PreviousLastUsed
	for secret, until := range l.until {
		// Twins keep no grace: see lookAtTwins.
		if l.pair == nil && now.Before(until) && secret != ping.Value && secret != ping.Previous {
			w.breach("I5: a secret of %s died %v before the end of its grace", l.name, until.Sub(now))
			delete(l.until, secret)
		}
	}

	was := l.current
	promoted := w.read(l, now)
	if l.pair != nil {
		w.flipped(l, was)
	}
	l.unfinished = l.unfinished || promoted && c.Operation == "UpdateSecretVersionStage"
	works := w.works(l)
	w.looks++
	switch {
	case l.current.ClientSecret == "" || works:
		l.excused = false
	case promoted && l.raced != w.invocation:
		w.breach("I1: %s has been given a secret that does not work", l.name)
		l.excused = true // said once
	case l.excused:
		w.excuses++
	case l.raced == w.invocation, !l.until[l.current.ClientSecret].IsZero() && !now.Before(l.until[l.current.ClientSecret]):
		l.excused = true
	default:
		w.breach("I1: AWSCURRENT of %s does not authenticate", l.name)
		l.excused = true
	}
	if promoted && l.current.TokenEndpointAuthMethod != l.app.TokenEndpointAuthMethod {
		w.breach("I1: %s has been given the method %s of an application that uses %s", l.name, l.current.TokenEndpointAuthMethod, l.app.TokenEndpointAuthMethod)
	}
	// What reads do not show yet cannot be kept by a rotation that has to store an
	// AWSCURRENT at once.
	if l.current.Note != l.note && !(w.lagging && c.Operation == "PutSecretValue") {
		w.breach("a member of %s that is not the rotation's is lost: got %d, want %d, was %d", l.name, l.current.Note, l.note, was.Note)
	}
	l.note = l.current.Note
}

// works reports whether consumers of AWSCURRENT get on. While the application is
// disabled nobody does, but PingOne must still hold the secret.
func (w *walk) works(l *ledger) bool {
	s := l.current.ClientSecret
	if l.disabled {
		return s == l.live || s == l.previous
	}
	return w.ping.Authenticates(l.app.Environment, l.client(), s)
}

// client returns the application that consumers use.
func (l *ledger) client() string {
	if l.pair != nil {
		return l.current.ClientID
	}
	return l.app.ID
}

// read takes up what AWSCURRENT is now, and reports whether it is another version.
func (w *walk) read(l *ledger, now time.Time) (changed bool) {
	text, _ := w.sm.Value(l.name, "AWSCURRENT")
	if text == l.text {
		return false
	}
	was := l.current.ClientSecret
	l.text, l.current = text, stored{}
	if err := json.Unmarshal([]byte(text), &l.current); err != nil {
		w.breach("AWSCURRENT of %s is not JSON: %v", l.name, err)
	}
	if l.current.ClientSecret != was {
		l.since = now
	}
	return true
}

// minted enters a regeneration that a rotation made.
func (w *walk) minted(l *ledger, c fault.Call, ping pingonetest.Secret, now time.Time) {
	if l.mints[c.Trace]++; l.mints[c.Trace] > 1 {
		w.breach("I2: rotation %s of %s has regenerated %d times", c.Trace, l.name, l.mints[c.Trace])
	}
	if ping.Previous != l.live || ping.PreviousExpiresAt.Before(now.Add(promised)) {
		w.breach("I5: the regeneration keeps the secret of %s until %v", l.name, ping.PreviousExpiresAt)
	}
	// There is one place for a previous secret, and who was in it is gone.
	if l.previous != "" && now.Before(l.until[l.previous]) && l.raced != w.invocation && !l.unfinished {
		since := l.since
		if l.used.After(since) {
			since = l.used
		}
		if busy := now.Sub(since); busy < idle {
			w.breach("I5: %s lost its previous secret, which had been out of use for %v", l.name, busy)
		}
	}
	delete(l.until, l.previous)
	l.until[l.live] = now.Add(promised)
}

// regenerate presses the console's button: the one thing that ends secrets which
// the rotation has promised.
func (w *walk) regenerate(l *ledger, retain time.Duration) {
	old := l.live
	l.live = w.ping.Regenerate(l.app.Environment, l.client(), retain)
	l.previous, l.used = "", time.Time{}
	clear(l.until)
	if retain > 0 {
		l.previous = old
		l.until[old] = w.ping.Now().Add(retain)
	}
	l.raced = w.invocation
	w.excuse(l)
}

// write stores a document by hand, as a new AWSCURRENT.
func (w *walk) write(l *ledger, edit func(map[string]any)) {
	var d map[string]any
	if err := json.Unmarshal([]byte(l.text), &d); err != nil {
		w.breach("AWSCURRENT of %s is not JSON: %v", l.name, err)
		return
	}
	edit(d)
	w.sm.Put(l.name, encode(d))
	w.read(l, w.ping.Now())
	l.unfinished = false
	l.note = l.current.Note
	w.excuse(l)
}

// excuse forgives that AWSCURRENT is dead by what somebody has just done.
func (w *walk) excuse(l *ledger) {
	if l.current.ClientSecret != "" && !w.works(l) {
		l.excused = true
	}
}

// breach notes a breach with the call after which it was seen.
func (w *walk) breach(format string, args ...any) {
	b := "BREACH " + fmt.Sprintf(format, args...)
	w.breaches = append(w.breaches, b)
	w.story = append(w.story, b)
}

// report describes a walk that broke a promise.
func (w *walk) report() string {
	return strings.Join(w.breaches, "\n") + "\nthe walk:\n  " + strings.Join(w.story, "\n  ") +
		"\nSecrets Manager:\n" + w.sm.Dump() + "PingOne:\n" + w.ping.Dump() + "log:\n" + w.log.String()
}
