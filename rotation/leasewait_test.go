package rotation_test

import (
	"testing"
	"time"

	"pingrotate/rotation"
)

// A manual rotation that has waited for the lease also waits for a rotation of Secrets
// Manager that begins meanwhile, for as long as that rotation's last step may take.
func TestWaitingForTheLeaseDoesNotShortenTheWaitForARotation(t *testing.T) {
	inBubble(t, func(w *world) {
		w.holdLease("another process")
		go func() {
			time.Sleep(10 * time.Second)
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Error(err)
			}
		}()
		rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report)
		if rep.Outcome != rotation.Promoted {
			w.t.Errorf("got %s after %v: %s", rep.Outcome, rep.Ended.Sub(rep.Begun), rep.Error)
		}
	})
}
