package rotation_test

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/fault"
)

// A promise watches a world, call by call, and notes each breach of what the
// product promises:
//
//	I1 available     AWSCURRENT authenticates
//	I2 one mint      one rotation regenerates the secret at most once
//	I3 nothing lost  what PingOne accepts as current ends up as AWSCURRENT
//	I4 it ends       once faults stop, the rotation is finished
//	I5 grace         a replaced secret works until its grace has ended
//	I6 silent        no secret is in a log or an error
//
// I1, I2 and I5 are checked after every remote call, in the instant after the
// service has acted and before its caller learns of it; the others at the end.
type promise struct {
	w *world

	mu       sync.Mutex
	leaked   string // the secret that an emergency ends, and that keeps no grace
	contain  bool   // and AWSCURRENT with it
	mintable int    // the most regenerations that are right
	healing  bool   // AWSCURRENT is dead already; I1 holds from when it is repaired
	mints    int    // regenerations before the rotation
	live     secretOf
	until    map[secretOf]time.Time // replaced secrets, and to when they must work
	calls    []string
	dead     int // calls after which AWSCURRENT did not authenticate
	breaches []string
}

// watch begins to watch.
func watch(w *world) *promise {
	p := &promise{w: w, mintable: 1, mints: w.mints(), until: map[secretOf]time.Time{}}
	p.live = w.live()
	p.healing = !w.works()
	w.ping.After(p.after)
	w.sm.After(p.after)
	return p
}

// A secretOf is a client's secret.
type secretOf struct{ client, value string }

// live returns PingOne's secret of the client in use.
func (w *world) live() secretOf {
	return secretOf{w.client(), w.ping.Secret(w.app.Environment, w.client()).Value}
}

// works reports whether AWSCURRENT authenticates. Before there is a secret in it,
// nobody can tell.
func (w *world) works() bool {
	s := w.secret("AWSCURRENT")
	return s == "" || w.ping.Authenticates(w.app.Environment, w.client(), s)
}

func (p *promise) after(c fault.Call, k fault.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.w
	line := c.String()
	if k != fault.None {
		line += " (" + k.String() + ")"
	}
	p.calls = append(p.calls, line)

	switch {
	case w.works():
		p.healing = false
	case p.contain && w.secret("AWSCURRENT") == p.leaked:
	case !p.healing:
		p.dead++
		p.breach("I1: AWSCURRENT does not authenticate")
	}
	if n := w.mints() - p.mints; n > p.mintable {
		p.breach("I2: %d regenerations in one rotation", n)
	}
	now := w.ping.Now()
	if live := w.live(); live != p.live {
		// PingOne counts the grace by its own clock, in seconds, from when the secret
		// was read.
		p.until[p.live] = now.Add(24*time.Hour - time.Minute)
		p.live = live
	}
	for s, until := range p.until {
		if now.Before(until) && s.value != p.leaked && !w.ping.Authenticates(w.app.Environment, s.client, s.value) {
			p.breach("I5: a replaced secret died %v before the end of its grace", until.Sub(now))
		}
	}
}

// breach notes a breach with the call after which it was seen. The lock is held.
func (p *promise) breach(format string, args ...any) {
	at := "at the end"
	if n := len(p.calls); n > 0 {
		at = "after " + p.calls[n-1]
	}
	p.breaches = append(p.breaches, fmt.Sprintf(format, args...)+", "+at)
}

// end checks what must hold once the rotation is over.
func (p *promise) end(err error, attempts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.w
	switch {
	case err != nil:
		p.breach("I4: not finished after %d attempts: %v", attempts, err)
	case !w.promoted():
		p.breach("I3: AWSCURRENT is not PingOne's current secret")
	}
	if id := w.sm.VersionID(orders, "AWSPENDING"); id != "" && id != w.sm.VersionID(orders, "AWSCURRENT") {
		p.breach("I4: AWSPENDING is left behind")
	}
	for s, until := range p.until {
		if left := until.Sub(w.ping.Now()); left > 0 && s.value != p.leaked {
			w.advance(left)
			if !w.ping.Authenticates(w.app.Environment, s.client, s.value) {
				p.breach("I5: a replaced secret died before the end of its grace")
			}
		}
	}
	if leak := w.leaks(fmt.Sprint(err)); leak != "" {
		p.breach("I6: %s", leak)
	}
}

// report describes the breaches for a failed test.
func (p *promise) report() string {
	return strings.Join(p.breaches, "\n") + "\ncalls:\n  " + strings.Join(p.calls, "\n  ") +
		"\nSecrets Manager:\n" + p.w.sm.Dump() + "PingOne:\n" + p.w.ping.Dump() + "log:\n" + p.w.log.String()
}
