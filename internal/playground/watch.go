package playground

import (
	"fmt"
	"sync"

	"pingrotate/internal/canary"
	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// A watch takes a sample of PingOne and Secrets Manager after every call of the function,
// before the function receives the reply.
type watch struct {
	*World

	mu      sync.Mutex
	day     int
	step    string
	samples []Sample
	kill    func() // to call after the next mint
}

func newWatch(s *World) *watch {
	w := &watch{World: s}
	// Only the function's calls to PingOne have a name.
	s.PingOne.After(func(c fault.Call, _ fault.Kind) {
		if c.Trace != "" {
			w.look(c)
		}
	})
	s.Secrets.After(func(c fault.Call, _ fault.Kind) {
		if c.Trace != consumerKey {
			w.look(c)
		}
	})
	s.Register.After(func(c fault.Call, _ fault.Kind) { w.look(c) })
	return w
}

// look takes a sample after a call, or, with the zero value, after time has passed.
func (w *watch) look(c fault.Call) {
	w.mu.Lock()
	s := Sample{Day: w.day, Step: w.step, PingOne: w.Accepted()}
	if s.Step != "" {
		s.Call = c.Service + " " + c.Operation
	}
	s.Current, s.Works = w.Held("AWSCURRENT")
	s.Pending, _ = w.Held("AWSPENDING")
	kill := w.kill
	if c.Operation == pingonetest.OpRegenerateSecret && kill != nil {
		s.Killed, w.kill = true, nil
	}
	w.samples = append(w.samples, s)
	w.mu.Unlock()
	if s.Killed {
		kill()
	}
}

// killAfterMint makes the next regeneration the last thing that the process does: PingOne
// has a new secret, and the function never learns it.
func (w *watch) killAfterMint(kill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kill = kill
}

// enter sets the part of the story to which the next calls belong.
func (w *watch) enter(day int, step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.day, w.step = day, step
}

func (w *watch) where() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.step == "" {
		return fmt.Sprintf("day %d", w.day)
	}
	return fmt.Sprintf("day %d, %s", w.day, w.step)
}

func (w *watch) seen() []Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.samples[:len(w.samples):len(w.samples)]
}

// broken returns the promises that the samples show to be broken.
func broken(samples []Sample) (all []string) {
	for _, s := range samples {
		if s.Works {
			continue
		}
		when := s.when()
		if s.Step != "" {
			when += ", " + s.Step + " after " + s.Call
		}
		all = append(all, fmt.Sprintf("%s: PingOne refuses %s, which is AWSCURRENT", when, s.Current))
	}
	return all
}

// leaks returns the fingerprints of the secrets that the text contains, as they are or
// encoded as in a request.
func leaks(text string, secrets []string) (found []string) {
	for _, secret := range secrets {
		if canary.In(text, secret) {
			found = append(found, Fingerprint(secret))
		}
	}
	return found
}
