package rotation_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// endPrevious ends the previous secret early.
func (w *world) endPrevious(change func(*rotation.Action)) *rotation.Report {
	w.t.Helper()
	a := rotation.Action{Action: rotation.ActionEnd, SecretID: orders, Reason: "an old job is gone", By: "alice"}
	if change != nil {
		change(&a)
	}
	return w.do(a).(*rotation.Report)
}

func lockOut(a *rotation.Action) { a.LockOut = true }

// rotatedOnce makes a world in which consumers got a new secret a while ago. It returns the
// secret that they held before.
func rotatedOnce(t *testing.T, since time.Duration, opts ...option) (w *world, before string) {
	t.Helper()
	w = newWorld(t, opts...)
	before = w.secret("AWSCURRENT")
	w.rotate()
	w.advance(since)
	if !w.accepts(before) {
		t.Fatal("PingOne does not keep the secret before")
	}
	return w, before
}

func TestEndPreviousEndsAnIdleSecretWithinItsGraceAndShowsThatItIsRefused(t *testing.T) {
	w, before := rotatedOnce(t, 3*time.Hour)
	p := watch(w)
	begun := w.ping.Now()
	rep := w.endPrevious(nil)
	fingerprint := pingone.NewSecret(before).Fingerprint()
	if rep.Outcome != rotation.Ended || rep.Error != "" || rep.Revoked == nil || rep.Revoked.Fingerprint != fingerprint || rep.Emergency != "" {
		t.Fatalf("got %+v, want ended", rep)
	}
	if w.accepts(before) || !w.works() || w.mints() != 1 {
		t.Error("the previous secret works, AWSCURRENT does not, or something was minted")
	}
	if w.ping.Now().Sub(begun) < 30*time.Second {
		t.Error("it was not asked for 30 s whether the secret is refused")
	}
	var what []string
	for _, m := range rep.Timeline {
		what = append(what, string(m.What))
	}
	if got := strings.Join(what, ", "); got != "must die, ended, refused first, refused last" {
		t.Errorf("the timeline tells: %s", got)
	}
	if rep.By != "alice" || rep.TokensValidUntil.Sub(rep.Revoked.At) < time.Hour || rep.Replaced != "" {
		t.Errorf("the report lacks who, or until when tokens live: %+v", rep)
	}
	if len(p.breaches) > 0 {
		t.Error(p.report())
	}
	w.checkPromoted()
	w.checkSilent(w.reports...)
	// Afterwards nothing delays a rotation, and there is nothing left to end.
	if rep := w.endPrevious(nil); rep.Outcome != rotation.Skipped || rep.Error != "" {
		t.Errorf("given again: got %s (%s), want skipped", rep.Outcome, rep.Error)
	}
	w.rotate()
}

// The error of a rotation that is refused because consumers lag names the command that ends
// the previous secret. After that command, the rotation succeeds.
func TestEndPreviousLetsARefusedRotationThrough(t *testing.T) {
	w, before := rotatedOnce(t, time.Hour)
	w.use(before)
	w.advance(time.Hour)
	w.rotateFails("refusing to regenerate", "pingrotate end-previous "+orders+" --lock-out")
	if rep := w.endPrevious(lockOut); rep.Outcome != rotation.Busy || rep.RetryAt.IsZero() || !w.accepts(before) {
		t.Fatalf("while the refused rotation may be at work: got %s (%s)", rep.Outcome, rep.Error)
	}
	w.advance(3 * time.Minute)
	if rep := w.endPrevious(nil); rep.Outcome != rotation.Refused || !strings.Contains(rep.Error, "was last used at") || !strings.Contains(rep.Error, "--lock-out") || !w.accepts(before) {
		t.Fatalf("got %s (%s), want refused, because a consumer has used it", rep.Outcome, rep.Error)
	}
	if rep := w.endPrevious(lockOut); rep.Outcome != rotation.Ended || w.accepts(before) {
		t.Fatalf("got %s (%s), want ended", rep.Outcome, rep.Error)
	}
	w.retry()
	w.checkPromoted()
	w.checkSilent(w.reports...)
}

func TestEndPreviousLeavesAloneWhatAHolderNeeds(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  func(*world)
		outcome rotation.Outcome
		words   string
	}{
		{"a replica lags", func(w *world) { w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.Failed) }, rotation.Failed, "the replica in eu-west-1 is not in sync"},
		{"AWSCURRENT was moved back", func(w *world) { w.move("AWSCURRENT", w.sm.VersionID(orders, "AWSPREVIOUS")) }, rotation.Failed, "AWSCURRENT does not hold PingOne's current secret"},
		{"a rotation has begun", begun, rotation.Busy, "a rotation is under way"},
		{"an emergency is open", func(w *world) {
			w.deny("DELETE application secret")
			w.emergency(rotation.Swift)
			w.ping.Before(nil)
		}, rotation.Failed, "an emergency of this client is open"},
		{"the application is disabled", func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}, rotation.Failed, "disabled"},
		{"another invocation is at work", func(w *world) { w.holdLease("another invocation") }, rotation.Ended, ""}, // after it
		{"it was replaced again since it was shown", func(w *world) { w.rotate() }, rotation.Failed, "which is not the one to end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, before := rotatedOnce(t, 3*time.Hour)
			shown := w.endPrevious(func(a *rotation.Action) { a.Preview = true })
			if shown.Outcome != rotation.Previewed || shown.Preview == nil || len(shown.Preview.Previous) != 1 || shown.Preview.ClientID != w.app.ClientID {
				t.Fatalf("the preview: %+v", shown)
			}
			c.before(w)
			accepted := w.accepts(before)
			current := w.secret("AWSCURRENT")
			rep := w.endPrevious(func(a *rotation.Action) { a.LockOut, a.Previous = true, shown.Preview.MustDie })
			if rep.Outcome != c.outcome || !strings.Contains(rep.Error, c.words) {
				t.Errorf("got %s (%s), want %s with %q", rep.Outcome, rep.Error, c.outcome, c.words)
			}
			if c.outcome != rotation.Ended && (w.accepts(before) != accepted || w.secret("AWSCURRENT") != current) {
				t.Error("something was ended or moved")
			}
			w.checkSilent(w.reports...)
		})
	}
}

// Another managed secret of the client was attached a moment ago, and is not in the
// register yet. It must be found before the secret that it holds is ended.
func TestEndPreviousLooksForOtherManagedSecretsOfTheClient(t *testing.T) {
	w, before := rotatedOnce(t, 3*time.Hour, func(o *options) { o.fresh = true })
	d := document(w.app)
	d["clientSecret"] = before
	w.put(copyName, d)
	w.sm.EnableRotation(copyName, functionARN)
	rep := w.endPrevious(lockOut)
	if rep.Outcome != rotation.Failed || !strings.Contains(rep.Error, "another managed secret of the same PingOne client") || !w.accepts(before) {
		t.Errorf("got %s (%s), want failed", rep.Outcome, rep.Error)
	}
}

// A preview changes nothing, and says what would be refused.
func TestPreviewOfEndPreviousChangesNothing(t *testing.T) {
	w, before := rotatedOnce(t, time.Hour)
	w.use(before)
	state := w.state()
	rep := w.endPrevious(func(a *rotation.Action) { a.Preview = true })
	if rep.Outcome != rotation.Refused || rep.Preview == nil || len(rep.Preview.Previous) != 1 {
		t.Fatalf("got %+v, want refused, with a preview", rep)
	}
	k := rep.Preview.Previous[0]
	if k.Fingerprint != pingone.NewSecret(before).Fingerprint() || k.Application != w.app.ID || k.Until.Before(w.ping.Now()) || k.LastUsed.IsZero() {
		t.Errorf("the preview says %+v", k)
	}
	if rep := w.endPrevious(func(a *rotation.Action) { a.Preview, a.LockOut = true, true }); rep.Outcome != rotation.Previewed || rep.Error != "" {
		t.Errorf("got %s (%s), want previewed", rep.Outcome, rep.Error)
	}
	if w.state() != state || !w.accepts(before) {
		t.Error("a preview has changed something")
	}
}

// The request or its answer may be lost. The same command then comes to the same end, and
// says so.
func TestEndPreviousWithoutAnAnswer(t *testing.T) {
	for _, k := range []fault.Kind{fault.Unavailable, fault.ReplyLost} {
		w, before := rotatedOnce(t, 3*time.Hour)
		shown := w.endPrevious(func(a *rotation.Action) { a.Preview = true })
		var mu sync.Mutex
		failed := false
		w.ping.Before(func(c fault.Call) fault.Kind {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(c.Operation, "DELETE") && !failed {
				failed = true
				return k
			}
			return fault.None
		})
		rep := w.endPrevious(func(a *rotation.Action) { a.Previous = shown.Preview.MustDie })
		if !failed || rep.Outcome != rotation.Ended || w.accepts(before) || !slices.ContainsFunc(rep.Refused, func(m rotation.Mark) bool { return m.Fingerprint == shown.Preview.MustDie[0] }) {
			t.Errorf("%v: got %s (%s), want ended", k, rep.Outcome, rep.Error)
		}
		w.checkPromoted()
	}
}

// PingOne may report the secret's end and still accept it.
func TestEndPreviousThatPingOneDoesNotEndIsOpen(t *testing.T) {
	w, _ := rotatedOnce(t, 3*time.Hour)
	w.ping.Nodes(pingonetest.Node{Forgets: time.Hour})
	rep := w.endPrevious(nil)
	if rep.Outcome != rotation.Open || !strings.Contains(rep.Error, "PingOne was told to end the previous secret and still accepts it") {
		t.Errorf("got %s (%s), want open", rep.Outcome, rep.Error)
	}
}

// With two applications, the idle one has a previous secret too. The error of a refused
// rotation names that secret.
func TestEndPreviousOfTwoApplications(t *testing.T) {
	w := newWorld(t, alternate)
	for range 4 {
		w.rotate()
		w.advance(12 * time.Hour)
	}
	rep := w.endPrevious(lockOut)
	if rep.Outcome != rotation.Ended || len(rep.Refused) != 2 {
		t.Fatalf("got %s (%s), %d ended, want both applications' previous secrets", rep.Outcome, rep.Error, len(rep.Refused))
	}
	if !w.works() || w.stored("AWSPREVIOUS") == nil {
		t.Error("AWSCURRENT does not work")
	}
	rolled := w.do(rotation.Action{Action: "rollback", SecretID: orders}).(*rotation.Report)
	if rolled.Outcome != rotation.RolledBack {
		t.Errorf("there is no way back any more: %s (%s)", rolled.Outcome, rolled.Error)
	}
}

func TestEndPreviousOfWhatIsNotFilledSaysSo(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { delete(d, "clientSecret") }))
	rep := w.endPrevious(func(a *rotation.Action) { a.Previous = []string{"00000000"} })
	if rep.Outcome != rotation.Failed || !strings.Contains(rep.Error, "has not been filled yet") {
		t.Errorf("got %s (%s)", rep.Outcome, rep.Error)
	}
}

// The end is shown for every kind of client: for a custom resource by introspection, and
// for a client that signs assertions by those.
func TestEndPreviousOfEachKindOfClient(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
	}{
		{"resource", nil, func(w *world) { w.resource() }},
		{"CLIENT_SECRET_POST", []option{withApp(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_POST"})}, nil},
		{"CLIENT_SECRET_JWT", []option{withApp(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"})}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			if c.before != nil {
				c.before(w)
			}
			w.rotate()
			before := w.secret("AWSPREVIOUS")
			w.rotateFails("pingrotate end-previous")
			w.advance(3 * time.Minute)
			rep := w.endPrevious(lockOut)
			if rep.Outcome != rotation.Ended || len(rep.Refused) != 1 || before != "" && rep.Refused[0].Fingerprint != pingone.NewSecret(before).Fingerprint() {
				t.Errorf("got %s (%s), refused %v", rep.Outcome, rep.Error, rep.Refused)
			}
			w.retry()
			w.checkSilent(w.reports...)
		})
	}
}

// Its invocation is killed before or after each of its calls. The same command then comes
// to the same end, AWSCURRENT works all the time, and a rotation succeeds afterwards.
func TestEndPreviousSurvivesItsDeathAtEachCall(t *testing.T) {
	for n := 1; ; n++ {
		w, before := rotatedOnce(t, 3*time.Hour)
		p := watch(w)
		shown := w.endPrevious(func(a *rotation.Action) { a.Preview = true })
		var mu sync.Mutex
		seen, died := 0, false
		die := func(fault.Call) fault.Kind {
			mu.Lock()
			defer mu.Unlock()
			if seen++; seen == n {
				died = true
				(*w.die.Load())()
				return fault.HangApplied
			}
			return fault.None
		}
		w.ping.Before(die)
		named := func(a *rotation.Action) { a.Previous = shown.Preview.MustDie }
		rep := w.endPrevious(named)
		w.ping.Before(nil)
		if !died {
			if n < 5 {
				t.Fatalf("only %d calls", n)
			}
			return
		}
		if rep.Outcome == rotation.Ended && w.accepts(before) {
			t.Errorf("call %d: said to have ended, and works", n)
		}
		w.advance(2 * time.Minute)
		rep = w.endPrevious(named)
		if rep.Outcome != rotation.Ended || w.accepts(before) {
			t.Errorf("call %d: the same command again: %s (%s)", n, rep.Outcome, rep.Error)
		}
		w.rotate()
		if len(p.breaches) > 0 {
			t.Fatal(p.report())
		}
		w.checkPromoted()
	}
}
