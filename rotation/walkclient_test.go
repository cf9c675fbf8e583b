package rotation_test

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/pingone/pingonetest"
)

// A walkClient is what the checker knows of one PingOne application: when each of its
// secrets was born, when it died, and by whose act. It knows nothing of how the rotation
// decides.
type walkClient struct {
	app      pingonetest.Application
	group    *walkGroup
	cur      string
	prev     string
	expires  time.Time // of prev
	used     time.Time // of prev, last
	byPerson bool      // the retention of prev was a person's
	born     map[string]birth
	died     map[string]deathInWalk
	disabled bool
	edited   time.Time // when a person last changed how it authenticates
}

// A walkGroup is the clients that share an item in the register, and their managed
// secrets.
type walkGroup struct {
	clients []*walkClient
	secrets []*walkSecret

	item     register.Item
	contains bool                 // an emergency that contains is open
	ended    time.Time            // when an emergency has ended last
	graces   map[string]*promised // replaced secrets that must work
	commands map[string]*command  // emergencies, by ClientRequestToken
	last     string               // of them
}

type birth struct {
	at   time.Time
	by   string // "us", "a person" or "a late request"
	call fault.Call
}

type deathInWalk struct {
	at     time.Time
	n      int    // the same in order: much may happen at one time
	how    string // "mint", "delete", "expiry" or "a person"
	late   bool   // the request was applied a lease after it was sent, or later
	inv    *invocation
	unseen bool // the killer could not have seen the secret that was current by then
	used   time.Time
	person bool // its expiry was a person's wish
}

// A promised secret was replaced, and works until its grace has ended.
type promised struct {
	since, until time.Time
	secret       *walkSecret
	alternating  bool
}

// A command is an emergency that was asked for, and all that PingOne accepted then.
type command struct {
	at       time.Time
	accepted map[string]*walkClient
}

// A walkSecret is a managed secret.
type walkSecret struct {
	name, arn   string
	index       int
	grace       time.Duration
	alternating bool
	group       *walkGroup
	begun       []string       // ClientRequestTokens of rotations, oldest first
	campaign    []string       // of manual rotations
	mints       map[string]int // by rotation
	allow       []any          // of an admin: what it serves

	text, version string
	current       walkDocument
	note          int       // a member of the document that is not the rotation's
	placed        time.Time // when AWSCURRENT came to this version
	placedN       int       // the same in order
	byPerson      bool      // a person put it there
	deleted       time.Time // when a person scheduled it for deletion; zero where that is not so
	replaced      bool      // and it holds a secret that had been replaced
	dead          bool      // AWSCURRENT's secret, as was said
	excuse        string    // the exception that was the cause
}

// allowing returns the secret's document with what it serves, if it is an admin's.
func (sec *walkSecret) allowing(d map[string]any) map[string]any {
	if sec.allow != nil {
		d["allow"] = sec.allow
	}
	return d
}

// walkDocument is what consumers read.
type walkDocument struct {
	ClientID                string
	ClientSecret            string
	TokenEndpointAuthMethod string
	Note                    int
}

// known adds an application.
func (w *walk) known(g *walkGroup, app pingonetest.Application) *walkClient {
	s := w.ping.Secret(app.Environment, app.ID)
	k := &walkClient{app: app, group: g, cur: s.Value, born: map[string]birth{}, died: map[string]deathInWalk{}}
	k.born[k.cur] = birth{at: w.ping.Now(), by: "us"}
	g.clients = append(g.clients, k)
	w.clients[app.ID], w.groups[app.ID] = k, g
	return k
}

// alive reports whether PingOne takes the secret, once all its hosts know.
func (k *walkClient) alive(secret string, now time.Time) bool {
	return secret != "" && (secret == k.cur || secret == k.prev && now.Before(k.expires))
}

// observe compares the world with what the checker knew of it, after a call that was
// applied or not. The lock is held.
func (w *walk) observe(c fault.Call, kind fault.Kind) {
	applied := kind.Applies()
	inv := w.owners[idOf(c)]
	now := w.ping.Now()
	if applied && inv != nil {
		switch c.Operation {
		case pingonetest.OpReadSecret:
			inv.views[c.Target] = now.Add(-c.Lag.Age)
		case "DescribeSecret", "GetSecretValue":
			inv.stored[c.Target] = now.Add(-c.Lag.Age)
		}
	}
	if applied && c.Operation == pingonetest.OpCreateApplication {
		w.created(c)
	}
	late := !w.sent[idOf(c)].IsZero() && now.Sub(w.sent[idOf(c)]) >= register.LeaseTime
	by := "us"
	if late {
		by = "a late request"
	}
	w.compare(c, by, late, inv)
	if applied && c.Service == "dynamodb" {
		w.readRegister(c)
	}
	if c.Operation == pingonetest.OpRegenerateSecret && inv != nil && applied {
		inv.views[c.Target] = now // the reply shows it
	}
}

// compare finds out what has changed, by whomever.
func (w *walk) compare(c fault.Call, by string, late bool, inv *invocation) {
	now := w.ping.Now()
	w.n++
	for _, k := range w.clients {
		s := w.ping.Secret(k.app.Environment, k.app.ID)
		cur, prev := k.cur, k.prev
		expired := prev != "" && !now.Before(k.expires)
		how := map[bool]string{true: "a person", false: "mint"}[by == "a person"]
		d := deathInWalk{at: now, n: w.n, how: how, late: late, inv: inv, used: k.used, person: k.byPerson, unseen: w.unseen(k, inv)}
		switch {
		case s.Value != cur:
			k.cur, k.prev, k.expires, k.byPerson = s.Value, s.Previous, s.PreviousExpiresAt, by == "a person"
			k.born[s.Value] = birth{now, by, c}
			if by != "a person" {
				w.minted(k, c, cur, late)
			}
			if s.Previous != cur {
				k.died[cur] = d
			}
			if prev != "" {
				if expired {
					d.how, d.at = "expiry", k.expires
				}
				k.died[prev] = d
			}
		case prev != "" && s.Previous == "":
			k.prev = ""
			if d.how = "delete"; expired {
				d.how = "expiry"
			}
			k.died[prev] = d
		}
		for _, secret := range []string{cur, prev} {
			if at, ok := k.died[secret]; ok && secret != "" {
				w.lost(k, secret, at)
			}
		}
		k.used = s.PreviousLastUsed
	}
	for _, sec := range w.secrets {
		w.readCurrent(sec, by)
		w.checkCurrent(sec)
	}
}

// unseen reports whether PingOne's current secret is the work of a person, or of a late
// request, that an invocation's last look could not show.
func (w *walk) unseen(k *walkClient, inv *invocation) bool {
	b := k.born[k.cur]
	if inv == nil || b.by == "us" {
		return false
	}
	view, ok := inv.views[k.app.ID]
	return ok && !b.at.Before(view)
}

// readCurrent takes up what AWSCURRENT is now.
func (w *walk) readCurrent(sec *walkSecret, by string) {
	id := w.sm.VersionID(sec.name, "AWSCURRENT")
	text, _ := w.sm.Value(sec.name, "AWSCURRENT")
	if id == sec.version && text == sec.text {
		return
	}
	was, wasNote, replaced := sec.current, sec.note, sec.replaced
	sec.version, sec.text, sec.current, sec.placed, sec.placedN, sec.byPerson, sec.dead, sec.excuse = id, text, walkDocument{}, w.ping.Now(), w.n, by == "a person", false, ""
	if err := json.Unmarshal([]byte(text), &sec.current); err != nil && by != "a person" {
		w.breach("AWSCURRENT of %s is not JSON: %v", sec.name, err)
	}
	sec.note = sec.current.Note
	k := w.clients[sec.current.ClientID]
	sec.replaced = sec.byPerson && k != nil && sec.current.ClientSecret != k.cur
	if by != "" && by != "a person" {
		if sec.note != wasNote {
			w.breach("a member of %s that is not the rotation's is lost: got %d, was %d", sec.name, sec.note, wasNote)
		}
		w.promotedTo(sec, was, replaced)
	}
}

// readRegister takes up the item of a client after a write.
func (w *walk) readRegister(c fault.Call) {
	if c.Operation != "PutItem" && c.Operation != "DeleteItem" {
		return
	}
	id := c.Target[strings.LastIndex(c.Target, "/")+1:]
	g := w.groups[id]
	if g == nil {
		return
	}
	rev, err := w.registered.Fetch(w.t.Context(), register.Key{EnvironmentID: g.clients[0].app.Environment, ID: id})
	if err != nil {
		w.breach("read the register: %v", err)
		return
	}
	was := g.item
	g.item = rev.Item
	if em := g.item.Emergency; em != nil {
		g.contains = em.How == "contain"
	}
	if e := g.item.Ended; e != nil && (was.Ended == nil || !was.Ended.At.Equal(e.At) || !slices.Equal(was.Ended.Commands, e.Commands)) && g.item.Emergency == nil {
		g.contains, g.ended = false, w.ping.Now()
		w.checkEnded(g, e)
	}
}
