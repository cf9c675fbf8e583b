package rotation_test

import (
	"fmt"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// A swift emergency dies after its mint, and the run that completes it hears a refusal of the
// new secret from a host that does not know it yet. Half a minute later, when the mint is
// sure to have happened, all hosts know it. It is promoted then: another mint would end the
// secret that consumers hold.
func TestARefusalFromBeforeAWaitDoesNotMakeASwiftEmergencyLockConsumersOut(t *testing.T) {
	const other = "pingone/orders-copy"
	for _, managed := range []int{1, 2} {
		for _, completes := range []string{"a rotation", "the same command"} {
			t.Run(fmt.Sprintf("%d managed secrets, %s", managed, completes), func(t *testing.T) {
				inBubble(t, func(w *world) {
					if managed == 2 {
						w.put(other, document(w.app))
						w.sm.EnableRotation(other, functionARN)
					}
					w.do(rotation.Action{Action: "audit"})
					w.ping.PropagationDelay(20 * time.Second)
					w.ping.After(func(c fault.Call, _ fault.Kind) {
						if c.Operation == pingonetest.OpRegenerateSecret && !w.ping.AcceptedSomewhere(w.app.Environment, w.app.ID, w.secret("AWSCURRENT")) {
							t.Error("PingOne's mint has ended AWSCURRENT")
						}
					})
					w.sm.After(func(c fault.Call, _ fault.Kind) {
						if c.Operation == "PutSecretValue" && w.mints() == 1 {
							(*w.die.Load())()
						}
					})
					leaked := w.secret("AWSCURRENT")
					w.order = token
					w.emergency(rotation.Swift)
					w.sm.After(nil)
					w.connect(w.toPingOne, w.toSecretsManager, w.toRegister) // another process
					if completes == "a rotation" {
						w.sm.Rotate(w.t.Context(), orders)
					}
					w.checkEnded(leaked, w.emergency(rotation.Swift))
				})
			})
		}
	}
}
