package rotation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/registertest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// What random walks have found, each reduced to what it takes. The walk's checker looks
// on, and the walk ends at rest.
var found = []struct {
	name   string
	script func(*walk)
}{
	{"the application's method was changed", func(w *walk) {
		w.person(func() { w.edit(w.client(w.secrets[2]), otherMethod) })
	}},
	{"an emergency while the first rotation with a twin is stuck", func(w *walk) {
		_ = w.step(w.secrets[twins], rotation.CreateSecret, 0)
		_ = w.emergency(w.secrets[twins], rotation.Swift, false)
	}},
	{"AWSPENDING was put on a version of a secret that is not seeded", func(w *walk) {
		w.person(func() {
			w.write(w.secrets[2], func(d map[string]any) { d["clientSecret"] = "" })
			w.write(w.secrets[2], func(d map[string]any) { d["clientSecret"] = "" }) // AWSPREVIOUS holds none either
			w.forge(w.secrets[2], "AWSPENDING", true)
		})
		w.pass(30 * time.Hour)
	}},
	{"the method was changed, and AWSCURRENT is dead", func(w *walk) {
		w.person(func() {
			w.edit(w.client(w.secrets[2]), otherMethod)
			w.console(w.secrets[2], 0)
		})
		w.pass(3 * time.Hour)
	}},
	{"an emergency right after the rotation of a client with two managed secrets", func(w *walk) {
		_ = w.attempt(w.secrets[shared])
		_ = w.emergency(w.secrets[shared], rotation.Swift, false)
	}},
}

func TestWhatWalksHaveFound(t *testing.T) {
	for _, f := range found {
		t.Run(f.name, func(t *testing.T) {
			if report := scenarioWalk(t, f.script); report != "" {
				t.Error(report)
			}
		})
	}
}

// scenarioWalk plays a script and lets the world come to rest.
func scenarioWalk(t *testing.T, script func(*walk)) (report string) {
	j := &judge{TB: t}
	defer j.end()
	ping, sm := pingonetest.Run(j), secretsmanagertest.Run(j)
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		db := registertest.Within(j)
		db.Follow(time.Now)
		w := newWalk(t, ping, sm, db, setting{eager: true})
		script(w)
		w.rest()
		<-time.After(time.Hour)
		w.breaches = append(w.breaches, j.complaints()...)
		if len(w.breaches) > 0 {
			report = w.report()
		}
	})
	return report
}
