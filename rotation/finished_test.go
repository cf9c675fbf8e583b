package rotation_test

import (
	"testing"

	"pingrotate/rotation"
)

// The version is AWSCURRENT already, so the rotation is over, even if the function cannot
// look at the client again.
func TestFinishSecretOfAPromotedVersionSucceeds(t *testing.T) {
	for name, hinder := range map[string]func(*world){
		"as usual":                    func(*world) {},
		"the admin does not allow it": func(w *world) { w.allowOnly("pingone/another", "marked") },
		"PingOne is out of reach":     func(w *world) { w.deny("POST token") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.rotate()
			hinder(w)
			ev := rotation.Event{Step: rotation.FinishSecret, SecretID: orders, ClientRequestToken: w.sm.VersionID(orders, "AWSCURRENT")}
			if err := w.rotator.Step(t.Context(), ev); err != nil {
				t.Errorf("got %v, want success", err)
			}
		})
	}
}
