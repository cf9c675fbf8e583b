package rotation_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// A scenario is a situation in which something begins, and a driver that completes it.
type scenario struct {
	name    string
	opts    []option
	before  func(*play)                        // creates the situation
	call    func(*play, fault.Call) fault.Kind // runs before each call: what others do meanwhile
	drive   func(*play) error                  // nil means [play.retried]
	may     []cause                            // the exceptions to I1 that the scenario is about
	forGood bool                               // the situation does not end, so no weeks are played
	slow    bool                               // it takes many calls, so it is played with fewer faults
}

// failing makes PingOne or Secrets Manager refuse an operation while run runs, once PingOne
// has regenerated.
func (p *play) failing(operation string, run func()) {
	n := p.regenerated()
	p.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == operation && p.regenerated() > n {
			return fault.Denied
		}
		return fault.None
	})
	run()
	p.sm.Before(nil)
}

// stuck leaves a rotation that has minted and not stored.
func (p *play) stuck() {
	p.failing("PutSecretValue", func() { p.sm.Rotate(p.t.Context(), orders) })
	p.advance(time.Minute)
}

// rotated rotates n times, more than a day apart.
func rotated(n int) func(*play) {
	return func(p *play) {
		for range n {
			p.rotate()
			p.advance(25 * time.Hour)
			p.promise.passed()
		}
	}
}

func specified(n int) option { return wanting(documents[n].application) }

func ordinary() []scenario {
	return []scenario{
		{name: "regenerate"},
		{name: "regenerate, CLIENT_SECRET_POST", opts: []option{withApp(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_POST"})}},
		{name: "regenerate, CLIENT_SECRET_JWT", opts: []option{withApp(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"})},
			before: func(p *play) { p.ping.Assume(pingonetest.Assumptions{PreviousSigns: true}) }},
		{name: "the previous secret verifies no assertions", may: []cause{bySigning},
			opts: []option{withApp(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"})}},
		{name: "the register knows nothing", opts: []option{func(o *options) { o.fresh = true }}},
		{name: "adopt, same token", before: (*play).stuck},
		{name: "adopt, fresh token", before: func(p *play) { p.stuck(); p.unstick() }},
		{name: "seed", opts: []option{withDocument(func(d map[string]any) {
			delete(d, "clientSecret")
			delete(d, "tokenEndpointAuthMethod")
		})}},
		{name: "drift", may: []cause{byConsole}, before: func(p *play) { p.promise.console(p.app.ID, 0) }},
		{name: "regenerated at the console, with a retention", before: func(p *play) { p.promise.console(p.app.ID, 48*time.Hour) }},
		{name: "pending regenerated at the console", may: []cause{byConsole}, before: func(p *play) {
			p.failing("UpdateSecretVersionStage", func() { p.sm.Rotate(p.t.Context(), orders) })
			p.promise.console(p.app.ID, 48*time.Hour)
		}},
		{name: "poisoned pending", before: func(p *play) {
			if _, err := p.sm.Begin(orders); err != nil {
				p.t.Fatal(err)
			}
			d := document(p.app)
			d["clientSecret"] = "made-up"
			p.putPending(encode(d))
		}},
		{name: "a document without its secret is stored", may: []cause{byHand}, before: func(p *play) {
			rotated(1)(p)
			p.promise.do(byHand, func() {
				d := p.stored("AWSCURRENT")
				delete(d, "clientSecret")
				p.sm.Put(orders, encode(d))
			})
		}},
		{name: "previous alive and idle", before: func(p *play) { p.rotate(); p.advance(23 * time.Hour) }},
		{name: "previous past its grace", before: rotated(1)},
		{name: "admin secret rotated meanwhile", call: func(p *play, c fault.Call) fault.Kind {
			if c.Operation == "DescribeSecret" && p.already != p.attempts { // once in each attempt
				p.already = p.attempts
				admin := p.adminDocument()
				admin["clientSecret"] = p.ping.Regenerate(p.admin.Environment, p.admin.ID, time.Hour)
				p.sm.Put(adminName, encode(admin))
			}
			return fault.None
		}},
		{name: "secret takes 20 s to work", before: func(p *play) { p.ping.PropagationDelay(20 * time.Second); p.advance(time.Minute) }},
		{name: "AWSPENDING stays after a rotation", before: func(p *play) { p.sm.KeepPending(true); rotated(1)(p) }},
		{name: "create a worker", opts: []option{specified(0), mayCreate}},
		{name: "create a web application with grants", slow: true, opts: []option{specified(3), mayCreate}},
		{name: "create a client with a custom resource", slow: true, opts: []option{specified(4), mayCreate}},
		{name: "repair an application", opts: []option{specified(1), mayCreate}, before: func(p *play) {
			p.rotate()
			p.ping.UpdateApplication(p.app.Environment, p.client(), func(a *pingonetest.Application) { a.RedirectURIs = nil })
			p.advance(25 * time.Hour)
		}},
		{name: "alternating, create the twin", slow: true, opts: []option{alternate}},
		{name: "alternating", slow: true, opts: []option{alternate}, before: rotated(2)},
		{name: "alternating, adopt the twin's mint", slow: true, opts: []option{alternate}, before: func(p *play) { rotated(2)(p); p.stuck(); p.unstick() }},
		{name: "resource", before: func(p *play) { p.resource(); p.promise.restart() }},
		{name: "a user signs on", slow: true, opts: []option{signedOn}, before: func(p *play) { p.addUser(); rotated(1)(p) }},
		{name: "RotateImmediately=false", drive: (*play).once},
		{name: "two managed secrets of one client", before: (*play).shared, drive: (*play).attended},
	}
}

// ownActions are the scenarios of what the product does besides Secrets Manager's rotations.
func ownActions() []scenario {
	return []scenario{
		{name: "manual rotation", drive: (*play).manual},
		{name: "manual rotation, alternating", slow: true, opts: []option{alternate}, before: rotated(1), drive: (*play).manual},
		{name: "manual rotation, AWSPENDING stays", before: func(p *play) { p.sm.KeepPending(true); rotated(1)(p) }, drive: func(p *play) error {
			if err := p.manual(); err != nil {
				return err
			}
			return p.begin(p.retried)
		}},
		{name: "one attempt, then audits", drive: (*play).abandoned},
		{name: "rollback", slow: true, opts: []option{alternate}, before: rotated(2), drive: (*play).rolledBack},
		{name: "an audit ends the idle previous secret", before: rotated(1), drive: (*play).endedByAudit},
		{name: "an audit promotes what a manual rotation left", before: func(p *play) {
			p.failing("PutSecretValue", func() { p.do(rotation.Action{Action: "rotate", SecretID: orders}) })
		}, drive: func(p *play) error { return p.audited(4) }},
		{name: "an audit promotes what a rotation left", before: func(p *play) { p.stuck() }, drive: func(p *play) error { return p.audited(26) }},
		{name: "an audit takes AWSPENDING off", before: func(p *play) {
			p.stuck()
			p.promise.console(p.app.ID, 48*time.Hour)
		}, may: []cause{byConsole}, drive: func(p *play) error { return p.audited(26) }},
		{name: "an audit heals a dead AWSCURRENT", may: []cause{byConsole}, before: func(p *play) { p.promise.console(p.app.ID, 0); p.advance(time.Minute) },
			drive: func(p *play) error { return p.audited(4) }}, // two faults, two hours
		{name: "audits of a secret that is well", drive: func(p *play) error {
			var err error
			for range 3 {
				if err = p.audit(); errors.Is(err, errStopped) {
					return err
				}
				p.advance(time.Hour)
			}
			if err != nil { // a fault hit the last one
				err = p.audit()
			}
			return err
		}},
	}
}

// begin checks that Secrets Manager may begin a rotation, by beginning it a day later.
// Until then audits complete what is left, as a request that arrives late.
func (p *play) begin(rotate func() error) error {
	begun := p.ping.Now()
	p.advance(time.Minute)
	if err := p.audited(6); err != nil {
		return err
	}
	p.advance(begun.Add(25 * time.Hour).Sub(p.ping.Now()))
	if err := rotate(); err != nil {
		return fmt.Errorf("the next rotation: %w", err)
	}
	return nil
}

func (p *play) rolledBack() (err error) {
	to := p.sm.VersionID(orders, "AWSPREVIOUS")
	for range enough {
		err = p.attempt(func() error {
			rep := p.do(rotation.Action{Action: "rollback", SecretID: orders}).(*rotation.Report)
			if rep.Outcome == rotation.RolledBack || p.sm.VersionID(orders, "AWSCURRENT") == to {
				return nil
			}
			if p.sm.VersionID(orders, "AWSPREVIOUS") != to && strings.Contains(rep.Error, "nothing to roll back to") {
				return nil // the document was edited, which moved AWSPREVIOUS
			}
			return errors.New(rep.Error)
		})
		if err == nil || errors.Is(err, errStopped) {
			break
		}
		p.advance(2 * time.Minute)
	}
	return err
}

// endedByAudit plays hourly audits until PingOne keeps no previous secret. An edited document
// is a new AWSCURRENT, and its grace begins again.
func (p *play) endedByAudit() error {
	for range 26 {
		err := p.audit()
		if errors.Is(err, errStopped) || err == nil && p.ping.Secret(p.app.Environment, p.client()).Previous == "" {
			return err
		}
		p.advance(59 * time.Minute)
	}
	return errors.New("the previous secret works past its grace, though it is idle")
}

// shared gives the client a second managed secret that the register knows.
func (p *play) shared() {
	p.put(copied, document(p.app))
	p.sm.EnableRotation(copied, functionARN)
	p.promise.add(copied)
	for range 2 { // each audit adds at least one of them
		p.do(rotation.Action{Action: "audit"})
	}
}

const copied = "pingone/orders-copy"

// emergencies are the scenarios of each command, strategy, state of the leaked secret, and
// run that completes the emergency.
func emergencies() (all []scenario) {
	situations := []struct {
		name   string
		opts   []option
		may    []cause
		before func(*play)
		slow   bool
	}{
		{name: "single"},
		{name: "single, the previous secret works", before: func(p *play) { p.rotate(); p.advance(time.Minute) }},
		{name: "single, a rotation is stuck", before: func(p *play) { p.stuck(); p.advance(time.Hour) }},
		{name: "alternating", slow: true, opts: []option{alternate}, before: rotated(1)},
		{name: "alternating, AWSPREVIOUS leaked", slow: true, opts: []option{alternate}, before: rotated(2)},
		{name: "resource", before: func(p *play) { p.resource(); p.promise.restart() }},
		{name: "two managed secrets", before: (*play).shared, may: []cause{byRefusal}},
	}
	nexts := []struct {
		name string
		run  func(*play) error
	}{
		{name: "same command"},
		{"schedule", func(p *play) error { p.advance(2 * time.Minute); return p.rotation() }},
		{"audit", func(p *play) error { p.advance(2 * time.Minute); return p.audit() }},
	}
	for _, how := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		for _, s := range situations {
			for _, next := range nexts {
				all = append(all, scenario{
					name: fmt.Sprintf("%s, %s; %s", how, s.name, next.name),
					opts: s.opts, may: s.may, before: s.before, slow: s.slow || next.name != "same command", drive: leaked(how, next.run),
				})
			}
		}
	}
	return all
}

// scenarios are all of them.
var scenarios = func() (all []scenario) {
	for _, group := range [][]scenario{ordinary(), hindered(), ownActions(), emergencies()} {
		all = append(all, group...)
	}
	return all
}()
