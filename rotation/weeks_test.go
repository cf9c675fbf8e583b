package rotation_test

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// weeks plays the 60 days that follow each distinct state once: with Secrets Manager's
// schedule and its retries, or with audits alone.
type weeks struct {
	mu     sync.Mutex
	seen   map[string]bool // mode and digest
	hourly int             // states that have been played hour by hour
	played map[string]int  // by mode
	audits int
	asked  int // how often AWSCURRENT was asked for a token
}

const (
	days          = 60
	hourlyAtMost  = 200 // states
	rotationEvery = 30 * 24 * time.Hour
)

func newWeeks() *weeks { return &weeks{seen: map[string]bool{}, played: map[string]int{}} }

func (y *weeks) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return fmt.Sprintf("%d days from each of %d states with Secrets Manager's retries, from %d with audits alone, %d of them hour by hour: %d audits, AWSCURRENT asked %d times",
		days, y.played["retries"], y.played["audits alone"], y.hourly, y.audits, y.asked)
}

// claim reports whether to play the state, and whether hour by hour.
func (y *weeks) claim(mode, digest string) (play, hourly bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if key := mode + "\n" + digest; !y.seen[key] && *lives && (*prove || share("weeks "+digest, 1, 8)) {
		y.seen[key], play = true, true
		y.played[mode]++
	}
	if play && *prove && uint64(y.hourly) < hourlyAtMost*shareN/shareM && share("hourly "+digest, 1, 8) {
		y.hourly++
		hourly = true
	}
	return play, hourly
}

// live plays the days that follow the state in which a play ended. If the play was stopped,
// Secrets Manager makes no further attempts.
func (y *weeks) live(p *play, digest string, stopped bool) {
	mode := "retries"
	if stopped {
		mode = "audits alone"
	}
	play, hourly := y.claim(mode, digest)
	if !play || p.scenario.forGood {
		return
	}
	p.mu.Lock()
	p.hindered, p.repaired, p.strikes = false, true, nil // faults are over
	p.mu.Unlock()
	begun := p.ping.Now()
	end, due := begun.Add(days*24*time.Hour), begun.Add(rotationEvery)
	audits, asked := 0, 0
	for now := begun; now.Before(end); now = p.ping.Now() {
		next := now.Truncate(time.Hour).Add(time.Hour)
		if !hourly {
			next = p.nextMoment(now).Truncate(time.Hour).Add(time.Hour) // audits are hourly
		}
		if !stopped && next.After(due) {
			next = due
		}
		if next.After(end) {
			next = end
		}
		p.advance(next.Sub(now))
		p.promise.passed()
		asked++
		if hourly || !p.promoted() {
			p.consume()
		}
		if !stopped && p.ping.Now().Before(end) && !p.ping.Now().Before(due) {
			due = due.Add(rotationEvery)
			p.scheduled()
		}
		p.do(rotation.Action{Action: "audit"})
		audits++
		p.promise.passed()
		p.reports = p.reports[:0]
	}
	p.promise.lasted(p)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.audits, y.asked = y.audits+audits, y.asked+asked
}

// consume obtains a token with AWSCURRENT, as its consumers do; PingOne records that as a
// use of a previous secret. The promise judges the result, and asks the stand-in without a
// call.
func (p *play) consume() {
	if s := p.secret("AWSCURRENT"); s != "" && p.app.ClientID == p.app.ID && p.app.TokenEndpointAuthMethod != "" {
		cred := p.credential(s)
		cred.ClientID = p.client()
		p.rotator.PingOne.Token(p.t.Context(), cred, "")
	}
}

// scheduled plays a rotation of the schedule, with the retries that it needs.
func (p *play) scheduled() {
	var err error
	for range 5 {
		err = p.sm.Attempt(p.t.Context(), orders)
		if errors.Is(err, secretsmanagertest.ErrNoRotation) {
			err = p.sm.Rotate(p.t.Context(), orders)
		}
		if err == nil {
			return
		}
		p.advance(time.Hour)
		p.promise.passed()
		p.do(rotation.Action{Action: "audit"})
	}
	p.promise.mu.Lock()
	p.promise.breach("I4: a rotation of the schedule's fails again and again: %v", err)
	p.promise.mu.Unlock()
}

// nextMoment returns when something expires next or a threshold passes, at most a week from
// now.
func (p *play) nextMoment(now time.Time) time.Time {
	next := now.Add(7 * 24 * time.Hour)
	at := func(t time.Time) {
		if !t.IsZero() && t.After(now) && t.Before(next) {
			next = t
		}
	}
	p.promise.mu.Lock()
	defer p.promise.mu.Unlock()
	for _, a := range p.promise.accounts {
		if a.Previous == "" {
			continue
		}
		e := a.PreviousExpiresAt
		if e.Sub(now) < 27*time.Hour && !p.promoted() {
			at(now.Add(time.Second)) // each audit tries
		}
		for _, before := range []time.Duration{0, time.Hour, 24 * time.Hour, 25 * time.Hour, 26 * time.Hour, plan.Fuse(24*time.Hour) / 2} {
			at(e.Add(-before))
		}
		if !a.PreviousLastUsed.IsZero() {
			at(a.PreviousLastUsed.Add(plan.IdleAfter))
		}
	}
	for _, g := range p.promise.graces {
		at(g.until)
		at(g.until.Add(time.Second))
		at(g.since.Add(plan.IdleAfter))
	}
	for _, t := range p.promise.changed {
		for _, after := range []time.Duration{plan.Quiet, time.Hour, plan.IdleAfter, plan.TwinWaits, plan.TwinWaits + plan.Quiet} {
			at(t.Add(after))
		}
	}
	item := p.item()
	if in := item.Intent; in != nil {
		at(in.Since.Add(time.Minute))
	}
	if e := item.Emergency; e != nil {
		at(now.Add(time.Second))
	}
	for _, a := range item.Applications {
		at(a.Current.At.Add(plan.Quiet))
		at(a.Current.At.Add(plan.TwinWaits))
	}
	return next
}

// lasted checks what must hold after these days.
func (p *promise) lasted(y *play) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subjects {
		if s.secret == "" && !s.had {
			continue // only Secrets Manager repeats a first rotation; there is nothing to complete
		}
		if a := p.accounts[s.client]; a != nil && a.Value != s.secret {
			p.breach("I3: after %d days AWSCURRENT of %s is not PingOne's current secret", days, s.name)
		}
		if p.w.blocked(s.name) {
			p.breach("I4: after %d days AWSPENDING is still on a version of %s, and no rotation may begin", days, s.name)
		}
	}
	if p.w.item().Emergency != nil {
		p.breach("I4: after %d days the emergency is still open", days)
	}
	if p.w.unresolved() {
		p.breach("I4: after %d days an act is still without an outcome", days)
	}
}
