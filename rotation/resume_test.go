package rotation_test

import (
	"strings"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/rotation"
)

// An emergency whose answer was lost is repeated. The secret that was minted for it has not
// leaked, and must not be mistaken for the one that has.
func TestEmergencyIsRepeatedUnderItsToken(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		w := newWorld(t)
		a := rotation.Action{Action: "rotate", SecretID: orders, Emergency: e, ClientRequestToken: strings.Repeat("5d3a5b1e", 4)}
		leaked := w.secret("AWSCURRENT")
		w.checkEnded(leaked, w.do(a).(*rotation.Report))
		current, mints := w.secret("AWSCURRENT"), w.mints()
		rep := w.do(a).(*rotation.Report)
		if rep.Outcome != rotation.Ended || rep.Revoked == nil || rep.Version != a.ClientRequestToken || w.secret("AWSCURRENT") != current || w.mints() != mints || !w.accepts(current) {
			t.Errorf("%s, repeated: got %s (%s), want the leak ended and nothing changed", e, rep.Outcome, rep.Error)
		}
	}
}

// An emergency is interrupted between the promotion and the end of the leaked secret. That
// AWSCURRENT is new does not mean that the emergency is over.
func TestResumedEmergencyIsCompleted(t *testing.T) {
	w := newWorld(t)
	a := rotation.Action{Action: "rotate", SecretID: orders, Emergency: rotation.Swift, ClientRequestToken: strings.Repeat("5d3a5b1e", 4)}
	leaked, begun := w.secret("AWSCURRENT"), w.sm.Now()
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "DELETE application secret" {
			return fault.Denied
		}
		return fault.None
	})
	if rep := w.do(a).(*rotation.Report); rep.Outcome != rotation.Open || w.secret("AWSCURRENT") == leaked || !w.accepts(leaked) {
		t.Fatalf("got %s (%s), want a new AWSCURRENT and the leaked secret alive", rep.Outcome, rep.Error)
	}
	w.ping.Before(nil)
	a.IfStoredBefore = begun
	w.checkEnded(leaked, w.do(a).(*rotation.Report))
	if w.mints() != 1 {
		t.Errorf("regenerated %d times, want once", w.mints())
	}
}
