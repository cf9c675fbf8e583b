package pingone_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestAnApplicationIsCreatedAsTheBodySays(t *testing.T) {
	w := newWorld(t)
	body := map[string]any{
		"name": "Orders", "description": "Reads orders", "type": "WORKER", "protocol": "OPENID_CONNECT", "enabled": true,
		"grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_POST",
		"assignActorRoles": false, "somethingNew": map[string]any{"a": 1},
	}
	created, err := w.client.CreateApplication(t.Context(), w.app.Environment, body)
	if err != nil {
		t.Fatal(err)
	}
	read, err := w.client.Application(t.Context(), w.app.Environment, created.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range []*pingone.Application{created, read} {
		check(t, "name", app.Name, "Orders")
		check(t, "description", app.Description, "Reads orders")
		check(t, "enabled", app.Enabled, true)
		check(t, "method", app.TokenEndpointAuthMethod, pingone.ClientSecretPost)
		check(t, "a member that this package does not know", string(app.Body["somethingNew"]), `{"a":1}`)
	}
	check(t, "calls", w.Count(pingonetest.OpCreateApplication), 1)

	_, err = w.client.CreateApplication(t.Context(), w.app.Environment, body)
	check(t, "the name is taken", pingone.IsDuplicate(err), true)
	_, err = w.client.CreateApplication(t.Context(), w.app.Environment, map[string]any{"name": "x"})
	check(t, "an incomplete body is a duplicate", pingone.IsDuplicate(err), false)
	check(t, "answers", answers(err), "")
	if err == nil || !strings.Contains(err.Error(), "create the application: PingOne answered 400 INVALID_DATA REQUIRED_VALUE") {
		t.Errorf("got %v, want PingOne's refusal", err)
	}
}

func TestReplacingAnApplicationKeepsOnlyWhatIsSent(t *testing.T) {
	w := newWorld(t)
	before, err := w.client.Application(t.Context(), w.app.Environment, w.app.ID)
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"description": "new"}
	for name, value := range before.Body {
		body[name] = value
	}
	body["refreshTokenDuration"] = json.RawMessage("3600")
	for range 2 {
		app, err := w.client.ReplaceApplication(t.Context(), w.app.Environment, w.app.ID, body)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "description", app.Description, "new")
		check(t, "name", app.Name, before.Name)
		check(t, "duration", string(app.Body["refreshTokenDuration"]), "3600")
	}
	delete(body, "refreshTokenDuration")
	app, err := w.client.ReplaceApplication(t.Context(), w.app.Environment, w.app.ID, body)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "duration that was left out", string(app.Body["refreshTokenDuration"]), "")
	check(t, "secret still works", w.Authenticates(w.app.Environment, w.app.ClientID, w.app.Secret), true)
}

// role returns the id of the role with the name.
func (w *world) role(t *testing.T, name string) string {
	t.Helper()
	all, err := w.client.Roles(t.Context(), w.app.Environment)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(r pingone.Role) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("got roles %v, want %s among them", all, name)
	}
	return all[i].ID
}

func (w *world) assignments(t *testing.T) []pingone.RoleAssignment {
	t.Helper()
	all, err := w.client.RoleAssignments(t.Context(), w.app.Environment, w.app.ID)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnApplicationThatIsNoWorkerHasNoRoles(t *testing.T) {
	w := newWorld(t)
	w.Assume(pingonetest.Assumptions{})
	web := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	all, err := w.client.RoleAssignments(t.Context(), web.Environment, web.ID)
	if err != nil || len(all) != 0 {
		t.Errorf("got %v, %v, want no roles and no error", all, err)
	}
}

func TestRolesAreGivenAndTakenAnyNumberOfTimes(t *testing.T) {
	w := newWorld(t)
	w.AddRole(pingonetest.CustomRole{Name: "Secret Rotator", CanBeAssignedBy: []string{"Environment Admin"}})
	for _, name := range []string{"Configuration Read Only", "Secret Rotator"} {
		want := pingone.RoleAssignment{RoleID: w.role(t, name), ScopeType: "ENVIRONMENT", ScopeID: w.app.Environment}
		for range 2 {
			if err := w.client.AssignRole(t.Context(), w.app.Environment, w.app.ID, want); err != nil {
				t.Fatal(err)
			}
		}
		all := w.assignments(t)
		i := slices.IndexFunc(all, func(r pingone.RoleAssignment) bool { return r.RoleID == want.RoleID })
		if i < 0 || len(all) != 2 {
			t.Fatalf("got %v, want %s beside the first role", all, name)
		}
		want.ID = all[i].ID
		check(t, name, all[i], want)
		for range 2 {
			if err := w.client.RemoveRole(t.Context(), w.app.Environment, w.app.ID, want.ID); err != nil {
				t.Fatal(err)
			}
		}
		check(t, "roles that are left", len(w.assignments(t)), 1)
	}
	check(t, "assignments sent", w.Count(pingonetest.OpAssignRole), 4)
}

func TestARoleAboveTheAdminIsReadOnlyAndOutOfItsReach(t *testing.T) {
	w := newWorld(t)
	organizationAdmin := w.role(t, "Organization Admin")
	w.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Organization Admin", ScopeType: "ORGANIZATION"})
	})
	for _, r := range w.assignments(t) {
		check(t, "read-only "+r.ScopeType, r.ReadOnly, r.RoleID == organizationAdmin)
		if r.ReadOnly {
			err := w.client.RemoveRole(t.Context(), w.app.Environment, w.app.ID, r.ID)
			check(t, "removing it", answers(err), "forbidden, temporary") // PingOne says the same of an assignment that it has just made
			err = w.client.AssignRole(t.Context(), w.app.Environment, w.app.ID, pingone.RoleAssignment{RoleID: r.RoleID, ScopeType: r.ScopeType, ScopeID: r.ScopeID})
			check(t, "assigning it", answers(err), "forbidden")
		}
	}
	check(t, "roles", len(w.assignments(t)), 2)
}

// PingOne may call an assignment read-only for a moment after making it.
func TestAnAssignmentThatIsReadOnlyForAMomentIsRemoved(t *testing.T) {
	removals := 0
	c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodDelete {
			return replies(200, nil, "")(r)
		}
		if removals++; removals < 3 {
			return response(r, 400, nil, `{"id":"x","code":"REQUEST_FAILED","message":"Role assignment `+someUUID+` cannot be deleted as it is read only"}`), nil
		}
		return response(r, 204, nil, ""), nil
	}))
	if err := c.RemoveRole(t.Context(), someUUID, someUUID, someUUID); err != nil {
		t.Fatal(err)
	}
	check(t, "removals", removals, 3)
}

func TestAResourceIsBuiltAndGranted(t *testing.T) {
	w := newWorld(t)
	env := w.app.Environment
	shop := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	resource, err := w.client.CreateResource(t.Context(), env, "shop", "The shop", "https://shop.example")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "type", resource.Type, "CUSTOM")
	check(t, "audience", resource.Audience, "https://shop.example")
	if other, err := w.client.CreateResource(t.Context(), env, "stock", "", ""); err != nil || other.Audience != "stock" {
		t.Errorf("audience by default: got %+v, %v, want stock", other, err)
	}
	var scopes []pingone.Scope
	for _, name := range []string{"orders", "stock"} {
		scope, err := w.client.CreateScope(t.Context(), env, resource.ID, name, "May see "+name)
		if err != nil {
			t.Fatal(err)
		}
		scopes = append(scopes, scope)
	}
	groups, err := w.client.CreateAttribute(t.Context(), env, resource.ID, "groups", `["dev-tls-admin"]`)
	if err != nil {
		t.Fatal(err)
	}

	_, err = w.client.CreateResource(t.Context(), env, "shop", "", "")
	check(t, "second resource of the name", pingone.IsDuplicate(err), true)
	_, err = w.client.CreateScope(t.Context(), env, resource.ID, "orders", "")
	check(t, "second scope of the name", pingone.IsDuplicate(err), true)
	_, err = w.client.CreateAttribute(t.Context(), env, resource.ID, "groups", "x")
	check(t, "second attribute of the name", pingone.IsDuplicate(err), true)

	grant, err := w.client.CreateGrant(t.Context(), env, shop.ID, pingone.Grant{ResourceID: resource.ID, ScopeIDs: []string{scopes[0].ID}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.client.CreateGrant(t.Context(), env, shop.ID, pingone.Grant{ResourceID: resource.ID, ScopeIDs: []string{scopes[1].ID}})
	check(t, "second grant of the resource", pingone.IsDuplicate(err), true)
	w.grants(t, shop, "orders", grant)
	grant.ScopeIDs = append(grant.ScopeIDs, scopes[1].ID)
	for range 2 {
		if got, err := w.client.ReplaceGrant(t.Context(), env, shop.ID, grant); err != nil || !slices.Equal(got.ScopeIDs, grant.ScopeIDs) {
			t.Errorf("replaced grant: got %v, %v, want %v", got, err, grant)
		}
	}
	w.grants(t, shop, "orders stock", grant)

	all, err := w.client.Resources(t.Context(), env)
	if err != nil || !slices.Contains(all, resource) || !slices.ContainsFunc(all, func(r pingone.Resource) bool { return r.Type == "PINGONE_API" }) {
		t.Errorf("resources: got %v, %v, want the new one and the built-in ones", all, err)
	}
	for _, s := range scopes {
		if all, err := w.client.Scopes(t.Context(), env, resource.ID); err != nil || !slices.Contains(all, s) {
			t.Errorf("scopes: got %v, %v, want %v among them", all, err, s)
		}
	}
	if all, err := w.client.Attributes(t.Context(), env, resource.ID); err != nil || len(all) != 2 || !slices.Contains(all, groups) {
		t.Errorf("attributes: got %v, %v, want %v beside sub", all, err, groups)
	}
	for range 2 {
		if err := w.client.RemoveGrant(t.Context(), env, shop.ID, grant.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.grants(t, shop, "")
}

// grants checks an application's grants, and the scopes of its tokens.
func (w *world) grants(t *testing.T, app pingonetest.Application, scope string, want ...pingone.Grant) {
	t.Helper()
	got, err := w.client.Grants(t.Context(), app.Environment, app.ID)
	same := slices.EqualFunc(got, want, func(a, b pingone.Grant) bool {
		return a.ID == b.ID && a.ResourceID == b.ResourceID && slices.Equal(a.ScopeIDs, b.ScopeIDs)
	})
	if err != nil || !same {
		t.Errorf("grants: got %v, %v, want %v", got, err, want)
	}
	token, err := w.client.Token(t.Context(), w.credential(app), "")
	if scope == "" {
		check(t, "a token without a grant", answers(err), "proves credential")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	check(t, "scope of the token", token.Scope, scope)
}

func TestTheSecretOfAResourceIsManagedAsThatOfAnApplication(t *testing.T) {
	w := newWorld(t)
	resource, err := w.client.CreateResource(t.Context(), w.app.Environment, "shop", "", "")
	if err != nil {
		t.Fatal(err)
	}
	target := pingone.Target{Kind: pingone.ResourceKind, EnvironmentID: w.app.Environment, ID: resource.ID}
	var observed []string
	w.client.Observe = func(op string, _ bool) { observed = append(observed, op) }
	before, err := w.client.ReadSecret(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	got := w.client.RegenerateSecret(t.Context(), target, w.Now().Add(time.Hour))
	check(t, "outcome", got.Outcome, pingone.Applied)
	check(t, "the first secret lives on", got.Secret.Replaced(before.Secret), true)
	if err := w.client.DeletePreviousSecret(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	after, err := w.client.ReadSecret(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the new secret is PingOne's", after.Secret.Equal(got.Secret.Secret), true)
	check(t, "the first one is gone", after.Previous == nil, true)
	want := []string{"read the resource secret", "regenerate the resource secret", "delete the previous resource secret", "read the resource secret"}
	if !slices.Equal(observed, want) {
		t.Errorf("observed: got %q, want %q", observed, want)
	}
	check(t, "an application's secret by that id", answers(readSecret(w.client, t, w.app.Environment, resource.ID)), "not found")
}
