// Package campaign rotates the secrets of a fleet as fast as PingOne allows. It begins no
// more once something has gone wrong, and needs no stored state to resume a campaign that
// died. It is given a way to call the function, and knows nothing about command lines and
// terminals.
package campaign

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pingrotate/internal/remedy"
	"pingrotate/rotation"
)

// How often one secret is tried. Each try continues where the last one stopped, because all
// have the same ClientRequestToken.
const (
	busyTries = 10 // while another rotation of the secret is under way
	busyPause = 30 * time.Second
	lostTries = 3 // when an answer was lost, or too many invocations ran at once
	lostPause = 5 * time.Second
)

// Run rotates the secrets, given as names or ARNs, in order. It stops if a new secret is
// refused, and at the first failure unless told to continue; it also stops when the context
// is done. No other rotation then begins, and those under way finish. A secret that another
// rotation is busy with, or for which PingOne asked to slow down, is tried again later. One
// that is refused because its consumers lag does not stop the campaign.
//
// A canary that is refused or skipped shows nothing, so the next secret takes its place.
//
// The error is an [*Unfinished] if not every secret ended well; the summary says which
// and why.
func Run(ctx context.Context, call Call, secrets []string, o Options) (Summary, error) {
	c := &campaign{
		call:    call,
		o:       o,
		pacer:   newPacer(o.Rate),
		changed: make(chan struct{}),
		sum:     Summary{Start: o.Start, Secrets: len(secrets), begun: time.Now(), Limit: o.Rate},
	}
	for _, secret := range secrets {
		c.fresh = append(c.fresh, job{secret: secret, token: o.token(secret)})
	}
	stop := c.tick()
	defer stop()
	if o.Canary > 0 {
		c.canaries = true
		c.work(ctx, 1)
		c.canaries = false
		if c.sum.Stopped == "" && c.left() && o.Confirm != nil {
			c.ask(ctx)
		}
	}
	c.work(ctx, o.Concurrency)
	sum := c.summary()
	return sum, sum.err()
}

// ask asks whether to continue after the canaries. Meanwhile no progress is shown, and the
// time does not count as the campaign's.
func (c *campaign) ask(ctx context.Context) {
	sum, since := c.summary(), time.Now()
	c.mu.Lock()
	c.asking = true
	c.mu.Unlock()
	err := c.o.Confirm(ctx, sum)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = false
	c.sum.begun = c.sum.begun.Add(time.Since(since))
	if err != nil && ctx.Err() == nil { // otherwise it was interrupted, which next finds
		c.sum.Stopped = err.Error()
	}
}

// A campaign is a campaign under way.
type campaign struct {
	call Call
	o    Options

	mu       sync.Mutex // guards what follows, and the hooks
	pacer    *pacer
	fresh    []job
	again    []job // tried before
	underWay int
	canaries bool
	asking   bool
	answered bool          // some call has been answered
	changed  chan struct{} // closed when a job has ended
	sum      Summary
	last     string
}

// work rotates until nothing is left, the campaign has stopped, or enough canaries have
// been rotated.
func (c *campaign) work(ctx context.Context, width int) {
	var workers sync.WaitGroup
	for range width {
		workers.Go(func() {
			for {
				j, debit, ok := c.next(ctx)
				if !ok {
					return
				}
				// A rotation under way is not cut off: a deployed function would not notice.
				c.settle(j, debit, c.rotate(context.WithoutCancel(ctx), j))
			}
		})
	}
	workers.Wait()
}

// left reports whether any secrets still wait for their rotation.
func (c *campaign) left() bool { return len(c.fresh)+len(c.again) > 0 }

// next waits for a secret whose rotation may begin. A worker leaves when none is left: if
// another worker puts a job back, that worker takes it up again.
func (c *campaign) next(ctx context.Context) (j job, debit float64, ok bool) {
	for {
		c.mu.Lock()
		if ctx.Err() != nil && c.sum.Stopped == "" && c.left() {
			c.sum.Stopped = "interrupted"
		}
		if c.sum.Stopped != "" || !c.left() || c.canaries && c.sum.Rotated() >= c.o.Canary {
			c.mu.Unlock()
			return job{}, 0, false
		}
		now := time.Now()
		due, wait := c.due(now)
		if due != nil {
			if debit, wait, ok = c.pacer.begin(now); ok {
				j, *due = (*due)[0], (*due)[1:]
				c.underWay++
				c.mu.Unlock()
				return j, debit, true
			}
		}
		changed := c.changed
		c.mu.Unlock()

		var enough <-chan time.Time
		if wait > 0 {
			enough = time.After(wait)
		}
		select {
		case <-enough:
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// due returns the list whose first job may begin, or how long to wait for one. A job that
// was tried before comes first, as it may be half done.
func (c *campaign) due(now time.Time) (list *[]job, wait time.Duration) {
	slices.SortStableFunc(c.again, func(a, b job) int { return a.notBefore.Compare(b.notBefore) })
	switch {
	case len(c.again) > 0 && !now.Before(c.again[0].notBefore):
		return &c.again, 0
	case len(c.fresh) > 0:
		return &c.fresh, 0
	}
	return nil, c.again[0].notBefore.Sub(now)
}

// Outcomes of calls without a report. A lost call may be repeated; after an impossible one,
// the next would fail as well.
const (
	lost       rotation.Outcome = "lost"
	impossible rotation.Outcome = "impossible"
)

func (c *campaign) rotate(ctx context.Context, j job) rotation.Report {
	a := rotation.Action{
		Action:             rotation.ActionRotate,
		SecretID:           j.secret,
		Reason:             c.o.Reason,
		By:                 c.o.By,
		Emergency:          c.o.Emergency,
		ClientRequestToken: j.token,
	}
	if c.o.Resume && c.o.Emergency == "" {
		// Not in an emergency: a rotation on schedule since then leaves the leaked secret
		// alive for its grace, so only the token shows what is done. Versions may be dated
		// to the second.
		a.IfStoredBefore = c.o.Start.Truncate(time.Second)
	}
	none := rotation.Report{Action: a.Action, SecretID: j.secret, Version: j.token, Begun: time.Now()}
	answer, err := c.call(ctx, a)
	var r rotation.Report
	if err == nil {
		err = json.Unmarshal(answer, &r)
		if err != nil || r.Outcome == "" {
			err = remedy.Errorf("deploy the function again: it may be older than this command", "the function's answer is no report of a rotation")
		}
	}
	if err != nil {
		none.Outcome, none.Error, none.Ended = impossible, remedy.Text(err), time.Now()
		if c.mayPass(err) {
			none.Outcome = lost
		}
		return none
	}
	c.mu.Lock()
	c.answered = true
	c.mu.Unlock()
	return r
}

// mayPass reports whether the same call may succeed later. If the function was reached
// before, the network is at fault; if it never was, the settings are.
func (c *campaign) mayPass(err error) bool {
	if errors.Is(err, ErrUnreachable) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.answered
	}
	return errors.Is(err, ErrUnknown) || errors.Is(err, ErrAtLimit)
}

// settle accounts for the report on a job, and puts the job back if it is to be tried
// again.
func (c *campaign) settle(j job, debit float64, r rotation.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.underWay--
	well := r.Outcome == rotation.Promoted || r.Outcome == rotation.Ended
	c.pacer.end(now, debit, r.Calls.PingOneAPI, well && !r.RateLimited)
	if r.RateLimited {
		c.pacer.limited(now, r.RetryAt)
	}
	c.sum.Calls.Add(r.Calls)
	switch {
	case r.Unverified:
		c.end(r, "the new secret was refused")
	case well, r.Outcome == rotation.Skipped, r.Outcome == rotation.Refused:
		c.end(r, "")
	case r.RateLimited:
		j.busy, j.notBefore = 0, r.RetryAt // its own half-done rotation makes it busy for a minute
		j.why = "PingOne asks to slow down"
		c.again = append(c.again, j)
	case r.Outcome == rotation.Busy && j.busy+1 < busyTries:
		j.busy++
		j.notBefore, j.why = r.RetryAt, "another rotation is under way"
		if !r.RetryAt.After(now) {
			j.notBefore = now.Add(busyPause)
		}
		c.again = append(c.again, j)
	case r.Outcome == rotation.Busy:
		c.end(r, "")
	case r.Outcome == lost && j.lost+1 < lostTries:
		j.lost++
		j.why = "no answer of the function arrived"
		j.notBefore = now.Add(lostPause << j.lost)
		c.again = append(c.again, j)
	case r.Outcome == lost:
		r.Outcome = rotation.Failed
		c.end(r, "no answer of the function arrived")
	case r.Outcome == impossible:
		r.Outcome = rotation.Failed
		c.o.KeepGoing = false
		c.end(r, "the function could not be called")
	case r.Outcome == rotation.Open:
		c.end(r, "a leaked secret may still work")
	default:
		c.end(r, "a rotation failed")
	}
	close(c.changed)
	c.changed = make(chan struct{})
	c.show()
}

// end records how a secret ended. A problem ends the campaign, unless it says nothing about
// the next secret and the campaign is to continue.
func (c *campaign) end(r rotation.Report, problem string) {
	c.sum.add(r)
	c.last = Subject(r)
	if c.o.Ended != nil {
		c.o.Ended(r)
	}
	if problem != "" && c.sum.Stopped == "" && (r.Unverified || c.canaries || !c.o.KeepGoing) {
		c.sum.Stopped = fmt.Sprintf("%s: %s", Subject(r), problem)
	}
}

// Subject returns the name of the secret that a report is about, or the id that was asked
// for if the function did not learn the name.
func Subject(r rotation.Report) string { return cmp.Or(r.Name, r.SecretID) }

// tick shows the campaign's progress every second until it is stopped.
func (c *campaign) tick() (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		seconds := time.NewTicker(time.Second)
		defer seconds.Stop()
		for {
			select {
			case <-seconds.C:
				c.mu.Lock()
				c.show()
				c.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

func (c *campaign) show() {
	if c.o.Progress == nil || c.asking {
		return
	}
	var waiting []Waiting
	for _, j := range c.again {
		if j.notBefore.After(time.Now()) {
			waiting = append(waiting, Waiting{j.secret, j.notBefore, j.why})
		}
	}
	slices.SortStableFunc(waiting, func(a, b Waiting) int { return a.Until.Compare(b.Until) })
	c.o.Progress(Standing{
		Summary:  c.sum.until(time.Now()),
		UnderWay: c.underWay,
		Held:     time.Until(c.pacer.hold),
		Last:     c.last,
		Waiting:  waiting,
	})
}

// summary computes the final summary.
func (c *campaign) summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.sum.until(time.Now())
	for _, j := range append(slices.Clone(c.again), c.fresh...) {
		sum.LeftOut = append(sum.LeftOut, j.secret)
	}
	slices.Sort(sum.LeftOut)
	return sum
}
