package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// preview returns what an emergency would do, and checks that nothing was changed.
func (w *world) preview(e rotation.Emergency) *rotation.Preview {
	w.t.Helper()
	state := func() string { return w.sm.Dump() + w.ping.Dump() + w.db.Dump() }
	before := state()
	rep := w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: e, Preview: true}).(*rotation.Report)
	if rep.Outcome != rotation.Previewed || rep.Preview == nil {
		w.t.Fatalf("got %s (%s), want a preview", rep.Outcome, rep.Error)
	}
	if state() != before {
		w.t.Error("the preview has changed something")
	}
	return rep.Preview
}

// The preview shows what would delay an emergency, and what else it would affect.
func TestPreviewOfAnEmergencyShowsTheStateItBeginsIn(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
		shows  func(*world, *rotation.Preview) bool
	}{
		{"at rest", nil, func(*world) {}, func(w *world, p *rotation.Preview) bool {
			return p.EnvironmentID == w.app.Environment && p.ClientID == w.app.ClientID && p.Kind == "application" && p.Strategy == "single" && p.Twin == "" &&
				len(p.MustDie) == 1 && len(p.Holders) == 0 && !p.Disabled && !p.Rotating && p.Replica == "" && p.OpenSince.IsZero() && p.BusyUntil.IsZero() && p.KnownFrom.IsZero()
		}},
		{"disabled", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}, func(_ *world, p *rotation.Preview) bool { return p.Disabled }},
		{"a rotation is under way", nil, func(w *world) { begun(w) }, func(_ *world, p *rotation.Preview) bool { return p.Rotating }},
		{"a replica lags", nil, func(w *world) { w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.Failed) },
			func(_ *world, p *rotation.Preview) bool { return p.Replica == "eu-west-1" }},
		{"an emergency is open", nil, func(w *world) { w.leftOpen() },
			func(w *world, p *rotation.Preview) bool { return p.OpenSince.Equal(w.item().Emergency.Since) }},
		{"another invocation is at work", nil, func(w *world) { w.holdLease("another") },
			func(w *world, p *rotation.Preview) bool { return p.BusyUntil.After(w.ping.Now()) }},
		{"the register is new to the client", []option{func(o *options) { o.fresh = true }}, func(*world) {},
			func(w *world, p *rotation.Preview) bool { return p.KnownFrom.After(w.ping.Now()) }},
		{"two applications", []option{alternate}, flippedBack,
			func(w *world, p *rotation.Preview) bool {
				return p.Twin == w.twin() && p.Strategy == "alternating" && len(p.MustDie) == 3
			}},
		{"another managed secret, of which only its row says so", nil, func(w *world) {
			heldTwice(w)
			w.db.Remove(registerTable, isItem)
		}, func(_ *world, p *rotation.Preview) bool { return slices.Equal(p.Holders, []string{copyName}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			c.before(w)
			if p := w.preview(rotation.Swift); !c.shows(w, p) {
				t.Errorf("got %+v", *p)
			}
			w.checkSilent(w.reports...)
		})
	}
}

// The preview for an admin shows what its secret leads to.
func TestPreviewOfAnAdminsEmergencyNamesItsTargets(t *testing.T) {
	w := newWorld(t)
	w.lead()
	rep := w.do(rotation.Action{Action: "rotate", SecretID: adminName, Emergency: rotation.Swift, Preview: true}).(*rotation.Report)
	if p := rep.Preview; p == nil || !p.Admin || !slices.Equal(p.Targets.All, []string{orders}) || len(p.Targets.Admins) > 0 {
		t.Errorf("got %s (%s), %+v, want the admin's target", rep.Outcome, rep.Error, rep.Preview)
	}
}

// A preview, too, requires that the client is allowed.
func TestPreviewOfAClientThatIsNotAllowedFails(t *testing.T) {
	w := newWorld(t)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other"})
	w.sm.Put(orders, encode(document(other)))
	w.advance(time.Minute)
	rep := w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: rotation.Swift, Preview: true}).(*rotation.Report)
	if rep.Outcome != rotation.Failed || rep.Preview != nil || !strings.Contains(rep.Error, "does not allow") {
		t.Errorf("got %s (%s), %+v, want it refused", rep.Outcome, rep.Error, rep.Preview)
	}
}
