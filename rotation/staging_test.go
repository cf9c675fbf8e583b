package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// A staging is one interleaving.
type staging struct {
	graph *graph
	duel  duel
	w     *world
	known *symbols
	stage *stage

	faults, stale int       // that may still come
	sent          time.Time // when the late request was sent
	fate          atomic.Pointer[choice]

	mu       sync.Mutex
	story    []string
	breaches []string
	minted   map[string]int // by who asked
	victims  []secretOf     // what PingOne accepted when an emergency was given
	told     map[secretOf]bool
	thief    thief
}

// stagePlay brings the actors on.
func stagePlay(g *graph, w *world) *staging {
	k := &symbols{w: w, clients: []string{w.client()}, born: map[string]time.Time{}}
	if id := w.twin(); id != "" {
		k.clients = append(k.clients, id)
	}
	k.whole()
	p := &staging{graph: g, duel: g.duel, w: w, known: k, stage: &stage{known: k, stir: make(chan struct{}, 1)}, faults: g.duel.faults, stale: g.duel.stale,
		minted: map[string]int{}, told: map[secretOf]bool{}, thief: thief{first: w.sm.VersionID(orders, "AWSCURRENT")}}
	p.thief.text, _ = w.sm.Value(orders, "AWSCURRENT")
	before := func(c fault.Call) fault.Kind {
		if f := p.fate.Load(); f != nil {
			return f.fate.kind
		}
		return fault.None
	}
	lag := func(c fault.Call) fault.Lag {
		if f := p.fate.Load(); f != nil && f.stale {
			return fault.Lag{Changes: 1}
		}
		return fault.Lag{}
	}
	for _, l := range []*fault.Line{w.ping.Line, w.sm.Line, w.db.Line} {
		l.Before(before)
		l.After(p.after)
		l.Lag(lag)
	}
	for i, events := range g.duel.actors {
		ctx, die := context.WithCancel(w.t.Context())
		a := &actor{name: string(rune('A' + i)), die: die}
		a.rotator = p.stage.process(a)
		p.stage.actors = append(p.stage.actors, a)
		go func() {
			defer p.stage.end(a)
			if i > 0 && p.stage.enter(a, call{action: "begin"}) != nil {
				return
			}
			for n, ev := range events(w) {
				p.stage.mu.Lock()
				a.step, a.seen = n, ""
				p.stage.mu.Unlock()
				if act := thefts[string(ev)]; act != nil {
					if p.stage.enter(a, call{action: string(ev)}) != nil {
						return
					}
					act(p)
					continue
				}
				p.given(ev)
				limited, cancel := context.WithTimeout(ctx, 5*time.Minute)
				report, err := a.rotator.Handle(limited, ev)
				cancel()
				if rep, ok := report.(*rotation.Report); ok && rep.Outcome == rotation.Ended && rep.Action == rotation.ActionEnd {
					p.endedEarly(rep)
				} else if ok && rep.Outcome == rotation.Ended {
					p.ended()
				}
				if err != nil {
					break // Secrets Manager sends no further step
				}
			}
		}()
	}
	return p
}

// choices lists what the director can do.
func (p *staging) choices() (all []choice) {
	all = p.stage.choices()
	for _, c := range slices.Clone(all) {
		if p.stale > 0 && p.lags(c.call) {
			c := c
			c.stale = true
			all = append(all, c)
		}
		if p.faults > 0 && (c.call.kind == "PutItem" || c.call.secret && !c.call.writes) {
			c := c
			c.pause = true
			all = append(all, c)
		}
		if p.faults > 0 && c.call.writes {
			for _, f := range writeFates {
				if (f.kind == fault.LateHang) != c.call.secret && f.kind == fault.LateHang && c.call.kind != "UpdateSecretVersionStage" {
					continue // only lateness of an act that cannot be undone matters
				}
				c := c
				c.fate = f
				all = append(all, c)
			}
		}
	}
	if p.late() {
		all = append(all, choice{deliver: true})
	}
	return all
}

// lags reports whether a read may show the state before the last change, because that was
// too short a time ago for any page to promise more.
func (p *staging) lags(c call) bool {
	if c.writes || !(c.kind == "DescribeSecret" || c.kind == "GetSecretValue" || c.secret) || c.about == "of the admin" {
		return false
	}
	return p.known.w.ping.Now().Sub(p.known.changed) < register.ReadLag || c.secret
}

// late reports whether a late request may still arrive.
func (p *staging) late() bool {
	held := len(p.w.ping.Held())+len(p.w.sm.Held()) > 0
	return held && p.w.ping.Now().Sub(p.sent) < lateness
}

// pass carries out a choice.
func (p *staging) pass(c choice) {
	if c.deliver {
		p.note(c.String())
		p.w.ping.Deliver()
		p.w.sm.Deliver()
		return
	}
	p.note(p.stage.actors[c.who].name + " " + c.String())
	if c.pause {
		p.faults--
		p.stage.pause(c)
		return
	}
	t := p.stage.take(c)
	if c.stale {
		p.stale--
	}
	if c.fate != (fate{}) {
		p.faults--
		p.sent = p.w.ping.Now()
	}
	if c.fate.death && !c.fate.kind.Applies() && !c.fate.kind.Holds() {
		t.pass <- errKilled
		p.stage.kill(c.who)
		return
	}
	p.fate.Store(&c)
	t.pass <- nil
	if c.fate.death {
		p.stage.ready() // the call has had its effect
		p.stage.kill(c.who)
	}
}

func (p *staging) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.story = append(p.story, fmt.Sprintf("%v %s", p.w.ping.Now().Format("15:04:05"), line))
}

func (p *staging) breach(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	p.breaches = append(p.breaches, line)
	p.story = append(p.story, "BREACH "+line)
}

func (p *staging) failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.breaches) > 0
}

// after looks at the world after each call.
func (p *staging) after(c fault.Call, k fault.Kind) {
	p.fate.Store(nil) // a fate is one call's
	p.alive(fmt.Sprintf("after %v (%v)", c, k))
	if c.Operation == "POST application secret" && k.Applies() {
		p.mu.Lock()
		p.minted[c.Trace]++
		n := p.minted[c.Trace]
		all := 0
		for _, n := range p.minted {
			all += n
		}
		p.mu.Unlock()
		if !p.duel.leak && n > 1 {
			p.breach("I2: %d mints of rotation %s, after %v (%v), %v", n, p.known.version(c.Trace), c, k, p.minted)
		}
		if p.duel.mints > 0 && all > p.duel.mints {
			p.breach("I2: %d mints", all)
		}
	}
}

// alive checks that AWSCURRENT authenticates. The one exception is an emergency to
// contain that the register has marked and not ended: it lets AWSCURRENT die on purpose.
func (p *staging) alive(when string) {
	p.graph.looks.Add(1)
	if c := p.copied(); c.value != "" && !p.w.ping.Authenticates(p.w.app.Environment, c.client, c.value) && !p.told[c] && !(p.duel.contain && p.containing()) {
		p.told[c] = true
		p.breach("I1: AWSCURRENT of the other managed secret does not authenticate, %s", when)
	}
	s := secretOf{p.w.client(), p.w.secret("AWSCURRENT")}
	stolen := p.stolen()
	switch {
	case p.w.works() || p.told[s]:
	case stolen:
		p.graph.stolen.Add(1)
	case p.duel.contain && p.containing():
		p.graph.excused.Add(1)
	default:
		p.told[s] = true
		p.breach("I1: AWSCURRENT does not authenticate, %s", when)
	}
}

// copied is the secret that the client's other managed secret holds; zero if there is none.
func (p *staging) copied() secretOf {
	if p.duel.copied == nil {
		return secretOf{}
	}
	var d struct{ ClientID, ClientSecret string }
	text, _ := p.w.sm.Value(copyName, "AWSCURRENT")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		p.breach("AWSCURRENT of the other managed secret is not JSON: %v", err)
	}
	return secretOf{d.ClientID, d.ClientSecret}
}

// containing reports whether the register has an open emergency to contain.
func (p *staging) containing() bool {
	for _, item := range p.known.items() {
		if item.Emergency != nil && item.Emergency.How == plan.Contain {
			return true
		}
	}
	return false
}

// given records what must die when an emergency is commanded.
func (p *staging) given(event []byte) {
	if !strings.Contains(string(event), "emergency") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.known.clients {
		live := p.w.ping.Secret(p.w.app.Environment, id)
		for _, s := range []string{live.Value, live.Previous} {
			if s != "" {
				p.victims = append(p.victims, secretOf{id, s})
			}
		}
	}
}

// ended checks what must hold when an emergency has ended.
func (p *staging) ended() {
	for _, v := range p.victims {
		if p.w.ping.AcceptedSomewhere(p.w.app.Environment, v.client, v.value) {
			p.breach("I7: ended, and PingOne accepts a secret that it accepted when the emergency was given")
		}
	}
	if p.stolen() {
		return // not yet; this is checked again after audits
	}
	if s := (secretOf{p.w.client(), p.w.secret("AWSCURRENT")}); slices.Contains(p.victims, s) || !p.w.works() {
		p.breach("I7: ended, and AWSCURRENT was not minted afterwards, or is dead")
	}
}

// endedEarly checks what must hold when previous secrets were ended early.
func (p *staging) endedEarly(rep *rotation.Report) {
	for _, id := range p.known.clients {
		live := p.w.ping.Secret(p.w.app.Environment, id)
		for _, s := range []string{live.Value, live.Previous} {
			for _, m := range rep.Refused {
				if s != "" && m.Fingerprint == pingone.NewSecret(s).Fingerprint() {
					p.breach("a previous secret was reported to have ended, and PingOne accepts it")
				}
			}
		}
	}
}

// settle plays audits alone, then Secrets Manager, and checks that all ends well. Requests
// that are still late then never arrive.
func (p *staging) settle() {
	w := p.w
	w.connect(&memory.Transport{Handler: w.ping}, &memory.Transport{Handler: w.sm}, &memory.Transport{Handler: w.db})
	for _, d := range []time.Duration{3 * time.Minute, 22 * time.Hour, time.Hour, time.Hour, 25 * time.Hour} {
		w.advance(d)
		p.alive(fmt.Sprintf("%v after the last audit", d))
		w.audit()
	}
	p.note("(audits for 50 h)")
	for _, item := range p.known.items() {
		if item.Emergency != nil {
			p.breach("I4: the emergency is still open")
		}
		if item.Ended != nil {
			p.ended()
		}
	}
	switch {
	case p.failed():
		return
	case !w.promoted():
		p.breach("I4: audits have left AWSCURRENT behind")
	case p.duel.copied != nil && p.copied() != w.live():
		p.breach("I4: audits have left AWSCURRENT of the other managed secret behind")
	}
	var err error
	for range 3 {
		w.advance(3 * time.Minute)
		if err = w.sm.Attempt(w.t.Context(), orders); errors.Is(err, secretsmanagertest.ErrNoRotation) {
			err = w.sm.Rotate(w.t.Context(), orders)
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		p.breach("I4: no rotation succeeds afterwards: %v", err)
	}
	if leak := w.leaks(); leak != "" {
		p.breach("I6: %s", leak)
	}
}

func (p *staging) report() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s: %s\n  %s\n%s%s%s%s", p.duel.name, strings.Join(p.breaches, "; "), strings.Join(p.story, "\n  "), p.w.sm.Dump(), p.w.ping.Dump(), p.w.db.Dump(), p.w.log)
}
