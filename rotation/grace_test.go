package rotation_test

import (
	"strings"
	"time"

	"pingrotate/internal/plan"
)

// A grace is how long a replaced secret must still work.
type grace struct {
	since, until time.Time
	whenIdle     bool
}

// replaced begins the grace of a secret that was just replaced.
func (p *promise) replaced(s *subject, was held, now time.Time) {
	delete(p.graces, s.key())
	if !p.accepted(was.key()) {
		return
	}
	g := grace{now, now.Add(was.grace - time.Second), was.whenIdle || s.whenIdle}
	if a := p.accounts[was.client]; a.Previous == was.secret && p.retained[was.secret] && a.PreviousExpiresAt.Before(g.until) {
		g.until = a.PreviousExpiresAt // a person set it
	}
	p.graces[was.key()] = g
}

// keepGraces checks I5.
func (p *promise) keepGraces(now time.Time) {
	for s, g := range p.graces {
		if !now.Before(g.until) {
			delete(p.graces, s)
			continue
		}
		p.checks++
		if p.accepted(s) {
			continue
		}
		delete(p.graces, s)
		d := p.dead[s]
		idle := d.at.Sub(g.since) >= plan.IdleAfter
		switch {
		case p.leak != nil && (p.leak.victims[s] || p.w.item().Emergency != nil): // an emergency ends it, perhaps one reopened after the loss of the item
		case d.cause != "" && p.may[d.cause]:
			p.excused[d.cause]++
		case idle && strings.Contains(d.call, "POST "): // the next rotation ends an idle secret
		case idle && g.whenIdle: // as the document says
		case d.early && strings.Contains(d.call, "DELETE "): // a person asked for it
		default:
			p.breach("I5: a replaced secret died %v before the end of its grace, by %s", g.until.Sub(now), d.call)
		}
	}
}
