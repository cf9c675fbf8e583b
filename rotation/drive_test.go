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

// rotation does what Secrets Manager does: it repeats all four steps with the same token,
// or begins a new rotation if there is none. If the rotation was cancelled, an operator
// removes the label and begins another.
func (p *play) rotation() error {
	return p.attempt(func() error {
		err := p.sm.Attempt(p.t.Context(), orders)
		if errors.Is(err, secretsmanagertest.ErrNoRotation) {
			if id := p.sm.VersionID(orders, "AWSPENDING"); p.wasCancelled() && id != "" && id != p.sm.VersionID(orders, "AWSCURRENT") {
				p.byPerson(p.unstick)
			}
			err = p.sm.Rotate(p.t.Context(), orders)
		}
		return err
	})
}

// byPerson does what a person does between two attempts, with rights of their own.
func (p *play) byPerson(act func()) {
	set := func(acts bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.person = acts
	}
	set(true)
	defer set(false)
	act()
}

// wasCancelled reports whether a rotation was cancelled in this play.
func (p *play) wasCancelled() bool { return p.sm.Count("CancelRotateSecret") > 0 }

// enough is the number of attempts within which a rotation ends. It includes waiting twice
// for two hours while consumers lag.
const enough = 10

// retried plays Secrets Manager's retries: the first ones soon, the others hourly.
func (p *play) retried() error {
	return p.repeated(func() error { return nil })
}

// attended plays an audit before each hourly retry, too: a rotation waits for the audit to
// serve the other managed secret of the client.
func (p *play) attended() error {
	if err := p.repeated(p.audit); err != nil {
		return err
	}
	return p.audited(3)
}

// repeated plays Secrets Manager's retries, and what happens before each hourly one.
func (p *play) repeated(hourly func() error) (err error) {
	for i := range enough {
		if i > 3 {
			p.advance(59 * time.Minute)
			if err := hourly(); errors.Is(err, errStopped) {
				return err
			}
		}
		if err = p.rotation(); err == nil || errors.Is(err, errStopped) {
			break
		}
	}
	return err
}

// audit plays an hourly audit.
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

// unresolved reports whether an act has no outcome that the next look would find. A mint
// shows by its secret and a move by its label, and the next run to take the lease records
// them.
func (w *world) unresolved() bool {
	in := w.item().Intent
	return in != nil && in.Act == register.Mint && !w.promoted()
}

// abandoned plays one attempt of a rotation, and audits afterwards: Secrets Manager gives up.
func (p *play) abandoned() error {
	if err := p.rotation(); errors.Is(err, errStopped) {
		return err
	}
	return p.audited(30)
}

// audited plays hourly audits until nothing is left to do.
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

// pass moves the time to the first full hour after the next expiry or threshold. Audits are
// hourly, and those before it would find nothing new.
func (p *play) pass() {
	now := p.ping.Now()
	next := p.nextMoment(now)
	if p.during == p.attempts {
		next = now // a fault hit the last audit, and the next one tries again
	}
	p.advance(next.Truncate(time.Hour).Add(time.Hour).Sub(now))
	p.promise.passed()
}

// once plays RotateImmediately=false: only testSecret, and no promotion.
func (p *play) once() (err error) {
	for range enough {
		if err = p.attempt(func() error { return p.sm.TestOnly(p.t.Context(), orders) }); err == nil || errors.Is(err, errStopped) {
			break
		}
	}
	return err
}

// manual plays a rotation by an action; audits complete it.
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

// command plays one emergency command.
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

// leaked plays an emergency. next completes what the first attempt left.
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
			if p.item().Emergency == nil || next == nil { // the command has left no trace, or no other run follows
				if p.promise.concluded() { // the register lost a concluded one: the next command is another emergency
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

// served plays the audits that give another managed secret of the client the new secret, if an
// emergency could not. During the first one, the run on the leaked secret may have the lease.
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

// over reports whether the commanded emergency has ended.
func (p *play) over() bool {
	item := p.item()
	return item.Emergency == nil && item.Ended.Has(p.order)
}
