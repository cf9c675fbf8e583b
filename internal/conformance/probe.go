package conformance

import (
	"context"
	"time"

	"pingrotate/internal/belief"
)

// A Verdict is what came of asking.
type Verdict string

const (
	Holds     Verdict = "holds"
	Differs   Verdict = "differs"            // the service does something else
	Undecided Verdict = "not decidable here" // something else stood in the way
	Skipped   Verdict = "skipped"            // something was not given, or there can be no probe
)

// Verdicts returns all of them, in the order of a summary.
func Verdicts() []Verdict { return []Verdict{Holds, Differs, Undecided, Skipped} }

// A Probe finds out whether one belief is true.
type Probe struct {
	Belief string // its number
	Leans  bool   // the design stands on it: it is asked first
	ask    func(*Inquiry)
}

// A Suite has the probes for one service, and knows how to clean up behind them.
type Suite interface {
	// Beliefs returns what the suite is about.
	Beliefs() []belief.Belief

	// Probes returns the probes, in the order in which they are to be asked.
	Probes() []Probe

	// Reasons says why the other beliefs have no probe.
	Reasons() map[string]string

	// Sweep removes what earlier runs have left behind, and returns the names of
	// what it removed.
	Sweep(ctx context.Context) ([]string, error)

	// Close removes what the probes of this run share. It is called once, at the end.
	Close(ctx context.Context) error
}

// A Plan says beforehand what a run does.
type Plan struct {
	Creates []string // at most so many things at a time
	Rights  []string // the least that it needs
	Cost    string
	Leaves  string
	Lasts   time.Duration // roughly
}

// A Clock tells the time and waits.
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
