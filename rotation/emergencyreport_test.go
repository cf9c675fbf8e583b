package rotation_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/provision"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// The time from the command to PingOne's refusal, if each call takes 50 ms.
func TestAnEmergencyTakesTwoSeconds(t *testing.T) {
	for _, c := range []struct {
		emergency rotation.Emergency
		opts      []option // of both services, at most
		limit     time.Duration
	}{
		{rotation.Swift, nil, 1500 * time.Millisecond},
		{rotation.Contain, nil, 10 * 50 * time.Millisecond},
	} {
		t.Run(string(c.emergency), func(t *testing.T) {
			inBubble(t, func(w *world) {
				leaked := w.secret("AWSCURRENT")
				slow := func(*http.Request, []byte) error { <-time.After(50 * time.Millisecond); return nil }
				w.connect(&memory.Transport{Handler: w.ping, Pass: slow}, &memory.Transport{Handler: w.sm, Pass: slow}, &memory.Transport{Handler: w.db, Pass: slow})
				begun := time.Now()
				var mu sync.Mutex
				var dead time.Duration // since the command
				w.ping.After(func(fault.Call, fault.Kind) {
					mu.Lock()
					defer mu.Unlock()
					if dead == 0 && !w.accepts(leaked) {
						dead = time.Since(begun)
					}
				})
				rep := w.emergency(c.emergency)
				w.ping.After(nil)
				w.checkEnded(leaked, rep)
				calls, took := rep.Calls.SecretsManager+rep.Calls.PingOne+rep.Calls.Register, rep.Revoked.At.Sub(begun)
				if dead > c.limit || took < 30*time.Second || took > 33*time.Second {
					t.Errorf("the leaked secret is dead after %v, want at most %v; asked for until %v, want about 31s", dead, c.limit, took)
				}
				t.Logf("%s: the leaked secret is dead after %v, and PingOne was asked after %v; %d calls, of which %d to PingOne", c.emergency, dead, took, calls, rep.Calls.PingOne)
			}, c.opts...)
		})
	}
}

// A command that comes hours after an emergency was left open is not a repetition:
// AWSCURRENT has leaked since.
func TestEmergencyHoursAfterAnUnfinishedOneEndsBothSecrets(t *testing.T) {
	w := newWorld(t)
	first := w.secret("AWSCURRENT")
	w.deny("DELETE application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		t.Fatalf("outcome: got %s, want open", rep.Outcome)
	}
	w.ping.Before(nil)
	w.advance(3 * time.Hour)
	second := w.secret("AWSCURRENT")
	rep := w.emergency(rotation.Swift)
	w.checkEnded(first, rep)
	w.checkEnded(second, rep)
	refused := fmt.Sprint(rep.Refused)
	if !strings.Contains(refused, pingone.NewSecret(first).Fingerprint()) || !strings.Contains(refused, pingone.NewSecret(second).Fingerprint()) {
		t.Errorf("the report does not say that both were ended: %+v", rep)
	}
}

// How long an access token lives depends on its resource, and the application could obtain
// one for each resource that it is granted.
func TestReportNamesTheEndOfTheLongestAccessToken(t *testing.T) {
	w := newWorld(t, mayCreate, wanting(documents[4].application))
	resource := documents[4].application["resource"].(map[string]any)
	w.post("resources", map[string]any{"name": resource["name"], "audience": resource["audience"],
		"description": provision.MarkerOf(w.sm.ARN(orders)).String(), "accessTokenValiditySeconds": 5 * 24 * 60 * 60})
	w.rotate()
	w.advance(3 * time.Hour)
	rep := w.emergency(rotation.Swift)
	if got := rep.TokensValidUntil.Sub(rep.Revoked.At); rep.Outcome != rotation.Ended || got != 5*24*time.Hour {
		t.Errorf("got %s, access tokens live for %v, want 120h", rep.Outcome, got)
	}
	if name := resource["name"].(string); len(rep.Tokens) == 0 || rep.Tokens[0].Resource != name || !rep.Tokens[0].Until.Equal(rep.TokensValidUntil) {
		t.Errorf("got %+v, want the tokens for %s", rep.Tokens, name)
	}
	w.deny("GET resources")
	w.advance(3 * time.Hour)
	rep = w.emergency(rotation.Swift)
	if got := rep.TokensValidUntil.Sub(rep.Revoked.At); rep.Outcome != rotation.Ended || got != 30*24*time.Hour {
		t.Errorf("where the resources cannot be read: got %s, %v, want 720h", rep.Outcome, got)
	}
}

func TestLeakedSecretIsNotCalledDeadBeforePingOneHasRefusedIt(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	ended := false
	w.ping.Before(oneByOne(func(c fault.Call) fault.Kind {
		switch {
		case c.Operation == "DELETE application secret":
			ended = true
		case ended && c.Operation == "POST token":
			return fault.Unavailable
		}
		return fault.None
	}))
	rep := w.emergency(rotation.Swift)
	if rep.Outcome != rotation.Open || rep.Revoked != nil || !w.emergencyOpen() {
		t.Errorf("got %s, revoked %v, want open: PingOne was not heard", rep.Outcome, rep.Revoked)
	}
	w.ping.Before(nil)
	w.checkEnded(leaked, w.emergency(rotation.Swift))
}

// What callers say about themselves is a claim, and is labelled as one. The request id
// comes from Lambda.
func TestReportAndLogTellAClaimFromWhatLambdaKnows(t *testing.T) {
	w := newWorld(t)
	ctx := rotation.WithRequestID(t.Context(), "8f14e45f-ceea-467f-a0b1-000000000000")
	rep := w.rotator.Do(ctx, rotation.Action{Action: rotation.ActionRotate, SecretID: orders, By: "arn:aws:iam::123456789012:user/root"}).(*rotation.Report)
	if rep.Outcome != rotation.Promoted || rep.RequestID != "8f14e45f-ceea-467f-a0b1-000000000000" {
		t.Errorf("got %s of the request %q (%s)", rep.Outcome, rep.RequestID, rep.Error)
	}
	if log := w.log.String(); !strings.Contains(log, `"claimedBy":"arn:aws:iam::123456789012:user/root"`) || strings.Contains(log, `"by"`) {
		t.Errorf("the log does not say that this is a claim: %s", log)
	}
}

// An emergency covers the client that AWSCURRENT names. If a thief or an operator pointed
// the secret at another client, the report says what the emergency did not cover.
func TestReportNamesAnotherClientThatAVersionHolds(t *testing.T) {
	w := newWorld(t)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "decoy", Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}})
	w.put(orders, document(other))
	rep := w.emergency(rotation.Swift)
	if open := strings.Join(rep.StillOpen, "\n"); rep.Outcome != rotation.Ended || !strings.Contains(open, "a secret of another client, "+w.app.ClientID) {
		t.Errorf("got %s (%s), open: %s; want the other client named", rep.Outcome, rep.Error, open)
	}
	if rep = w.emergency(rotation.Swift); strings.Contains(strings.Join(rep.StillOpen, "\n"), "another client") {
		t.Errorf("once no version names it: got %q", rep.StillOpen)
	}
}
