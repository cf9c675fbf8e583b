package rotation_test

import (
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

// edit stores the current document with another member added, as its owner might.
func (w *world) edit() {
	d := w.stored("AWSCURRENT")
	d["owner"] = "orders team"
	w.sm.Put(orders, encode(d))
}

// With two applications, promoting a version that names the other one must not undo an edit
// either.
func TestEditUnderWayIsNotUndoneWhereTwoApplicationsAlternate(t *testing.T) {
	for _, c := range []struct {
		name    string
		flipped int // rotations before
		mints   int
	}{
		{"the twin is new", 0, 0},
		{"the twin is named", 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, alternate)
			for range c.flipped {
				w.rotate()
				w.advance(25 * time.Hour)
			}
			before, minted := w.client(), w.mints()
			w.at("PutSecretValue", 2, w.edit) // the first call only tests the permission
			w.rotateFails("AWSCURRENT was changed")
			w.rotate()
			w.checkPromoted()
			if got := w.stored("AWSCURRENT")["owner"]; got != "orders team" {
				t.Errorf("got owner %v, want the edit kept", got)
			}
			if w.client() == before {
				t.Error("AWSCURRENT still names the same application")
			}
			if got := w.mints() - minted; got != c.mints {
				t.Errorf("%d secrets were minted, want %d", got, c.mints)
			}
		})
	}
}

func TestMethodChangedUnderWayIsTakenUpByAFreshRotation(t *testing.T) {
	w := newWorld(t)
	w.stick()
	w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = "CLIENT_SECRET_POST" })
	if err := w.sm.Attempt(t.Context(), orders); err == nil {
		t.Fatal("got success with a method that the application does not use")
	}
	w.rotate()
	w.checkPromoted()
	if got := w.stored("AWSCURRENT")["tokenEndpointAuthMethod"]; got != "CLIENT_SECRET_POST" || w.mints() != 1 {
		t.Errorf("got method %v after %d regenerations, want CLIENT_SECRET_POST after one", got, w.mints())
	}
}

func TestConsumersHaveTwoHoursFromThePromotionOnNotFromTheBeginning(t *testing.T) {
	w := newWorld(t)
	disable := func(yes bool) func(*pingonetest.Application) {
		return func(a *pingonetest.Application) { a.Disabled = yes }
	}
	w.ping.UpdateApplication(w.app.Environment, w.app.ID, disable(true))
	w.rotateFails("disabled")
	w.advance(10 * time.Hour)
	w.ping.UpdateApplication(w.app.Environment, w.app.ID, disable(false))
	w.retry()
	w.rotateFails("refusing to regenerate")
	w.advance(2*time.Hour + time.Minute)
	w.retry()
}

func TestEditUnderWayIsNotUndone(t *testing.T) {
	w := newWorld(t)
	w.at("PutSecretValue", 2, w.edit) // the first call only tests the permission
	w.rotateFails("AWSCURRENT was changed")
	w.rotate()
	w.checkPromoted()
	if got := w.stored("AWSCURRENT")["owner"]; got != "orders team" || w.mints() != 1 {
		t.Errorf("got owner %v after %d regenerations, want it kept after one", got, w.mints())
	}
}
