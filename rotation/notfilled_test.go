package rotation_test

import (
	"strings"
	"testing"

	"pingrotate/rotation"
)

// A secret that was attached but not yet filled is not a failure: check, audit and rotation
// say that its first rotation fills it.
func TestSecretThatIsNotFilledYetIsCalledThat(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []option
		says string
	}{
		{"of an application that exists", []option{withDocument(func(d map[string]any) { delete(d, "clientSecret") })}, "the secret has not been filled yet: its first rotation stores the client secret that PingOne has, unchanged"},
		{"of one that is specified", []option{func(o *options) { o.creator = true }, withDocument(func(d map[string]any) {
			for _, member := range []string{"clientId", "clientSecret", "tokenEndpointAuthMethod"} {
				delete(d, member)
			}
			d["rotation"] = map[string]any{"application": map[string]any{"preset": "non-interactive-worker", "name": "new"}}
		})}, "the secret has not been filled yet: its first rotation creates the application and stores its client secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			for _, readOnly := range []bool{true, false} {
				rep := w.do(rotation.Action{Action: "audit", ReadOnly: readOnly}).(*rotation.AuditReport)
				var found []string
				for _, f := range rep.Secrets[0].Findings {
					found = append(found, string(f.State)+" "+f.Point+": "+f.Detail)
				}
				if len(found) != 1 || found[0] != "warning current: "+c.says {
					t.Errorf("the audit found %q", found)
				}
			}
			check := w.do(rotation.Action{Action: "check", SecretID: orders}).(*rotation.Checkup)
			if !check.WouldRotate || check.Because != c.says+" (seed)" {
				t.Errorf("the check says %t: %s", check.WouldRotate, check.Because)
			}
			for _, a := range []rotation.Action{{Action: rotation.ActionEnd, SecretID: orders, LockOut: true, Previous: []string{"00000000"}}, {Action: "rollback", SecretID: orders}} {
				if rep := w.do(a).(*rotation.Report); rep.Outcome != rotation.Failed || strings.Contains(rep.Error, "UUID") {
					t.Errorf("%s: %s (%s)", a.Action, rep.Outcome, rep.Error)
				}
			}
			if strings.Contains(w.log.String(), "UUID") || strings.Contains(w.db.Dump(), w.app.Environment+"/\"") {
				t.Error("a request for no application was made, or the register was given an item of none")
			}
			w.rotate()
			w.checkSilent(w.reports...)
		})
	}
}
