package rotation_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An audit completes emergencies and begins none: what it has listed a moment ago may
// be over.
func TestAuditBeginsNoEmergency(t *testing.T) {
	w := newWorld(t)
	w.label("COMPROMISED")
	current := w.secret("AWSCURRENT")
	listed := false
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "ListSecrets" {
			listed = true
		}
		return fault.None
	})
	w.ping.Before(func(c fault.Call) fault.Kind {
		if listed { // somebody takes the label off while the audit looks
			listed = false
			w.sm.Before(nil)
			id := w.sm.VersionID(orders, "COMPROMISED")
			_, err := w.rotator.Secrets.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(orders), VersionStage: aws.String("COMPROMISED"), RemoveFromVersionId: &id,
			})
			if err != nil {
				t.Error(err)
			}
		}
		return fault.None
	})
	rep := w.audit()
	w.ping.Before(nil)
	if w.mints() != 0 || !w.accepts(current) {
		t.Errorf("the audit has ended AWSCURRENT, which nobody asked for\n%s", w.log)
	}
	if h := w.health(rep); point(h.Findings, "leak").State == rotation.Failure {
		t.Errorf("the audit reports a leak that is over: %+v", h.Findings)
	}
}

// The operator's emergency is at work for a moment before its version shows.
func TestAuditLetsAnEmergencyThatHasJustBegunFinish(t *testing.T) {
	w := newWorld(t)
	w.label("COMPROMISED")
	leaked, begun := w.secret("AWSCURRENT"), w.ping.Now()
	var minted time.Time
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "POST application secret" {
			minted = w.ping.Now()
		}
		return fault.None
	})
	w.audit()
	w.ping.Before(nil)
	if after := minted.Sub(begun); after < time.Minute {
		t.Errorf("the audit regenerated %v after the label was set, want it to wait for a step's time", after)
	}
	if w.accepts(leaked) || w.sm.VersionID(orders, "COMPROMISED") != "" {
		t.Errorf("the leak is not over\n%s", w.log)
	}
}

// An emergency that cannot begin because of the document is repeated once that is
// mended, with the same secret in another version.
func TestEmergencyGoesOnAfterTheDocumentWasMended(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		t.Run(string(e), func(t *testing.T) {
			w := newWorld(t, withDocument(func(d map[string]any) {
				d["rotation"] = map[string]any{"adminSecretId": "pingone/no-such"}
			}))
			leaked := w.secret("AWSCURRENT")
			if rep := w.emergency(e); rep.Outcome != rotation.Failed {
				t.Fatalf("outcome: got %s (%s), want failed", rep.Outcome, rep.Error)
			}
			w.sm.Put(orders, encode(document(w.app)))
			w.checkEnded(leaked, w.emergency(e))
		})
	}
}

// Whoever regenerates by hand, while a leak is open, must not lock consumers out for
// good.
func TestDriftWhileALeakIsOpenIsMended(t *testing.T) {
	for _, c := range []struct {
		name string
		next func(*world)
	}{
		{"by the same command", func(w *world) { w.emergency(rotation.Swift) }},
		{"by the schedule", func(w *world) { w.rotate() }},
		{"by an audit", func(w *world) { w.do(rotation.Action{Action: "audit"}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaked := w.secret("AWSCURRENT")
			w.deny("DELETE application secret")
			if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
				t.Fatalf("outcome: got %s (%s), want open", rep.Outcome, rep.Error)
			}
			w.ping.Before(nil)
			w.advance(2 * time.Minute)
			w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
			c.next(w)
			if w.accepts(leaked) || w.sm.VersionID(orders, "COMPROMISED") != "" {
				t.Errorf("the leak is not over\n%s", w.log)
			}
			w.checkPromoted()
		})
	}
}

// Somebody has moved AWSCURRENT back, from the leaked version to the one before.
func TestLeakInAVersionThatConsumersHaveLeftByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		next func(*world)
	}{
		{"by the schedule and an audit", func(w *world) {
			w.rotate()
			w.advance(2 * time.Minute)
			w.do(rotation.Action{Action: "audit"})
		}},
		{"by the same command", func(w *world) { w.emergency(rotation.Swift) }},
		{"by an audit", func(w *world) { w.do(rotation.Action{Action: "audit"}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.rotate()
			w.advance(time.Minute)
			leaked := w.secret("AWSCURRENT")
			w.label("COMPROMISED")
			w.move("AWSCURRENT", w.sm.VersionID(orders, "AWSPREVIOUS"))
			c.next(w)
			if w.accepts(leaked) || w.sm.VersionID(orders, "COMPROMISED") != "" {
				t.Errorf("the leak is not over: %s", w.reports)
			}
			w.checkPromoted()
		})
	}
}

// Who stores a document by hand may leave out what the rotation writes.
func TestLeakIsEndedWhenAWSCURRENTNamesNoMethod(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	w.deny("DELETE application secret")
	w.emergency(rotation.Swift)
	w.ping.Before(nil)
	d := w.stored("AWSCURRENT")
	delete(d, "tokenEndpointAuthMethod")
	w.sm.Put(orders, encode(d))
	w.advance(2 * time.Minute)
	w.checkEnded(leaked, w.emergency(rotation.Swift))
}

// The document says who the twin is, and who writes it must not thereby end the secret
// of another application.
func TestLabelCompromisedEndsNoApplicationThatIsOnlyNamedAsTheTwin(t *testing.T) {
	w := newWorld(t, alternate)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other", Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}})
	w.sm.Put(orders, encode(document(other)))
	w.label("COMPROMISED")
	d := document(w.app)
	d["rotation"] = map[string]any{"strategy": "alternating", "twin": other.ID}
	w.sm.Put(orders, encode(d))
	rep := w.emergency(rotation.Swift)
	w.do(rotation.Action{Action: "audit"})
	w.sm.Rotate(t.Context(), orders)
	if !w.ping.Authenticates(other.Environment, other.ID, other.Secret) {
		t.Errorf("the other application's secret is dead: %s", rep.Outcome)
	}
}

// A rotation that has stopped leaves AWSPREVIOUS a grace, and no more.
func TestRollbackGoesToNoSecretThatIsAboutToEnd(t *testing.T) {
	w := newWorld(t, alternate)
	w.rotate()
	w.advance(25 * time.Hour)
	w.rotate()
	w.advance(25 * time.Hour)
	w.sm.Fail("UpdateSecretVersionStage", fault.Denied)
	w.sm.Rotate(t.Context(), orders) // regenerates the twin's, and stops
	w.sm.Before(nil)
	w.unstick()
	rep := w.do(rotation.Action{Action: "rollback", SecretID: orders}).(*rotation.Report)
	if rep.Outcome != rotation.Failed || !strings.Contains(rep.Error, "rotate instead") {
		t.Errorf("got %s (%s), want it refused, with advice", rep.Outcome, rep.Error)
	}
	w.advance(25 * time.Hour)
	if !w.works() {
		t.Error("a day after the rollback AWSCURRENT is dead")
	}
	target, mints := w.stored("AWSPREVIOUS")["clientId"], w.mints()
	w.do(rotation.Action{Action: "rotate", SecretID: orders}) // as advised
	if w.client() != target || !w.works() || w.mints() != mints {
		t.Errorf("the rotation did not take over what is there: client %s, %d mints", w.client(), w.mints())
	}
}

// What an action leaves when it dies is no rotation that is under way.
func TestRollbackAfterAnActionThatDied(t *testing.T) {
	for _, c := range []struct {
		name string
		dies string
		n    int
	}{
		{"before the promotion", "AWSCURRENT", 0},
		{"after the promotion", "PINGROTATE", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, alternate)
			w.rotate()
			w.advance(25 * time.Hour)
			w.sm.Before(func(k fault.Call) fault.Kind {
				if k.Operation == "UpdateSecretVersionStage" {
					if c.n++; c.dies == "AWSCURRENT" || c.n > 1 {
						return fault.Denied
					}
				}
				return fault.None
			})
			w.do(rotation.Action{Action: "rotate", SecretID: orders})
			w.sm.Before(nil)
			w.advance(25 * time.Hour)
			w.rotate()
			w.advance(2 * time.Minute)
			rep := w.do(rotation.Action{Action: "rollback", SecretID: orders}).(*rotation.Report)
			if rep.Outcome != rotation.RolledBack || !w.works() {
				t.Errorf("got %s (%s), want rolledBack", rep.Outcome, rep.Error)
			}
		})
	}
}

// A read that lags behind must not turn an emergency into a refusal.
func TestEmergencyDoesNotWaitForConsumersEvenIfItsLabelDoesNotShowYet(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	w.advance(time.Minute) // consumers lag
	leaked := w.secret("AWSCURRENT")
	w.sm.LagReads(3)
	rep := w.emergency(rotation.Swift)
	w.checkEnded(leaked, rep)
}

// Secrets Manager repeats no rotation but its own. One by hand that dies after the mint
// leaves consumers a secret that ends with its grace.
func TestRotationByHandThatDiedIsCompletedBeforeConsumersAreLockedOut(t *testing.T) {
	w := newWorld(t)
	w.schedule()
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "PutSecretValue" {
			return fault.Denied
		}
		return fault.None
	})
	rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report)
	w.sm.Before(nil)
	if rep.Outcome != rotation.Failed || w.mints() != 1 {
		t.Fatalf("got %s with %d mints, want it to fail after the mint", rep.Outcome, w.mints())
	}
	for range 26 {
		w.audit()
		w.advance(time.Hour)
		if !w.works() {
			t.Fatalf("AWSCURRENT is dead at %v\n%s", w.ping.Now(), w.log)
		}
	}
	w.checkPromoted()
	if w.mints() != 1 {
		t.Errorf("PingOne regenerated %d times, want once", w.mints())
	}
}

// The same command again, when an audit has been quicker to complete what it left.
func TestRepeatedEmergencyThatAnAuditHasCompleted(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	w.order = "3a4c8a41-39a8-4a0a-9d5f-2f6a63a5b1f0"
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "UpdateSecretVersionStage" && w.sm.VersionID(orders, "PINGROTATE") != "" {
			return fault.Denied // its version is stored, and not promoted
		}
		return fault.None
	})
	w.emergency(rotation.Swift)
	w.sm.Before(nil)
	w.advance(2 * time.Minute)
	w.audit()
	if w.accepts(leaked) {
		t.Fatal("the audit did not complete it")
	}
	current, mints := w.secret("AWSCURRENT"), w.mints()
	rep := w.emergency(rotation.Swift)
	if rep.Outcome != rotation.Skipped || len(rep.Warnings) == 0 || w.sm.VersionID(orders, "COMPROMISED") != "" {
		t.Errorf("got %s (%s), want skipped, with the reason, and no label", rep.Outcome, rep.Error)
	}
	if w.secret("AWSCURRENT") != current || w.mints() != mints {
		t.Error("the repetition has ended what the audit gave consumers")
	}
}

func TestReportOfAResourcesEmergencyDoesNotSpeakOfItsTokens(t *testing.T) {
	w := newWorld(t)
	w.resource()
	leaked := w.secret("AWSCURRENT")
	rep := w.emergency(rotation.Swift)
	w.checkEnded(leaked, rep)
	if text := strings.Join(rep.StillOpen, "\n"); !rep.TokensValidUntil.IsZero() || strings.Contains(text, "obtained with") || !strings.Contains(text, "introspect") {
		t.Errorf("a resource obtains no tokens; got %v and %q", rep.TokensValidUntil, text)
	}
}
