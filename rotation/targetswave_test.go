package rotation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/waves"
	"pingrotate/pingone/pingonetest"
)

// ledFleet is a fleet whose admin is rotated by another admin, root. A third admin exists,
// whose secret the first could read.
func ledFleet(t *testing.T, size int) (w *world, names []string) {
	w, names = newFleet(t, size)
	roles := []pingonetest.RoleAssignment{{Role: "Environment Admin"}, {Role: "Client Application Developer"}, {Role: "Identity Data Admin"}}
	root := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "root", Roles: roles})
	second := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "second", Roles: roles[1:2]})
	w.rotator.Settings.AdminSecretIDs = []string{"pingone/root", "pingone/second"}

	d, above, beside := w.adminDocument(), document(root), document(second)
	beside["rotation"] = map[string]any{"adminSecretId": adminName}
	above["allow"] = []any{entryFor(adminName, d)}
	served, _ := d["allow"].([]any)
	d["allow"] = append(served, entryFor("pingone/second", beside))
	d["rotation"] = map[string]any{"adminSecretId": "pingone/root"}
	for name, doc := range map[string]map[string]any{"pingone/root": above, "pingone/second": beside, adminName: d} {
		w.sm.Put(name, encode(doc))
	}
	w.sm.EnableRotation(adminName, functionARN)
	w.sm.EnableRotation("pingone/second", functionARN)
	return w, append([]string{adminName, "pingone/second"}, append(names, orders)...)
}

// leaked is the campaign for a leaked admin.
func (w *world) leaked() waves.Campaign {
	c := w.campaign()
	c.Emergency, c.Secrets, c.WithTargets = "swift", []string{adminName}, true
	return c
}

func TestACampaignEndsTheLeakedAdminFirstAndThenWhatItCouldRead(t *testing.T) {
	w, want := ledFleet(t, 60)
	before := w.ping.Secret(w.admin.Environment, w.admin.ID).Value
	got, sum := w.carry(w.leaked())
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !sum.Well || sum.Ended != len(want) || sum.Planned != len(want) {
		t.Errorf("got %+v, want all %d ended", sum, len(want))
	}
	if now := w.ping.Secret(w.admin.Environment, w.admin.ID); now.Value == before || now.Previous != "" {
		t.Error("the leaked secret of the admin is alive")
	}
}

// Until the admin's secret has ended, a thief could read the targets' new secrets too.
func TestACampaignLeavesTheTargetsAloneUntilTheAdminHasEnded(t *testing.T) {
	w, want := ledFleet(t, 3)
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpDeletePrevious && c.Target == w.admin.ID {
			return fault.Denied
		}
		return fault.None
	})
	c := w.leaked()
	got, sum := w.carry(c)
	if !slices.Equal(got, []string{adminName}) || sum.Well || sum.Left != len(want)-1 || !strings.Contains(sum.Stopped, "a leaked secret may still work") {
		t.Errorf("got %q and %+v, want the admin alone, and %d left", got, sum, len(want)-1)
	}

	// The campaign is started again under the same start.
	w.ping.Before(nil)
	w.advance(time.Minute)
	got, sum = w.carry(c)
	if !slices.Equal(got, want) || !sum.Well {
		t.Errorf("got %q and %+v, want all of %q", got, sum, want)
	}
	minted := map[string]int{}
	for _, call := range w.ping.Calls() {
		if call.Operation == pingonetest.OpRegenerateSecret {
			minted[call.Target]++
		}
	}
	for id, n := range minted {
		if n != 1 {
			t.Errorf("application %s: %d mints, want one", id, n)
		}
	}
}

// The admin was busy until the state machine gave up, or died, so it left no ending.
func TestACampaignAddsNoTargetOfAnAdminWithoutAnEnding(t *testing.T) {
	w, want := ledFleet(t, 3)
	c := w.leaked()
	p := must[waves.Plan](w, map[string]any{"action": "list", "campaign": c})
	p = must[waves.Plan](w, map[string]any{"action": "list", "campaign": c, "memory": p.Memory})
	if len(p.Items) > 0 || p.Phase != waves.Done || p.Memory.Planned != len(want) {
		t.Errorf("got %+v, want nothing to follow, and %d planned", p, len(want))
	}
}

// A target that fails delays no other, and the summary names it.
func TestACampaignContinuesAfterATargetThatFails(t *testing.T) {
	w, want := ledFleet(t, 3)
	text, _ := w.sm.Value(want[3], "AWSCURRENT")
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpRegenerateSecret && c.Target != "" && strings.Contains(text, c.Target) {
			return fault.Denied
		}
		return fault.None
	})
	got, sum := w.carry(w.leaked())
	if !slices.Equal(got, want) || sum.Well || sum.Ended != len(want)-1 || len(sum.Unwell) != 1 || sum.Unwell[0].Secret != want[3] {
		t.Errorf("got %q and %+v, want all begun and %s not well", got, sum, want[3])
	}
}

func TestACampaignOfTargetsIsOfAnAdmin(t *testing.T) {
	w, _ := ledFleet(t, 1)
	c := w.leaked()
	c.Secrets = []string{orders}
	if _, err := asked[waves.Plan](w, map[string]any{"action": "list", "campaign": c}); err == nil || !strings.Contains(err.Error(), "is not an admin of the function") {
		t.Errorf("got %v, want it refused", err)
	}
	for _, broken := range []waves.Campaign{
		{Start: c.Start, WithTargets: true, Secrets: []string{adminName}},
		{Start: c.Start, WithTargets: true, Emergency: "swift"},
		{Start: c.Start, WithTargets: true, Emergency: "swift", Secrets: []string{adminName, orders}},
	} {
		if err := broken.Check(); err == nil || !strings.Contains(fmt.Sprint(err), "withTargets") {
			t.Errorf("%+v: got %v, want it refused", broken, err)
		}
	}
}
