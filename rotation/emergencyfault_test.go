package rotation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// Until an audit has added them, the register's item does not know which managed secrets
// hold a client.
func TestEmergencyBeforeTheFirstAuditServesTheOtherManagedSecret(t *testing.T) {
	for _, c := range []struct {
		name  string
		opts  []option
		empty bool
	}{
		{"a new table", []option{func(o *options) { o.fresh = true }}, false},
		{"an emptied table", nil, true},
	} {
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			t.Run(c.name+", "+string(e), func(t *testing.T) {
				w := newWorld(t, c.opts...)
				w.put(copyName, document(w.app))
				w.sm.EnableRotation(copyName, functionARN)
				if c.empty {
					w.db.Remove(registerTable, func(string) bool { return true })
				}
				leaked := w.secret("AWSCURRENT")
				rep := w.emergency(e)
				w.checkEnded(leaked, rep)
				text, _ := w.sm.Value(copyName, "AWSCURRENT")
				if !strings.Contains(text, w.secret("AWSCURRENT")) || len(rep.Served) != 1 || rep.Served[0].Name != copyName || rep.Served[0].Error != "" {
					t.Errorf("the other managed secret was not served: %+v", rep.Served)
				}
			})
		}
	}
}

// Between the look and the mark another run mints: the look did not see that secret, and
// PingOne accepts it when the mark is written.
func TestMarkThatWasOvertakenNamesWhatWasMintedMeanwhile(t *testing.T) {
	w := newWorld(t)
	minted, writes := "", 0
	w.db.Before(func(c fault.Call) fault.Kind {
		if c.Operation != "TransactWriteItems" {
			return fault.None
		}
		if writes++; writes == 1 { // the mark, with its rows
			minted = w.ping.Regenerate(w.app.Environment, w.app.ID, 48*time.Hour)
			w.holdLease("another invocation")
		}
		return fault.None
	})
	leaked := w.secret("AWSCURRENT")
	rep := w.emergency(rotation.Swift)
	w.db.Before(nil)
	w.checkEnded(leaked, rep)
	if !refused(rep, minted) {
		t.Errorf("the secret that was minted before the mark is not among the refused ones: %+v", rep.Refused)
	}
}

// The register knows of a mint that PingOne's view does not show yet.
func TestMarkNamesTheNewestSecretAlthoughPingOneShowsTheOneBefore(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	w.advance(time.Minute)
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied, fault.Denied, fault.Denied, fault.Denied)
	w.rotateFails("store the new secret")
	w.sm.Before(nil)
	minted, looks := w.live().value, 0
	w.ping.Lag(func(c fault.Call) fault.Lag {
		if c.Operation == pingonetest.OpReadSecret {
			if looks++; looks == 1 {
				return fault.Lag{Age: 30 * time.Second}
			}
		}
		return fault.Lag{}
	})
	rep := w.emergency(rotation.Swift)
	w.checkEnded(leaked, rep)
	if minted == leaked || !refused(rep, minted) || !refused(rep, leaked) {
		t.Errorf("the refused ones are not the two that PingOne accepted: %+v", rep.Refused)
	}
}

func refused(rep *rotation.Report, secret string) bool {
	return slices.ContainsFunc(rep.Refused, func(m rotation.Mark) bool { return m.Fingerprint == pingone.NewSecret(secret).Fingerprint() })
}

// The emergency's row says what was minted for it. A run that restores the emergency from
// that row does not mint again.
func TestEmergencyWhoseItemWasLostAfterItsMintEndsByAuditsWithoutAnother(t *testing.T) {
	for _, c := range []struct {
		name string
		at   func(w *world, leaked string, c fault.Call) bool
	}{
		{"before the promotion", func(w *world, leaked string, c fault.Call) bool {
			return c.Operation == "UpdateSecretVersionStage" && w.mints() > 0
		}},
		{"while PingOne is asked", func(w *world, leaked string, c fault.Call) bool {
			return c.Operation == "POST token" && w.mints() > 0 && !w.accepts(leaked)
		}},
		{"before its row is deleted", func(_ *world, _ string, c fault.Call) bool { return c.Operation == "DeleteItem" }},
	} {
		for _, opts := range [][]option{nil, {alternate}} {
			name := c.name
			if opts != nil {
				name += ", alternating"
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, opts...)
				if opts != nil {
					w.rotate()
					w.advance(25 * time.Hour)
					w.rotate()
					w.advance(25 * time.Hour)
				}
				leaked, lost, before := w.secret("AWSCURRENT"), false, w.mints()
				w.order = token
				strike := oneByOne(func(k fault.Call) fault.Kind {
					if lost = lost || c.at(w, leaked, k) && w.mints() > before; lost {
						w.db.Remove(registerTable, isItem)
						if k.Service != "pingone" {
							return fault.Denied
						}
					}
					return fault.None
				})
				w.ping.Before(strike)
				w.sm.Before(strike)
				w.db.Before(strike)
				w.emergency(rotation.Swift)
				w.ping.Before(nil)
				w.sm.Before(nil)
				w.db.Before(nil)
				if !lost {
					t.Fatal("the item was not lost")
				}
				w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
				w.bring()
				for range 4 {
					w.do(rotation.Action{Action: "audit"})
					w.advance(time.Hour)
				}
				most := 1
				if opts != nil {
					most = 2 // one for each application
				}
				if n := w.mints() - before; w.accepts(leaked) || w.emergencyOpen() || n > most {
					t.Errorf("leaked secret accepted %t, emergency open %t, %d mints; want none, none and at most %d\n%s", w.accepts(leaked), w.emergencyOpen(), n, most, w.log)
				}
				w.checkPromoted()
			})
		}
	}
}

// While one run probes the secrets that must die, another command may add to them, mint and
// die. What the probes showed before proves nothing about that secret.
func TestEmergencyThatWasMarkedAgainIsAskedAboutAgain(t *testing.T) {
	w := newWorld(t)
	w.ping.Nodes(pingonetest.Node{Forgets: 25 * time.Second})
	w.deny("DELETE application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		t.Fatalf("got %s, want open", rep.Outcome)
	}
	w.ping.Before(nil)
	w.advance(time.Minute)

	victim, first := w.secret("AWSCURRENT"), w.rotator
	var asked atomic.Int32
	var acting, over atomic.Bool
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation != pingonetest.OpToken || acting.Load() || c.Target != w.app.ID {
			return fault.None
		}
		if asked.Add(1) == 20 { // 25 s until it is refused at all, and then in the middle of 30 s
			acting.Store(true)
			w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
			w.bring()
			ctx, die := context.WithCancel(t.Context())
			w.rotator.PingOne.Wait = func(context.Context, time.Duration) error { die(); return ctx.Err() } // when it begins to ask
			event := fmt.Appendf(nil, `{"action":"rotate","secretId":%q,"emergency":"contain","clientRequestToken":%q}`, orders, token)
			if report, err := w.rotator.Handle(ctx, event); err != nil || report.(*rotation.Report).Outcome != rotation.Open {
				t.Errorf("the second command: got %+v, %v, want it to die", report, err)
			}
			w.rotator = first
		}
		return fault.None
	})
	w.db.After(func(c fault.Call, _ fault.Kind) {
		if item := w.item(); item.Emergency == nil && item.Ended.Has(token) && over.CompareAndSwap(false, true) {
			if w.ping.AcceptedSomewhere(w.app.Environment, w.app.ClientID, victim) {
				t.Error("the register says that the emergency has ended, and a secret works that the second command was about")
			}
		}
	})
	for range 3 {
		w.do(rotation.Action{Action: "audit"})
		w.advance(time.Hour)
	}
	if !acting.Load() || !over.Load() || w.secret("AWSCURRENT") == victim {
		t.Errorf("second command given %t, ended %t", acting.Load(), over.Load())
	}
}

// A mint whose reply cannot be read does not count as made after the leak. If no reply can
// be read, the command gives up instead of regenerating again and again.
func TestEmergencyDoesNotRegenerateWithoutEndWhereNoReplyCanBeRead(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		t.Run(string(e), func(t *testing.T) {
			w := newWorld(t)
			leaked := w.secret("AWSCURRENT")
			w.ping.Before(func(c fault.Call) fault.Kind {
				if c.Operation == pingonetest.OpRegenerateSecret {
					return fault.ReplyCut
				}
				return fault.None
			})
			if rep := w.emergency(e); rep.Outcome != rotation.Open {
				t.Errorf("got %s: %s, want it open", rep.Outcome, rep.Error)
			}
			if w.mints() > 2 {
				t.Errorf("%d secrets were minted, want 2 at most", w.mints())
			}
			w.ping.Before(nil)
			w.advance(2 * time.Minute)
			w.checkEnded(leaked, w.emergency(e))
		})
	}
}
