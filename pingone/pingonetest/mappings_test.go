package pingonetest_test

import (
	"net/http"
	"slices"
	"testing"

	"pingrotate/pingone/pingonetest"
)

func TestB80_AttributeMappingsComeAndGo(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, configured("WEB_APP", ""))
	core := w.api("GET", app, "/attributes", "").page(t, "attributes", "id")
	check(t, "mappings at first", len(core), 1)
	w.api("GET", app, "/attributes/"+core[0], "").want(t, 200, "name", "sub", "value", "${user.id}", "mappingType", "CORE", "required", "true")
	w.api("DELETE", app, "/attributes/"+core[0], "").want(t, 400)
	w.api("PUT", app, "/attributes/"+core[0], `{"name":"other","value":"x"}`).want(t, 400, "code", "INVALID_DATA")
	w.api("PUT", app, "/attributes/"+core[0], `{"name":"sub","value":"${user.email}","required":true}`).want(t, 200, "value", "${user.email}", "mappingType", "CORE")

	made := w.api("POST", app, "/attributes", `{"name":"department","value":"${user.department}","idToken":false}`)
	made.want(t, 201, "mappingType", "CUSTOM", "idToken", "false", "userInfo", "true", "required", "false")
	for _, bad := range []string{
		`{"name":"department","value":"x"}`, `{"name":"sub","value":"x"}`, `{"name":"iss","value":"x"}`, `{"name":"a"}`, `{"value":"a"}`,
		`{"name":"a","value":"x","oidcScopes":["` + env + `"]}`,
	} {
		w.api("POST", app, "/attributes", bad).want(t, 400, "code", "INVALID_DATA")
	}
	if got := w.Mappings(env, app.ID); !slices.Equal(got, []string{"department=${user.department}", "sub=${user.email}"}) {
		t.Errorf("got mappings %q", got)
	}
	w.api("DELETE", app, "/attributes/"+made.at("id"), "").want(t, 204)
	w.api("DELETE", app, "/attributes/"+made.at("id"), "").want(t, 404)
	w.api("GET", app, "/attributes/"+made.at("id"), "").want(t, 404)
	saml := w.AddApplication(pingonetest.Application{Type: "WEB_APP", Protocol: "SAML"})
	check(t, "mappings of an application of another protocol", len(w.Mappings(saml.Environment, saml.ID)), 0)
}

func TestB81_MappingsSetClaims(t *testing.T) {
	s := newSite(t, "")
	for _, m := range []string{
		`{"name":"mail","value":"${user.email}"}`, `{"name":"tier","value":"gold","userInfo":false}`, `{"name":"login","value":"${user.username}","idToken":false}`,
		`{"name":"none","value":"${user.nickname}"}`,
	} {
		s.api("POST", s.app, "/attributes", m).want(t, 201)
	}
	sub := s.api("GET", s.app, "/attributes", "").page(t, "attributes", "name")
	i := slices.Index(sub, "sub")
	id := s.api("GET", s.app, "/attributes", "").page(t, "attributes", "id")[i]
	s.api("PUT", s.app, "/attributes/"+id, `{"name":"sub","value":"${user.email}","required":true}`).want(t, 200)
	r := s.exchange(s.code("ada", "scope", "openid"))
	claims := claimsOf(t, r.at("id_token"))
	email := claims["mail"]
	wantClaims(t, claims, map[string]any{"sub": email, "tier": "gold", "login": nil, "none": nil})

	info := send(t, http.MethodGet, s.auth("/as/userinfo"), "", "Authorization", "Bearer "+r.at("access_token"))
	info.want(t, 200, "sub", email.(string), "login", "ada", "tier", "")
}

func TestB83_UserInfoIsForUsersWithOpenID(t *testing.T) {
	s := newSite(t, "")
	info := func(token string) reply {
		return send(t, http.MethodPost, s.auth("/as/userinfo"), "", "Authorization", "Bearer "+token)
	}
	info(s.exchange(s.code("ada", "scope", "openid")).at("access_token")).want(t, 200, "sub", s.user)
	info(s.exchange(s.code("ada", "scope", "p1:read:user")).at("access_token")).want(t, 403)
	info(s.token).want(t, 401)
	info("made up").want(t, 401)
}

func TestB82_PoliciesDecideHowUsersSignOn(t *testing.T) {
	s := newSite(t, "")
	env, app := s.env, s.app
	mfa := s.AddPolicy(pingonetest.Policy{Environment: env, Name: "Multi_Factor", MFA: true})
	single := s.AddPolicy(pingonetest.Policy{Environment: env, Name: "Password"})
	flow := s.AddPolicy(pingonetest.Policy{Environment: env, Name: "Risk", Flow: true})
	status := func() string {
		t.Helper()
		b := newBrowser(t)
		r := b.send("GET", s.auth("/as/authorize?"+s.request().Encode()), "", "")
		flow := r.landing(t).Get("flowId")
		return b.send("POST", s.auth("/flows/"+flow), checkType, credentials("ada", goodPassword)).at("status")
	}
	check(t, "default", s.PolicyOf(env, app.ID), "Single_Factor")
	check(t, "status with the default", status(), "COMPLETED")

	s.api("POST", app, "/signOnPolicyAssignments", `{"priority":2,"signOnPolicy":{"id":"`+single+`"}}`).want(t, 201)
	first := s.api("POST", app, "/signOnPolicyAssignments", `{"priority":1,"signOnPolicy":{"id":"`+mfa+`"}}`)
	first.want(t, 201, "priority", "1", "signOnPolicy.id", mfa)
	check(t, "status with MFA", status(), "OTP_REQUIRED")
	for _, bad := range []string{
		`{"priority":3,"signOnPolicy":{"id":"` + mfa + `"}}`, `{"priority":1,"signOnPolicy":{"id":"` + flow + `"}}`,
		`{"signOnPolicy":{"id":"` + single + `"}}`, `{"priority":3}`,
	} {
		s.api("POST", app, "/signOnPolicyAssignments", bad).want(t, 400, "code", "INVALID_DATA")
	}
	check(t, "assignments", len(s.api("GET", app, "/signOnPolicyAssignments", "").page(t, "signOnPolicyAssignments", "id")), 2)
	s.api("POST", app, "/flowPolicyAssignments", `{"priority":1,"flowPolicy":{"id":"`+flow+`"}}`).want(t, 201, "flowPolicy.id", flow)
	check(t, "a flow policy goes first", s.PolicyOf(env, app.ID), "Risk")
	s.api("GET", app, "/signOnPolicyAssignments/"+first.at("id"), "").want(t, 200, "id", first.at("id"))
	s.api("PUT", app, "/signOnPolicyAssignments/"+first.at("id"), `{"priority":2,"signOnPolicy":{"id":"`+mfa+`"}}`).want(t, 400, "details.0.target", "priority")
	s.api("PUT", app, "/signOnPolicyAssignments/"+first.at("id"), `{"priority":3,"signOnPolicy":{"id":"`+mfa+`"}}`).want(t, 200, "priority", "3", "id", first.at("id"))
	s.api("PUT", app, "/signOnPolicyAssignments/"+mfa, `{"priority":4,"signOnPolicy":{"id":"`+mfa+`"}}`).want(t, 404)
	s.api("DELETE", app, "/flowPolicyAssignments/"+s.api("GET", app, "/flowPolicyAssignments", "").page(t, "flowPolicyAssignments", "id")[0], "").want(t, 204)
	check(t, "the one that goes first now", s.PolicyOf(env, app.ID), "Password")
	s.api("DELETE", app, "/signOnPolicyAssignments/"+first.at("id"), "").want(t, 204)
	check(t, "the next one", s.PolicyOf(env, app.ID), "Password")

	other := s.AddApplication(pingonetest.Application{Environment: env, Type: "WEB_APP"})
	s.AddPolicy(pingonetest.Policy{Environment: env, Name: "House rules", Default: true})
	check(t, "the default has changed", s.PolicyOf(env, other.ID), "House rules")
}

func TestB82_PoliciesAreListed(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	password := w.AddPolicy(pingonetest.Policy{Name: "Password"})
	risk := w.AddPolicy(pingonetest.Policy{Name: "Risk", Flow: true})
	signOn := w.in(env, "GET", "/signOnPolicies", "")
	if got := signOn.page(t, "signOnPolicies", "name"); len(got) != 2 || !slices.Contains(got, "Single_Factor") || !slices.Contains(got, "Password") {
		t.Errorf("sign-on policies: got %q", got)
	}
	w.in(env, "GET", "/signOnPolicies/"+password, "").want(t, 200, "name", "Password", "default", "false")
	w.in(env, "GET", "/signOnPolicies/"+risk, "").want(t, 404)
	w.in(env, "GET", "/flowPolicies", "").want(t, 200, "count", "1", "_embedded.flowPolicies.0.id", risk)
	w.in(env, "GET", "/flowPolicies/"+risk, "").want(t, 200, "name", "Risk")
	w.in(env, "GET", "/flowPolicies/"+password, "").want(t, 404)
}

func TestB86_PartsAreRemovedUnlessSomethingStandsOnThem(t *testing.T) {
	s := newSite(t, "")
	people := s.in(s.env, "POST", "/populations", `{"name":"others"}`).at("id")
	user := s.in(s.env, "POST", "/users", `{"email":"b@example.com","username":"bob","population":{"id":"`+people+`"}}`).at("id")
	s.in(s.env, "DELETE", "/populations/"+people, "").want(t, 400)
	s.in(s.env, "DELETE", "/users/"+user, "").want(t, 204)
	s.in(s.env, "GET", "/users/"+user, "").want(t, 404)
	s.in(s.env, "DELETE", "/users/"+user, "").want(t, 404)
	s.in(s.env, "DELETE", "/populations/"+people, "").want(t, 204)
	s.in(s.env, "DELETE", "/populations/"+people, "").want(t, 404)

	id, scopes := s.resource(s.env, `{"name":"Shop"}`, "sell", "buy")
	other := s.AddApplication(pingonetest.Application{Environment: s.env, Type: "WEB_APP"})
	s.api("POST", other, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
	one := "/resources/" + id
	s.in(s.env, "DELETE", one+"/scopes/"+scopes["sell"], "").want(t, 400)
	s.in(s.env, "DELETE", one+"/scopes/"+scopes["buy"], "").want(t, 204)
	s.in(s.env, "DELETE", one+"/scopes/"+scopes["buy"], "").want(t, 404)
	sub := s.in(s.env, "GET", one+"/attributes", "").page(t, "attributes", "id")[0]
	s.in(s.env, "DELETE", one+"/attributes/"+sub, "").want(t, 400)
	made := s.in(s.env, "POST", one+"/attributes", `{"name":"tier","value":"gold"}`).at("id")
	s.in(s.env, "DELETE", one+"/attributes/"+made, "").want(t, 204)
	s.in(s.env, "DELETE", one+"/attributes/"+made, "").want(t, 404)
	openID := s.in(s.env, "GET", "/resources", "").ids(t, "resources")["openid"]
	email := s.in(s.env, "GET", "/resources/"+openID+"/scopes", "").page(t, "scopes", "id")[0]
	s.in(s.env, "DELETE", "/resources/"+openID+"/scopes/"+email, "").want(t, 400)
}

func TestB86_ARemovedUsersTokenIsRefused(t *testing.T) {
	s := newSite(t, "")
	token := s.exchange(s.code("ada", "scope", "openid")).at("access_token")
	send(t, "GET", s.auth("/as/userinfo"), "", "Authorization", "Bearer "+token).want(t, 200)
	s.in(s.env, "DELETE", "/users/"+s.user, "").want(t, 204)
	send(t, "GET", s.auth("/as/userinfo"), "", "Authorization", "Bearer "+token).want(t, 401)
}

func TestB84_PartsCanBeReadAlone(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	w.UpdateApplication(env, w.admin.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Identity Data Admin"})
	})
	w.token = w.bearer(w.admin)
	w.in(env, "GET", "", "").want(t, 200, "id", env)
	population := w.in(env, "POST", "/populations", `{"name":"people"}`).at("id")
	w.in(env, "GET", "/populations/"+population, "").want(t, 200, "name", "people")
	w.in(env, "GET", "/populations/"+env, "").want(t, 404)
	id, scopes := w.resource(env, `{"name":"Shop"}`, "sell")
	w.in(env, "GET", "/resources/"+id+"/scopes/"+scopes["sell"], "").want(t, 200, "name", "sell")
	sub := w.in(env, "GET", "/resources/"+id+"/attributes", "").page(t, "attributes", "id")
	w.in(env, "GET", "/resources/"+id+"/attributes/"+sub[0], "").want(t, 200, "name", "sub", "type", "CORE")
	w.in(env, "GET", "/resources/"+id+"/attributes/"+id, "").want(t, 404)

	app := w.create(env, configured("WEB_APP", ""))
	w.api("POST", app, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
	w.in(env, "DELETE", "/resources/"+id, "").want(t, 204)
	w.in(env, "GET", "/resources/"+id, "").want(t, 404)
	check(t, "grants that are left", len(w.api("GET", app, "/grants", "").page(t, "grants", "id")), 0)
	for _, kind := range w.in(env, "GET", "/resources", "").page(t, "resources", "id") {
		w.in(env, "DELETE", "/resources/"+kind, "").want(t, 400)
	}
}
