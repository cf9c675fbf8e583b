package rotation_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

func TestScheduledRotationKeepsTheOldSecretForItsGrace(t *testing.T) {
	for _, method := range []string{"CLIENT_SECRET_BASIC", "CLIENT_SECRET_POST"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t, withApp(pingonetest.Application{TokenEndpointAuthMethod: method}))
			old := w.secret("AWSCURRENT")
			w.rotate()
			w.checkPromoted()
			if got := w.secret("AWSCURRENT"); got == old || !w.accepts(got) || !w.accepts(old) {
				t.Errorf("after the rotation: new secret stored %t, accepted %t; old one accepted %t; want all true", got != old, w.accepts(got), w.accepts(old))
			}
			if w.secret("AWSPREVIOUS") != old {
				t.Error("AWSPREVIOUS is not the replaced secret")
			}
			w.advance(24*time.Hour - time.Minute)
			if !w.accepts(old) {
				t.Error("the old secret was refused before its grace had ended")
			}
			w.advance(2 * time.Minute)
			w.do(rotation.Action{Action: "audit"})
			if w.accepts(old) {
				t.Error("the audit left the old secret alive after its grace")
			}
			steps := w.decisions()[:4]
			if got, want := steps, []string{"regenerate", "in PingOne already", "verify", "promote"}; !slices.Equal(got, want) {
				t.Errorf("decisions: got %q, want %q", got, want)
			}
			w.checkSilent()
		})
	}
}

func TestDocumentDecidesTheGrace(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"grace": "3h"} }))
	w.rotate()
	live := w.ping.Secret(w.app.Environment, w.app.ID)
	if got := live.PreviousExpiresAt.Sub(w.ping.Now()).Round(time.Minute); got != 48*time.Hour {
		t.Errorf("fuse: got %v, want 48h", got)
	}
	old := w.secret("AWSPREVIOUS")
	for _, c := range []struct {
		after time.Duration
		works bool
	}{{3*time.Hour - time.Minute, true}, {2 * time.Minute, false}} {
		w.advance(c.after)
		w.do(rotation.Action{Action: "audit"})
		if w.accepts(old) != c.works {
			t.Errorf("%v later and after an audit: accepted %t, want %t", c.after, !c.works, c.works)
		}
	}
}

func TestSecretMintedByARunThatDiedIsAdopted(t *testing.T) {
	w := newWorld(t)
	old := w.secret("AWSCURRENT")
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied)
	w.rotateFails("store the new secret as AWSPENDING")
	if w.mints() != 1 || w.secret("AWSPENDING") != "" || !w.accepts(old) {
		t.Fatalf("after the failure: got %d mints, pending stored %t, old secret accepted %t", w.mints(), w.secret("AWSPENDING") != "", w.accepts(old))
	}
	w.retry()
	w.checkPromoted()
	if w.mints() != 1 {
		t.Errorf("mints: got %d, want 1", w.mints())
	}
	if !slices.Contains(w.decisions(), "adopt") {
		t.Errorf("decisions: got %q, want one to adopt", w.decisions())
	}
}

func TestLostReplyOfTheMintIsReadBackAndNotRepeated(t *testing.T) {
	for _, kind := range []fault.Kind{fault.ReplyLost, fault.ReplyCut, fault.UnavailableApplied, fault.MalformedApplied} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			w.ping.Fail(pingonetest.OpRegenerateSecret, kind)
			w.rotate()
			w.checkPromoted()
			if posts := w.ping.Count(pingonetest.OpRegenerateSecret); w.mints() != 1 || posts != 1 {
				t.Errorf("got %d mints by %d requests, want 1 by 1", w.mints(), posts)
			}
		})
	}
}

func TestMintThatDidNotHappenIsLeftToTheNextAttempt(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Refused, fault.Unavailable, fault.Throttled, fault.Malformed, fault.Denied} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			w.ping.Fail(pingonetest.OpRegenerateSecret, kind)
			w.rotateFails("regenerate the application secret")
			if posts := w.ping.Count(pingonetest.OpRegenerateSecret); posts != 1 {
				t.Errorf("got %d requests to regenerate, want 1", posts)
			}
			w.retry()
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("mints: got %d, want 1", w.mints())
			}
		})
	}
}

func TestFirstRotationTakesOverTheSecretWithoutRegenerating(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) {
		delete(d, "clientSecret")
		delete(d, "tokenEndpointAuthMethod")
	}))
	w.rotate()
	w.checkPromoted()
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
	got := w.stored("AWSCURRENT")
	if got["clientSecret"] != w.app.Secret || got["tokenEndpointAuthMethod"] != "CLIENT_SECRET_BASIC" ||
		got["tokenEndpoint"] != w.ping.URL()+"/"+w.app.Environment+"/as/token" {
		t.Error("the first rotation did not complete the document")
	}
}

func TestDriftIsAdoptedAndReported(t *testing.T) {
	w := newWorld(t)
	w.ping.Regenerate(w.app.Environment, w.app.ID, 0) // at the console
	w.rotate()
	w.checkPromoted()
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
	line := w.log.lines()[0]
	if line["decision"] != "drift" || line["level"] != "WARN" || line["warning"] == nil {
		t.Errorf("log line of the drift: got %v", line)
	}
}

func TestRotationIsRefusedWhileConsumersLag(t *testing.T) {
	w := newWorld(t)
	first := w.secret("AWSCURRENT")
	w.rotate()

	w.advance(time.Minute)
	w.rotateFails("refusing to regenerate", "has just been replaced", "pingrotate end-previous "+orders+" --lock-out")
	if !w.accepts(first) || !w.accepts(w.secret("AWSCURRENT")) {
		t.Error("the refusal cost a secret")
	}

	w.advance(3 * time.Hour)
	w.use(first)
	if err := w.sm.Attempt(t.Context(), orders); err == nil || !strings.Contains(err.Error(), "was last used at") {
		t.Errorf("retry: got %v, want a refusal that says when the previous secret was used", err)
	}

	w.advance(3 * time.Hour)
	w.retry()
	w.checkPromoted()
	if w.mints() != 2 {
		t.Errorf("mints: got %d, want 2", w.mints())
	}
}

// use obtains a token as a consumer with this secret does.
func (w *world) use(secret string) {
	w.t.Helper()
	cred := w.credential(secret)
	if _, err := w.rotator.PingOne.Token(w.t.Context(), cred, ""); err != nil {
		w.t.Fatalf("use the secret: %v", err)
	}
}

func TestPoisonedPendingIsGivenUpAndAFreshRotationHeals(t *testing.T) {
	w := newWorld(t)
	if _, err := w.sm.Begin(orders); err != nil {
		t.Fatal(err)
	}
	d := document(w.app)
	d["clientSecret"] = "made-up"
	w.putPending(encode(d))
	err := w.sm.Attempt(t.Context(), orders)
	if err == nil || !strings.Contains(err.Error(), "rotate-secret") {
		t.Fatalf("got %v, want an error that says how to continue", err)
	}
	if w.sm.VersionID(orders, "AWSPENDING") != "" || w.mints() != 0 {
		t.Error("AWSPENDING is still there, or something was minted")
	}
	w.rotate()
	w.checkPromoted()
}

func TestPendingThatSomebodyRegeneratedIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.sm.Fail("UpdateSecretVersionStage", fault.None, fault.Denied)
	w.rotateFails("finishSecret")
	// At the console: the pending secret becomes the previous one, and the one that consumers
	// hold dies.
	w.ping.Regenerate(w.app.Environment, w.app.ID, time.Hour)
	if w.accepts(w.secret("AWSCURRENT")) {
		t.Fatal("AWSCURRENT still works, so the test does not set up its situation")
	}
	w.advance(time.Minute)
	err := w.sm.Attempt(t.Context(), orders)
	if err == nil || !strings.Contains(err.Error(), "this rotation was ended") {
		t.Errorf("retry: got %v, want an error that says what has happened", err)
	}
	w.checkPromoted()
	if w.mints() != 1 {
		t.Errorf("mints: got %d, want 1", w.mints())
	}
}

func TestSetupTestPassesWithACopyOfCurrent(t *testing.T) {
	w := newWorld(t)
	if err := w.sm.TestOnly(t.Context(), orders); err != nil {
		t.Errorf("with a secret: %v", err)
	}
	empty := newWorld(t, withDocument(func(d map[string]any) { delete(d, "clientSecret") }))
	if err := empty.sm.TestOnly(t.Context(), orders); err != nil {
		t.Errorf("before the first rotation: %v", err)
	}
	w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
	if err := w.sm.TestOnly(t.Context(), orders); err == nil {
		t.Error("with a disabled application: got success")
	}
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
}

func TestNewSecretIsNotPromotedUntilItWorks(t *testing.T) {
	w := newWorld(t)
	w.ping.PropagationDelay(20 * time.Second)
	w.advance(time.Minute)
	w.rotate()
	w.checkPromoted()

	w = newWorld(t)
	old := w.secret("AWSCURRENT")
	w.ping.PropagationDelay(10 * time.Minute)
	w.advance(time.Hour)
	w.rotateFails("testSecret", "verify the new secret")
	if w.secret("AWSCURRENT") != old || !w.accepts(old) {
		t.Error("a secret that does not work yet took the place of one that does")
	}
	w.advance(10 * time.Minute)
	w.retry()
	w.checkPromoted()
}

func TestPromotionTrustsNoEarlierStep(t *testing.T) {
	w := newWorld(t)
	old := w.secret("AWSCURRENT")
	w.ping.PropagationDelay(10 * time.Minute)
	w.advance(time.Hour)
	if _, err := w.sm.Begin(orders); err != nil {
		t.Fatal(err)
	}
	if err := w.invoke(t.Context(), w.sm.Event(orders, "createSecret")); err != nil {
		t.Fatal(err)
	}
	if err := w.invoke(t.Context(), w.sm.Event(orders, "finishSecret")); err == nil {
		t.Error("finishSecret of a secret that does not work yet: got success")
	}
	if w.secret("AWSCURRENT") != old {
		t.Error("a secret that does not work yet was promoted")
	}
}

func TestTooLittleTimeMeansNoMint(t *testing.T) {
	w := newWorld(t)
	w.sm.AddFunction(functionARN, func(ctx context.Context, event []byte) error {
		return w.invokeFor(ctx, event, 20*time.Second)
	})
	w.rotateFails("too little time", "timeout")
	if posts := w.ping.Count(pingonetest.OpRegenerateSecret); posts != 0 {
		t.Errorf("got %d requests to regenerate, want 0", posts)
	}
}

// Before a managed secret's first secret is promoted, no consumer holds one. So a request
// whose announcement was lost with the register's item cannot end a secret in use.
func TestFirstSecretIsPromotedAtOnceThoughTheRegisterKnowsNothing(t *testing.T) {
	for _, how := range []string{"steps", "action"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, func(w *world) {
				begun := time.Now()
				if how == "steps" {
					w.rotate()
				} else if rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report); rep.Outcome != rotation.Promoted {
					t.Fatalf("got %s: %s", rep.Outcome, rep.Error)
				}
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				w.checkPromoted()
			}, withDocument(func(d map[string]any) { delete(d, "clientSecret") }), func(o *options) { o.fresh = true })
		})
	}
}

// A first rotation waits until nothing can be under way that the register does not know of.
// That must raise no alarm.
func TestAFirstRotationIsNotASlowStep(t *testing.T) {
	inBubble(t, func(w *world) {
		w.rotate()
		slowest := 0.0
		for line := range strings.Lines(w.log.String()) {
			var m map[string]any
			if json.Unmarshal([]byte(line), &m) == nil && m["_aws"] != nil {
				d, _ := m[string(rotation.StepDuration)].(float64)
				slowest = max(slowest, d)
			}
		}
		waits, limit := register.ResolveTime, rotation.SlowStep-20*time.Second // reserve 20 s for PingOne's and AWS's answers
		if took := time.Duration(slowest) * time.Millisecond; took < waits || took > limit {
			w.t.Errorf("the slowest step took %v, want it to wait %v and to take %v at most", took, waits, limit)
		}
	}, func(o *options) { o.fresh = true })
}
