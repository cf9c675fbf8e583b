package conformance_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/conformance"
	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// TestEachBeliefHasAProbeOrAReason enumerates the lists in the stand-ins' comments.
func TestEachBeliefHasAProbeOrAReason(t *testing.T) {
	for _, s := range suites(t) {
		probes := map[string]int{}
		for _, p := range s.Probes() {
			probes[p.Belief]++
		}
		known := map[string]bool{}
		for _, b := range s.Beliefs() {
			known[b.ID] = true
			reason := s.Reasons()[b.ID]
			if n := probes[b.ID]; n > 1 || n == 1 == (reason != "") {
				t.Errorf("%s: has %d probes and the reason %q, want one probe or a reason", b.ID, n, reason)
			}
		}
		for id := range probes {
			if !known[id] {
				t.Errorf("%s: has a probe, and is no belief", id)
			}
		}
		for id := range s.Reasons() {
			if !known[id] {
				t.Errorf("%s: has a reason, and is no belief", id)
			}
		}
	}
}

func TestTheDesignsOwnBeliefsAreAskedAboutFirst(t *testing.T) {
	w := newPingOneWorld(t)
	leans := map[string]bool{}
	for _, p := range w.suite.Probes() {
		leans[p.Belief] = p.Leans
	}
	var order []string
	for _, r := range w.run(t, "B02", "B07", "B01", "B57", "B06", "B09").Results {
		order = append(order, r.Belief)
	}
	if want := []string{"B07", "B09", "B57", "B02", "B06", "B01"}; !slices.Equal(order, want) || !leans["B07"] || leans["B02"] {
		t.Errorf("asked in the order %v, want %v", order, want)
	}
}

// TestAnInterruptedRunLeavesNothing interrupts a run at each of its calls.
func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	t.Parallel()
	only := []string{"B09", "B84", "B74"}
	calls := func(t *testing.T, stop int) (n int) {
		w := newPingOneWorld(t)
		before := withoutTime(w.Dump())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.Before(func(fault.Call) fault.Kind {
			if n++; n == stop {
				cancel()
			}
			return fault.None
		})
		_, err := conformance.Run(ctx, w.suite, conformance.Options{Only: only, Clock: w.suite.Clock})
		if (err != nil) != (stop > 0) {
			t.Errorf("interrupted at call %d: error %v", stop, err)
		}
		if after := withoutTime(w.Dump()); after != before || len(w.leftovers(t)) > 0 {
			t.Errorf("interrupted at call %d, and something was left behind:\n%s", stop, after)
		}
		return n
	}
	all := calls(t, 0)
	for stop := 1; stop <= all && !t.Failed(); stop += 3 {
		calls(t, stop)
	}
}

// leftovers returns what a sweep finds: populations and resources are in no dump.
func (w *pingOneWorld) leftovers(t testing.TB) []string {
	t.Helper()
	w.Before(nil)
	swept, err := w.suite.Sweep(t.Context())
	if err != nil {
		t.Error(err)
	}
	return swept
}

// TestTheNextRunRemovesWhatAKilledOneLeft lets every removal of a run fail, as if the
// program had been killed.
func TestTheNextRunRemovesWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	w := newPingOneWorld(t)
	before := withoutTime(w.Dump())
	honest := w.suite.HTTP.Transport
	w.suite.HTTP.Transport = &liar{honest, w.target, func(e *exchange) {
		if e.method == http.MethodDelete {
			e.become(403, object{"code": "ACCESS_FAILED"})
			return
		}
		e.pass(e)
	}}
	options := conformance.Options{Only: []string{"B09", "B84", "B74"}, Clock: w.suite.Clock}
	record, err := conformance.Run(t.Context(), w.suite, options)
	if err == nil || len(record.Left) < 5 || withoutTime(w.Dump()) == before {
		t.Errorf("got error %v and %d things left behind, want to know of at least 5", err, len(record.Left))
	}

	// What looks alike stays: it has the name or the marker, but not both.
	w.suite.HTTP.Transport = honest
	w.AddApplication(pingonetest.Application{Name: conformance.Prefix + "of-a-person", Environment: w.target})
	record, err = conformance.Run(t.Context(), w.suite, conformance.Options{Only: []string{"B13"}, Clock: w.suite.Clock})
	if err != nil || len(record.Swept) < 5 {
		t.Errorf("the next run removed %q, error %v", record.Swept, err)
	}
	after := withoutTime(w.Dump())
	for line := range strings.Lines(after) {
		if strings.Contains(line, conformance.Prefix) && !strings.Contains(line, "of-a-person") {
			t.Errorf("still there: %s", line)
		}
	}
	if !strings.Contains(after, "of-a-person") {
		t.Error("an application that no run made is gone")
	}
}

// TestARecordHasNoSecret searches the record of a run for each secret that existed.
func TestARecordHasNoSecret(t *testing.T) {
	t.Parallel()
	w := newPingOneWorld(t)
	w.suite.HTTP.Transport = &liar{w.suite.HTTP.Transport, w.target, func(e *exchange) {
		e.pass(e)
		if e.answer != nil && e.status >= 400 { // a service that repeats what it was sent
			id, secret := e.basic()
			e.answer["message"], e.answer["error_description"] = id+" "+secret+" "+e.header.Get("Authorization"), secret+e.form.Encode()
		}
	}}
	text := asJSON(t, w.run(t, "B06", "B08", "B27", "B28", "B30", "B57", "B59", "B68"))
	for _, secret := range w.Issued() {
		if strings.Contains(text, secret) {
			t.Errorf("the record has a secret in it")
		}
	}
	if !strings.Contains(text, "differs") {
		t.Error("the service said other things, and no probe noticed")
	}
}

// TestWhatTakesTimeIsMeasured has Secrets Manager try again every seven minutes.
func TestWhatTakesTimeIsMeasured(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	w.every = 7 * time.Minute
	record := w.run(t, "S14", "S24")
	for _, r := range record.Results {
		if len(r.Measures) == 0 {
			t.Errorf("%s: nothing was measured", r.Belief)
		}
		for _, m := range r.Measures {
			if m.Samples == 0 || m.Min > m.Median || m.Median > m.P90 || m.P90 > m.Max {
				t.Errorf("%s: not a distribution: %+v", r.Belief, m)
			}
			if r.Belief == "S14" && (m.Min.Duration() < w.every-time.Minute || m.Max.Duration() > 2*w.every) {
				t.Errorf("retries came each %v, and %v was measured", w.every, m)
			}
		}
	}
}

// TestASweepReadsAllPagesOfTables hides a table that an earlier run left behind among many.
func TestASweepReadsAllPagesOfTables(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	for n := range 250 {
		w.tables.CreateTable(fmt.Sprintf("other-%03d", n), "a", "b", "")
	}
	left := conformance.Prefix + "run-may-be-deleted"
	w.tables.CreateTable(left, "a", "b", "")
	swept, err := w.suite.Sweep(t.Context())
	if err != nil || !slices.Equal(swept, []string{"table " + left}) {
		t.Errorf("removed %q, error %v, want the table alone", swept, err)
	}
}

// TestWhatWasThereBeforeStays takes a run's names before it begins: a secret that someone
// else has made is not removed with the run's own.
func TestWhatWasThereBeforeStays(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	w.secrets.Put(conformance.Prefix+"test-orders", "of a person")
	w.secrets.Put(conformance.Prefix+"test-S8-1", "of a person")
	w.tables.CreateTable(conformance.Prefix+"test-may-be-deleted", "a", "b", "")
	before := w.secrets.Dump()
	if _, err := w.suite.Keep(t.Context(), "orders", func(string) (string, error) { return "ours", nil }); err == nil {
		t.Error("a secret was kept that another one's name was given to")
	}
	if _, err := w.suite.Table(t.Context()); err == nil {
		t.Error("a table was made that another one's name was given to")
	}
	if err := w.suite.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// A table has no description, and is known by its name alone.
	if swept, err := w.suite.Sweep(t.Context()); err != nil || len(swept) != 1 {
		t.Errorf("the table is gone: a sweep found %q, error %v", swept, err)
	}
	for _, r := range w.run(t, "S8").Results {
		if r.Verdict != conformance.Undecided {
			t.Errorf("%s: %s, want it undecided", r.Belief, r.Verdict)
		}
	}
	if after := w.secrets.Dump(); after != before {
		t.Errorf("what was there is gone or changed:\n%s\nbefore:\n%s", after, before)
	}
}
