package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

var prove = flag.Bool("prove", false, "kill the program at every call of a rotation, not only at a sample")

const shop = "shop" // the secret that the scenarios rotate

// A scenario is a situation in which a rotation begins.
type scenario struct {
	name     string
	before   func(context.Context, *world, pingonetest.Application) // leads to the situation
	mints    int                                                    // regenerations of the secret, from the beginning to the end
	replaced bool                                                   // consumers hold a replaced secret that must outlive the rotation
}

var scenarios = []scenario{
	{name: "regenerate", mints: 1, replaced: true},
	{name: "adopt", mints: 1, replaced: true, before: func(ctx context.Context, w *world, app pingonetest.Application) {
		w.secrets.Before(func(c fault.Call) fault.Kind {
			if c.Operation != "PutSecretValue" || w.pingone.Mints(app.Environment, app.ID) == 0 {
				return fault.None // the Put before the mint only asks whether it is allowed
			}
			w.Kill()
			return fault.Refused
		})
		w.attempt(ctx) // fails, as it is killed
		w.secrets.Before(nil)
		w.minuteLater()
	}},
	{name: "seed", before: func(_ context.Context, w *world, app pingonetest.Application) {
		app.Secret = ""
		w.secrets.Put(shop, document(app))
	}},
	{name: "drift", before: func(_ context.Context, w *world, app pingonetest.Application) {
		// Stored a minute ago: a more recent write may not be visible everywhere yet.
		w.secrets.Follow(func() time.Time { return time.Now().Add(-time.Minute) })
		w.secrets.Put(shop, document(app))
		w.secrets.Follow(time.Now)
		w.pingone.Regenerate(app.Environment, app.ID, 0)
	}},
}

// attempt is Secrets Manager's next attempt: the four steps with the token of the
// rotation in progress, or with a new one if there is none.
func (w *world) attempt(ctx context.Context) error {
	err := w.secrets.Attempt(ctx, shop)
	if errors.Is(err, secretsmanagertest.ErrNoRotation) {
		return w.secrets.Rotate(ctx, shop)
	}
	return err
}

// minuteLater lets the lease of a killed process expire, by making what it left in the
// register older: the clock of a process cannot be moved.
func (w *world) minuteLater() { w.register.Age(tableName, time.Minute) }

// A moment is an instant in a rotation: just before the nth call of an operation is
// applied, or just after that and before the reply. The zero moment never comes.
type moment struct {
	operation string
	n         int
	applied   bool
}

func (m moment) String() string {
	if m.applied {
		return fmt.Sprintf("killed after %s %d", m.operation, m.n)
	}
	return fmt.Sprintf("killed before %s %d", m.operation, m.n)
}

// A watch follows a rotation call by call, kills the process when the moment has
// come, and notes each breach of the promise.
type watch struct {
	w   *world
	app pingonetest.Application
	at  moment

	mu       sync.Mutex
	count    map[string]int
	moments  []moment
	calls    []string
	killAt   fault.Call
	served   bool // AWSCURRENT has authenticated; after a drift it must be repaired first
	breaches []string
}

func (v *watch) before(c fault.Call) fault.Kind {
	v.mu.Lock()
	v.count[c.Operation]++
	n := v.count[c.Operation]
	v.moments = append(v.moments, moment{c.Operation, n, false}, moment{c.Operation, n, true})
	now := c.Operation == v.at.operation && n == v.at.n
	if now {
		v.killAt = c
	}
	v.mu.Unlock()
	if now && !v.at.applied {
		v.w.Kill()
		return fault.Refused
	}
	return fault.None
}

func (v *watch) after(c fault.Call, k fault.Kind) {
	v.mu.Lock()
	v.calls = append(v.calls, fmt.Sprintf("%v (%v)", c, k))
	v.check()
	now := v.at.applied && c == v.killAt
	v.mu.Unlock()
	if now {
		v.w.Kill()
	}
}

// check records what must hold at every instant and does not. The lock is held.
func (v *watch) check() {
	p := v.w.pingone
	secret := v.w.current(shop)
	serves := secret == "" || p.Authenticates(v.app.Environment, v.app.ClientID, secret)
	switch {
	case serves:
		v.served = true
	case v.served:
		v.breach("I1: AWSCURRENT does not authenticate")
	}
	if n := p.Mints(v.app.Environment, v.app.ID); n > 1 {
		v.breach("I2: %d regenerations in one rotation", n)
	}
}

// breach notes a breach, with the call after which it was seen. The caller holds the lock.
func (v *watch) breach(format string, args ...any) {
	at := ", at the beginning"
	if n := len(v.calls); n > 0 {
		at = ", after " + v.calls[n-1]
	}
	v.breaches = append(v.breaches, fmt.Sprintf(format, args...)+at)
}

// play plays the scenario with a new process that is killed at the moment, and the
// retry with the next process. It returns the moments of the rotation.
func (s scenario) play(t *testing.T, at moment) []moment {
	w := newWorld(quiet{t})
	app := w.addSecret(shop)
	if s.before != nil {
		s.before(t.Context(), w, app)
	}
	v := &watch{w: w, app: app, at: at, count: map[string]int{}}
	v.check()
	w.pingone.Before(v.before)
	w.secrets.Before(v.before)
	w.register.Before(v.before)
	w.pingone.After(v.after)
	w.secrets.After(v.after)
	w.register.After(v.after)

	err := w.attempt(t.Context())
	if at != (moment{}) && err == nil {
		// Parallel calls come in any order, so this one may not have come again; or it was
		// the last, and the process ended before the signal.
		t.Logf("%v did not come, or was the last", at)
	} else if at != (moment{}) {
		if exit, ok := errors.AsType[*runtimetest.ExitError](err); !ok || exit.Status != "signal: killed" {
			t.Fatalf("got %v, want the process to be killed", err)
		}
		w.minuteLater()
		starts := w.Starts()
		err = w.attempt(t.Context())
		check(t, "processes of the retry", w.Starts()-starts, 1)
	}
	w.Close() // no calls from here on

	v.mu.Lock()
	defer v.mu.Unlock()
	live := w.pingone.Secret(app.Environment, app.ID).Value
	if err != nil {
		v.breach("I4: the retry failed: %v", err)
		noLeak(t, err.Error(), append(w.pingone.Issued(), w.secrets.Values()...)...)
	}
	if n := w.pingone.Mints(app.Environment, app.ID); n != s.mints {
		v.breach("I2: %d regenerations, want %d", n, s.mints)
	}
	if w.current(shop) != live {
		v.breach("I3: AWSCURRENT is not PingOne's current secret")
	}
	if id := w.secrets.VersionID(shop, "AWSPENDING"); id != "" && id != w.secrets.VersionID(shop, "AWSCURRENT") {
		v.breach("I4: AWSPENDING is left behind")
	}
	// PingOne counts the grace by its own clock, which otherwise stands still.
	w.pingone.Advance(24*time.Hour - time.Minute)
	if s.replaced && !w.pingone.Authenticates(app.Environment, app.ClientID, app.Secret) {
		v.breach("I5: the replaced secret died before the end of its grace")
	}
	if len(v.breaches) > 0 {
		t.Errorf("%s\ncalls:\n  %s\nSecrets Manager:\n%sPingOne:\n%slog:\n%s", strings.Join(v.breaches, "\n"),
			strings.Join(v.calls, "\n  "), w.secrets.Dump()+w.register.Dump(), w.pingone.Dump(), w.output)
	}
	return v.moments
}

// TestKilledAtAnyCall kills the program at each call that a rotation makes: once before the
// service acts, and once after it, before the reply. Calls that the program makes in future
// are included without a change here. Without -prove it tries a sample.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	cell, tried, kept := 0, 0, 0
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			for _, at := range s.play(t, moment{}) {
				if cell++; !*prove && cell%5 != 0 {
					continue
				}
				tried++
				if t.Run(at.String(), func(t *testing.T) { s.play(t, at) }) {
					kept++
				}
			}
		})
	}
	t.Logf("binary: %d cells tried, %d kept every invariant", tried, kept)
}
