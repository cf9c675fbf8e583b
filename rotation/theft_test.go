package rotation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A robbery is an emergency in which a thief acts once, before one of its calls.
type robbery struct {
	*world
	first, text string // the version that was AWSCURRENT at first, and its document
	other       string // a document of another client, which the admin allows as well
	put         string // the version that the thief has made AWSCURRENT, as long as it is that
	dead        []string

	mu     sync.Mutex
	calls  int
	acting bool
}

// before acts before the call with this number.
func (r *robbery) before(at int, act func(*robbery)) func(fault.Call) fault.Kind {
	return func(fault.Call) fault.Kind {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.acting { // the thief makes this call, or another call runs in parallel to it
			return fault.None
		}
		if r.calls++; r.calls != at {
			return fault.None
		}
		r.acting = true
		was := r.sm.VersionID(orders, "AWSCURRENT")
		r.mu.Unlock()
		act(r)
		r.mu.Lock()
		r.acting = false
		if is := r.sm.VersionID(orders, "AWSCURRENT"); is != was {
			r.put = is
		}
		return fault.None
	}
}

func (r *robbery) store(text, label string) {
	token := rotation.NewToken()
	_, err := r.rotator.Secrets.PutSecretValue(r.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(orders), ClientRequestToken: &token, SecretString: &text, VersionStages: []string{label},
	})
	if err != nil {
		r.t.Errorf("a thief stores a version: %v", err)
	}
}

var robberies = []struct {
	what string
	act  func(*robbery)
}{
	{"moves AWSCURRENT back", func(r *robbery) {
		if r.sm.VersionID(orders, "AWSCURRENT") != r.first {
			r.move("AWSCURRENT", r.first)
		}
	}},
	{"stores what has leaked", func(r *robbery) { r.store(r.text, "AWSCURRENT") }},
	{"stores a made-up secret", func(r *robbery) {
		r.store(strings.Replace(r.text, parseHeld(r.text).secret, "made-up", 1), "AWSCURRENT")
	}},
	{"stores no document", func(r *robbery) { r.store("garbage", "AWSCURRENT") }},
	{"stores no document, twice", func(r *robbery) { r.store("garbage", "AWSCURRENT"); r.store("rubbish", "AWSCURRENT") }},
	{"stores another client's document", func(r *robbery) { r.store(r.other, "AWSCURRENT") }},
	{"stores a binary", func(r *robbery) {
		_, err := r.rotator.Secrets.PutSecretValue(r.t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(orders), ClientRequestToken: aws.String(rotation.NewToken()), SecretBinary: []byte("garbage"), VersionStages: []string{"AWSCURRENT"},
		})
		if err != nil {
			r.t.Errorf("a thief stores a version: %v", err)
		}
	}},
	{"names another admin", func(r *robbery) {
		d := map[string]any{}
		if json.Unmarshal([]byte(r.text), &d) == nil {
			d["rotation"] = map[string]any{"adminSecretId": "pingone/other"}
		}
		r.store(encode(d), "AWSCURRENT")
	}},
	{"names another twin", func(r *robbery) {
		d := map[string]any{}
		if json.Unmarshal([]byte(r.text), &d) == nil {
			d["rotation"] = map[string]any{"strategy": "alternating", "twin": parseHeld(r.other).client}
		}
		r.store(encode(d), "AWSCURRENT")
	}},
	{"names another region", func(r *robbery) { r.store(strings.Replace(r.text, `"EU"`, `"NA"`, 1), "AWSCURRENT") }},
	{"stores a private key", func(r *robbery) {
		r.store(strings.Replace(r.text, `{`, `{"privateKey":"none","keyId":"none",`, 1), "AWSCURRENT")
	}},
	{"stores what has leaked as PINGROTATE-HEAL", func(r *robbery) { r.store(r.text, "PINGROTATE-HEAL") }},
	{"takes PINGROTATE-HEAL away", func(r *robbery) {
		if from := r.sm.VersionID(orders, "PINGROTATE-HEAL"); from != "" {
			_, _ = r.rotator.Secrets.UpdateSecretVersionStage(r.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(orders), VersionStage: aws.String("PINGROTATE-HEAL"), RemoveFromVersionId: &from,
			})
		}
	}},
}

// alive checks that AWSCURRENT works, unless the thief chose it or contain lets it die on
// purpose.
func (r *robbery) alive(c fault.Call, contain bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.acting {
		return
	}
	if r.put != r.sm.VersionID(orders, "AWSCURRENT") {
		r.put = ""
	}
	if r.put == "" && !contain && !r.works() && len(r.dead) == 0 {
		r.dead = append(r.dead, c.String())
	}
}

// A thief who may write the managed secret acts between any two calls of an emergency. Only
// what the thief chose may be dead. An emergency that reports its end has ended. One that
// does not is ended by audits once the thief is gone.
func TestEmergencyIsNotHeldOffByATheftBeforeAnyOfItsCalls(t *testing.T) {
	const most = 60         // calls
	step, turn := most+1, 0 // one of each theft, at another call each time
	if *prove {
		step = 1
	}
	var mu sync.Mutex
	played, ended := 0, 0
	for _, setting := range []struct {
		name   string
		opts   []option
		before func(*world)
	}{{"single", nil, func(*world) {}}, {"alternating", []option{alternate}, flippedBack}, {"two managed secrets", nil, heldTwice}} {
		for _, how := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			for _, theft := range robberies {
				turn += 7
				for at := 1 + turn%min(step, 43); at <= most; at += step {
					t.Run(fmt.Sprintf("%s, %s, %s before call %d", setting.name, how, theft.what, at), func(t *testing.T) {
						inBubble(t, func(w *world) {
							setting.before(w)
							r := &robbery{world: w, first: w.sm.VersionID(orders, "AWSCURRENT")}
							r.text, _ = w.sm.Value(orders, "AWSCURRENT")
							other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other", Roles: w.app.Roles})
							d := document(other)
							w.allow(orders, d)
							r.other = encode(d)
							victims := w.accepted(w.client(), w.twin())
							before := r.before(at, theft.act)
							after := func(c fault.Call, _ fault.Kind) { r.alive(c, how == rotation.Contain) }
							for _, l := range []*fault.Line{w.ping.Line, w.sm.Line, w.db.Line} {
								l.Before(before)
								l.After(after)
							}
							w.order = token
							rep := w.emergency(how)
							for _, l := range []*fault.Line{w.ping.Line, w.sm.Line, w.db.Line} {
								l.Before(nil)
								l.After(nil)
							}
							check := func(who string) {
								for v := range victims {
									if w.ping.AcceptedSomewhere(w.app.Environment, v.client, v.value) {
										t.Errorf("%s: ended, and a secret works that was accepted before", who)
									}
								}
							}
							about := w.item() // another client, if the thief came first
							if rep.Outcome == rotation.Ended && (about.Emergency.Has(token) || about.Ended.Has(token)) {
								check("the report")
								if r.put == "" && victims[secretOf{w.client(), w.secret("AWSCURRENT")}] {
									t.Error("ended, and AWSCURRENT was not minted afterwards")
								}
							}
							mu.Lock()
							played++
							if rep.Outcome == rotation.Ended {
								ended++
							}
							mu.Unlock()
							if len(r.dead) > 0 {
								t.Errorf("AWSCURRENT died after %s", r.dead[0])
							}
							if r.put != "" {
								w.sm.Put(orders, r.text) // its owner repairs what no audit can read, or leads elsewhere
							}
							for range 3 {
								w.advance(time.Hour)
								w.audit()
							}
							if item := w.item(); item.Emergency != nil {
								t.Errorf("the emergency is open (%s: %s)", rep.Outcome, rep.Error)
							} else if item.Ended.Has(token) {
								check("the register")
							}
							if !w.promoted() || !w.works() {
								t.Errorf("AWSCURRENT is not PingOne's secret, or dead")
							}
							if rep.Outcome != rotation.Ended {
								t.Logf("%s: %s", rep.Outcome, rep.Error)
							}
						}, setting.opts...)
					})
				}
			}
		}
	}
	t.Logf("%d thefts, %d emergencies ended at once", played, ended)
}

// A version that does not lead to the client is no new secret, and does not stop an
// emergency that has begun.
func TestEmergencyEndsOnlyWithAWSCURRENTOfItsClient(t *testing.T) {
	moments := map[string]func(w *world, c fault.Call, leaked string) bool{
		"while the emergency is opened": func(_ *world, c fault.Call, _ string) bool { return c.Operation == "TransactWriteItems" },
		"before the mint":               func(_ *world, c fault.Call, _ string) bool { return regenerates(c) },
		"after the leaked secret's end": func(w *world, c fault.Call, leaked string) bool {
			return c.Operation == pingonetest.OpToken && w.mints() > 0 && !w.accepts(leaked)
		},
	}
	for when, is := range moments {
		for _, theft := range robberies {
			t.Run(theft.what+" "+when, func(t *testing.T) {
				w := newWorld(t)
				r := &robbery{world: w, first: w.sm.VersionID(orders, "AWSCURRENT")}
				r.text, _ = w.sm.Value(orders, "AWSCURRENT")
				other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other", Roles: w.app.Roles})
				w.allow(orders, document(other))
				r.other = encode(document(other))
				leaked := w.secret("AWSCURRENT")
				var acted atomic.Bool // PingOne is asked several questions at once
				hook := func(c fault.Call) fault.Kind {
					if !acted.Load() && is(w, c, leaked) && acted.CompareAndSwap(false, true) {
						theft.act(r)
					}
					return fault.None
				}
				w.ping.Before(hook)
				w.db.Before(hook)
				rep := w.emergency(rotation.Swift)
				w.ping.Before(nil)
				w.db.Before(nil)
				if !acted.Load() || rep.Outcome != rotation.Ended {
					t.Errorf("got %s (%s), want ended", rep.Outcome, rep.Error)
				}
				if text, _ := w.sm.Value(orders, "AWSCURRENT"); parseHeld(text).key() != w.live() || w.accepts(leaked) {
					t.Error("AWSCURRENT does not hold PingOne's secret of the client, or the leaked one works")
				}
			})
		}
	}
}
