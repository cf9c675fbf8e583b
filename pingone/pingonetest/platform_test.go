package pingonetest_test

import (
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// every lists the calls of the platform API that need a permission.
func (s *site) every() []struct{ method, path string } {
	app := "/applications/" + s.app.ID
	openID := s.in(s.env, "GET", "/resources", "").ids(s.t, "resources")["openid"]
	shop, scopes := s.resource(s.env, `{"name":"Shop"}`, "sell")
	sell := scopes["sell"]
	grant := s.api("GET", s.app, "/grants", "").page(s.t, "grants", "id")[0]
	assigned := s.api("GET", s.admin, "/roleAssignments", "").page(s.t, "roleAssignments", "id")[0]
	assignment := "/applications/" + s.admin.ID + "/roleAssignments/" + assigned
	mapping := s.api("GET", s.app, "/attributes", "").page(s.t, "attributes", "id")[0]
	people := s.in(s.env, "GET", "/populations", "").page(s.t, "populations", "id")[0]
	claim := s.in(s.env, "GET", "/resources/"+shop+"/attributes", "").page(s.t, "attributes", "id")[0]
	assign := func(path, member string, p pingonetest.Policy) string {
		p.Environment = s.env
		made := s.api("POST", s.app, "/"+path, `{"priority":1,"`+member+`":{"id":"`+s.AddPolicy(p)+`"}}`)
		made.want(s.t, 201)
		return app + "/" + path + "/" + made.at("id")
	}
	signOn := assign("signOnPolicyAssignments", "signOnPolicy", pingonetest.Policy{Name: "Password"})
	flow := assign("flowPolicyAssignments", "flowPolicy", pingonetest.Policy{Name: "Risk", Flow: true})
	return []struct{ method, path string }{
		{"GET", "/applications"}, {"POST", "/applications"}, {"GET", app}, {"PUT", app}, {"DELETE", app},
		{"GET", app + "/secret"}, {"POST", app + "/secret"}, {"DELETE", app + "/secret"},
		{"GET", "/roles"}, {"GET", "/applications/" + s.admin.ID + "/roleAssignments"}, {"POST", "/applications/" + s.admin.ID + "/roleAssignments"}, {"GET", assignment}, {"DELETE", assignment},
		{"GET", app + "/grants"}, {"POST", app + "/grants"}, {"GET", app + "/grants/" + grant}, {"PUT", app + "/grants/" + grant}, {"DELETE", app + "/grants/" + grant},
		{"GET", app + "/attributes"}, {"POST", app + "/attributes"}, {"GET", app + "/attributes/" + mapping}, {"PUT", app + "/attributes/" + mapping}, {"DELETE", app + "/attributes/" + mapping},
		{"GET", app + "/signOnPolicyAssignments"}, {"POST", app + "/signOnPolicyAssignments"}, {"GET", signOn}, {"PUT", signOn}, {"DELETE", signOn}, {"GET", "/signOnPolicies"}, {"GET", "/flowPolicies"},
		{"GET", app + "/flowPolicyAssignments"}, {"POST", app + "/flowPolicyAssignments"}, {"GET", flow}, {"PUT", flow}, {"DELETE", flow},
		{"GET", ""}, {"GET", "/populations/" + people}, {"GET", "/resources/" + shop + "/scopes/" + sell}, {"GET", "/resources/" + shop + "/attributes/" + claim}, {"DELETE", "/resources/" + shop},
		{"DELETE", "/resources/" + shop + "/scopes/" + sell}, {"DELETE", "/resources/" + shop + "/attributes/" + claim},
		{"GET", "/resources"}, {"POST", "/resources"}, {"GET", "/resources/" + openID},
		{"GET", "/resources/" + openID + "/scopes"}, {"POST", "/resources/" + shop + "/scopes"},
		{"GET", "/resources/" + openID + "/attributes"}, {"POST", "/resources/" + shop + "/attributes"},
		{"GET", "/resources/" + shop + "/secret"}, {"POST", "/resources/" + shop + "/secret"}, {"DELETE", "/resources/" + shop + "/secret"},
		{"GET", "/populations"}, {"POST", "/populations"}, {"GET", "/users"}, {"POST", "/users"}, {"GET", "/users/" + s.user}, {"PATCH", "/users/" + s.user}, {"DELETE", "/users/" + s.user}, {"DELETE", "/populations/" + people},
		{"GET", "/users/" + s.user + "/password"}, {"POST", "/users/" + s.user + "/password"}, {"PUT", "/users/" + s.user + "/password"},
	}
}

func TestEveryCallTakesPermissionAndAnObject(t *testing.T) {
	s := newSite(t, "")
	s.AddRole(pingonetest.CustomRole{Name: "Nothing"})
	powerless := s.bearer(s.AddApplication(pingonetest.Application{Roles: roles(role("Nothing", "", ""))}))
	for _, c := range s.every() {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			s.inAs("", s.env, c.method, c.path, "{}").want(t, 401, "code", "ACCESS_FAILED")
			s.inAs(powerless, s.env, c.method, c.path, "{}").want(t, 403, "code", "ACCESS_FAILED")
			if c.method == "POST" || c.method == "PUT" || c.method == "PATCH" {
				s.in(s.env, c.method, c.path, "[]").want(t, 400, "code", "INVALID_REQUEST")
			}
		})
	}
}

func TestEveryCallPassesTheLine(t *testing.T) {
	s := newSite(t, "")
	calls := s.every()
	s.Before(func(fault.Call) fault.Kind { return fault.Unavailable })
	before := s.Count("")
	for _, c := range calls {
		s.in(s.env, c.method, c.path, "{}").want(t, 503, "code", "UNEXPECTED_ERROR")
	}
	b := newBrowser(t)
	for _, path := range []string{"/as/authorize", "/flows/x", "/as/resume?flowId=x"} {
		b.send("GET", s.auth(path), "", "").want(t, 503)
	}
	s.introspect(s.env, s.app.ID, s.app.Secret, s.token).want(t, 503)
	seen := make(map[string]bool)
	for _, c := range s.Calls()[before:] {
		seen[c.Operation] = true
		if c.Target == "" && c.Operation != pingonetest.OpAuthorize {
			t.Errorf("%v: got no target, want one", c)
		}
	}
	check(t, "calls", s.Count("")-before, len(calls)+4)
	check(t, "operations", len(seen), len(calls)+4-1) // a password is set in two ways
}
