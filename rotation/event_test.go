package rotation_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

const token = "5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42"

func TestEveryExampleEventIsAnEvent(t *testing.T) {
	files, err := filepath.Glob("../events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	steps, actions := map[rotation.Step]bool{}, map[string]bool{}
	for _, f := range files {
		if filepath.Base(f) == "env.json" { // variables for sam local
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"action"`) {
			a, err := rotation.ParseAction(text)
			if err != nil {
				t.Errorf("%s: %v", f, err)
			}
			actions[a.Action+string(a.Emergency)] = true
			continue
		}
		ev, err := rotation.ParseEvent(text)
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
		steps[ev.Step] = true
	}
	if len(steps) != 4 {
		t.Errorf("steps with an example: got %d, want 4", len(steps))
	}
	for _, a := range []string{rotation.ActionRotate, rotation.ActionRotate + string(rotation.Swift), rotation.ActionCheck, rotation.ActionAudit} {
		if !actions[a] {
			t.Errorf("%s: has no example", a)
		}
	}
}

func TestBadEventIsOneClearErrorAndChangesNothing(t *testing.T) {
	event := func(step, secret, token string) string {
		return fmt.Sprintf(`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"hunter2-hunter2"}`, step, secret, token)
	}
	for _, c := range []struct{ name, event, words string }{
		{"nothing", "", "read the event"},
		{"not JSON", "createSecret", "read the event"},
		{"empty object", "{}", "Step"},
		{"null", "null", "Step"},
		{"array", "[]", "read the event"},
		{"Step a number", `{"Step":1}`, "Step"},
		{"unknown step", event("create_secret", orders, token), "Step"},
		{"no SecretId", event("createSecret", "", token), "SecretId"},
		{"short token", event("createSecret", orders, "1"), "ClientRequestToken"},
		{"long token", event("createSecret", orders, strings.Repeat("1", 65)), "ClientRequestToken"},
		{"unknown secret", event("createSecret", "no/such", token), "check its name"},
		{"token of no version", event("createSecret", orders, token), "does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			before := w.sm.Dump() + w.ping.Dump()
			_, err := w.rotator.Handle(t.Context(), []byte(c.event))
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want an error with %q", err, c.words)
			}
			if w.sm.Dump()+w.ping.Dump() != before || len(w.ping.Calls()) != 0 {
				t.Error("the event changed something")
			}
			w.checkSilent(fmt.Sprint(err), "")
			if strings.Contains(fmt.Sprint(err)+w.log.String(), "hunter2") {
				t.Error("the RotationToken was printed")
			}
		})
	}
}

func TestRotationThatIsDisabledIsRefused(t *testing.T) {
	w := newWorld(t)
	bare := w.sm.Put("pingone/never-configured", encode(document(w.app)))
	_, err := w.rotator.Handle(t.Context(), fmt.Appendf(nil, `{"Step":"createSecret","SecretId":%q,"ClientRequestToken":%q}`, bare, token))
	if err == nil || !strings.Contains(err.Error(), "rotation is not enabled") {
		t.Errorf("got %v, want an error that rotation is not enabled", err)
	}
}

func TestApplicationThatCannotRotateIsRefusedBeforeTheMint(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*pingonetest.Application)
		words  string
	}{
		{"disabled", func(a *pingonetest.Application) { a.Disabled = true }, "disabled"},
		{"SAML", func(a *pingonetest.Application) { a.Protocol = "SAML" }, "OPENID_CONNECT"},
		{"no secret", func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = "NONE" }, "tokenEndpointAuthMethod"},
		{"private key", func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = "PRIVATE_KEY_JWT" }, "tokenEndpointAuthMethod"},
		{"more roles than the admin", func(a *pingonetest.Application) {
			a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Environment Admin"})
		}, "role"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			old := w.secret("AWSCURRENT")
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, c.change)
			w.rotateFails(c.words)
			if w.mints() != 0 || w.secret("AWSCURRENT") != old || w.secret("AWSPENDING") != "" {
				t.Error("the refusal changed something")
			}
		})
	}
}
