package conformance_test

import (
	"testing"

	"pingrotate/internal/conformance"
)

func TestEachBeliefAboutPingOneHoldsOfTheStandIn(t *testing.T) {
	t.Parallel()
	w := newPingOneWorld(t)
	before := w.Dump()
	for _, r := range w.run(t).Results {
		if reason := w.suite.Reasons()[r.Belief]; r.Verdict != conformance.Holds && !(r.Verdict == conformance.Skipped && reason != "") {
			t.Errorf("%s: %s: %s%s", r.Belief, r.Verdict, r.Seen, r.Why)
		}
	}
	if after := w.Dump(); withoutTime(after) != withoutTime(before) {
		t.Errorf("something was left behind, or changed:\n%s\nbefore:\n%s", after, before)
	}
}
