package provision_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/document"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

const worker = `"application":{"preset":"non-interactive-worker","name":"orders"`

func TestNothingIsCreatedOrChangedThatIsNotPermitted(t *testing.T) {
	role := worker + `,"roles":[{"role":"Identity Data Admin","scope":{"type":"ENVIRONMENT","id":"$ENV"}}]}`
	allowed := `{"role":"Identity Data Admin","scope":"$ENV"}`
	web := `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://a.example","https://b.example"],"grants":[{"resource":"openid","scopes":["profile"]}]}`
	resource := `"application":{"preset":"advanced-services-client","name":"orders","resource":{"name":"p1as","attributes":{"groups":["a"]},"scopes":["p1as"]}}`
	for _, c := range []struct {
		name, rotation, configure string
		refused                   string // "" for what is permitted
	}{
		{"a worker", worker + `}`, `"create":true`, ""},
		{"a worker with a role", role, `"create":true,"roles":[` + allowed + `]`, ""},
		{"a role that is not listed", role, `"create":true`, "assigns the role Identity Data Admin"},
		{"a web application", web, `"create":true,"grants":["openid"],"redirectUris":["https://a.example","https://b.example"]`, ""},
		{"a URL that is not listed", web, `"create":true,"grants":["openid"],"redirectUris":["https://a.example"]`, "changes redirectUris"},
		{"a grant that is not listed", web, `"create":true,"redirectUris":["https://a.example","https://b.example"]`, `grants scopes of the resource "openid"`},
		{"a resource", resource, `"create":true,"resources":["p1as"]`, ""},
		{"a resource that is not listed", resource, `"create":true`, `creates the resource "p1as"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			d := w.document("", c.rotation)
			w.permit(d, `"marked"`, c.configure)
			before := w.state()
			app, err := w.Provision(t.Context(), d)
			if c.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				if left, err := w.Outstanding(t.Context(), d, w.application(app.ID)); err != nil || len(left) > 0 {
					t.Errorf("outstanding: got %q, %v, want nothing", left, err)
				}
				return
			}
			if r, ok := errors.AsType[*document.Refusal](err); !ok || !strings.Contains(err.Error(), c.refused) || r.Remedy() == "" {
				t.Errorf("got %v, want a refusal that says %q", err, c.refused)
			}
			if after := w.state(); after != before {
				t.Errorf("something has changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestWriterOfASecretChangesNothingOfAnApplicationThatIsOnlyListed(t *testing.T) {
	web := `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://evil.example"]`
	for _, c := range []struct{ name, rotation string }{
		{"redirect URIs", web + `}`},
		{"grant types", `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://a.example"],"grantTypes":["AUTHORIZATION_CODE","TOKEN_EXCHANGE"]}`},
		{"a grant", `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://a.example"],"grants":[{"resource":"PingOne API","scopes":["p1:read:user"]}]}`},
		{"its grants stripped", `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://a.example"],"exact":true}`},
		{"attributes of another team's resource", `"application":{"preset":"authorization-code-web-app","name":"orders","redirectUris":["https://a.example"],"resource":{"name":"shared","attributes":{"groups":["admin"]},"scopes":["s"]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			app := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "orders", Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://a.example"}})
			shared, err := w.Client.CreateResource(t.Context(), w.env, "shared", "of another team", "")
			if err != nil {
				t.Fatal(err)
			}
			scope, err := w.Client.CreateScope(t.Context(), w.env, shared.ID, "s", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Client.CreateGrant(t.Context(), w.env, app.ID, pingone.Grant{ResourceID: shared.ID, ScopeIDs: []string{scope.ID}}); err != nil {
				t.Fatal(err)
			}
			d := w.document(app.ID, c.rotation)
			w.permit(d, `["`+app.ID+`"]`, `"create":true,"resources":["SHARED"]`)
			if c.name == "its grants stripped" {
				w.permit(d, `["`+app.ID+`"]`, `"create":true`)
			}
			before := w.state()
			_, foretold := w.Outstanding(t.Context(), d, w.application(app.ID))
			err = w.Repair(t.Context(), d, w.application(app.ID))
			for _, err := range []error{foretold, err} {
				if _, ok := errors.AsType[*document.Refusal](err); !ok {
					t.Errorf("got %v, want a refusal", err)
				}
			}
			if after := w.state(); after != before {
				t.Errorf("something has changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestApplicationThatWasCreatedIsKeptAsSpecified(t *testing.T) {
	w := newWorld(t)
	const rotation = `"application":{"preset":"interactive-worker","name":"orders","redirectUris":["https://a.example"],"exact":true,"resource":{"name":"orders","attributes":{"groups":["a"]},"scopes":["s"]}}`
	const configure = `"create":true,"redirectUris":["https://a.example"],"resources":["orders"]`
	d := w.document("", rotation)
	w.permit(d, `"marked"`, configure)
	app, err := w.Provision(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	w.UpdateApplication(w.env, app.ID, func(a *pingonetest.Application) {
		a.RedirectURIs = []string{"https://evil.example"}
		a.GrantTypes = []string{"CLIENT_CREDENTIALS", "AUTHORIZATION_CODE", "TOKEN_EXCHANGE"}
		a.Roles = []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}
	})
	// One more scope changes the resource that was created for the secret.
	d = w.document(app.ID, strings.Replace(rotation, `"scopes":["s"]`, `"scopes":["s","t"]`, 1))
	w.permit(d, `"marked"`, configure)
	if left, err := w.Outstanding(t.Context(), d, w.application(app.ID)); err != nil || len(left) < 3 {
		t.Fatalf("outstanding: got %q, %v, want the members, the role and the scope", left, err)
	}
	w.notes = nil
	if err := w.Repair(t.Context(), d, w.application(app.ID)); err != nil {
		t.Fatal(err)
	}
	if len(w.notes) < 3 {
		t.Errorf("notes: got %q", w.notes)
	}
	if left, err := w.Outstanding(t.Context(), d, w.application(app.ID)); err != nil || len(left) > 0 {
		t.Errorf("outstanding after the repair: got %q, %v, want nothing", left, err)
	}
	w.notes = nil
	if err := w.Repair(t.Context(), d, w.application(app.ID)); err != nil || len(w.notes) > 0 {
		t.Errorf("the second repair: got %v and changed %q, want nothing to change", err, w.notes)
	}
	other := w.of(otherARN)
	other.Permission = w.Permission
	if err := other.Repair(t.Context(), w.document(app.ID, strings.Replace(rotation, `"scopes":["s"]`, `"scopes":["s","u"]`, 1)), w.application(app.ID)); err == nil {
		t.Error("another secret changed the resource")
	}
}

func TestMarkOfPingOneDecidesAndTheDocumentDoesNot(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "orders"})
	victim := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "victim"})
	permit := func(d *document.Document, applications string) error {
		_, err := w.Permit(t.Context(), w.adminDocument(applications, ""), names, d, admins(w.admin.ID))
		return err
	}
	if err := permit(w.document(app.ID, ""), `"marked"`); err == nil {
		t.Error("an application without a mark is served")
	}
	for _, want := range []bool{true, false} { // the second time it is marked already
		if marked, err := w.Mark(t.Context(), w.env, app.ID); err != nil || marked != want {
			t.Fatalf("mark: got %t, %v, want %t", marked, err, want)
		}
	}
	if err := permit(w.document(app.ID, ""), `"marked"`); err != nil {
		t.Errorf("a marked application: got %v", err)
	}
	if _, err := w.of(otherARN).Permit(t.Context(), w.adminDocument(`"marked"`, ""), names, w.document(app.ID, ""), admins()); err == nil {
		t.Error("another secret's mark counts")
	}

	twin, err := w.Twin(t.Context(), w.document(app.ID, ""), w.application(app.ID))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, id, twin, applications string
		want                         bool
	}{
		{"the pair", app.ID, twin.ID, `"marked"`, true},
		{"the pair, after a rotation", twin.ID, app.ID, `["` + app.ID + `"]`, true},
		{"a made-up twin", app.ID, victim.ID, `"marked"`, false},
		{"a made-up original", victim.ID, app.ID, `["` + app.ID + `"]`, false},
		{"a twin that is not there", app.ID, "22222222-3333-4444-8555-666666666666", `"marked"`, false},
	} {
		d := w.document(c.id, `"strategy":"alternating","twin":"`+c.twin+`"`)
		calls := len(w.Calls())
		err := permit(d, c.applications)
		if c.want != (err == nil) {
			t.Errorf("%s: got %v, want permitted: %t", c.name, err, c.want)
		}
		for _, call := range w.Calls()[calls:] {
			if strings.HasSuffix(call.Target, "secret") || strings.Contains(strings.ToLower(call.Operation), "secret") {
				t.Errorf("%s: %v was called before the answer", c.name, call)
			}
		}
	}
}

func TestRoleAssignmentsThatPingOneDoesNotKnowAreNone(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "web", Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://a.example"}})
	d := w.document(app.ID, `"application":{"preset":"authorization-code-web-app","name":"web","redirectUris":["https://a.example"],"exact":true}`)
	if left, err := w.Outstanding(t.Context(), d, w.application(app.ID)); err != nil || slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "role") }) {
		t.Errorf("got %q, %v", left, err)
	}
	if _, err := w.Twin(t.Context(), d, w.application(app.ID)); err != nil {
		t.Errorf("twin of an application that is no worker: got %v", err)
	}
}
