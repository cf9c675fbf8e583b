package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// do carries out an action, as the function does for its caller.
func (w *world) do(a rotation.Action) any {
	w.t.Helper()
	event, err := json.Marshal(a)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(w.t.Context(), w.ping.Now().Add(5*time.Minute))
	defer cancel()
	w.die.Store(&cancel)
	report, err := w.rotator.Handle(ctx, event)
	if err != nil {
		w.t.Fatalf("%s: %v", event, err)
	}
	text, err := json.Marshal(report)
	if err != nil {
		w.t.Fatal(err)
	}
	w.reports = append(w.reports, string(text))
	return report
}

// emergency commands an emergency for AWSCURRENT.
func (w *world) emergency(e rotation.Emergency) *rotation.Report {
	w.t.Helper()
	return w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: e, Reason: "found in a log", By: "alice", ClientRequestToken: w.order}).(*rotation.Report)
}

// checkEnded checks that a leak has ended: the leaked secret is dead, AWSCURRENT is
// PingOne's secret, and nothing is left to do.
func (w *world) checkEnded(leaked string, rep *rotation.Report) {
	w.t.Helper()
	if rep.Outcome != rotation.Ended {
		w.t.Errorf("outcome: got %s (%s), want ended\n%s", rep.Outcome, rep.Error, w.log)
	}
	if w.accepts(leaked) {
		w.t.Error("PingOne accepts the leaked secret")
	}
	if w.emergencyOpen() {
		w.t.Error("the emergency is open in the register")
	}
	w.checkPromoted()
	w.checkSilent(w.reports...)
}

func TestEmergencyEndsTheLeakedSecretOnceConsumersHaveAnother(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	p := watch(w)
	p.commanded(rotation.Swift)
	rep := w.emergency(rotation.Swift)
	w.checkEnded(leaked, rep)
	if len(p.breaches) > 0 {
		t.Error(p.report())
	}
	if rep.Minted == nil || rep.Promoted == nil || rep.Revoked == nil || rep.Minted.Fingerprint != rep.Promoted.Fingerprint || rep.Revoked.Fingerprint == rep.Minted.Fingerprint {
		t.Errorf("the report does not say what was minted, promoted and revoked: %+v", rep)
	}
	if rep.Reason != "found in a log" || rep.By != "alice" || rep.Emergency != rotation.Swift {
		t.Errorf("the report does not say who asked and why: %+v", rep)
	}
	if got := rep.TokensValidUntil.Sub(rep.Revoked.At).Round(time.Minute); got != time.Hour {
		t.Errorf("access tokens live %v after the revocation, want 1h", got)
	}
	if len(rep.StillOpen) == 0 || !strings.Contains(rep.StillOpen[0], "cannot revoke") {
		t.Errorf("the report does not say what is still open: %q", rep.StillOpen)
	}
	if !strings.Contains(w.log.String(), `"msg":"rotation action"`) || !strings.Contains(w.log.String(), "found in a log") {
		t.Error("the log does not say who asked and why")
	}
	t.Logf("an emergency takes %+v calls", rep.Calls)
}

func TestContainEndsTheLeakedSecretBeforeConsumersHaveAnother(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	var dead, promoted bool
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "PutSecretValue" {
			dead = !w.accepts(leaked)
		}
		return fault.None
	})
	rep := w.emergency(rotation.Contain)
	w.sm.Before(nil)
	promoted = w.secret("AWSCURRENT") != leaked
	w.checkEnded(leaked, rep)
	if !dead || !promoted {
		t.Errorf("dead before the new one was stored: %t, promoted: %t", dead, promoted)
	}
}

// deny makes PingOne refuse each call of an operation.
func (w *world) deny(operation string) {
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == operation {
			return fault.Denied
		}
		return fault.None
	})
}

// Whatever keeps a rotation from succeeding must not stop an emergency.
func TestNothingThatBlocksARotationBlocksAnEmergency(t *testing.T) {
	stuck := func(w *world) {
		w.sm.Fail("PutSecretValue", fault.None, fault.Denied)
		w.sm.Rotate(w.t.Context(), orders)
		w.sm.Before(nil)
	}
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
	}{
		{"AWSPENDING is empty", nil, func(w *world) {
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"AWSPENDING has no value, and PingOne has a newer secret", nil, stuck},
		{"AWSPENDING holds PingOne's secret", nil, func(w *world) {
			w.sm.Fail("UpdateSecretVersionStage", fault.None, fault.Denied)
			w.sm.Rotate(w.t.Context(), orders)
			w.sm.Before(nil)
		}},
		{"AWSPENDING is poisoned", nil, func(w *world) {
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
			d := document(w.app)
			d["clientSecret"] = "made-up"
			w.putPending(encode(d))
		}},
		{"consumers lag", nil, func(w *world) {
			w.rotate()
			w.advance(time.Minute)
		}},
		{"rotation is cancelled", nil, func(w *world) {
			w.cancelRotation()
		}},
		{"the token is not what rotation.verify asks for", []option{withDocument(func(d map[string]any) {
			d["rotation"] = map[string]any{"verify": map[string]any{"scope": "no:such"}}
		})}, func(*world) {}},
		{"alternating, the first time", []option{alternate}, func(*world) {}},
		{"alternating", []option{alternate}, func(w *world) {
			w.rotate()
			w.advance(25 * time.Hour)
			w.rotate()
		}},
		{"drift", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }},
	} {
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			t.Run(c.name+", "+string(e), func(t *testing.T) {
				w := newWorld(t, c.opts...)
				c.before(w)
				w.advance(2 * time.Minute)
				leaked, client := w.secret("AWSCURRENT"), w.client()
				rep := w.emergency(e)
				if rep.Outcome != rotation.Ended {
					t.Fatalf("outcome: got %s (%s), want ended\n%s", rep.Outcome, rep.Error, w.log)
				}
				if w.ping.Authenticates(w.app.Environment, client, leaked) {
					t.Error("PingOne accepts the leaked secret")
				}
				w.checkPromoted()
				w.checkSilent(w.reports...)
			})
		}
	}
}

// swift waits for a rotation that has the lease, and the secret which that rotation mints
// dies with the others.
func TestSwiftEmergencyWaitsForTheLeaseAndContainDoesNot(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		t.Run(string(e), func(t *testing.T) {
			w := newWorld(t)
			leaked := w.secret("AWSCURRENT")
			w.holdLease("another invocation")
			begun := w.ping.Now()
			var marked, minted time.Duration
			w.ping.Before(func(c fault.Call) fault.Kind {
				if c.Operation == "POST application secret" && minted == 0 {
					minted = w.ping.Now().Sub(begun)
				}
				return fault.None
			})
			w.checkEnded(leaked, w.emergency(e))
			if late := minted > 25*time.Second; late != (e == rotation.Swift) {
				t.Errorf("minted after %v (marked after %v), while another held the lease", minted, marked)
			}
		})
	}
}

func TestWithTooLittleTimeToWaitTheReportSaysWhenToComeAgain(t *testing.T) {
	w := newWorld(t)
	if _, err := w.sm.Begin(orders); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), w.ping.Now().Add(time.Minute))
	defer cancel()
	got, err := w.rotator.Handle(ctx, fmt.Appendf(nil, `{"action":"rotate","secretId":%q}`, orders))
	if err != nil {
		t.Fatal(err)
	}
	rep := got.(*rotation.Report)
	if rep.Outcome != rotation.Busy || !rep.RetryAt.After(w.ping.Now()) {
		t.Errorf("got %s, come again at %v; want busy and a time", rep.Outcome, rep.RetryAt)
	}
	if w.mints() != 0 {
		t.Error("PingOne regenerated")
	}
}

// The next run completes an emergency that died between the promotion and the revocation.
func TestUnfinishedEmergencyIsCompletedByTheNextRun(t *testing.T) {
	for _, c := range []struct {
		name string
		next func(*world)
	}{
		{"the same command", func(w *world) { w.emergency(rotation.Swift) }},
		{"an audit", func(w *world) { w.do(rotation.Action{Action: "audit"}) }},
		{"the next rotation", func(w *world) { w.rotateFails("an emergency was open, and was completed") }},
		{"finishSecret, repeated", func(w *world) {
			ev := fmt.Sprintf(`{"Step":"finishSecret","SecretId":%q,"ClientRequestToken":%q}`, orders, w.sm.VersionID(orders, "AWSCURRENT"))
			if err := w.invoke(w.t.Context(), []byte(ev)); err != nil {
				w.t.Error(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaked := w.secret("AWSCURRENT")
			w.deny("DELETE application secret")
			rep := w.emergency(rotation.Swift)
			if rep.Outcome != rotation.Open || rep.Promoted == nil || rep.Revoked != nil || len(rep.StillOpen) == 0 || !w.accepts(leaked) {
				t.Fatalf("got %+v, want the outcome open", rep)
			}
			w.ping.Before(nil)
			w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
			w.bring()
			mints := w.mints()
			c.next(w)
			if w.accepts(leaked) {
				t.Errorf("PingOne accepts the leaked secret\n%s", w.log)
			}
			if w.emergencyOpen() {
				t.Error("the emergency is open in the register")
			}
			// A repeated command marks what is accepted now too, so only it mints again.
			if n := w.mints() - mints; n > 1 || n > 0 && c.name != "the same command" {
				t.Errorf("PingOne regenerated %d times", n)
			}
			w.checkSilent(w.reports...)
		})
	}
}

// The mark also survives a crash before the mint. The scheduled rotation that continues it
// does not wait for lagging consumers.
func TestEmergencyThatDiedBeforeItsMintIsCompletedByTheSchedule(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	w.advance(time.Minute) // consumers lag
	leaked := w.secret("AWSCURRENT")
	w.deny("POST application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		t.Fatalf("outcome: got %s, want open", rep.Outcome)
	}
	w.ping.Before(nil)
	w.rotateFails("an emergency was open, and was completed")
	if w.accepts(leaked) || w.emergencyOpen() {
		t.Errorf("the leak is not over\n%s", w.log)
	}
	w.checkPromoted()
}

func TestReplicaThatLagsKeepsTheLeakedSecretAliveUnlessItIsToBeContained(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.InSync)

	// A lag that ends: the emergency waits.
	w.sm.LagReplicas(5 * time.Second)
	var early bool
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "DELETE application secret" {
			early = w.replica() != "InSync"
		}
		return fault.None
	})
	rep := w.emergency(rotation.Swift)
	w.ping.Before(nil)
	w.checkEnded(leaked, rep)
	if early {
		t.Error("the leaked secret was ended while consumers elsewhere held nothing else")
	}

	// A lag that does not end: people must decide.
	leaked = w.secret("AWSCURRENT")
	w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.Failed)
	if rep = w.emergency(rotation.Swift); rep.Outcome != rotation.Open || !strings.Contains(rep.Error, "eu-west-1") || !w.accepts(leaked) {
		t.Errorf("got %s (%s), want open because of eu-west-1", rep.Outcome, rep.Error)
	}
	w.checkEnded(leaked, w.emergency(rotation.Contain))
}

// replica returns the state of the managed secret's replica.
func (w *world) replica() string {
	out, err := w.rotator.Secrets.DescribeSecret(w.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(orders)})
	if err != nil || len(out.ReplicationStatus) != 1 {
		return fmt.Sprint(err)
	}
	return string(out.ReplicationStatus[0].Status)
}
