package rotation_test

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/pingone/pingonetest"
)

// The checker excuses a dead AWSCURRENT for the causes that the promise names, and for
// no other. Each is asserted to be the cause: by whose act the secret died, and what the
// one who acted could have seen.
const (
	byConsoleInWalk = "a console regenerated without retention, or twice"
	unseenAct       = "a console regenerated with retention between a look and the act that it led to"
	byHandInWalk    = "a person moved AWSCURRENT"
	onPurpose       = "an emergency contains the leak"
	tooLate         = "a request was applied a lease after it was sent"
)

// slack is for how long reads and PingOne's clock may differ from the checker's.
const slack = 2 * time.Minute

// checkCurrent checks I1 for a managed secret. The lock is held.
func (w *walk) checkCurrent(sec *walkSecret) {
	secret := sec.current.ClientSecret
	if secret == "" || !sec.deleted.IsZero() { // which no consumer can read
		sec.dead = false
		return
	}
	w.looks++
	k := w.clients[sec.current.ClientID]
	if k != nil && k.alive(secret, w.ping.Now()) {
		sec.dead = false
		return
	}
	if !sec.dead {
		sec.dead, sec.excuse = true, w.cause(sec, k)
		if sec.excuse == "" {
			w.breach("I1: AWSCURRENT of %s is dead%s", sec.name, w.obituary(k, secret))
		}
	}
	if sec.excuse != "" {
		w.excused[sec.excuse]++
	}
}

// cause returns the exception by which AWSCURRENT is dead, "" if it is none.
func (w *walk) cause(sec *walkSecret, k *walkClient) string {
	if k == nil {
		return map[bool]string{true: byHandInWalk}[sec.byPerson]
	}
	d, known := k.died[sec.current.ClientSecret]
	switch {
	case !known || d.n <= sec.placedN: // it was dead when it became AWSCURRENT
		if sec.byPerson {
			return byHandInWalk
		}
		return w.placedUnseen(sec, k, d)
	case d.how == "a person":
		return byConsoleInWalk
	case d.late:
		return tooLate
	case d.how != "expiry" && sec.group.contains:
		return onPurpose
	case d.how != "expiry" && d.unseen:
		return unseenAct
	case d.how != "expiry" && sec.byPerson && d.inv != nil && !sec.placed.Before(d.inv.stored[sec.name]):
		return byHandInWalk // the killer's last look shows what was AWSCURRENT before
	}
	return ""
}

// placedUnseen is about a dead secret that a rotation promoted.
func (w *walk) placedUnseen(sec *walkSecret, k *walkClient, d deathInWalk) string {
	inv := w.owner()
	if inv == nil || d.how != "a person" {
		return ""
	}
	if view, ok := inv.views[k.app.ID]; ok && !d.at.Before(view) {
		return byConsoleInWalk
	}
	return ""
}

// obituary says how a secret died.
func (w *walk) obituary(k *walkClient, secret string) string {
	if k == nil {
		return ", of an application that is not its own"
	}
	d, ok := k.died[secret]
	if !ok {
		return ", and PingOne never made it"
	}
	how := ": it died by " + d.how + " at " + d.at.Format("02 15:04:05")
	if b := k.born[k.cur]; b.by != "us" {
		how += ", and PingOne's was made by " + b.by + " at " + b.at.Format("02 15:04:05")
	}
	return how
}

// minted checks I2 and I8 for a mint of ours. The lock is held.
func (w *walk) minted(k *walkClient, c fault.Call, before string, late bool) {
	w.seen["mint"] = true
	in := k.group.item.Intent
	switch {
	case late:
		w.seen["late mint"] = true
	case w.cutOff:
		w.breach("section 4: a mint while the register is out of reach")
	case in == nil || in.Act != register.Mint || in.Application != k.app.ID:
		w.breach("section 4: %s was minted, and the register does not announce it: %+v", k.app.Name, in)
	}
	sec := w.secretOf(c.Trace)
	if sec != nil && sec.group != k.group {
		w.breach("I8: the rotation %s of %s has minted a secret of %s", c.Trace, sec.name, k.app.Name)
	}
	if sec == nil || late || in == nil || in.By == "emergency" {
		return
	}
	if sec.mints[c.Trace]++; sec.mints[c.Trace] > 1 {
		w.breach("I2: the rotation %s of %s has minted %d times", c.Trace, sec.name, sec.mints[c.Trace])
	}
	if k == w.clients[sec.current.ClientID] && sec.alternating {
		w.breach("I1: the rotation %s has minted a secret of %s that is in use", c.Trace, sec.name)
	}
	if p := k.group.graces[before]; p != nil && p.alternating {
		delete(k.group.graces, before) // until the next rotation
	}
}

// secretOf returns the managed secret that a rotation is of.
func (w *walk) secretOf(token string) *walkSecret {
	for _, sec := range w.secrets {
		if token != "" && (slices.Contains(sec.begun, token) || slices.Contains(sec.campaign, token)) {
			return sec
		}
	}
	return nil
}

// lost checks I5 when a secret has died. The lock is held.
func (w *walk) lost(k *walkClient, secret string, d deathInWalk) {
	g := k.group
	p := g.graces[secret]
	if p == nil {
		w.usedAfterGrace(k, d)
		return
	}
	delete(g.graces, secret)
	switch {
	case g.item.Emergency != nil || !g.ended.Before(p.since): // which ends it
	case d.how == "a person" || d.late || d.unseen || d.person && d.how == "expiry":
	case p.alternating:
		w.breach("I5: AWSPREVIOUS of %s died, and there was no rotation since%s", p.secret.name, w.obituary(k, secret))
	case !d.at.Before(p.until.Add(-slack)):
		w.usedAfterGrace(k, d)
	case d.how == "mint" && d.at.Sub(latest(p.since, d.used)) >= 2*time.Hour-slack: // consumers have let go of it
	default:
		w.breach("I5: a replaced secret of %s died %v before the end of its grace, last used %v ago%s", p.secret.name, p.until.Sub(d.at), d.at.Sub(d.used), w.obituary(k, secret))
	}
}

// usedAfterGrace checks that what an audit ends is idle.
func (w *walk) usedAfterGrace(k *walkClient, d deathInWalk) {
	if d.how == "delete" && !d.late && k.group.item.Emergency == nil && d.at.Sub(d.used) < 2*time.Hour-slack {
		w.breach("I5: a secret of %s was ended that consumers had used %v before", k.app.Name, d.at.Sub(d.used))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// promotedTo checks what a rotation made AWSCURRENT. A secret that a person had moved
// AWSCURRENT back to lives no longer than it did. The lock is held.
func (w *walk) promotedTo(sec *walkSecret, was walkDocument, byHandInWalk bool) {
	now := w.ping.Now()
	k := w.clients[sec.current.ClientID]
	if k == nil || k.group != sec.group {
		w.breach("I8: AWSCURRENT of %s names another application, %s", sec.name, sec.current.ClientID)
		return
	}
	if sec.current.ClientSecret != k.cur && w.owner() != nil && !w.unseen(k, w.owner()) {
		w.breach("section 5: AWSCURRENT of %s moved to a secret that is not PingOne's current one%s", sec.name, w.obituary(k, sec.current.ClientSecret))
	}
	w.ping.UpdateApplication(k.app.Environment, k.app.ID, func(a *pingonetest.Application) { // a rotation changes the twin's
		k.app.TokenEndpointAuthMethod = a.TokenEndpointAuthMethod
	})
	if m := sec.current.TokenEndpointAuthMethod; m != k.app.TokenEndpointAuthMethod && !k.changed(now) {
		w.breach("I1: consumers of %s were given the method %s of an application that uses %s", sec.name, m, k.app.TokenEndpointAuthMethod)
	}
	if sec.group.item.Emergency == nil && !k.disabled && !w.ping.AcceptedSomewhere(k.app.Environment, k.app.ClientID, sec.current.ClientSecret) && k.alive(sec.current.ClientSecret, now) && !k.changed(now) {
		w.breach("I1: %s was given a secret that no host of PingOne accepts yet", sec.name)
	}
	old := w.clients[was.ClientID]
	if old == nil || was.ClientSecret == "" || was.ClientSecret == sec.current.ClientSecret || !old.alive(was.ClientSecret, now) {
		return
	}
	p := &promised{since: now, until: now.Add(sec.grace), secret: sec, alternating: old != k}
	if byHandInWalk && was.ClientSecret == old.prev && old.expires.Before(p.until) {
		p.until = old.expires
	}
	if p.alternating {
		p.until = now.Add(1000 * 24 * time.Hour)
		if was.ClientSecret != old.cur { // it ends with its fuse
			return
		}
	}
	sec.group.graces[was.ClientSecret] = p
}

// changed reports whether a person has just changed how the application authenticates.
func (k *walkClient) changed(now time.Time) bool { return now.Sub(k.edited) < slack }

// checkEnded checks I7 when the register records that an emergency has ended, by what
// PingOne truly accepts at this moment. The lock is held.
func (w *walk) checkEnded(g *walkGroup, e *register.Emergency) {
	w.seen["emergency ended"] = true
	now := w.ping.Now()
	for _, id := range e.Commands {
		cmd := g.commands[id]
		if cmd == nil {
			continue
		}
		for secret, k := range cmd.accepted {
			if k.alive(secret, now) || !k.disabled && w.ping.AcceptedSomewhere(k.app.Environment, k.app.ClientID, secret) {
				w.breach("I7: the emergency of %s has ended, and a secret of %s that PingOne accepted then is accepted", cmd.at.Format("02 15:04:05"), k.app.Name)
			}
		}
		for _, sec := range g.secrets {
			k := w.clients[sec.current.ClientID]
			if k == nil || sec.current.ClientSecret == "" || !sec.deleted.IsZero() || sec.byPerson && !sec.placed.Before(cmd.at) {
				continue
			}
			if _, then := cmd.accepted[sec.current.ClientSecret]; then || k.born[sec.current.ClientSecret].at.Before(cmd.at) {
				w.breach("I7: the emergency of %s has ended, and AWSCURRENT of %s is older", cmd.at.Format("02 15:04:05"), sec.name)
			}
		}
	}
}

// A walkBystander is what no rotation may touch.
type walkBystander struct {
	client *walkClient
	lines  string
}

const bystanderName = "pingone/bystander"

// addBystander adds an application and a secret that the function has no business with,
// though the admins could reach both.
func (w *walk) addBystander() {
	g := &walkGroup{graces: map[string]*promised{}, commands: map[string]*command{}}
	w.bystander.client = w.known(g, w.ping.AddApplication(pingonetest.Application{Name: bystanderName}))
	w.sm.Put(bystanderName, encode(document(w.bystander.client.app)))
	w.bystander.lines = w.bystanding()
}

// bystanding describes what no rotation may touch.
func (w *walk) bystanding() string {
	_, own, _ := strings.Cut(w.ping.Dump(), " application "+w.bystander.client.app.ID)
	own, _, _ = strings.Cut(own, "environment ")
	_, stored, _ := strings.Cut(w.sm.Dump(), bystanderName)
	stored, _, _ = strings.Cut(stored, "pingone/")
	return own + stored
}

// checkBystander checks I8 at the end.
func (w *walk) checkBystander() {
	if got := w.bystanding(); got != w.bystander.lines {
		w.breach("I8: what is none of the function's business has changed:\n%s\nit was\n%s", got, w.bystander.lines)
	}
}

var applicationLine = regexp.MustCompile(`(?m)^environment (\S+) application (\S+) `)

// created takes up the application that a rotation has created: the twin, and no other.
// The lock is held.
func (w *walk) created(c fault.Call) {
	sec := w.secrets[twins]
	for _, m := range applicationLine.FindAllStringSubmatch(w.ping.Dump(), -1) {
		if w.clients[m[2]] != nil {
			continue
		}
		if len(sec.group.clients) > 1 || w.secretOf(c.Trace) != nil && w.secretOf(c.Trace) != sec {
			w.breach("I8: %s has created an application", c.Trace)
		}
		app := sec.group.clients[0].app
		app.ID, app.ClientID, app.Name, app.Environment = m[2], m[2], "the twin of "+sec.name, m[1]
		w.known(sec.group, app)
	}
}
