package rotation_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/register"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// rotation is what Secrets Manager does: the whole sequence with the same token, or a
// new rotation where there is none. When it was cancelled, an operator takes
// the label off and begins another.
func (p *play) rotation() error {
	return p.attempt(func() error {
		err := p.sm.Attempt(p.t.Context(), orders)
		if errors.Is(err, secretsmanagertest.ErrNoRotation) {
			if id := p.sm.VersionID(orders, "AWSPENDING"); p.wasCancelled() && id != "" && id != p.sm.VersionID(orders, "AWSCURRENT") {
				p.unstick()
			}
			err = p.sm.Rotate(p.t.Context(), orders)
		}
		return err
	})
}

// wasCancelled reports whether a rotation was cancelled in this play.
func (p *play) wasCancelled() bool { return p.sm.Count("CancelRotateSecret") > 0 }

// enough are the attempts in which a rotation ends. Two times two hours in which consumers
// lag are among them.
const enough = 10

// retried is Secrets Manager, which repeats its rotations, soon and then by the hour.
func (p *play) retried() (err error) {
	for i := range enough {
		if i > 3 {
			p.advance(59 * time.Minute)
		}
		if err = p.rotation(); err == nil || errors.Is(err, errStopped) {
			break
		}
	}
	return err
}

// audit is an hourly audit.
func (p *play) audit() error {
	return p.attempt(func() error {
		rep := p.do(rotation.Action{Action: "audit"}).(*rotation.AuditReport)
		return reportError(rep)
	})
}

func reportError(rep *rotation.AuditReport) error {
	if rep.Error != "" {
		return errors.New(rep.Error)
	}
	for _, h := range rep.Secrets {
		if h.Name == orders && h.State == rotation.Failure {
			return fmt.Errorf("the audit finds %v", h.Findings)
		}
	}
	return nil
}

// settled reports whether nothing is left to do.
func (p *play) settled() bool {
	for _, s := range p.promise.subjects {
		if a := p.promise.accounts[s.client]; a != nil && a.Value != s.secret {
			return false
		}
	}
	return p.promoted() && !p.blocked(orders) && p.item().Emergency == nil && !p.unresolved()
}

// unresolved reports whether an act has no outcome, and no other run will look for it: a mint
// shows by its secret and a move by its label, and the next holder of the lease enters it.
func (w *world) unresolved() bool {
	in := w.item().Intent
	return in != nil && in.Act == register.Mint && !w.promoted()
}

// abandoned is one attempt of the rotation, and audits afterwards: Secrets Manager does
// not come back.
func (p *play) abandoned() error {
	if err := p.rotation(); errors.Is(err, errStopped) {
		return err
	}
	return p.audited(30)
}

// audited are hourly audits until nothing is left to do.
func (p *play) audited(hours int) error {
	var err error
	for end := p.ping.Now().Add(time.Duration(hours) * time.Hour); p.ping.Now().Before(end); {
		if p.settled() {
			return nil
		}
		p.pass()
		if err = p.audit(); errors.Is(err, errStopped) {
			return err
		}
	}
	if p.settled() {
		return nil
	}
	return fmt.Errorf("after %d hours of audits something is left: %w", hours, errors.Join(errors.New("promoted "+fmt.Sprint(p.promoted())), err))
}

// pass lets time pass to the first full hour after the moment at which something expires
// or a threshold passes: audits come by the hour, and those before it find nothing new.
func (p *play) pass() {
	now := p.ping.Now()
	next := p.nextMoment(now)
	if p.during == p.attempts {
		next = now // the last audit was struck, and the next one tries again
	}
	p.advance(next.Truncate(time.Hour).Add(time.Hour).Sub(now))
	p.promise.passed()
}

// once is RotateImmediately=false: testSecret alone, and nothing is promoted.
func (p *play) once() (err error) {
	for range enough {
		if err = p.attempt(func() error { return p.sm.TestOnly(p.t.Context(), orders) }); err == nil || errors.Is(err, errStopped) {
			break
		}
	}
	return err
}

// manual is a rotation by an action, which audits complete.
func (p *play) manual() error {
	err := p.attempt(func() error {
		rep := p.do(rotation.Action{Action: "rotate", SecretID: orders, ClientRequestToken: token}).(*rotation.Report)
		if rep.Outcome != rotation.Promoted {
			return errors.New(rep.Error)
		}
		return nil
	})
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	return p.audited(6)
}

// command is one emergency command.
func (p *play) command(how rotation.Emergency) error {
	return p.attempt(func() error {
		rep := p.emergency(how)
		p.promise.reported(rep)
		if rep.Outcome != rotation.Ended && rep.Outcome != rotation.Skipped {
			return errors.New(rep.Error)
		}
		return nil
	})
}

// leaked drives an emergency, and next is who completes what the first attempt has left.
func leaked(how rotation.Emergency, next func(*play) error) func(*play) error {
	return func(p *play) error {
		p.promise.commanded(how)
		err := p.command(how)
		for range enough {
			if errors.Is(err, errStopped) {
				return err
			}
			if p.over() {
				return p.served()
			}
			if p.item().Emergency == nil || next == nil { // it has left no trace, or no other run comes
				if p.promise.concluded() { // and the register has lost that: it is another emergency
					p.promise.commanded(how)
				}
				err = p.command(how)
			} else {
				err = next(p)
			}
		}
		if p.over() {
			return p.served()
		}
		return fmt.Errorf("the emergency is not over: %w", err)
	}
}

// served are the audits that heal another managed secret of the client, if an emergency
// could not give it the new secret. In the first one, the run of the leaked secret may
// have the lease.
func (p *play) served() error {
	behind := func() bool {
		return slices.ContainsFunc(p.promise.subjects, func(s *subject) bool {
			a := p.promise.accounts[s.client]
			return s.name != orders && a != nil && a.Value != s.secret
		})
	}
	for n := 0; n < 2 && behind(); n++ {
		p.advance(time.Hour)
		if err := p.audit(); errors.Is(err, errStopped) {
			return err
		}
	}
	return nil
}

// over reports whether the emergency that was commanded has ended.
func (p *play) over() bool {
	item := p.item()
	return item.Emergency == nil && item.Ended.Has(p.order)
}
