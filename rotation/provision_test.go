package rotation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// wanting starts with a document that has no application yet, but a specification of one.
func wanting(application map[string]any) option {
	return withDocument(func(d map[string]any) {
		for _, written := range []string{"clientId", "clientSecret", "tokenEndpointAuthMethod"} {
			delete(d, written)
		}
		d["rotation"] = map[string]any{"application": application}
	})
}

// mayCreate lets the admin create and configure applications.
func mayCreate(o *options) { o.creator = true }

// applications returns the environment's applications by name, as PingOne has them. It
// fails the test if two share a name.
func (w *world) applications() map[string]map[string]any {
	w.t.Helper()
	apps, err := w.root().Applications(w.t.Context(), w.app.Environment)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, a := range apps {
		body := map[string]any{}
		for name, raw := range a.Body {
			var value any
			json.Unmarshal(raw, &value)
			body[name] = value
		}
		if all[a.Name] != nil {
			w.t.Fatalf("there are two applications %q", a.Name)
		}
		all[a.Name] = body
	}
	return all
}

var documents = []struct {
	name        string
	application map[string]any
	verify      map[string]any
	want        string // members of the application, as JSON
	verified    string // in testSecret's log line, besides a token
}{
	{
		name:        "000 non-interactive worker",
		application: map[string]any{"preset": "non-interactive-worker", "name": "NonInteractiveWorker", "roles": []any{}},
		want:        `{"type":"WORKER","grantTypes":["CLIENT_CREDENTIALS"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC","enabled":true,"protocol":"OPENID_CONNECT"}`,
	},
	{
		name: "001 interactive worker",
		application: map[string]any{
			"preset": "interactive-worker", "name": "InteractiveWorkerApp_1667841878", "description": "Test Description - Interactive Worker App",
			"homePageUrl": "https://example.com/homePage", "loginPageUrl": "https://example.com/loginPage",
			"postLogoutRedirectUris": []any{"https://example.com/logout"}, "redirectUris": []any{"https://example.com"},
		},
		want: `{"type":"WORKER","grantTypes":["CLIENT_CREDENTIALS","AUTHORIZATION_CODE"],"responseTypes":["CODE"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC",
			"pkceEnforcement":"OPTIONAL","refreshTokenDuration":86400,"refreshTokenRollingDuration":86400,"homePageUrl":"https://example.com/homePage",
			"loginPageUrl":"https://example.com/loginPage","postLogoutRedirectUris":["https://example.com/logout"],"redirectUris":["https://example.com"],"enabled":true}`,
	},
	{
		name:        "002 token by CLIENT_SECRET_POST",
		application: map[string]any{"preset": "non-interactive-worker", "name": "PostWorker", "tokenEndpointAuthMethod": "CLIENT_SECRET_POST"},
		want:        `{"type":"WORKER","tokenEndpointAuthMethod":"CLIENT_SECRET_POST"}`,
	},
	{
		name: "003 authorization code web application",
		application: map[string]any{
			"preset": "authorization-code-web-app", "name": "AuthCodeApp", "redirectUris": []any{"https://example.com/callback"},
			"grants": []any{map[string]any{"resource": "PingOne API", "scopes": []any{"p1:read:user", "p1:update:user"}}},
		},
		want:     `{"type":"WEB_APP","grantTypes":["AUTHORIZATION_CODE"],"responseTypes":["CODE"],"redirectUris":["https://example.com/callback"]}`,
		verified: "no token granted",
	},
	{
		name: "004 Advanced Services client",
		application: map[string]any{
			"preset": "advanced-services-client", "name": "AdvancedServices",
			"resource": map[string]any{"name": "p1as-platform", "attributes": map[string]any{"groups": []any{"dev-tls-admin", "prod-tls-audit"}}, "scopes": []any{"p1as"}},
		},
		verify: map[string]any{"scope": "p1as", "audience": "p1as-platform", "claims": map[string]any{"groups": []any{"prod-tls-audit"}}},
		want:   `{"type":"WEB_APP","grantTypes":["CLIENT_CREDENTIALS"],"enabled":true}`,
	},
}

// A document without a client is rotated twice.
func TestEachDocumentsClientIsCreatedRotatedAndVerified(t *testing.T) {
	for _, c := range documents {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, wanting(c.application), mayCreate)
			if c.verify != nil {
				d := w.stored("AWSCURRENT")
				d["rotation"].(map[string]any)["verify"] = c.verify
				w.sm.Put(orders, encode(d))
			}
			if err := w.sm.TestOnly(t.Context(), orders); err != nil {
				t.Fatalf("before anything is created: %v", err)
			}
			name := c.application["name"].(string)
			if w.applications()[name] != nil {
				t.Fatal("the test of the settings has created the application")
			}

			w.rotate()
			app := w.applications()[name]
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			for member, value := range want {
				if fmt.Sprint(app[member]) != fmt.Sprint(value) {
					t.Errorf("%s: got %v, want %v", member, app[member], value)
				}
			}
			first := w.stored("AWSCURRENT")
			if first["clientId"] != app["id"] || !w.works() || !w.promoted() {
				t.Fatalf("the document does not hold a working credential of the application\n%s", w.log)
			}
			if w.mints() != 0 {
				t.Errorf("mints: got %d, want 0: no consumer has the first secret", w.mints())
			}

			w.advance(25 * time.Hour)
			w.rotate()
			w.checkPromoted()
			if got := w.stored("AWSCURRENT"); got["clientId"] != first["clientId"] || got["clientSecret"] == first["clientSecret"] || w.mints() != 1 {
				t.Errorf("the second rotation did not replace the secret of the same application once")
			}
			w.applications() // no two of one name
			if c.verified != "" && !strings.Contains(w.log.String(), c.verified) {
				t.Errorf("the log does not say %q", c.verified)
			}
			w.checkSilent()
		})
	}
}

func TestCreatedWorkerHasTheRolesAskedForAndNoOthers(t *testing.T) {
	w := newWorld(t, mayCreate)
	d := map[string]any{"environmentId": w.app.Environment, "region": "EU", "rotation": map[string]any{"application": map[string]any{
		"preset": "non-interactive-worker", "name": "reader",
		"roles": []any{map[string]any{"role": "Identity Data Admin", "scope": map[string]any{"type": "ENVIRONMENT", "id": w.app.Environment}}},
	}}}
	w.put(orders, d)
	w.rotate()
	if got, want := w.roles(), []string{"Identity Data Admin"}; !slices.Equal(got, want) {
		t.Errorf("roles: got %q, want %q", got, want)
	}
}

func (w *world) roles() (names []string) {
	w.t.Helper()
	root := w.root()
	roles, err := root.Roles(w.t.Context(), w.app.Environment)
	if err != nil {
		w.t.Fatal(err)
	}
	held, err := root.RoleAssignments(w.t.Context(), w.app.Environment, w.client())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range held {
		for _, r := range roles {
			if r.ID == h.RoleID {
				names = append(names, r.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestDriftOfTheApplicationIsRepairedAndNothingElseIsTouched(t *testing.T) {
	w := newWorld(t, wanting(documents[1].application), mayCreate)
	w.rotate()
	id := w.client()
	w.ping.UpdateApplication(w.app.Environment, id, func(a *pingonetest.Application) {
		a.RedirectURIs = []string{"https://evil.example"}
	})
	body := w.applications()["InteractiveWorkerApp_1667841878"]
	w.advance(25 * time.Hour)
	w.rotate()
	after := w.applications()["InteractiveWorkerApp_1667841878"]
	if got := fmt.Sprint(after["redirectUris"]); got != "[https://example.com]" {
		t.Errorf("redirectUris: got %s, want the specified one", got)
	}
	for member, value := range body {
		if member != "redirectUris" && member != "updatedAt" && fmt.Sprint(after[member]) != fmt.Sprint(value) {
			t.Errorf("%s: got %v, want %v as before the repair", member, after[member], value)
		}
	}
	if !strings.Contains(w.log.String(), "repaired redirectUris") {
		t.Error("the log does not say what was repaired")
	}
	puts := w.ping.Count(pingonetest.OpReplaceApplication)
	w.advance(25 * time.Hour)
	w.rotate()
	if n := w.ping.Count(pingonetest.OpReplaceApplication); n != puts {
		t.Errorf("an application without drift was replaced %d times", n-puts)
	}
}

func TestFirstSecretThatIsRegeneratedBeforeItsPromotionIsGivenUp(t *testing.T) {
	for name, opts := range map[string][]option{
		"created": {wanting(documents[0].application), mayCreate},
		"seeded":  {withDocument(func(d map[string]any) { delete(d, "clientSecret") })},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, opts...)
			w.sm.Fail("UpdateSecretVersionStage", fault.Denied)
			w.rotateFails("finishSecret")
			id, _ := w.stored("AWSPENDING")["clientId"].(string)
			w.ping.Regenerate(w.app.Environment, id, 0)
			if err := w.sm.Attempt(t.Context(), orders); err == nil || !strings.Contains(err.Error(), "this rotation was ended") {
				t.Fatalf("retry: got %v, want the rotation to be given up", err)
			}
			w.rotate()
			w.checkPromoted()
		})
	}
}

func TestWrongNameInASpecificationStopsBeforeAnythingIsCreated(t *testing.T) {
	role := func(name, kind, id string) map[string]any {
		return map[string]any{"preset": "non-interactive-worker", "name": "new", "roles": []any{
			map[string]any{"role": name, "scope": map[string]any{"type": kind, "id": id}},
		}}
	}
	grant := func(resource, scope string) map[string]any {
		return map[string]any{"preset": "authorization-code-web-app", "name": "new", "redirectUris": []any{"https://a.example"}, "grants": []any{
			map[string]any{"resource": resource, "scopes": []any{scope}},
		}}
	}
	for _, c := range []struct {
		name        string
		application map[string]any
		words       string
	}{
		{"unknown role", role("Emperor", "ENVIRONMENT", envID), "roles[0].role"},
		{"role that the admin may not give", role("Organization Admin", "ORGANIZATION", envID), "roles[0]"},
		{"role elsewhere", role("Identity Data Admin", "ENVIRONMENT", envID), "roles[0]"},
		{"unknown resource", grant("PingTwo API", "p1:read:user"), "grants[0].resource"},
		{"scope of another resource", grant("PingOne API", "openid"), "grants[0].scopes[0]"},
		{"foreign application of that name", map[string]any{"preset": "non-interactive-worker", "name": "Orders-API"}, "was not created for this secret"},
		{"resource of PingOne's own", map[string]any{"preset": "advanced-services-client", "name": "new", "resource": map[string]any{"name": "openid", "scopes": []any{"s"}}}, "resource.name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, wanting(c.application), mayCreate)
			before := w.ping.Dump()
			w.rotateFails("createSecret", c.words)
			if w.ping.Dump() != before {
				t.Errorf("something was created\n%s", w.ping.Dump())
			}
		})
	}
}

func TestLostReplyOfTheCreationDoesNotLeaveTwoApplications(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.ping.Fail(pingonetest.OpCreateApplication, kind)
				if err := w.sm.Rotate(w.t.Context(), orders); err != nil {
					if err = w.sm.Attempt(w.t.Context(), orders); err != nil {
						w.t.Fatal(err)
					}
				}
				w.checkPromoted()
				w.applications()
			}, wanting(documents[0].application), mayCreate)
		})
	}
}

// A read of something that was just created may be a 404 (B77).
func TestWhatWasCreatedAMomentAgoIsWaitedFor(t *testing.T) {
	for _, n := range []int{0, 4} {
		t.Run(documents[n].name, func(t *testing.T) {
			w := newWorld(t, wanting(documents[n].application), mayCreate)
			w.ping.Lag(func(fault.Call) fault.Lag { return fault.Lag{Age: 6 * time.Second} })
			w.rotate()
			w.checkPromoted()
		})
	}
}
