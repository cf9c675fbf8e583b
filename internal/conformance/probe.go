package conformance

import (
	"context"
	"time"

	"pingrotate/internal/belief"
)

// A Verdict is the outcome of a probe.
type Verdict string

const (
	Holds     Verdict = "holds"
	Differs   Verdict = "differs"            // the service does something else
	Undecided Verdict = "not decidable here" // something else stood in the way
	Skipped   Verdict = "skipped"            // something needed was not given, or there can be no probe
)

// Verdicts returns all verdicts, in the order of a summary.
func Verdicts() []Verdict { return []Verdict{Holds, Differs, Undecided, Skipped} }

// A Probe finds out whether one belief is true.
type Probe struct {
	Belief string // its number
	Leans  bool   // the design relies on it, so it is asked first
	ask    func(*Inquiry)
}

// A Suite has the probes for one service, and cleans up after them.
type Suite interface {
	// Beliefs returns the beliefs that the suite is about.
	Beliefs() []belief.Belief

	// Probes returns the probes, in the order to run them.
	Probes() []Probe

	// Reasons says why the other beliefs have no probe.
	Reasons() map[string]string

	// Sweep removes what earlier runs left behind, and returns its names.
	Sweep(ctx context.Context) ([]string, error)

	// Close removes what the probes of this run share. It is called once, at the end.
	Close(ctx context.Context) error
}

// A Plan says in advance what a run does.
type Plan struct {
	Creates []string // the most of each kind at a time
	Rights  []string // the least permissions that it needs
	Cost    string
	Leaves  string
	Lasts   time.Duration // roughly
}

// A Clock tells the time, and waits.
type Clock struct {
	Now  func() time.Time                           // nil means time.Now
	Wait func(context.Context, time.Duration) error // nil means a timer
}

func (c Clock) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c Clock) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
