package pingonetest_test

import (
	"fmt"
	"slices"
	"testing"

	"pingrotate/pingone/pingonetest"
)

// roleID looks up a built-in or custom role as a client does.
func (w *world) roleID(env, name string) string {
	w.t.Helper()
	builtIn := send(w.t, "GET", w.URL()+"/v1/roles", "", "Authorization", "Bearer "+w.token)
	for _, r := range []reply{builtIn, w.in(env, "GET", "/roles", "")} {
		if i := slices.Index(r.page(w.t, "roles", "name"), name); i >= 0 {
			return r.page(w.t, "roles", "id")[i]
		}
	}
	w.t.Fatalf("there is no role %q", name)
	return ""
}

func assignment(roleID, scopeType, scopeID string) string {
	return fmt.Sprintf(`{"role":{"id":%q},"scope":{"type":%q,"id":%q}}`, roleID, scopeType, scopeID)
}

func TestB45_RolesAreLookedUpByName(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	w.AddRole(pingonetest.CustomRole{Name: "Secret Rotator", Permissions: []string{"applications:read:secret", "applications:update:secret"}})
	w.AddRole(pingonetest.CustomRole{Environment: envB, Name: "Elsewhere"})
	builtIn := send(t, "GET", w.URL()+"/v1/roles", "", "Authorization", "Bearer "+w.token)
	names := builtIn.page(t, "roles", "name")
	if len(names) != 6 || !slices.Contains(names, "Client Application Developer") || slices.Contains(names, "Secret Rotator") {
		t.Errorf("built-in roles: got %q", names)
	}
	custom := w.in(env, "GET", "/roles", "")
	custom.want(t, 200, "count", "1", "_embedded.roles.0.name", "Secret Rotator", "_embedded.roles.0.environment.id", env,
		"_embedded.roles.0.permissions.0.id", "applications:read:secret", "_embedded.roles.0.permissions.0.classifier", "secret",
		"_embedded.roles.0.applicableTo.0", "ENVIRONMENT")
	if other := newWorld(t); other.roleID(env, "Environment Admin") == w.roleID(env, "Environment Admin") {
		t.Error("ids of one role in two organizations: got one, want two")
	}
}

func TestB78_OnlyWorkersHaveRoleAssignments(t *testing.T) {
	w := newWorld(t)
	w.Assume(pingonetest.Assumptions{})
	app := w.create(w.admin.Environment, configured("WEB_APP", ""))
	role := assignment(w.roleID(w.admin.Environment, "Client Application Developer"), "ENVIRONMENT", w.admin.Environment)
	w.api("GET", app, "/roleAssignments", "").want(t, 404, "code", "NOT_FOUND")
	w.api("POST", app, "/roleAssignments", role).want(t, 404, "code", "NOT_FOUND")
	check(t, "link", w.api("GET", app, "", "").at("_links.roleAssignments.href"), "")
	check(t, "link of a worker", w.api("GET", w.admin, "", "").at("_links.roleAssignments.href") != "", true)
	w.Assume(pingonetest.Assumptions{AllHaveRoles: true})
	w.api("GET", app, "/roleAssignments", "").want(t, 200)
	check(t, "link", w.api("GET", app, "", "").at("_links.roleAssignments.href") != "", true)
}

func TestB46_RoleAssignmentsComeAndGo(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, worker(`"assignActorRoles":false`))
	developer := w.roleID(env, "Client Application Developer")
	made := w.api("POST", app, "/roleAssignments", assignment(developer, "ENVIRONMENT", env))
	made.want(t, 201, "role.id", developer, "scope.type", "ENVIRONMENT", "scope.id", env, "readOnly", "false", "environment.id", env)
	w.apiAs(w.bearer(app), "GET", w.admin, "", "").want(t, 200)

	one := "/roleAssignments/" + made.at("id")
	check(t, "read", w.api("GET", app, one, "").text, made.text)
	check(t, "listed", fmt.Sprint(w.api("GET", app, "/roleAssignments", "").page(t, "roleAssignments", "id")), "["+made.at("id")+"]")
	w.api("DELETE", app, one, "").want(t, 204)
	w.api("DELETE", app, one, "").want(t, 404)
	w.api("GET", app, one, "").want(t, 404)
	basic(t, w.Server, env, app.ID, app.Secret).want(t, 400, "error", "access_denied")
}

func TestB47_NoDuplicateAtTheSameOrAWiderScope(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, worker(`"assignActorRoles":false`))
	organization := w.admin.Roles[0].ScopeID
	id := w.roleID(env, "Client Application Developer")
	duplicate := func(scopeType, scopeID string) {
		t.Helper()
		w.api("POST", app, "/roleAssignments", assignment(id, scopeType, scopeID)).want(t, 400, "code", "INVALID_DATA",
			"details.0.code", "UNIQUENESS_VIOLATION", "details.0.message", "May not assign duplicate Role")
	}
	w.api("POST", app, "/roleAssignments", assignment(id, "ENVIRONMENT", env)).want(t, 201)
	duplicate("ENVIRONMENT", env)
	w.api("POST", app, "/roleAssignments", assignment(id, "ORGANIZATION", organization)).want(t, 201)
	duplicate("ORGANIZATION", organization)
	duplicate("ENVIRONMENT", env)
}

func TestB48_AssigningTakesTheRoleOrTheRightToAssignIt(t *testing.T) {
	w := newWorld(t)
	target := w.AddApplication(pingonetest.Application{Environment: envA})
	w.AddRole(pingonetest.CustomRole{Environment: envA, Name: "Nobody's"})
	w.AddRole(pingonetest.CustomRole{Environment: envA, Name: "Rotator", CanBeAssignedBy: []string{"Environment Admin"}})
	w.AddRole(pingonetest.CustomRole{Environment: envB, Name: "Foreign", CanBeAssignedBy: []string{"Environment Admin"}})
	w.AddRole(pingonetest.CustomRole{Environment: envA, Name: "Assigner", Permissions: []string{"permissions:update:applicationRoleAssignments"}})
	admin, assigner := w.as(role("Environment Admin", "", "")), w.as(role("Assigner", "", ""))
	for _, tt := range []struct {
		token, role, scopeType, scopeID string
		status                          int
	}{
		{admin, "Environment Admin", "ENVIRONMENT", envA, 201},
		{admin, "Environment Admin", "ENVIRONMENT", envB, 403},
		{admin, "Client Application Developer", "ENVIRONMENT", envA, 201},
		{admin, "Application Owner", "APPLICATION", target.ID, 201},
		{admin, "Organization Admin", "ORGANIZATION", w.admin.Roles[0].ScopeID, 403},
		{admin, "Rotator", "ENVIRONMENT", envA, 201},
		{admin, "Nobody's", "ENVIRONMENT", envA, 403},
		{assigner, "Assigner", "ENVIRONMENT", envA, 201},
		{assigner, "Identity Data Admin", "ENVIRONMENT", envA, 403},
		{w.as(role("Client Application Developer", "", "")), "Client Application Developer", "ENVIRONMENT", envA, 403},
	} {
		body := assignment(w.roleID(envA, tt.role), tt.scopeType, tt.scopeID)
		r := w.apiAs(tt.token, "POST", target, "/roleAssignments", body)
		r.want(t, tt.status)
		if tt.status == 403 && (tt.token == admin || tt.token == assigner) { // others may assign nothing
			r.want(t, 403, "code", "ACCESS_FAILED", "details.0.target", "scope", "details.0.message", "Must have role at the same or broader scope")
		}
	}
	foreign := assignment(w.roleID(envB, "Foreign"), "ENVIRONMENT", envA)
	w.api("POST", target, "/roleAssignments", foreign).want(t, 400, "details.0.target", "role.id")
	w.api("POST", w.admin, "/roleAssignments", assignment(w.roleID(envA, "Identity Data Admin"), "ENVIRONMENT", envA)).want(t, 403)
	w.Assume(pingonetest.Assumptions{RoleRefusedAsInvalid: true})
	w.api("POST", w.admin, "/roleAssignments", assignment(w.roleID(envA, "Identity Data Admin"), "ENVIRONMENT", envA)).want(t, 400, "code", "INVALID_DATA")

	orgAdmin := w.as(role("Organization Admin", "ORGANIZATION", ""))
	list := w.apiAs(assigner, "GET", target, "/roleAssignments", "")
	list.want(t, 403)
	list = w.apiAs(orgAdmin, "GET", target, "/roleAssignments", "")
	ids, readOnly := list.page(t, "roleAssignments", "id"), list.page(t, "roleAssignments", "readOnly")
	for i, id := range ids {
		want := map[string]int{"true": 403, "false": 204}[readOnly[i]]
		w.apiAs(orgAdmin, "DELETE", target, "/roleAssignments/"+id, "").want(t, want)
	}
	check(t, "left over", len(w.api("GET", target, "/roleAssignments", "").page(t, "roleAssignments", "id")), len(ids)-1)
}

func TestB49_AssignmentThatMakesNoSense(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, worker(`"assignActorRoles":false`))
	developer := w.roleID(env, "Client Application Developer")
	for _, tt := range []struct{ body, code, target string }{
		{`{}`, "REQUIRED_VALUE", "role.id"},
		{`{"role":"x"}`, "INVALID_VALUE", "role"},
		{`{"role":{"id":"x"}}`, "REQUIRED_VALUE", "scope.type"},
		{assignment(developer, "ENVIRONMENT", ""), "REQUIRED_VALUE", "scope.id"},
		{assignment(env, "ENVIRONMENT", env), "INVALID_VALUE", "role.id"},
		{assignment(developer, "POPULATION", env), "INVALID_VALUE", "scope.type"},
		{assignment(developer, "ENVIRONMENT", envB), "INVALID_VALUE", "scope.id"},
		{assignment(developer, "ORGANIZATION", env), "INVALID_VALUE", "scope.id"},
		{assignment(w.roleID(env, "Application Owner"), "APPLICATION", envB), "INVALID_VALUE", "scope.id"},
	} {
		w.api("POST", app, "/roleAssignments", tt.body).want(t, 400, "details.0.code", tt.code, "details.0.target", tt.target)
	}
	w.api("POST", app, "/roleAssignments", "[]").want(t, 400, "code", "INVALID_REQUEST")
}
