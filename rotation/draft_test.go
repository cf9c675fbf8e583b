package rotation_test

import (
	"strings"
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// draft checks a document that no secret holds, and expects that to change nothing.
func (w *world) draft(secret, text, holds string) *rotation.Checkup {
	w.t.Helper()
	before := w.state()
	c := w.do(rotation.Action{Action: "check", SecretID: secret, Document: text, Holds: holds}).(*rotation.Checkup)
	if after := w.state(); after != before {
		w.t.Errorf("the check changed something:\n%s\nafter:\n%s", before, after)
	}
	w.checkSilent(w.reports...)
	return c
}

// drafted is the document of an application whose secret is stored nowhere.
func drafted(app pingonetest.Application, change func(map[string]any)) string {
	d := document(app)
	delete(d, "clientSecret")
	if change != nil {
		change(d)
	}
	return encode(d)
}

func TestDraftIsCheckedBeforeThereIsASecret(t *testing.T) {
	w := newWorld(t)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "shipping", Roles: w.app.Roles})
	strong := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "strong", Roles: []pingonetest.RoleAssignment{{Role: "Organization Admin"}}})
	const mistyped = "0ab5db43-4eef-4202-9ed5-0ed61f914f31"
	w.allowOnly("pingone/*", []any{other.ID, strong.ID, mistyped})
	w.rotator.Settings.AdminSecretIDs = []string{"pingone/admn"}
	for _, c := range []struct {
		name, secret, text string
		point, words       string // of the expected failure; "" if there is none
	}{
		{"well", "pingone/shipping", drafted(other, nil), "", ""},
		{"a client id with a digit wrong", "pingone/shipping", drafted(other, func(d map[string]any) { d["clientId"] = mistyped }), "application", "404"},
		{"another region", "pingone/shipping", drafted(other, func(d map[string]any) { d["region"] = "AU" }), "admin", "region"},
		{"an admin that is not there", "pingone/shipping", drafted(other, func(d map[string]any) { d["rotation"] = map[string]any{"adminSecretId": "pingone/admn"} }), "admin", "admn"},
		{"no admin of the function", "pingone/shipping", drafted(other, func(d map[string]any) { d["rotation"] = map[string]any{"adminSecretId": "pingone/other"} }), "admin", "not an admin"},
		{"not allowed", "elsewhere/shipping", drafted(other, nil), "admin", "its owner can add to allow an entry with secret"},
		{"a role that the admin lacks", "pingone/strong", drafted(strong, nil), "roles", "Organization Admin"},
		{"a domain that is not allowed", "pingone/shipping", drafted(other, func(d map[string]any) { d["authDomain"] = "login.example.com" }), "region", "authDomain"},
		{"a typing error", "pingone/shipping", drafted(other, func(d map[string]any) { d["rotation"] = map[string]any{"garce": "24h"} }), "document", "garce"},
		{"a secret in it", "pingone/shipping", encode(document(other)), "document", "without clientSecret"},
		{"a test user without a secret", "pingone/shipping", drafted(other, func(d map[string]any) {
			d["rotation"] = map[string]any{"verify": map[string]any{"userSecretId": "pingone/unknown"}}
		}), "verification", "pingone/unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.draft(c.secret, c.text, "")
			f := point(got.Findings, c.point)
			if got.WouldRotate != (c.point == "") || c.point != "" && (f.State != rotation.Failure || !strings.Contains(f.Detail+f.Remedy, c.words)) {
				t.Errorf("got would rotate %t, because %q; want failure %q with %q; all: %+v", got.WouldRotate, got.Because, c.point, c.words, got.Findings)
			}
		})
	}
}

func TestDraftOfAClientThatAnotherSecretHoldsIsRefused(t *testing.T) {
	w := newWorld(t)
	w.rotate() // adds it to the register
	w.allow("pingone/second", document(w.app))
	got := w.draft("pingone/second", drafted(w.app, nil), "")
	if f := point(got.Findings, "client"); got.WouldRotate || f.State != rotation.Failure || !strings.Contains(f.Detail, orders) {
		t.Errorf("got would rotate %t, %+v, want the secret that holds the client to be named", got.WouldRotate, f)
	}
	if got := w.draft(orders, drafted(w.app, nil), ""); !got.WouldRotate {
		t.Errorf("the secret itself: got %q, want it to be free", got.Because)
	}
	w.sm.Remove(orders)
	if got := w.draft("pingone/second", drafted(w.app, nil), ""); !got.WouldRotate {
		t.Errorf("once the other is deleted: got %q, want the client to be free", got.Because)
	}
}

func TestAFilledSecretHoldsItsClientFromThenOn(t *testing.T) {
	w := newWorld(t, func(o *options) { o.fresh = true }, withDocument(func(d map[string]any) { delete(d, "clientSecret") }))
	w.do(rotation.Action{Action: "rotate", SecretID: orders})
	w.checkPromoted()
	w.allow("pingone/second", document(w.app))
	if got := w.draft("pingone/second", drafted(w.app, nil), ""); got.WouldRotate || !strings.Contains(got.Because, orders) {
		t.Errorf("got %t, %q, want the secret that holds the client", got.WouldRotate, got.Because)
	}
}

func TestDraftOfASecretThatIsReadAlreadyMustHoldPingOnesSecret(t *testing.T) {
	w := newWorld(t)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "shipping", Roles: w.app.Roles})
	w.allow("app/shipping", document(other))
	old := pingone.NewSecret(w.ping.Secret(other.Environment, other.ID).Value).Fingerprint()
	if got := w.draft("app/shipping", drafted(other, nil), old); !got.WouldRotate {
		t.Errorf("PingOne's current secret: got %q", got.Because)
	}
	w.ping.Regenerate(other.Environment, other.ID, 0)
	if got := w.draft("app/shipping", drafted(other, nil), old); got.WouldRotate || !strings.Contains(got.Because, "regenerated") {
		t.Errorf("a dead secret: got %t, %q", got.WouldRotate, got.Because)
	}
}

func TestDraftOfAnApplicationToCreateIsResolved(t *testing.T) {
	w := newWorld(t, mayCreate)
	spec := map[string]any{"preset": "non-interactive-worker", "name": "fresh", "roles": []any{}}
	text := func() string {
		return encode(map[string]any{"environmentId": w.app.Environment, "region": "EU", "rotation": map[string]any{"application": spec}})
	}
	if got := w.draft(orders, text(), ""); got.WouldRotate || !strings.Contains(got.Because, "does not allow this secret to create") {
		t.Errorf("before it is allowed: got %t, %q", got.WouldRotate, got.Because)
	}
	w.allow(orders, map[string]any{"environmentId": w.app.Environment, "region": "EU", "rotation": map[string]any{"application": spec}})
	if got := w.draft(orders, text(), ""); !got.WouldRotate || !strings.Contains(got.Because, "create") {
		t.Errorf("got %t, %q", got.WouldRotate, got.Because)
	}
	spec["roles"] = []any{map[string]any{"role": "Identity Data Admin", "scope": map[string]any{"type": "ENVIRONMENT", "id": w.app.Environment}}}
	got := w.draft(orders, text(), "")
	if got.WouldRotate || !strings.Contains(got.Because, "the admin secret "+adminName+" does not allow this secret what rotation.application asks for: assigns the role Identity Data Admin") {
		t.Errorf("a role that is not allowed: got %t, %q", got.WouldRotate, got.Because)
	}
	spec["roles"] = []any{map[string]any{"role": "Identty Data Admin", "scope": map[string]any{"type": "ENVIRONMENT", "id": w.app.Environment}}}
	if got := w.draft(orders, text(), ""); got.WouldRotate || !strings.Contains(got.Because, "roles[0].role") {
		t.Errorf("a role that does not exist: got %t, %q", got.WouldRotate, got.Because)
	}
	spec["roles"], spec["name"] = []any{}, w.app.Name
	if got := w.draft(orders, text(), ""); got.WouldRotate || !strings.Contains(got.Because, "has the name") {
		t.Errorf("a name that is taken: got %t, %q", got.WouldRotate, got.Because)
	}
}
