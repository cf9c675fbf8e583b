package rotation_test

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"pingrotate/internal/register"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// restWithin is how long hourly audits may take to bring everything to rest: a twin's
// mint waits for a day, and a rotation that is stuck for its fuse less its grace.
const restWithin = 72

// rest stops all interference, and lets audits alone bring everything to rest. Then
// Secrets Manager must be able to start, or to complete, a rotation of each secret.
func (w *walk) rest() {
	w.mu.Lock()
	w.say("%s the interference stops", w.ping.Now().Format("02 15:04:05"))
	w.armed, w.cutOff, w.paused, w.nodes, w.eager = nil, false, true, false, true
	clear(w.lag)
	w.ping.Nodes()
	for _, k := range w.clients {
		w.edit(k, func(a *pingonetest.Application) { a.Disabled = false; setRole(a, superior, false) })
	}
	w.mu.Unlock()
	w.person(func() { w.restoreAfter(0); w.giveBack() })
	w.mu.Lock()
	w.rotator, w.next = w.process(), time.Time{}
	w.mu.Unlock()
	<-time.After(30 * time.Minute) // whatever is late arrives
	for hour := 0; ; hour += 6 {
		why := w.unrest()
		if why == "" {
			w.tell("at rest after %d hours", hour)
			break
		}
		if hour > restWithin {
			w.mu.Lock()
			w.breach("I4: %d hourly audits do not bring everything to rest: %s", hour, why)
			w.mu.Unlock()
			return
		}
		w.pass(6 * time.Hour)
	}
	w.rotateAll()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkBystander()
	if leak := w.leaks(); leak {
		w.breach("I6: a secret has reached the log, an error or a report")
	}
}

// unrest says what is not at rest.
func (w *walk) unrest() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, sec := range w.secrets {
		k := w.clients[sec.current.ClientID]
		pending := w.sm.VersionID(sec.name, "AWSPENDING")
		if pending != "" && pending != sec.version && !w.rotating(sec, pending) {
			all = append(all, "AWSPENDING of "+sec.name+" is on a version that no rotation is of")
		}
		switch {
		case sec.current.ClientSecret == "" && !w.emptied(sec) && !w.remembered(sec): // never seeded
		case sec.group.item.Emergency != nil:
			all = append(all, sec.name+" has an open emergency")
		case k == nil || sec.current.ClientSecret != k.cur:
			all = append(all, "AWSCURRENT of "+sec.name+" is not PingOne's current secret")
		}
	}
	return strings.Join(all, "; ")
}

// emptied reports whether the version before AWSCURRENT holds a secret.
func (w *walk) emptied(sec *walkSecret) bool {
	var d walkDocument
	text, _ := w.sm.Value(sec.name, "AWSPREVIOUS")
	return json.Unmarshal([]byte(text), &d) == nil && d.ClientSecret != ""
}

// remembered reports whether the register knows that consumers were given a secret.
func (w *walk) remembered(sec *walkSecret) bool {
	for _, k := range sec.group.clients {
		rev, err := w.registered.Fetch(w.t.Context(), register.Key{EnvironmentID: k.app.Environment, ID: k.app.ID})
		if err == nil && rev.Item.Secrets[sec.arn].Fingerprint != "" {
			return true
		}
	}
	return false
}

// rotating reports whether Secrets Manager will repeat the rotation that made a version.
func (w *walk) rotating(sec *walkSecret, pending string) bool {
	events := w.sm.Events(sec.name)
	for i := len(events) - 1; i >= 0; i-- {
		switch e := events[i]; {
		case e.VersionID != pending:
		case e.Name == "RotationAbandoned" || e.Name == "RotationSucceeded":
			return false
		case e.Name == "RotationStarted":
			return true
		}
	}
	return false
}

// rotateAll lets Secrets Manager rotate each secret.
func (w *walk) rotateAll() {
	for _, sec := range w.secrets {
		var err error
		rotated := false
		for range 5 {
			old := sec.current.ClientSecret
			w.tell("%s rotation of %s", w.ping.Now().Format("02 15:04:05"), sec.name)
			if err = w.attempt(sec); err == nil && sec.current.ClientSecret != old {
				rotated = true
				break
			}
			if err != nil {
				w.tell("  -> %v", err)
			}
			wait := time.Minute
			if err != nil && strings.Contains(err.Error(), "refusing to regenerate") {
				wait = 3 * time.Hour
			}
			w.pass(wait)
		}
		w.mu.Lock()
		k := w.clients[sec.current.ClientID]
		switch {
		case errors.Is(err, secretsmanagertest.ErrNoRotation) || err != nil && strings.Contains(err.Error(), "isn't complete"):
			w.breach("I4: Secrets Manager cannot start a rotation of %s: %v", sec.name, err)
		case err != nil || !rotated:
			w.breach("I4: %s is not rotated: %v", sec.name, err)
		case k == nil || sec.current.ClientSecret != k.cur:
			w.breach("I3: AWSCURRENT of %s is not PingOne's current secret", sec.name)
		}
		w.mu.Unlock()
		if sec.index == shared { // the other secret of this client comes by an audit
			w.hush(func() { _, _ = w.do(rotation.Action{Action: "audit"}) })
		}
	}
}

// leaks looks for every secret and token there ever was in the log, the register and what was
// returned.
func (w *walk) leaks() bool {
	look := world{ping: w.ping, sm: w.sm, db: w.db, log: w.log}
	return look.leaks(w.texts...) != ""
}
