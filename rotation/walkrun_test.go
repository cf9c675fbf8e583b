package rotation_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

func consumers(w *walk) *http.Client {
	return &http.Client{Transport: &memory.Transport{Handler: w.ping}}
}

// token returns a new ClientRequestToken.
func (w *walk) token(kind string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens++
	return fmt.Sprintf("%s-%026d", kind, w.tokens)
}

// begin starts a rotation, unless one is incomplete.
func (w *walk) begin(sec *walkSecret) error {
	token := w.token("rotation")
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.sm.BeginAs(sec.name, token, "proof-of-"+token)
	if err == nil {
		sec.begun = append(sec.begun, token)
	}
	return err
}

// step sends one step of the last rotation, or of an earlier one.
func (w *walk) step(sec *walkSecret, step rotation.Step, back int) error {
	if w.sm.VersionID(sec.name, "AWSPENDING") == "" {
		_ = w.begin(sec) // or an earlier one is meant
	}
	i := len(sec.begun) - 1 - back
	if i < 0 {
		return errors.New("there was no such rotation")
	}
	return w.invoke(w.t.Context(), fmt.Appendf(nil, `{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":%q}`,
		step, sec.arn, sec.begun[i], "proof-of-"+sec.begun[i]))
}

// attempt is the scheduler's attempt of a rotation in progress, or of a new one.
func (w *walk) attempt(sec *walkSecret) error {
	err := w.sm.Attempt(w.t.Context(), sec.name)
	if errors.Is(err, secretsmanagertest.ErrNoRotation) {
		if err = w.begin(sec); err == nil {
			err = w.sm.Attempt(w.t.Context(), sec.name)
		}
	}
	return err
}

// manual rotates by the action, with a token of its own or the last one once more.
func (w *walk) manual(sec *walkSecret, again bool, before time.Time) error {
	token := ""
	w.mu.Lock()
	if n := len(sec.campaign); n > 0 && again {
		token = sec.campaign[n-1]
	}
	w.mu.Unlock()
	if token == "" {
		token = w.token("campaign")
		w.mu.Lock()
		sec.campaign = append(sec.campaign, token)
		w.mu.Unlock()
	}
	report, err := w.do(rotation.Action{Action: "rotate", SecretID: sec.name, ClientRequestToken: token, IfStoredBefore: before})
	return w.outcome(report, err)
}

func (w *walk) outcome(report any, err error) error {
	rep, ok := report.(*rotation.Report)
	if !ok {
		return cmp.Or(err, errors.New("no report"))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen["outcome "+string(rep.Outcome)] = true
	if rep.Error != "" {
		return fmt.Errorf("%s: %s", rep.Outcome, rep.Error)
	}
	w.say("  -> %s", rep.Outcome)
	return nil
}

// emergency says that a leak is to be ended, by a command of its own or the last one
// once more.
func (w *walk) emergency(sec *walkSecret, how rotation.Emergency, again bool) error {
	g := sec.group
	w.mu.Lock()
	token := g.last
	w.mu.Unlock()
	if token == "" || !again {
		token = w.token("emergency")
	}
	w.mu.Lock()
	if g.last = token; g.commands[token] == nil {
		cmd := &command{at: w.ping.Now(), accepted: map[string]*walkClient{}}
		for _, k := range g.clients {
			for _, secret := range []string{k.cur, k.prev} {
				if k.alive(secret, w.ping.Now()) {
					cmd.accepted[secret] = k
				}
			}
		}
		g.commands[token] = cmd
	}
	w.mu.Unlock()
	report, err := w.do(rotation.Action{Action: "rotate", SecretID: sec.name, Emergency: how, Reason: "found in a log", ClientRequestToken: token})
	return w.outcome(report, err)
}

// relist lets an audit enter the managed secrets into a table that is new, or was emptied:
// before that nothing can know which secrets share a client.
func (w *walk) relist() {
	if len(w.running) > 0 || !w.unlisted || w.cutOff {
		return
	}
	w.unlisted = false
	w.person(func() { w.giveBack() })
	w.hush(func() {
		w.tell("an audit lists the secrets")
		_, _ = w.do(rotation.Action{Action: "audit"})
	})
}

// pass lets time pass. At each full hour there may be an audit.
func (w *walk) pass(d time.Duration) {
	end := w.ping.Now().Add(d)
	for {
		now := w.ping.Now()
		tick := now.Truncate(time.Hour).Add(time.Hour)
		if w.next.After(tick) {
			tick = w.next
		}
		if tick.After(end) {
			break
		}
		<-time.After(tick.Sub(now))
		w.tick()
	}
	if now := w.ping.Now(); now.Before(end) {
		<-time.After(end.Sub(now))
	}
}

// tick is the hourly audit, by which the product promises that AWSCURRENT lives. A walk
// that is not eager has none but those which it needs for that.
func (w *walk) tick() {
	if len(w.running) > 0 {
		return
	}
	twice := false
	w.person(func() { w.restoreAfter(10 * 24 * time.Hour); twice = w.giveBack() })
	if !w.eager && !w.atRisk() {
		return
	}
	before := w.services()
	defer func() {
		if w.services() == before {
			w.next = w.nextEvent(w.ping.Now()).Truncate(time.Hour).Add(time.Hour)
		}
	}()
	w.hush(func() {
		w.tell("%s hourly audit", w.ping.Now().Format("02 15:04:05"))
		_, _ = w.do(rotation.Action{Action: "audit"})
		if twice { // what the admin that was healed first is good for
			_, _ = w.do(rotation.Action{Action: "audit"})
		}
	})
}

// hush lets nothing go wrong meanwhile.
func (w *walk) hush(do func()) {
	set := func(to bool) (was bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		was, w.paused = w.paused, to
		return was
	}
	was := set(true)
	defer set(was)
	do()
}

// atRisk reports whether an AWSCURRENT is dead, or ends within hours if no audit comes.
func (w *walk) atRisk() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sec := range w.secrets {
		k := w.clients[sec.current.ClientID]
		if k == nil || sec.current.ClientSecret == "" || !sec.deleted.IsZero() || sec.current.ClientSecret == k.cur {
			continue
		}
		if sec.current.ClientSecret != k.prev || k.expires.Sub(w.ping.Now()) < sec.grace+4*time.Hour {
			return true
		}
	}
	return false
}

// nextEvent returns when an audit has something to do again, if the last one found
// nothing to do: when a secret or a grace ends, or a threshold before that passes. It is
// not before now, and a day ahead at the most.
func (w *walk) nextEvent(now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := now.Add(25 * time.Hour)
	consider := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	for _, k := range w.clients {
		if k.prev != "" {
			consider(k.expires)
			consider(k.used.Add(2 * time.Hour))
			for _, sec := range k.group.secrets {
				consider(k.expires.Add(-sec.grace - 2*time.Hour))
				consider(k.expires.Add(-sec.grace))
			}
		}
		for _, p := range k.group.graces {
			consider(p.until)
		}
	}
	for _, sec := range w.secrets {
		consider(sec.placed.Add(2 * time.Hour))
		consider(sec.placed.Add(sec.grace))
	}
	return next
}

var uses = regexp.MustCompile(`(?m)^time .*$| never used$| used .*Z$`)

// services describes both services, but for the uses of previous secrets.
func (w *walk) services() string { return uses.ReplaceAllString(w.ping.Dump(), "") + w.sm.Dump() }

// state is all that a check must leave as it is.
func (w *walk) state() string { return w.services() + w.db.Dump() }

// check runs a check, which must change nothing. Where no read lags and no rotation is
// under way, it must foretell what createSecret then does.
func (w *walk) check(sec *walkSecret) (err error) {
	w.hush(func() {
		before := w.state()
		mints := w.made(sec)
		var report any
		if report, err = w.do(rotation.Action{Action: "check", SecretID: sec.name}); err != nil {
			return
		}
		c := report.(*rotation.Checkup)
		if after := w.state(); after != before {
			w.mu.Lock()
			w.breach("check changed something:\n%s\nit was\n%s", after, before)
			w.mu.Unlock()
		}
		pending := w.sm.VersionID(sec.name, "AWSPENDING")
		if len(w.running) > 0 || pending != "" || sec.group.item.Emergency != nil || w.nodes {
			return
		}
		w.tell("  check says %s, %s", c.State, c.Decision)
		if err = w.begin(sec); err != nil {
			return
		}
		err = w.step(sec, rotation.CreateSecret, 0)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.compareForetold(sec, c, err, w.made(sec)-mints)
	})
	return err
}

// made counts how often the secrets of a client were regenerated.
func (w *walk) made(sec *walkSecret) (n int) {
	for _, k := range sec.group.clients {
		n += w.ping.Mints(k.app.Environment, k.app.ID)
	}
	return n
}

// compareForetold compares a check with the createSecret that followed. The lock is held.
func (w *walk) compareForetold(sec *walkSecret, c *rotation.Checkup, err error, mints int) {
	did := ""
	for _, line := range w.log.lines() {
		if line["step"] == string(rotation.CreateSecret) {
			did, _ = line["decision"].(string)
		}
	}
	did, _, _ = strings.Cut(did, ", ")
	w.seen["foretold "+string(c.Decision)] = true
	var failures []string
	for _, f := range c.Findings {
		if f.State == rotation.Failure {
			failures = append(failures, f.Point+": "+f.Detail)
		}
	}
	switch {
	case err != nil && len(failures) == 0 && c.Decision != rotation.Refuse:
		w.breach("check of %s says %s, and createSecret failed: %v", sec.name, c.Decision, err)
	case err == nil && string(c.Decision) != did && c.Decision != "":
		w.breach("check of %s foretells %q, and createSecret did %q", sec.name, c.Decision, did)
	case err == nil && (mints > 0) != (did == string(rotation.Regenerate)):
		w.breach("createSecret of %s says %s and has minted %d times", sec.name, did, mints)
	case err == nil && decisionFails(failures):
		w.breach("check of %s says that a rotation fails, and createSecret did %s: %v", sec.name, did, failures)
	}
}

func decisionFails(failures []string) bool {
	for _, f := range failures {
		if strings.HasPrefix(f, "decision: a rotation now") {
			return true
		}
	}
	return false
}
