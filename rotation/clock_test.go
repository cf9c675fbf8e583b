package rotation_test

import (
	"testing"
	"time"
)

// PingOne's clock decides when a previous secret ends, and the function's clock may differ.
func TestTheFuseIsLaidByPingOnesClock(t *testing.T) {
	for _, skew := range []time.Duration{-time.Minute, time.Minute} {
		w := onSockets(t)
		w.rotator.PingOne.Now = func() time.Time { return w.ping.Now().Add(skew) }
		w.rotate()
		left := w.ping.Secret(w.app.Environment, w.app.ID).PreviousExpiresAt.Sub(w.ping.Now())
		if want := 48 * time.Hour; left < want-30*time.Second || left > want+30*time.Second {
			t.Errorf("the function's clock is off by %v: the replaced secret lives for %v, want %v", skew, left, want)
		}
	}
}

// A function in another account than the secret's cannot store without the rotation token.
func TestTheRotationTokenGoesOutWithThePut(t *testing.T) {
	w := onSockets(t)
	w.sm.RequireRotationToken(true)
	w.rotate()
	w.checkPromoted()
}
