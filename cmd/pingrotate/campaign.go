package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pingrotate/rotation"
)

// campaignOptions say how many secrets are rotated. The hooks may be nil, are called
// one at a time, and hold the campaign up.
type campaignOptions struct {
	emergency  rotation.Emergency
	reason, by string

	// start names the campaign, to the millisecond. An interrupted one is resumed under
	// its old start: what was stored since is skipped, and the rotations it left half
	// done are gone on with.
	start  time.Time
	resume bool

	concurrency int  // rotations at once
	canary      int  // so many must end well, one after the other, before the others begin
	rate        int  // PingOne's limit, in configuration calls a minute
	keepGoing   bool // do not stop at a failure, unless a new secret was refused

	goOn     func(context.Context, summary) error // asked after the canaries; an error ends the campaign
	ended    func(rotation.Report)                // told of each secret when it has ended
	progress func(standing)                       // told every second, and when a secret has ended
}

// Patience with one secret. Each try goes on where the last one stopped, because all
// have the same ClientRequestToken.
const (
	busyTries = 10 // while another rotation of it is under way
	busyPause = 30 * time.Second
	lostTries = 3 // when an answer was lost, or too many invocations ran at once
	lostPause = 5 * time.Second
)

// campaign rotates the secrets, names or ARNs, in the order given. It stops when a new
// secret was refused, or at the first failure; then no rotation begins any more, and
// those under way come to their end, as they do when the context is done. A secret
// that another rotation is busy with, or for which PingOne asked to slow down, is
// tried again. One that was refused because its consumers lag changes nothing for the
// others.
//
// A canary that was refused or skipped shows nothing, and the next takes its place.
//
// The error says that not all ended well; the summary says which and why.
func campaign(ctx context.Context, call caller, secrets []string, o campaignOptions) (summary, error) {
	c := &expedition{
		call:    call,
		o:       o,
		pacer:   newPacer(o.rate),
		changed: make(chan struct{}),
		sum:     summary{Start: o.start, Secrets: len(secrets), begun: time.Now(), limit: o.rate},
	}
	for _, secret := range secrets {
		c.fresh = append(c.fresh, job{secret: secret, token: requestToken(o, secret)})
	}
	stop := c.tick()
	defer stop()
	if o.canary > 0 {
		c.canaries = true
		c.work(ctx, 1)
		c.canaries = false
		if c.sum.Stopped == "" && c.left() && o.goOn != nil {
			c.ask(ctx)
		}
	}
	c.work(ctx, o.concurrency)
	sum := c.summary()
	return sum, sum.err()
}

// ask asks whether to go on after the canaries. Nothing is shown meanwhile, and the
// time that it takes is not the campaign's.
func (c *expedition) ask(ctx context.Context) {
	sum, since := c.summary(), time.Now()
	c.mu.Lock()
	c.asking = true
	c.mu.Unlock()
	err := c.o.goOn(ctx, sum)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = false
	c.sum.begun = c.sum.begun.Add(time.Since(since))
	if err != nil && ctx.Err() == nil { // else it was interrupted, which the next look finds
		c.sum.Stopped = err.Error()
	}
}

// startFormat is RFC 3339 to the millisecond, so that no two campaigns have one start.
const startFormat = "2006-01-02T15:04:05.000Z07:00"

// requestToken derives the version's id from the campaign and the secret, so that a
// campaign that is resumed needs no memory: it goes on with the very version that the
// killed one had begun, and one that was promoted is recognised whatever the clocks
// say.
func requestToken(o campaignOptions, secret string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "pingrotate campaign\n%s\n%s\n%s", o.start.UTC().Format(startFormat), o.emergency, secret))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // a UUID of version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A job is a secret that has not come to its end.
type job struct {
	secret     string
	token      string
	notBefore  time.Time
	busy, lost int // tries
}

// An expedition is a campaign under way.
type expedition struct {
	call caller
	o    campaignOptions

	mu       sync.Mutex // guards what follows, and the hooks
	pacer    *pacer
	fresh    []job
	again    []job // tried before
	underWay int
	canaries bool
	asking   bool
	changed  chan struct{} // closed when something has ended
	sum      summary
	last     string
}

// work rotates until nothing is left, or the campaign has stopped, or there have been
// canaries enough.
func (c *expedition) work(ctx context.Context, width int) {
	var workers sync.WaitGroup
	for range width {
		workers.Go(func() {
			for {
				j, debit, ok := c.next(ctx)
				if !ok {
					return
				}
				// What has begun is not cut off: a function that is deployed would not notice.
				c.settle(j, debit, c.rotate(context.WithoutCancel(ctx), j))
			}
		})
	}
	workers.Wait()
}

// left reports whether there are secrets that wait for their rotation.
func (c *expedition) left() bool { return len(c.fresh)+len(c.again) > 0 }

// next waits for a secret whose rotation may begin. A worker leaves when none is left:
// one that another worker puts back is that worker's own next.
func (c *expedition) next(ctx context.Context) (j job, debit float64, ok bool) {
	for {
		c.mu.Lock()
		if ctx.Err() != nil && c.sum.Stopped == "" && c.left() {
			c.sum.Stopped = "interrupted"
		}
		if c.sum.Stopped != "" || !c.left() || c.canaries && c.sum.well() >= c.o.canary {
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

// due returns the list whose first job may begin, or how long to wait for one. What
// has been tried before comes first: it may be half done.
func (c *expedition) due(now time.Time) (list *[]job, wait time.Duration) {
	slices.SortStableFunc(c.again, func(a, b job) int { return a.notBefore.Compare(b.notBefore) })
	switch {
	case len(c.again) > 0 && !now.Before(c.again[0].notBefore):
		return &c.again, 0
	case len(c.fresh) > 0:
		return &c.fresh, 0
	}
	return nil, c.again[0].notBefore.Sub(now)
}

// What there is in place of an outcome when a call has brought no report. A lost one
// may be repeated; after the other the next call would fail as well.
const (
	lost       rotation.Outcome = "lost"
	impossible rotation.Outcome = "impossible"
)

func (c *expedition) rotate(ctx context.Context, j job) rotation.Report {
	a := rotation.Action{
		Action:             rotation.ActionRotate,
		SecretID:           j.secret,
		Reason:             c.o.reason,
		By:                 c.o.by,
		Emergency:          c.o.emergency,
		ClientRequestToken: j.token,
	}
	if c.o.resume && c.o.emergency == "" {
		// Not in an emergency: what the schedule has rotated since leaves the leaked
		// secret alive for its grace. There the token alone tells what is done.
		// Versions may be dated to the second.
		a.IfStoredBefore = c.o.start.Truncate(time.Second)
	}
	none := rotation.Report{Action: a.Action, SecretID: j.secret, Version: j.token, Begun: time.Now()}
	answer, err := c.call(ctx, a)
	var r rotation.Report
	if err == nil {
		err = json.Unmarshal(answer, &r)
		if err != nil || r.Outcome == "" {
			err = errors.New("the function's answer is no report of a rotation; deploy the function anew, it may be older than this command")
		}
	}
	if err != nil {
		none.Outcome, none.Error, none.Ended = impossible, err.Error(), time.Now()
		if errors.Is(err, errUnknown) || errors.Is(err, errAtLimit) {
			none.Outcome = lost
		}
		return none
	}
	return r
}

// settle accounts for what became of a job, and puts it back if it shall be tried
// again.
func (c *expedition) settle(j job, debit float64, r rotation.Report) {
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
		j.busy, j.notBefore = 0, r.RetryAt // its own half of a rotation makes it busy for a minute
		c.again = append(c.again, j)
	case r.Outcome == rotation.Busy && j.busy+1 < busyTries:
		j.busy++
		j.notBefore = r.RetryAt
		if !r.RetryAt.After(now) {
			j.notBefore = now.Add(busyPause)
		}
		c.again = append(c.again, j)
	case r.Outcome == rotation.Busy:
		c.end(r, "")
	case r.Outcome == lost && j.lost+1 < lostTries:
		j.lost++
		j.notBefore = now.Add(lostPause << j.lost)
		c.again = append(c.again, j)
	case r.Outcome == lost:
		r.Outcome = rotation.Failed
		c.end(r, "no answer of the function arrived")
	case r.Outcome == impossible:
		r.Outcome = rotation.Failed
		c.o.keepGoing = false
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

// end records how a secret has ended. A problem ends the campaign; one that says
// nothing about the next secret may be told not to.
func (c *expedition) end(r rotation.Report, problem string) {
	c.sum.add(r)
	c.last = subject(r)
	if c.o.ended != nil {
		c.o.ended(r)
	}
	if problem != "" && c.sum.Stopped == "" && (r.Unverified || c.canaries || !c.o.keepGoing) {
		c.sum.Stopped = fmt.Sprintf("%s: %s", subject(r), problem)
	}
}

// subject returns the name of the secret that a report is about.
func subject(r rotation.Report) string { return cmp.Or(r.Name, nameOf(r.SecretID)) }

// tick shows the standing every second until it is stopped.
func (c *expedition) tick() (stop func()) {
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

func (c *expedition) show() {
	if c.o.progress == nil || c.asking {
		return
	}
	c.o.progress(standing{
		summary:  c.sum.until(time.Now()),
		underWay: c.underWay,
		held:     time.Until(c.pacer.hold),
		last:     c.last,
	})
}

// summary closes the books.
func (c *expedition) summary() summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum.until(time.Now())
}
