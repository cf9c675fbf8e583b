package rotation_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// A promise watches a world, call by call, and notes each breach of what the product
// promises:
//
//	I1 available           AWSCURRENT authenticates
//	I2 one mint            one rotation regenerates at most once, an emergency once for each application
//	I3 nothing lost        what PingOne has as current ends up as AWSCURRENT
//	I4 it ends             once faults stop, what was begun is finished, and a rotation may begin
//	I5 grace               a replaced secret works until its grace has ended, counted from the promotion
//	I6 silent              no secret is in a log, an error or a report
//	I7 ended means ended   nothing that PingOne accepted when an emergency began works when it has ended
//
// I1, I2, I5 and I7 are checked after every remote call, in the instant after the service
// has acted and before its caller learns of it, and whenever time passes; the others at
// the end. It does not know how the product decides, except which rotation or
// emergency the register names as the author of a mint.
//
// Only a [cause] that the scenario declares excuses a breach, and only if the promise saw
// that cause end the secret in question.
type promise struct {
	w        *world
	may      map[cause]bool // causes that the scenario is about
	mintable int            // the most mints of an emergency for one application

	mu       sync.Mutex
	subjects []*subject
	accounts map[string]*account         // by client id
	dead     map[secretOf]death          // secrets that have ended
	born     map[secretOf]time.Time      // when PingOne made a secret
	graces   map[secretOf]grace          // replaced secrets that must still work
	minted   map[string]int              // regenerations, by who announced them
	orphans  map[string]*register.Intent // of mints that were sent when the item that announced them was lost
	sent     map[string]time.Time        // calls that are held
	repeats  map[string]bool             // of those, copies of calls that were served
	retained map[string]bool             // replaced secrets whose end a person has set
	changed  map[string]time.Time        // when a call last changed a managed secret
	leak     *leak                       // the emergency that was commanded
	refused  bool                        // a call was, since then

	calls    []string
	breaches []string
	said     map[string]bool
	checks   int // of I1 and I5
	excused  map[cause]int
}

// A cause is one of the exceptions to I1 that the design lists, or lies in a service's nature.
type cause string

const (
	byConsole  cause = "a console regenerated without retention"
	byHand     cause = "AWSCURRENT was changed manually"
	byRefusal  cause = "what an emergency needs to serve another managed secret was refused"
	byContain  cause = "contain ends the leaked secret first"
	byLateness cause = "PingOne applied a request later than a lease after it was sent"
	byProxy    cause = "a proxy sent a request twice"
	bySigning  cause = "the previous secret signs no assertions"
)

// A subject is a managed secret.
type subject struct {
	name string
	text string // AWSCURRENT at the last look
	had  bool   // AWSCURRENT has held a secret
	held
}

// held is what a stored document says that the promise is about.
type held struct {
	client, secret, twin string
	grace                time.Duration
	whenIdle             bool
}

func (h held) key() secretOf { return secretOf{h.client, h.secret} }

// A secretOf is a client's secret.
type secretOf struct{ client, value string }

// An account is what PingOne had of one client's secrets at the last look.
type account struct{ pingonetest.Secret }

type death struct {
	at    time.Time
	cause cause // "" if the product ended it
	early bool  // because a person had it ended before its grace
	call  string
}

// A leak is an emergency from the command on.
type leak struct {
	at      time.Time
	contain bool
	victims map[secretOf]bool
	over    bool // the register has shown it as ended
}

// watch begins to watch the managed secrets, [orders] if none is named.
func watch(w *world, names ...string) *promise {
	if len(names) == 0 {
		names = []string{orders}
	}
	p := &promise{
		w: w, may: map[cause]bool{}, mintable: 1, accounts: map[string]*account{}, dead: map[secretOf]death{}, born: map[secretOf]time.Time{},
		graces: map[secretOf]grace{}, minted: map[string]int{}, orphans: map[string]*register.Intent{}, sent: map[string]time.Time{}, repeats: map[string]bool{}, changed: map[string]time.Time{},
		retained: map[string]bool{}, said: map[string]bool{}, excused: map[cause]int{},
	}
	p.learn()
	for _, name := range names {
		s := &subject{name: name}
		p.subjects = append(p.subjects, s)
		p.read(s)
	}
	w.ping.After(p.after)
	w.sm.After(p.after)
	w.db.After(p.after)
	return p
}

// add begins to watch another managed secret.
func (p *promise) add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn()
	s := &subject{name: name}
	p.subjects = append(p.subjects, s)
	p.read(s)
}

// restart starts again, after the managed secret was pointed at another client.
func (p *promise) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.graces)
	p.breaches = nil
	clear(p.said)
	p.learn()
	for _, s := range p.subjects {
		p.read(s)
	}
}

// after is the hook that runs when a service has acted.
func (p *promise) after(c fault.Call, k fault.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := c.String()
	if k != fault.None {
		line += " (" + k.String() + ")"
	}
	p.calls = append(p.calls, p.w.ping.Now().Format("15:04:05.000 ")+line)
	if k.Holds() {
		p.sent[serial(c)], p.repeats[serial(c)] = p.w.ping.Now(), k == fault.TwiceLate
	}
	if c.Operation == pingonetest.OpCreateApplication || c.Operation == pingonetest.OpCreateResource {
		p.learn()
	}
	switch c.Operation {
	case "PutSecretValue", "UpdateSecretVersionStage":
		if k.Applies() || k == fault.Delivered {
			p.changed[c.Target] = p.w.ping.Now()
		}
	}
	p.look(&c, k, "")
}

func serial(c fault.Call) string { return fmt.Sprint(c.Service, c.N) }

// passed checks after time has passed.
func (p *promise) passed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look(nil, fault.None, "")
}

// do does something on a person's behalf, which the promise counts as the cause.
func (p *promise) do(why cause, act func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look(nil, fault.None, "")
	p.mu.Unlock()
	act()
	p.mu.Lock()
	p.calls = append(p.calls, p.w.ping.Now().Format("15:04:05.000 ")+"("+string(why)+")")
	p.look(nil, fault.None, why)
}

// look compares the world with what it was. The lock is held.
func (p *promise) look(c *fault.Call, k fault.Kind, why cause) {
	now := p.w.ping.Now()
	p.refused = p.refused || p.leak != nil && k == fault.Denied
	applied := c != nil && (k.Applies() || k == fault.Delivered)
	p.accountFor(c, k, why, now)
	for _, s := range p.subjects {
		was := s.held
		if !p.read(s) || was.secret == s.secret && was.client == s.client {
			continue
		}
		p.replaced(s, was, now)
		if s.secret != "" && !p.accepted(s.key()) {
			if why == byHand {
				p.dead[s.key()] = death{at: now, cause: byHand, call: "manually"}
			} else {
				p.breach("I1: %s has been given a secret that does not work", s.name)
			}
		}
	}
	if applied && c.Service == "dynamodb" && p.leak != nil {
		p.watchEmergency()
	}
	for _, s := range p.subjects {
		p.available(s)
	}
	p.keepGraces(now)
}

// accountFor compares PingOne's secrets with the last look, and records what was made and
// what has ended.
func (p *promise) accountFor(c *fault.Call, k fault.Kind, why cause, now time.Time) {
	for _, client := range slices.Sorted(maps.Keys(p.accounts)) {
		a := p.accounts[client]
		is := p.w.ping.Secret(p.w.app.Environment, client)
		was := a.Secret
		a.Secret = is
		if is.Value != was.Value {
			p.born[secretOf{client, is.Value}] = now
			if c != nil && why == "" {
				p.mint(client, *c, k, now)
			}
		}
		for _, value := range []string{was.Value, was.Previous} {
			if value == "" || value == is.Value || value == is.Previous {
				continue
			}
			in := p.w.item().Intent
			early := in != nil && in.By == plan.ByEnding && in.Act == register.End && pingone.NewSecret(value).Fingerprint() == in.Before
			d := death{at: now, cause: p.causeOf(c, k, why, now), call: "time", early: early}
			if value == was.Previous && !now.Before(was.PreviousExpiresAt) {
				d.cause = ""
			} else if c != nil {
				d.call = c.String()
			}
			p.dead[secretOf{client, value}] = d
		}
	}
}

// causeOf returns what ended a secret, if it was not the product.
func (p *promise) causeOf(c *fault.Call, k fault.Kind, why cause, now time.Time) cause {
	switch {
	case why != "" || c == nil:
		return why
	case k == fault.Delivered && now.Sub(p.sent[serial(*c)]) > leaseTime:
		return byLateness
	case c.Repeat && (k == fault.Twice || k == fault.Delivered && p.repeats[serial(*c)]):
		return byProxy
	}
	return ""
}

// leaseTime is how late a request may take effect, at the latest, by what section 2 says.
const leaseTime = 40 * time.Second

// losing records that the register's item is about to be lost while a call is on its way. A
// mint that the item announced was announced.
func (p *promise) losing(c fault.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if regenerates(c) {
		p.orphans[serial(c)] = p.w.item().Intent
	}
}

// regenerates reports whether a call makes PingOne mint.
func regenerates(c fault.Call) bool {
	return c.Operation == pingonetest.OpRegenerateSecret || c.Operation == pingonetest.OpRegenerateResourceSecret
}

// mint counts a regeneration for the rotation or the emergency that announced it.
func (p *promise) mint(client string, c fault.Call, k fault.Kind, now time.Time) {
	if p.causeOf(&c, k, "", now) == byProxy {
		return // it was sent once
	}
	in := p.w.item().Intent
	if of, ok := p.orphans[serial(c)]; ok {
		in = of
	}
	who, most := "", 1
	switch {
	case in == nil || in.Application != client:
		who = "trace " + c.Trace // the intent has been resolved meanwhile: the request was late
		if k != fault.Delivered {
			p.breach("I2: the mint of %s was not announced in the register", c.Trace)
		}
	case in.By == plan.ByEmergency:
		who, most = "emergency", p.mintable
	default:
		who = in.By + " " + in.Secret + " " + in.Rotation
	}
	who += " for " + client
	if p.minted[who]++; p.minted[who] > most {
		p.breach("I2: %d regenerations by %s", p.minted[who], who)
	}
}

// read takes up what AWSCURRENT is, and reports whether that has changed.
func (p *promise) read(s *subject) bool {
	text, _ := p.w.sm.Value(s.name, "AWSCURRENT")
	if text == s.text {
		return false
	}
	s.text, s.held = text, parseHeld(text)
	s.had = s.had || s.secret != ""
	return true
}

func parseHeld(text string) held {
	var d struct {
		ClientID, ClientSecret string
		Rotation               struct {
			Twin, Grace    string
			RevokeWhenIdle bool
		}
	}
	json.Unmarshal([]byte(text), &d) // what is not a document holds nothing
	h := held{client: d.ClientID, secret: d.ClientSecret, twin: d.Rotation.Twin, grace: 24 * time.Hour, whenIdle: d.Rotation.RevokeWhenIdle}
	if g, err := time.ParseDuration(d.Rotation.Grace); err == nil {
		h.grace = g
	}
	return h
}

var clientOf = regexp.MustCompile(`application (\S+) client (\S+) `)

// learn begins to watch the secrets of all applications that exist.
func (p *promise) learn() {
	for _, m := range append(clientOf.FindAllStringSubmatch(p.w.ping.Dump(), -1), []string{"", p.w.app.ID, p.w.app.ClientID}) {
		if id := m[1]; id == m[2] && id != p.w.admin.ID && id != p.w.inspector.ID && p.accounts[id] == nil {
			p.accounts[id] = &account{p.w.ping.Secret(p.w.app.Environment, id)}
		}
	}
}

// enabled reports whether the application may obtain tokens.
func (p *promise) enabled(client string) bool {
	for line := range strings.Lines(p.w.ping.Dump()) {
		if strings.Contains(line, "application "+client) {
			return !strings.HasSuffix(line, " disabled\n")
		}
	}
	return true
}

// accepted reports whether PingOne has the secret, even if its application is disabled.
func (p *promise) accepted(s secretOf) bool {
	a := p.accounts[s.client]
	return a != nil && s.value != "" && (a.Value == s.value || a.Previous == s.value)
}

// available checks I1.
func (p *promise) available(s *subject) {
	if s.secret == "" {
		return // there never was a secret, or a person removed it
	}
	p.checks++
	if p.w.ping.Authenticates(p.w.app.Environment, s.client, s.secret) || p.accepted(s.key()) && !p.enabled(s.client) {
		return
	}
	why := p.dead[s.key()].cause
	switch {
	case p.leak != nil && p.leak.contain && p.leak.victims[s.key()] && why == "":
		why = byContain
	case p.leak != nil && p.refused && s.name != orders && why == "":
		why = byRefusal
	case p.accepted(s.key()) && p.accounts[s.client].Value != s.secret && p.w.app.TokenEndpointAuthMethod == "CLIENT_SECRET_JWT":
		why = bySigning
	}
	if why != "" && p.may[why] {
		p.excused[why]++
		return
	}
	p.breach("I1: AWSCURRENT of %s does not authenticate (%s %s)", s.name, why, p.dead[s.key()].call)
}

// breach records a breach, once, with the call after which it was seen. The lock is held.
func (p *promise) breach(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.said[text] {
		return
	}
	p.said[text] = true
	at := "at the beginning"
	if n := len(p.calls); n > 0 {
		at = "after " + p.calls[n-1]
	}
	p.breaches = append(p.breaches, text+", "+at)
}

// report describes the breaches for a failed test.
func (p *promise) report() string {
	return strings.Join(p.breaches, "\n") + "\ncalls:\n  " + strings.Join(p.calls, "\n  ") +
		"\nSecrets Manager:\n" + p.w.sm.Dump() + "PingOne:\n" + p.w.ping.Dump() + "register:\n" + p.w.db.Dump() + "log:\n" + p.w.log.String() + strings.Join(p.w.reports, "\n")
}
