package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// cleanupLimit is the most time to remove what one probe created, even after Ctrl-C.
const cleanupLimit = time.Minute

// An Inquiry is a probe while it runs. Once something stands in its way it is blocked: it
// sends no more requests, and ignores comparisons. So a probe need not check after each
// call whether it succeeded.
type Inquiry struct {
	ctx         context.Context
	clock       Clock
	belief      string
	serial      int
	differences []string
	notes       []string
	measures    []Measure
	obstacle    error
	skipped     string
	cleanup     []func(context.Context) error
	created     []string // what cleanup removes, by name
}

// differ records that the service does not do what is believed.
func (q *Inquiry) differ(format string, args ...any) {
	if !q.blocked() {
		q.differences = append(q.differences, fmt.Sprintf(format, args...))
	}
}

// note records what was seen if more than one answer is right.
func (q *Inquiry) note(format string, args ...any) {
	if !q.blocked() {
		q.notes = append(q.notes, fmt.Sprintf(format, args...))
	}
}

// block ends the inquiry: nothing can be said about the belief.
func (q *Inquiry) block(format string, args ...any) {
	if !q.blocked() {
		q.obstacle = fmt.Errorf(format, args...)
	}
}

// skip ends the inquiry because something was not given.
func (q *Inquiry) skip(why string) {
	if !q.blocked() {
		q.skipped = why
	}
}

func (q *Inquiry) blocked() bool { return q.obstacle != nil || q.skipped != "" }

// pause waits, and blocks the inquiry if it is interrupted.
func (q *Inquiry) pause(d time.Duration) {
	if q.blocked() {
		return
	}
	if err := q.clock.wait(q.ctx, d); err != nil {
		q.block("interrupted: %w", err)
	}
}

// later arranges for something to be removed when the inquiry is over. What was created
// last is removed first.
func (q *Inquiry) later(name string, remove func(context.Context) error) {
	q.cleanup = append(q.cleanup, remove)
	q.created = append(q.created, name)
}

// clean removes what the inquiry created, even if its context is done, and returns the
// names of what it could not remove.
func (q *Inquiry) clean() (left []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx), cleanupLimit)
	defer cancel()
	var failed []error
	for i := len(q.cleanup) - 1; i >= 0; i-- {
		if err := q.cleanup[i](ctx); err != nil {
			left = append(left, q.created[i])
			failed = append(failed, fmt.Errorf("remove %s: %w", q.created[i], err))
		}
	}
	return left, errors.Join(failed...)
}

// How often to ask again about something that takes time, and for how long.
const (
	pollEvery = 500 * time.Millisecond
	patience  = 90 * time.Second
)

// until calls done again and again until it returns true, or the limit has passed since the
// given beginning. It returns the time since then. It waits pollEvery at first, and longer
// each time.
func (q *Inquiry) until(begun time.Time, limit time.Duration, done func() bool) (took time.Duration, ok bool) {
	every := pollEvery
	for !q.blocked() {
		if done() {
			return q.clock.now().Sub(begun), !q.blocked()
		}
		if q.clock.now().Sub(begun) >= limit {
			return q.clock.now().Sub(begun), false
		}
		q.pause(every)
		if every < 4*time.Second {
			every += every / 4
		}
	}
	return 0, false
}

// eventually is until for something that need not be measured.
func (q *Inquiry) eventually(done func() bool) bool {
	_, ok := q.until(q.clock.now(), patience, done)
	return ok
}

// result returns what the inquiry found out.
func (q *Inquiry) result() Result {
	r := Result{Belief: q.belief, Verdict: Holds, Measures: q.measures, Seen: strings.Join(q.notes, "; ")}
	switch {
	case q.skipped != "":
		r.Verdict, r.Why = Skipped, q.skipped
	case q.obstacle != nil:
		r.Verdict, r.Why = Undecided, q.obstacle.Error()
	case len(q.differences) > 0:
		r.Verdict, r.Seen = Differs, strings.Join(append(q.differences, q.notes...), "; ")
	}
	return r
}
