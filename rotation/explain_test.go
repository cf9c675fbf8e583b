package rotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// gain gives an application a role, as creating an environment does.
func (w *world) gain(app pingonetest.Application, role string) {
	w.ping.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: role})
	})
}

func TestTargetThatGainedARoleIsExplained(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	w.advance(25 * time.Hour)
	w.gain(w.app, "Environment Admin")
	err := w.rotateFails("createSecret", "application "+w.app.ID, "Environment Admin at ENVIRONMENT "+w.app.Environment, "another admin", "answered 403")
	if strings.Contains(err.Error(), "Identity Data Admin at") {
		t.Errorf("got %v, want no role in it that the admin holds", err)
	}
	if w.mints() != 1 || !w.works() {
		t.Errorf("got %d mints, AWSCURRENT works %t; want 1 and true", w.mints(), w.works())
	}
	w.gain(w.admin, "Environment Admin")
	w.retry()
	w.checkPromoted()
}

func TestRoleWithoutANameIsExplainedByItsID(t *testing.T) {
	w := newWorld(t)
	w.gain(w.app, "Environment Admin")
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpListRoles {
			return fault.Unavailable
		}
		return fault.None
	})
	w.rotateFails("the role ", "at ENVIRONMENT "+w.app.Environment)
}

func TestRefusalThatCannotBeExplainedStaysAsItIs(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*world)
	}{
		{"the assignments cannot be read", func(w *world) {
			w.gain(w.app, "Environment Admin")
			w.ping.Fail(pingonetest.OpListAssignments, many(fault.Denied)...)
		}},
		{"the admin has no role at all", func(w *world) {
			w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
				a.Roles = []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.spoil(w)
			err := w.rotateFails("createSecret", "answered 403", "the admin application needs a role")
			if strings.Contains(err.Error(), "that the admin lacks") || w.mints() != 0 {
				t.Errorf("got %v after %d mints, want the refusal as PingOne gave it", err, w.mints())
			}
		})
	}
}

// peers are two admins, each of which rotates the other's secret.
var peers = [2]string{"pingone/admin-a", "pingone/admin-b"}

func (w *world) peers() (apps [2]pingonetest.Application) {
	var documents [2]map[string]any
	for i, name := range peers {
		apps[i] = w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: name, Roles: w.admin.Roles})
		d := document(apps[i])
		d["rotation"] = map[string]any{"adminSecretId": peers[1-i]}
		documents[i] = d
	}
	for i := range peers {
		documents[i]["allow"] = []any{entryFor(peers[1-i], documents[1-i])}
	}
	for i, name := range peers {
		w.sm.Put(name, encode(documents[i]))
		w.sm.EnableRotation(name, functionARN)
	}
	w.rotator.Settings.AdminSecretIDs = peers[:]
	return apps
}

// checkPeers checks that both credentials work, and have been regenerated this often.
func (w *world) checkPeers(apps [2]pingonetest.Application, mints int) {
	w.t.Helper()
	for i, name := range peers {
		text, _ := w.sm.Value(name, "AWSCURRENT")
		live := w.ping.Secret(apps[i].Environment, apps[i].ID)
		if !strings.Contains(text, fmt.Sprintf("%q", live.Value)) {
			w.t.Errorf("%s: AWSCURRENT is not PingOne's current secret", name)
		}
		if got := w.ping.Mints(apps[i].Environment, apps[i].ID); got != mints {
			w.t.Errorf("%s: got %d mints, want %d", name, got, mints)
		}
	}
}

func TestTwoAdminsRotateEachOther(t *testing.T) {
	w := newWorld(t)
	apps := w.peers()
	for round := range 4 {
		for _, name := range peers {
			if err := w.sm.Rotate(t.Context(), name); err != nil {
				t.Fatalf("round %d: %v", round+1, err)
			}
		}
		w.checkPeers(apps, round+1)
		w.advance(25 * time.Hour)
	}
	w.checkSilent()
}

// One admin's secret is replaced while the other's rotation uses it.
func TestAdminThatIsRotatedBetweenTheOthersSteps(t *testing.T) {
	for at := range len(steps) + 1 {
		t.Run(fmt.Sprint("before step ", at+1), func(t *testing.T) {
			w := newWorld(t)
			apps := w.peers()
			for round := range 3 {
				if _, err := w.sm.Begin(peers[0]); err != nil {
					t.Fatal(err)
				}
				for i := range len(steps) + 1 {
					if i == at {
						if err := w.sm.Rotate(t.Context(), peers[1]); err != nil {
							t.Fatal(err)
						}
					}
					if i < len(steps) {
						if err := w.invoke(t.Context(), w.sm.Event(peers[0], steps[i])); err != nil {
							t.Fatalf("%s: %v", steps[i], err)
						}
					}
				}
				w.advance(25 * time.Hour)
				w.checkPeers(apps, round+1)
			}
		})
	}
}

// Both rotations run at once, step by step, and the access tokens expire in between.
func TestTwoAdminsRotateEachOtherAtOnce(t *testing.T) {
	w := newWorld(t)
	apps := w.peers()
	for round := range 3 {
		for _, name := range peers {
			if _, err := w.sm.Begin(name); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range steps {
			for _, name := range peers {
				if err := w.invoke(t.Context(), w.sm.Event(name, step)); err != nil {
					t.Fatalf("%s of %s: %v", step, name, err)
				}
			}
			w.advance(2 * time.Hour)
		}
		w.checkPeers(apps, round+1)
		w.advance(25 * time.Hour)
	}
}
