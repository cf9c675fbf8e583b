package rotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// auditsFor plays hourly audits for this many hours, and checks after each that AWSCURRENT
// works.
func (w *world) auditsFor(hours int) {
	w.t.Helper()
	for h := range hours {
		w.do(rotation.Action{Action: "audit"})
		if !w.works() {
			w.t.Fatalf("AWSCURRENT is dead after %d hours\n%s%s%s", h, w.sm.Dump(), w.ping.Dump(), w.log)
		}
		w.advance(time.Hour)
	}
}

// A run that dies with the lease never gives it back.
func TestAuditCompletesWhatARunLeftThatDiedWithTheLease(t *testing.T) {
	w := newWorld(t)
	left(w)
	w.holdLease("a run that died")
	w.advance(time.Minute)
	w.auditsFor(1)
	w.checkPromoted()
	if w.mints() != 1 {
		t.Errorf("%d secrets were minted, want 1", w.mints())
	}
}

// A rotation can never be promoted, and only audits follow.
func TestAWSCURRENTOutlivesARotationThatIsNeverPromoted(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(*world) // breaks the promotion after the mint
	}{
		{"a scope is taken away after the mint", func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Scopes, a.Audience = nil, "" })
		}},
		{"Secrets Manager stops repeating it", func(*world) {}},
		{"the admin loses its roles", func(w *world) {
			w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Roles = nil })
		}},
		{"the admin's own secret is replaced", func(w *world) { w.ping.Regenerate(w.admin.Environment, w.admin.ID, 0) }},
		{"PingOne no longer shows the secret", func(w *world) {
			w.ping.Before(func(c fault.Call) fault.Kind {
				if c.Operation == pingonetest.OpReadSecret {
					return fault.Unavailable
				}
				return fault.None
			})
		}},
		{"the application is disabled for a day", func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, withApp(pingonetest.Application{Type: "WEB_APP", Roles: []pingonetest.RoleAssignment{}, Audience: "https://x.example", Scopes: []string{"p1as"}}),
				withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"verify": map[string]any{"scope": "p1as"}} }))
			w.stick()
			c.then(w)
			disabled := strings.Contains(c.name, "disabled")
			for h := range 60 {
				w.do(rotation.Action{Action: "audit"})
				if disabled && h == 40 {
					w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = false })
				}
				if !w.works() && !(disabled && h < 40) {
					t.Fatalf("AWSCURRENT is dead after %d hours\n%s", h, w.log)
				}
				w.advance(time.Hour)
			}
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("mints: got %d, want 1", w.mints())
			}
		})
	}
}

// What the register recorded stands in for PingOne's view only if it knows AWSCURRENT's
// secret to be replaced.
func TestAuditThatCannotReadPingOnesViewLeavesANewerSecretAlone(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	w.advance(72 * time.Hour)
	d := w.stored("AWSCURRENT")
	d["clientSecret"] = w.ping.Regenerate(w.app.Environment, w.app.ID, 100*time.Hour)
	w.sm.Put(orders, encode(d))
	newest := w.sm.VersionID(orders, "AWSCURRENT")
	w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Roles = nil })
	w.auditsFor(110)
	if got := w.sm.VersionID(orders, "AWSCURRENT"); got != newest {
		t.Errorf("AWSCURRENT is version %s, want the one that a person stored, %s", got, newest)
	}
}

// What check would report is found before the mint.
func TestNothingIsMintedThatCannotBePromoted(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []option
		fail func(*world)
		says string
	}{
		{"no right to store", nil, func(w *world) { w.sm.Fail("PutSecretValue", fault.Denied) }, "store a version"},
		{"no right to label", nil, func(w *world) { w.sm.Fail("UpdateSecretVersionStage", fault.Denied) }, "move a label"},
		{"no right to label, and no answer about storing", nil, func(w *world) {
			w.sm.Before(func(c fault.Call) fault.Kind {
				return map[string]fault.Kind{"UpdateSecretVersionStage": fault.Denied, "PutSecretValue": fault.Unavailable}[c.Operation]
			})
		}, "move a label"},
		{"no answer about storing", nil, func(w *world) {
			w.sm.Fail("PutSecretValue", fault.Unavailable, fault.Unavailable, fault.Unavailable)
		}, "store a version"},
		{"no answer about labels", nil, func(w *world) {
			w.sm.Fail("UpdateSecretVersionStage", fault.Unavailable, fault.Unavailable, fault.Unavailable)
		}, "move a label"},
		{"a scope that is not granted", []option{withDocument(func(d map[string]any) {
			d["rotation"] = map[string]any{"verify": map[string]any{"scope": "no:such"}}
		})}, nil, "the token that rotation.verify asks for is not granted"},
		{"a role that is mistyped", []option{mayCreate, withDocument(func(d map[string]any) {
			d["rotation"] = map[string]any{"application": map[string]any{"preset": "non-interactive-worker", "name": "orders-api",
				"roles": []any{map[string]any{"role": "Identity Data Admn", "scope": map[string]any{"type": "ENVIRONMENT", "id": d["environmentId"]}}}}}
		})}, nil, "names no role of PingOne's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			if c.fail != nil {
				c.fail(w)
			}
			w.rotateFails("createSecret", c.says)
			if w.mints() != 0 {
				t.Errorf("mints: got %d, want none", w.mints())
			}
			w.sm.Before(nil)
			w.auditsFor(60)
		})
	}
}

// An audit repairs a dead AWSCURRENT; it does not just report it.
func TestAuditHealsADeadAWSCURRENT(t *testing.T) {
	for _, c := range []struct {
		name string
		kill func(*world)
		says string
	}{
		{"regenerated at the console", func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }, "regenerated outside"},
		{"an older document was stored again", func(w *world) {
			first := w.stored("AWSCURRENT")
			w.rotate()
			w.advance(72 * time.Hour)
			w.sm.Put(orders, encode(first))
		}, "an older document was stored"},
		{"a document without its secret was stored", func(w *world) {
			w.rotate()
			w.advance(72 * time.Hour)
			d := w.stored("AWSCURRENT")
			delete(d, "clientSecret")
			w.sm.Put(orders, encode(d))
		}, "without its secret"},
		{"a masked copy was stored", func(w *world) {
			w.rotate()
			w.advance(72 * time.Hour)
			d := w.stored("AWSCURRENT")
			d["clientSecret"] = "********"
			w.sm.Put(orders, encode(d))
		}, "masked copy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.kill(w)
			w.advance(time.Minute)
			if got := w.check(); !strings.Contains(fmt.Sprint(got.Findings), c.says) {
				t.Errorf("check: got %+v, want %q in it", got.Findings, c.says)
			}
			h := w.health(w.do(rotation.Action{Action: "audit"}).(*rotation.AuditReport))
			w.checkPromoted()
			if len(h.Done) == 0 || w.secret("AWSCURRENT") == "" {
				t.Errorf("done: got %q; findings %+v", h.Done, h.Findings)
			}
		})
	}
}

// If the audit did not wait, nothing would happen before the next one, an hour later.
func TestAuditWaitsForASecretThatPingOneDoesNotAcceptEverywhereYet(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(*world)
	}{
		{"AWSCURRENT's was ended", func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }},
		{"AWSCURRENT's is about to end", func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.advance(time.Hour)
			c.after(w)
			w.ping.PropagationDelay(20 * time.Second)
			begun := w.ping.Now()
			w.do(rotation.Action{Action: "audit"})
			w.checkPromoted()
			if took := w.ping.Now().Sub(begun); took < 20*time.Second || took > 40*time.Second {
				t.Errorf("the audit took %v, want the 20 s for which PingOne refused its secret, and little more", took)
			}
		})
	}
}

func TestCheckDoesNotWaitForASecretThatPingOneRefuses(t *testing.T) {
	w := newWorld(t)
	w.advance(time.Hour)
	w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
	w.ping.PropagationDelay(time.Hour)
	begun := w.ping.Now()
	got := w.check()
	if got.WouldRotate || !strings.Contains(fmt.Sprint(got.Findings), "does not accept its own current secret") {
		t.Errorf("got %+v, want the refusal", got)
	}
	if took := w.ping.Now().Sub(begun); took > time.Second {
		t.Errorf("the check took %v", took)
	}
}

// If AWSPENDING stayed on AWSCURRENT, it must not stay on the version that a manual
// rotation replaces.
func TestScheduleGoesOnAfterAManualRotationWhereAWSPENDINGWasKept(t *testing.T) {
	w := newWorld(t)
	w.sm.KeepPending(true)
	w.rotate()
	w.advance(25 * time.Hour)
	if rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report); rep.Outcome != rotation.Promoted {
		t.Fatalf("got %s (%s)", rep.Outcome, rep.Error)
	}
	w.advance(25 * time.Hour)
	w.rotate()
	w.checkPromoted()
}

// An audit must not end a secret that was AWSCURRENT a moment ago, nor send its DELETE
// while another run mints.
func TestGraceIsCountedFromThePromotionAndEnforcedByTheAudit(t *testing.T) {
	w := newWorld(t)
	old := w.secret("AWSCURRENT")
	w.stick()
	w.advance(20 * time.Hour)
	w.retry() // promoted 20 hours after the mint
	for range 23 {
		w.do(rotation.Action{Action: "audit"})
		if !w.accepts(old) {
			t.Fatal("the replaced secret died within its grace")
		}
		w.advance(time.Hour)
	}
	w.advance(2 * time.Hour)
	w.do(rotation.Action{Action: "audit"})
	if w.accepts(old) {
		t.Error("the replaced secret, idle and past its grace, was not ended")
	}
	if !w.works() {
		t.Error("AWSCURRENT is dead")
	}
}

// The writer of a document must not be able to have another application's secret
// regenerated by an operator's emergency.
func TestEmergencyLeavesAnApplicationAloneThatIsOnlyNamedAsTheTwin(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		w := newWorld(t)
		other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other", Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}})
		d := document(w.app)
		d["rotation"] = map[string]any{"strategy": "alternating", "twin": other.ID}
		w.sm.Put(orders, encode(d))
		leaked := w.secret("AWSCURRENT")
		rep := w.emergency(e)
		if w.accepts(leaked) || w.ping.Mints(other.Environment, other.ID) != 0 || !w.ping.Authenticates(other.Environment, other.ID, other.Secret) {
			t.Errorf("%s: got %s (%s); leaked secret accepted %t, mints of the other application %d", e, rep.Outcome, rep.Error, w.accepts(leaked), w.ping.Mints(other.Environment, other.ID))
		}
		w.do(rotation.Action{Action: "audit"})
		if !w.ping.Authenticates(other.Environment, other.ID, other.Secret) {
			t.Errorf("%s: the audit ended the other application's secret", e)
		}
	}
}

// T25, and its repetition: the second edit of a document without its secret puts AWSPREVIOUS
// on the first, and only the register remembers that consumers had one.
func TestAuditFillsADocumentThatWasStoredWithoutItsSecretTwice(t *testing.T) {
	for name, again := range map[string]func(*world, map[string]any){
		"another edit": func(w *world, d map[string]any) { d["owner"] = "orders team"; w.sm.Put(orders, encode(d)) },
		"AWSPREVIOUS taken off": func(w *world, _ map[string]any) {
			id := w.sm.VersionID(orders, "AWSPREVIOUS")
			if _, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(orders), VersionStage: aws.String("AWSPREVIOUS"), RemoveFromVersionId: &id,
			}); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.rotate()
			w.advance(time.Hour)
			d := w.stored("AWSCURRENT")
			delete(d, "clientSecret")
			w.sm.Put(orders, encode(d))
			again(w, d)
			if f := point(w.check().Findings, "current"); f.State != rotation.Failure {
				t.Errorf("check: got %+v, want a failure", f)
			}
			w.do(rotation.Action{Action: "audit"})
			if w.secret("AWSCURRENT") == "" || !w.works() {
				t.Errorf("AWSCURRENT holds no secret\n%s", w.log)
			}
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("%d secrets were minted, want 1", w.mints())
			}
		})
	}
}

// After the function was set back to an older version, or after someone edited an item.
// Without an item that can be understood nothing is minted, and AWSCURRENT must not die of
// what was minted before.
func TestAWSCURRENTOutlivesAnItemThatCannotBeUnderstood(t *testing.T) {
	for name, row := range map[string]map[string]any{
		"of a newer program": {"format": 9, "number": 5, "nonce": "n", "item": "{}"},
		"of someone else":    {"format": 1, "number": 5, "nonce": "n", "item": "garbage"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stick()
			row["subject"], row["entry"] = "client#"+w.app.Environment+"/"+w.app.ID, "item"
			w.db.Put(registerTable, row)
			w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
			w.bring()
			w.auditsFor(60)
			w.checkPromoted()
			if f := w.health(w.audit()); f.State != rotation.Warning && f.State != rotation.Failure {
				t.Errorf("the audit says nothing of the item: %+v", f)
			}
			w.rotateFails("the item was")
			if w.mints() != 1 {
				t.Errorf("%d secrets were minted, want 1", w.mints())
			}
		})
	}
}
