package rotation_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// The services that an actor calls.
const (
	pingService = "pingone"
	smService   = "secretsmanager"
	dynamo      = "dynamodb"
)

// A call is one request of an actor, described by what it asks for.
type call struct {
	service, action string
	kind            string // the action alone
	about           string // names of what it is about, by symbols
	secret          bool   // of PingOne's …/secret
	token           bool   // a token request
	writes          bool
}

func (c call) String() string { return strings.TrimSpace(c.action + " " + c.about) }

// An actor makes its calls one at a time, each when the director lets it.
type actor struct {
	name    string
	rotator *rotation.Rotator
	waiting []*ticket // calls that are ready to go
	paused  string    // the call before which it is paused, and until when
	done    bool
	dead    bool
	die     context.CancelFunc
	seen    string // digest of what its calls have met in this invocation, and when
	step    int    // which of its invocations it is in
	warm    bool   // its process has an access token for the admin
}

type ticket struct {
	call
	pass chan error
}

// A stage holds every call back until the director lets it pass.
type stage struct {
	mu     sync.Mutex
	known  *symbols
	actors []*actor
	stir   chan struct{} // something has arrived or ended
}

var errKilled = errors.New("the process has died")

func (s *stage) enter(a *actor, c call) error {
	s.mu.Lock()
	if a.dead {
		s.mu.Unlock()
		return errKilled
	}
	t := &ticket{c, make(chan error, 1)}
	a.waiting = append(a.waiting, t)
	slices.SortStableFunc(a.waiting, func(x, y *ticket) int { return cmp.Compare(x.String(), y.String()) })
	s.mu.Unlock()
	s.wake()
	return <-t.pass
}

func (s *stage) wake() {
	select {
	case s.stir <- struct{}{}:
	default:
	}
}

// end records that an actor has finished.
func (s *stage) end(a *actor) {
	s.mu.Lock()
	a.done = true
	s.mu.Unlock()
	s.wake()
}

// ready waits until every actor waits, and reports whether one of them can make a call. If
// it reports false, all have finished. Time passes only while none can.
func (s *stage) ready() bool {
	for {
		synctest.Wait()
		s.mu.Lock()
		some, done := false, true
		for _, a := range s.actors {
			some = some || len(a.waiting) > 0
			done = done && (a.done || a.dead)
		}
		s.mu.Unlock()
		if some || done {
			return some
		}
		<-s.stir
	}
}

// choices lists the calls that can be made now. The order of an actor's parallel calls does
// not matter as long as they only read.
func (s *stage) choices() (all []choice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.actors {
		writes := slices.ContainsFunc(a.waiting, func(t *ticket) bool { return t.writes })
		for j := range a.waiting {
			if j == 0 || writes && a.waiting[j].String() != a.waiting[j-1].String() {
				all = append(all, choice{who: i, which: j, call: a.waiting[j].call})
			}
		}
	}
	return all
}

// take removes a choice's ticket from those that wait.
func (s *stage) take(c choice) *ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.actors[c.who]
	t := a.waiting[c.which]
	a.waiting = slices.Delete(a.waiting, c.which, c.which+1)
	a.seen = digest(a.seen, t.String(), c.fate.String(), s.known.meets(t.call), fmt.Sprint(s.known.w.ping.Now().UnixNano()))
	a.warm = a.warm || t.service == pingService && !t.token // which needs the admin's token
	return t
}

// pause makes a call wait longer than a lease, whatever the others do meanwhile.
func (s *stage) pause(c choice) {
	const pause = 50 * time.Second
	s.mu.Lock()
	a := s.actors[c.who]
	t := a.waiting[c.which]
	a.waiting = slices.Delete(a.waiting, c.which, c.which+1)
	a.paused = fmt.Sprint(t, s.known.w.ping.Now().Add(pause).UnixNano())
	s.mu.Unlock()
	go func() {
		time.Sleep(pause)
		s.mu.Lock()
		a.paused = ""
		if a.dead {
			s.mu.Unlock()
			t.pass <- errKilled
			return
		}
		a.waiting = append(a.waiting, t)
		s.mu.Unlock()
		s.wake()
	}()
}

// kill ends an actor's process: it makes no more calls.
func (s *stage) kill(who int) {
	s.mu.Lock()
	a := s.actors[who]
	a.dead = true
	waiting := a.waiting
	a.waiting = nil
	s.mu.Unlock()
	for _, t := range waiting {
		t.pass <- errKilled
	}
	a.die()
}

// drain ends all actors and waits for them.
func (s *stage) drain() {
	for i := range s.actors {
		s.kill(i)
	}
	for {
		synctest.Wait()
		s.mu.Lock()
		done := !slices.ContainsFunc(s.actors, func(a *actor) bool { return !a.done })
		s.mu.Unlock()
		if done {
			return
		}
		<-s.stir
	}
}

// key describes the actors' state.
func (s *stage) key() (key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.actors {
		if a.dead {
			key += "dead;"
			continue
		}
		key += fmt.Sprint(a.step, a.seen, a.warm, a.done, a.paused, ";")
		if !a.done {
			key += s.known.remembered(a.rotator)
		}
		for _, t := range a.waiting {
			key += t.String() + ","
		}
	}
	return key + fmt.Sprint(s.known.w.ping.Now().UnixNano())
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// process returns a rotator in a new process. Each of its calls waits for the director.
func (s *stage) process(a *actor) *rotation.Rotator {
	w := s.known.w
	pass := func(service string) func(*http.Request, []byte) error {
		return func(r *http.Request, body []byte) error { return s.enter(a, s.known.call(service, r, body)) }
	}
	other := &world{t: w.t, ping: w.ping, sm: w.sm, db: w.db, log: w.log, settings: w.settings, bubble: true}
	other.connect(&memory.Transport{Handler: w.ping, Pass: pass(pingService)}, &memory.Transport{Handler: w.sm, Pass: pass(smService)},
		&memory.Transport{Handler: w.db, Pass: pass(dynamo)})
	return other.rotator
}

// call describes a request, precisely enough to tell apart two that are made in parallel.
func (k *symbols) call(service string, r *http.Request, body []byte) call {
	c := call{service: service, action: r.Method}
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		var about struct {
			SecretId, VersionId, VersionStage, MoveToVersionId, RemoveFromVersionId, ClientRequestToken string
			VersionStages                                                                               []string
			Key, Item                                                                                   map[string]map[string]string
			TransactItems                                                                               []struct {
				Put struct{ Item map[string]map[string]string }
			}
		}
		json.Unmarshal(body, &about) // a form decodes to nothing
		c.action = action
		c.kind = action
		c.writes = slices.Contains([]string{"PutSecretValue", "UpdateSecretVersionStage", "PutItem", "DeleteItem"}, action)
		if service == dynamo {
			if len(about.TransactItems) > 0 { // a mark, or evidence, which nothing depends on
				about.Item = about.TransactItems[0].Put.Item
				c.writes = strings.HasPrefix(about.Item["subject"]["S"], "client#")
			}
			subject := cmp.Or(about.Key["subject"]["S"], about.Item["subject"]["S"])
			c.about = k.text(subject + " " + cmp.Or(about.Key["entry"]["S"], about.Item["entry"]["S"]))
			return c
		}
		if about.SecretId == adminName {
			c.about = "of the admin"
			return c
		}
		if strings.Contains(about.SecretId, copyName) {
			c.action += " of the copy"
		}
		label := about.VersionStage + strings.Join(about.VersionStages, "")
		c.about = fmt.Sprint(label, " ", k.version(cmp.Or(about.VersionId, about.MoveToVersionId, about.ClientRequestToken)), " ", k.version(about.RemoveFromVersionId))
		if strings.Contains(label, "check") {
			c.writes = false // Secrets Manager must refuse this
		}
		return c
	}
	for _, part := range strings.Split(r.URL.Path, "/") {
		if name := k.client(part); name != "" {
			c.about += " " + name
		} else if !pingone.IsUUID(part) {
			c.about += " " + part
		}
	}
	c.token = strings.HasSuffix(r.URL.Path, "/token")
	c.secret = strings.HasSuffix(r.URL.Path, "/secret")
	c.writes = c.secret && r.Method != http.MethodGet
	if c.token {
		id, secret := presented(r, body)
		c.about += " " + cmp.Or(k.client(id), "admin")
		if k.client(id) != "" {
			c.about += " " + k.name(&k.secrets, secret)
		}
	}
	return c
}

// presented returns the credentials of a token request.
func presented(r *http.Request, body []byte) (id, secret string) {
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic "); ok {
		decoded, _ := base64.StdEncoding.DecodeString(text)
		id, secret, _ = strings.Cut(string(decoded), ":")
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		return id, secret
	}
	form, _ := url.ParseQuery(string(body))
	return form.Get("client_id"), form.Get("client_secret")
}

// A choice is the director's next act: it lets a call pass, intact or with a fate, or
// delivers a late one.
type choice struct {
	who, which int
	call       call
	fate       fate
	stale      bool // a read that shows the state before the last change
	pause      bool // the actor stands still before the call, for longer than a lease
	deliver    bool
}

func (c choice) String() string {
	switch {
	case c.deliver:
		return "what was late arrives"
	case c.stale:
		return c.call.String() + " (stale)"
	case c.pause:
		return c.call.String() + " (paused)"
	case c.fate.death:
		return c.call.String() + " (" + c.fate.kind.String() + ", and the process dies)"
	case c.fate != (fate{}):
		return c.call.String() + " (" + c.fate.kind.String() + ")"
	}
	return c.call.String()
}

// writeFates are what may happen to a call that changes something.
var writeFates = []fate{
	{kind: fault.Refused, death: true}, {kind: fault.ReplyLost, death: true},
	{kind: fault.Refused}, {kind: fault.ReplyLost}, {kind: fault.HangApplied}, {kind: fault.LateHang}, {kind: fault.LateHang, death: true},
}

// lateness is how late a request may arrive. The register's lease is longer.
const lateness = 39 * time.Second
