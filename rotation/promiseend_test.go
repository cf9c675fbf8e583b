package rotation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/register"
	"pingrotate/rotation"
)

// item returns the register's item of the world's client, without a call.
func (w *world) item() (found register.Item) {
	for line := range strings.Lines(w.db.Dump()) {
		if !strings.Contains(line, `"item":`) { // most rows are a record of what was done
			continue
		}
		var row map[string]struct{ S, N string }
		if json.Unmarshal([]byte(strings.TrimSpace(line)), &row) != nil || row["item"].S == "" {
			continue
		}
		var item register.Item
		if err := json.Unmarshal([]byte(row["item"].S), &item); err != nil {
			w.t.Errorf("the register's item is not one: %v", err)
		}
		if len(item.Secrets) >= len(found.Secrets) { // of two applications one item knows the secret
			found = item
		}
	}
	return found
}

// commanded records that an emergency is commanded now: everything that PingOne accepts
// must die.
func (p *promise) commanded(how rotation.Emergency) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn()
	now := p.w.ping.Now()
	l := &leak{at: now, contain: how == rotation.Contain, victims: map[secretOf]bool{}}
	for _, s := range p.subjects {
		for _, client := range []string{s.client, s.twin} {
			if a := p.accounts[client]; a != nil {
				for _, value := range []string{a.Value, a.Previous} {
					if value != "" {
						l.victims[secretOf{client, value}] = true
					}
				}
			}
		}
	}
	if p.leak != nil {
		for s := range p.leak.victims {
			l.victims[s] = true
		}
		l.contain = l.contain || p.leak.contain
	}
	if l.contain {
		p.may[byContain] = true
	}
	p.leak = l
}

// concluded reports whether the register has shown that the emergency has ended.
func (p *promise) concluded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leak.over
}

// watchEmergency checks I7 when the register shows that the emergency has ended.
func (p *promise) watchEmergency() {
	item := p.w.item()
	if item.Emergency != nil {
		rows := p.w.db.Dump()
		for _, id := range item.Emergency.Commands {
			if !strings.Contains(rows, "#"+id+`"},"format":{"N":"1"},"subject":{"S":"emergencies"}`) {
				p.breach("I7: the emergency %s is open, and the register's table does not list it", id)
			}
		}
	}
	if over := item.Emergency == nil && item.Ended.Has(p.w.order); over && !p.leak.over {
		p.leak.over = true
		p.ended("the register")
	}
}

// reported checks I7 when a report says that the emergency has ended.
func (p *promise) reported(rep *rotation.Report) {
	if rep.Outcome == rotation.Ended {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended("the report")
	}
}

func (p *promise) ended(who string) {
	for s := range p.leak.victims {
		p.checks++
		if p.w.ping.AcceptedSomewhere(p.w.app.Environment, s.client, s.value) {
			p.breach("I7: %s says that the emergency has ended, and a secret works that was accepted when it began", who)
		}
	}
	for _, s := range p.subjects {
		if born := p.born[s.key()]; s.client != "" && s.name == orders && (p.leak.victims[s.key()] || born.Before(p.leak.at)) {
			p.breach("I7: %s says that the emergency has ended, and AWSCURRENT was not minted after the command", who)
		}
	}
}

// finish checks what must hold once everything has ended. The error says why the scenario's
// driver thinks that it has not.
func (p *promise) finish(err error) {
	p.passed()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.breach("I4: not finished: %v", err)
	}
	for _, s := range p.subjects {
		if a := p.accounts[s.client]; a != nil && a.Value != s.secret {
			p.breach("I3: AWSCURRENT of %s is not PingOne's current secret", s.name)
		}
	}
	if p.leak != nil && err == nil && p.w.item().Emergency != nil {
		p.breach("I4: the emergency is still open")
	}
}

// silent checks I6.
func (p *promise) silent(err error) {
	if leak := p.w.leaks(append(p.w.reports, fmt.Sprint(err))...); leak != "" {
		p.breach("I6: %s", leak)
	}
}

// free checks the last part of I4: a rotation may begin.
func (p *promise) free() {
	for _, s := range p.subjects {
		if p.w.blocked(s.name) {
			p.mu.Lock()
			p.breach("I4: AWSPENDING is left on a version of %s, and no rotation may begin", s.name)
			p.mu.Unlock()
		}
	}
}

// blocked reports whether AWSPENDING keeps Secrets Manager from beginning a rotation. If
// the version has no value, Secrets Manager itself tries again to fill it.
func (w *world) blocked(name string) bool {
	id := w.sm.VersionID(name, "AWSPENDING")
	_, stored := w.sm.Value(name, "AWSPENDING")
	return stored && id != w.sm.VersionID(name, "AWSCURRENT")
}

// console regenerates a client's secret as a person does at the console. The previous
// secret lives for the retention, if there is one.
func (p *promise) console(client string, retain time.Duration) {
	why := byConsole
	if retain > 0 {
		p.mu.Lock()
		p.retained[p.w.ping.Secret(p.w.app.Environment, client).Value] = true
		p.mu.Unlock()
	}
	p.do(why, func() { p.w.ping.Regenerate(p.w.app.Environment, client, retain) })
}

// live returns PingOne's secret of the client in use.
func (w *world) live() secretOf {
	return secretOf{w.client(), w.ping.Secret(w.app.Environment, w.client()).Value}
}

// works reports whether AWSCURRENT authenticates. Before it holds a secret, that cannot be
// told.
func (w *world) works() bool {
	s := w.secret("AWSCURRENT")
	return s == "" || w.ping.Authenticates(w.app.Environment, w.client(), s)
}
