package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pingrotate/internal/belief"
)

// Options are the options of a run.
type Options struct {
	Of    string   // what is asked, such as "pingone", for the record
	Run   string   // part of the name of everything that is created
	Only  []string // the numbers of the beliefs to ask about; nil for all
	Clock Clock

	// Tell is called with each result, its number, and how many there will be. It may be
	// nil.
	Tell func(r Result, n, of int)

	// Asking is called with each belief before it is asked about. It may be nil.
	Asking func(b belief.Belief, n, of int)
}

// Choose returns the numbers of the beliefs in a list such as "B07,S6". It is an error if
// one does not exist.
func Choose(s Suite, list string) ([]string, error) {
	var chosen []string
	for _, id := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.ContainsFunc(s.Beliefs(), func(b belief.Belief) bool { return b.ID == id }) {
			return nil, fmt.Errorf("there is no belief %q here", id)
		}
		chosen = append(chosen, id)
	}
	return chosen, nil
}

// Run asks about each belief, first about those that the design relies on. However it ends,
// it removes what it created; what it could not remove is in the record. The error says why
// the run is not complete: it was interrupted, or something is left behind.
func Run(ctx context.Context, s Suite, o Options) (Record, error) {
	record := Record{Of: o.Of, Run: o.Run, Begun: o.Clock.now().UTC(), Count: map[Verdict]int{}}
	swept, err := s.Sweep(ctx)
	record.Swept = swept
	if err != nil {
		return record, fmt.Errorf("remove what an earlier run left behind: %w", err)
	}
	var problems []error
	plan := schedule(s, o.Only)
	for n, a := range plan {
		r := Result{Verdict: Skipped, Why: a.reason}
		switch {
		case a.probe.ask == nil:
		case ctx.Err() != nil:
			r.Why = "interrupted"
		default:
			if o.Asking != nil {
				o.Asking(a.belief, n+1, len(plan))
			}
			q := &Inquiry{ctx: ctx, clock: o.Clock, belief: a.belief.ID}
			a.probe.ask(q)
			left, err := q.clean()
			record.Left = append(record.Left, left...)
			problems = append(problems, err)
			r = q.result()
		}
		r.Belief, r.Text, r.Grade = a.belief.ID, a.belief.Text, a.belief.Grade().String()
		record.Results = append(record.Results, r)
		record.Count[r.Verdict]++
		if o.Tell != nil {
			o.Tell(r, n+1, len(plan))
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupLimit)
	defer cancel()
	if err := s.Close(last); err != nil {
		problems = append(problems, err)
		record.Left = append(record.Left, "what the probes share")
	}
	if ctx.Err() != nil || record.Count[Undecided] > 0 {
		// The answer to a creation may never have arrived.
		if _, err := s.Sweep(last); err != nil {
			problems = append(problems, err)
		}
	}
	record.Ended = o.Clock.now().UTC()
	if ctx.Err() != nil {
		problems = append(problems, context.Cause(ctx))
	}
	return record, errors.Join(problems...)
}

// appointment is a belief with its probe, or the reason why it has none.
type appointment struct {
	belief belief.Belief
	probe  Probe
	reason string
}

// schedule returns the beliefs in the order to ask about them: those that the design relies
// on, the others with a probe, and those without.
func schedule(s Suite, only []string) []appointment {
	probes := map[string]Probe{}
	order := map[string]int{}
	for n, p := range s.Probes() {
		probes[p.Belief] = p
		if order[p.Belief] = n; p.Leans {
			order[p.Belief] -= 1000
		}
	}
	reasons := s.Reasons()
	var all []appointment
	for _, b := range s.Beliefs() {
		if only != nil && !slices.Contains(only, b.ID) {
			continue
		}
		p, ok := probes[b.ID]
		if !ok {
			order[b.ID] = 1000 + len(all)
		}
		all = append(all, appointment{b, p, reasons[b.ID]})
	}
	slices.SortStableFunc(all, func(x, y appointment) int { return order[x.belief.ID] - order[y.belief.ID] })
	return all
}
