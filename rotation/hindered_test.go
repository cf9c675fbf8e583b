package rotation_test

import (
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// A hindrance keeps a new secret from being promoted.
type hindrance struct {
	name   string
	opts   []option
	before func(*play)
	hinder func(*play)                        // while it runs, nothing is promoted
	call   func(*play, fault.Call) fault.Kind // while it lasts
	repair func(*play)
}

// verified makes the document demand a token whose claims are checked.
func verified(o *options) {
	o.app = pingonetest.Application{Audience: "p1as-platform", Scopes: []string{"p1as"}, Claims: map[string]any{"groups": []string{"prod-tls-audit"}}}
	o.edit = func(d map[string]any) {
		d["rotation"] = map[string]any{"verify": map[string]any{"scope": "p1as", "audience": "p1as-platform", "claims": map[string]any{"groups": []any{"prod-tls-audit"}}}}
	}
}

func (p *play) update(change func(*pingonetest.Application)) {
	p.ping.UpdateApplication(p.app.Environment, p.client(), change)
}

// refusing refuses one operation of the function's.
func refusing(operation string) func(*play, fault.Call) fault.Kind {
	return func(p *play, c fault.Call) fault.Kind {
		if c.Operation == operation {
			return fault.Denied
		}
		return fault.None
	}
}

func (p *play) rewrite(change func(d map[string]any)) {
	d := p.stored("AWSCURRENT")
	change(d)
	p.put(orders, d)
}

var hindrances = []hindrance{
	{name: "scope not granted", opts: []option{verified},
		hinder: func(p *play) { p.update(func(a *pingonetest.Application) { a.Scopes = []string{"other"} }) },
		repair: func(p *play) { p.update(func(a *pingonetest.Application) { a.Scopes = []string{"p1as"} }) }},
	{name: "claim missing", opts: []option{verified},
		hinder: func(p *play) { p.update(func(a *pingonetest.Application) { a.Claims = nil }) },
		repair: func(p *play) {
			p.update(func(a *pingonetest.Application) { a.Claims = map[string]any{"groups": []string{"prod-tls-audit"}} })
		}},
	{name: "no right to store", call: refusing("PutSecretValue")},
	{name: "no right to label", call: refusing("UpdateSecretVersionStage")},
	{name: "mistyped role", opts: []option{specified(0), mayCreate}, before: rotated(1),
		hinder: func(p *play) { p.rewrite(roles("Identity Data Admn")) },
		repair: func(p *play) { p.rewrite(roles("Identity Data Admin")) }},
	{name: "test user gone", opts: []option{signedOn}, before: func(p *play) { p.addUser(); rotated(1)(p) },
		hinder: func(p *play) { p.sm.Remove(testUserName) },
		repair: func(p *play) { p.sm.Put(testUserName, encode(testUser(p.app.Environment))) }},
	{name: "application disabled",
		hinder: func(p *play) { p.update(func(a *pingonetest.Application) { a.Disabled = true }) },
		repair: func(p *play) { p.update(func(a *pingonetest.Application) { a.Disabled = false }) }},
	{name: "table out of reach", call: func(p *play, c fault.Call) fault.Kind {
		if c.Service == "dynamodb" {
			return fault.Unavailable
		}
		return fault.None
	}},
	{name: "table with another key",
		hinder: func(p *play) { p.db.CreateTable("other", "id", "", ""); p.inTable("other") },
		repair: func(p *play) { p.inTable("") }},
}

func roles(role string) func(map[string]any) {
	return func(d map[string]any) {
		d["rotation"].(map[string]any)["application"].(map[string]any)["roles"] = []any{map[string]any{"role": role, "scope": map[string]any{"type": "ENVIRONMENT", "id": d["environmentId"]}}}
	}
}

// inTable makes the next process use another table.
func (p *play) inTable(name string) {
	p.table = name
	p.connect(p.toPingOne, p.toSecretsManager, p.toRegister)
}

// hindered are the scenarios in which promotion is impossible: from the beginning, when
// nothing may be minted, or from the mint on, which AWSCURRENT must survive.
func hindered() (all []scenario) {
	for _, h := range hindrances {
		first := scenario{name: h.name, opts: h.opts, slow: true, before: h.situation, call: h.calls}
		first.drive = func(p *play) error {
			p.hindered = true
			return p.aside(h.hinder, func() error { return p.fruitless(h.repair) })
		}
		later := scenario{name: h.name + ", after the mint", opts: h.opts, slow: true, before: h.situation, call: h.callsAfterMint}
		later.drive = func(p *play) error { return p.outlived(h.repair) }
		all = append(all, first)
		if h.name != "mistyped role" && h.name != "table with another key" { // a run reads these once, before it mints
			all = append(all, later)
		}
	}
	return append(all,
		scenario{name: "item lost after the mint", call: func(p *play, c fault.Call) fault.Kind {
			if c.Operation == "PutSecretValue" && p.regenerated() > 0 && !p.hindered {
				p.hindered = true
				p.db.Remove(registerTable, isItem)
			}
			return fault.None
		}},
		scenario{name: "table out of reach after the mint, for good", slow: true, forGood: true, call: func(p *play, c fault.Call) fault.Kind {
			if c.Service == "dynamodb" && p.regenerated() > 0 {
				return fault.Unavailable
			}
			return fault.None
		}, drive: func(p *play) error {
			if err := p.rotation(); errors.Is(err, errStopped) {
				return err
			}
			for begun := p.ping.Now(); p.ping.Now().Sub(begun) < 46*time.Hour; {
				if p.promoted() {
					return nil
				}
				p.pass()
				if err := p.audit(); errors.Is(err, errStopped) {
					return err
				}
			}
			if !p.promoted() {
				return errors.New("nothing was promoted without the register")
			}
			return nil
		}},
	)
}

func (h hindrance) situation(p *play) {
	if h.before != nil {
		h.before(p)
	}
	p.already = p.regenerated()
}

func (h hindrance) calls(p *play, c fault.Call) fault.Kind {
	if p.hindered && h.call != nil {
		return h.call(p, c)
	}
	return fault.None
}

func (h hindrance) callsAfterMint(p *play, c fault.Call) fault.Kind {
	if !p.hindered && !p.repaired && p.regenerated() > p.already && !regenerates(c) {
		p.hindered = true
		if h.hinder != nil {
			p.mu.Unlock()
			h.hinder(p)
			p.mu.Lock()
		}
	}
	return h.calls(p, c)
}

func (p *play) aside(what func(*play), then func() error) error {
	if what != nil {
		what(p)
	}
	return then()
}

// fruitless plays attempts that mint nothing because nothing could be promoted, until a
// person repairs the cause.
func (p *play) fruitless(repair func(*play)) error {
	for range 2 {
		err := p.rotation()
		if errors.Is(err, errStopped) {
			return err
		}
		if n := p.regenerated() - p.already; n > 0 {
			return fmt.Errorf("PingOne regenerated %d times, although nothing could be promoted", n)
		}
		if err == nil {
			return errors.New("the rotation succeeded, although nothing could be promoted")
		}
	}
	p.repair(repair)
	return p.retried()
}

func (p *play) repair(by func(*play)) {
	p.hindered, p.repaired = false, true
	if by != nil {
		by(p)
	}
	p.connect(p.toPingOne, p.toSecretsManager, p.toRegister)
}

// outlived plays a rotation that fails and that Secrets Manager gives up. Audits keep
// AWSCURRENT alive; what only a person can repair is repaired before the fuse has burned
// down.
func (p *play) outlived(repair func(*play)) error {
	for range 3 {
		if err := p.rotation(); err == nil || errors.Is(err, errStopped) {
			return err
		}
	}
	begun := p.ping.Now()
	for !p.promoted() && p.ping.Now().Sub(begun) < 46*time.Hour {
		if p.ping.Now().Sub(begun) > 17*time.Hour && p.hindered {
			p.repair(repair)
		}
		p.pass()
		if err := p.audit(); errors.Is(err, errStopped) {
			return err
		}
	}
	if !p.promoted() {
		return errors.New("AWSCURRENT was not promoted before its end")
	}
	p.repair(repair)
	return p.audited(30)
}
