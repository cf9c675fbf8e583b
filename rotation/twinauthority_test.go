package rotation_test

import (
	"testing"

	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// The writer of a document names another team's application as the twin. The admin could
// reach it.
func TestEmergencyTouchesNoApplicationThatIsNotTheTwin(t *testing.T) {
	w := newWorld(t)
	victim := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "victim"})
	d := document(w.app)
	d["rotation"] = map[string]any{"strategy": "alternating", "twin": victim.ID}
	w.sm.Put(orders, encode(d))
	rep := w.emergency(rotation.Swift)
	if n := w.ping.Mints(victim.Environment, victim.ID); n != 0 || !w.ping.Authenticates(victim.Environment, victim.ID, victim.Secret) {
		t.Errorf("the victim's secret was regenerated %d times by an emergency that ended as %s (%s)", n, rep.Outcome, rep.Error)
	}
}
