package conformance_test

import (
	"testing"

	"pingrotate/internal/conformance"
)

func TestEachBeliefAboutAWSHoldsOfTheStandIns(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	w.secrets.Put(conformance.Prefix+"of-a-person", "stays")
	before := w.secrets.Dump()
	for _, r := range w.run(t).Results {
		if reason := w.suite.Reasons()[r.Belief]; r.Verdict != conformance.Holds && !(r.Verdict == conformance.Skipped && reason != "") {
			t.Errorf("%s: %s: %s%s", r.Belief, r.Verdict, r.Seen, r.Why)
		}
	}
	if after := w.secrets.Dump(); after != before {
		t.Errorf("something was left behind, or changed:\n%s\nbefore:\n%s", after, before)
	}
}
