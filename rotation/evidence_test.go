package rotation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// evidence returns what the register's table tells of a managed secret, oldest first.
func (w *world) evidence(name string) (all []register.Evidence) {
	w.t.Helper()
	for e, err := range w.rotator.Register.Evidence(w.t.Context(), register.Query{Secret: w.sm.ARN(name)}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// told sums evidence up: who did what.
func told(all []register.Evidence) (lines []string) {
	for _, e := range all {
		line := e.What + ": " + e.Decision
		if e.Failed {
			line += ", failed"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines) // the clock stands still between two acts
	return lines
}

func TestEachActOfARotationIsEvidence(t *testing.T) {
	w := newWorld(t)
	w.advance(time.Minute)
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied)
	old := pingone.NewSecret(w.live().value).Fingerprint()
	w.rotateFails("store the new secret")
	w.advance(time.Minute)
	w.sm.Before(nil)
	w.retry()
	all := w.evidence(orders)
	want := []string{"createSecret: adopt", "createSecret: regenerate", "createSecret: regenerate, failed", "finishSecret: promote"}
	if got := told(all); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	var step rotation.StepReport
	for _, e := range all {
		err := json.Unmarshal(e.Report, &step)
		switch {
		case err != nil || step.Current != old || e.Rotation == "":
			t.Errorf("%s: got %+v with %+v (%v), want the rotation and the secret before it", e.Decision, e, step, err)
		case e.Failed && !strings.Contains(step.Error, "store the new secret"):
			t.Errorf("got %+v, want the error of the step", step)
		case !e.Failed && !slices.Equal(e.Fingerprints, []string{pingone.NewSecret(w.live().value).Fingerprint()}):
			t.Errorf("%s: got %q, want the new secret", e.Decision, e.Fingerprints)
		}
	}
	w.checkSilent()
}

// If another run completes an emergency, that run's acts are evidence too.
func TestEachActOfACompletedEmergencyIsEvidence(t *testing.T) {
	w := newWorld(t)
	w.deny("POST application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		t.Fatalf("outcome: got %s, want open", rep.Outcome)
	}
	w.ping.Before(nil)
	w.do(rotation.Action{Action: "audit"})
	want := []string{"audit: end the emergency", "audit: end the previous secret", "audit: promote", "audit: regenerate", "rotate: open, failed"}
	if got := told(w.evidence(orders)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	w.checkSilent(w.reports...)
}

// A process that dies while its request is on the way writes no evidence. The run that
// finds the outcome does.
func TestTheMintOfAProcessThatDiedIsEvidence(t *testing.T) {
	w := newWorld(t)
	w.ping.After(func(c fault.Call, _ fault.Kind) {
		if c.Operation == "POST application secret" {
			(*w.die.Load())()
		}
	})
	w.rotateFails("createSecret")
	w.ping.After(nil)
	w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
	w.bring()
	w.advance(time.Minute)
	w.retry()
	got := told(w.evidence(orders))
	if !strings.Contains(strings.Join(got, "\n"), ": regenerate") || !slices.Contains(got, "finishSecret: promote") || w.mints() != 1 {
		t.Errorf("got %q and %d mints, want one regeneration, and a promotion", got, w.mints())
	}
}

func TestWhatAnotherManagedSecretWasServedIsEvidenceOfIt(t *testing.T) {
	w := newWorld(t)
	heldTwice(w)
	w.emergency(rotation.Swift)
	if got := fmt.Sprint(told(w.evidence(copyName))); !strings.Contains(got, "emergency: promote") {
		t.Errorf("got %s, want the promotion", got)
	}
}
