package pingonetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

// ids returns the ids of a collection's items by their names.
func (r reply) ids(t *testing.T, collection string) map[string]string {
	t.Helper()
	ids := make(map[string]string)
	for i, name := range r.page(t, collection, "name") {
		ids[name] = r.page(t, collection, "id")[i]
	}
	return ids
}

// resource makes a custom resource with scopes, and returns its id and the scopes' ids.
func (w *world) resource(env, body string, scopes ...string) (string, map[string]string) {
	w.t.Helper()
	r := w.in(env, "POST", "/resources", body)
	r.want(w.t, 201)
	ids := make(map[string]string)
	for _, name := range scopes {
		s := w.in(env, "POST", "/resources/"+r.at("id")+"/scopes", fmt.Sprintf(`{"name":%q}`, name))
		s.want(w.t, 201, "name", name, "resource.id", r.at("id"))
		ids[name] = s.at("id")
	}
	return r.at("id"), ids
}

func TestB50_EveryEnvironmentHasTwoResources(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	list := w.in(env, "GET", "/resources?limit=1", "")
	list.want(t, 200, "count", "2", "size", "1")
	if next := list.at("_links.next.href"); !strings.Contains(next, "/resources?") {
		t.Errorf("next: got %q, want the next page", next)
	}
	ids := w.in(env, "GET", "/resources", "").ids(t, "resources")
	for _, tt := range []struct{ name, kind, audience, scope string }{
		{"PingOne API", "PINGONE_API", w.URL(), "p1:update:user"},
		{"openid", "OPENID_CONNECT", "", "profile"},
	} {
		path := "/resources/" + ids[tt.name]
		w.in(env, "GET", path, "").want(t, 200, "id", ids[tt.name], "type", tt.kind, "audience", tt.audience)
		if names := w.in(env, "GET", path+"/scopes", "").page(t, "scopes", "name"); !slices.Contains(names, tt.scope) {
			t.Errorf("scopes of %s: got %q, want %s among them", tt.name, names, tt.scope)
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w.in(env, method, path+"/secret", "").want(t, 404)
		}
		w.in(env, "POST", path+"/scopes", `{"name":"more"}`).want(t, 400)
		w.in(env, "POST", path+"/attributes", `{"name":"a","value":"b"}`).want(t, 400)
	}
	w.in(env, "GET", "/resources/"+env, "").want(t, 404)
	w.in(envB, "GET", "/resources", "").want(t, 404)
}

func TestB51_CustomResource(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	r := w.in(env, "POST", "/resources", `{"name":"Shop","description":"d"}`)
	r.want(t, 201, "type", "CUSTOM", "audience", "Shop", "description", "d", "accessTokenValiditySeconds", "3600",
		"introspectEndpointAuthMethod", "CLIENT_SECRET_BASIC", "environment.id", env, "secret", "", "applicationPermissionsSettings.claimEnabled", "false")
	w.in(env, "POST", "/resources", `{"name":"Till","audience":"https://till.example","accessTokenValiditySeconds":300,"introspectEndpointAuthMethod":"NONE"}`).
		want(t, 201, "audience", "https://till.example", "accessTokenValiditySeconds", "300", "introspectEndpointAuthMethod", "NONE")
	for _, tt := range []struct{ body, code, target string }{
		{`{}`, "REQUIRED_VALUE", "name"},
		{`{"name":"Shop"}`, "UNIQUENESS_VIOLATION", "name"},
		{`{"name":"openid"}`, "UNIQUENESS_VIOLATION", "name"},
		{`{"name":"a","type":"PINGONE_API"}`, "INVALID_VALUE", "type"},
		{`{"name":"a","audience":"https://api.PingOne.example"}`, "INVALID_VALUE", "audience"},
		{`{"name":"my pingidentity"}`, "INVALID_VALUE", "audience"},
		{`{"name":"a","accessTokenValiditySeconds":299}`, "OUT_OF_RANGE", "accessTokenValiditySeconds"},
		{`{"name":"a","accessTokenValiditySeconds":2592001}`, "OUT_OF_RANGE", "accessTokenValiditySeconds"},
		{`{"name":"a","introspectEndpointAuthMethod":"CLIENT_SECRET_JWT"}`, "INVALID_VALUE", "introspectEndpointAuthMethod"},
	} {
		w.in(env, "POST", "/resources", tt.body).want(t, 400, "code", "INVALID_DATA", "details.0.code", tt.code, "details.0.target", tt.target)
	}
	w.in(env, "POST", "/resources", "7").want(t, 400, "code", "INVALID_REQUEST")
	reader := w.as(role("Configuration Read Only", "ENVIRONMENT", env))
	w.inAs(reader, env, "GET", "/resources", "").want(t, 200, "count", "4")
	w.inAs(reader, env, "POST", "/resources", `{"name":"b"}`).want(t, 403)
	w.inAs(reader, env, "GET", "/resources/"+r.at("id")+"/secret", "").want(t, 403)
}

func TestB52_ScopesAndAttributesOfACustomResource(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	id, scopes := w.resource(env, `{"name":"Shop"}`, "read", "write")
	path := "/resources/" + id
	if got := w.in(env, "GET", path+"/scopes", "").ids(t, "scopes"); got["read"] != scopes["read"] || got["write"] != scopes["write"] {
		t.Errorf("scopes: got %v, want %v", got, scopes)
	}
	w.in(env, "POST", path+"/scopes", `{"name":"all","description":"d"}`).want(t, 201, "description", "d")
	w.in(env, "POST", path+"/attributes", `{"name":"groups","value":"[\"a\"]"}`).want(t, 201, "name", "groups", "value", `["a"]`, "type", "CUSTOM")
	names := w.in(env, "GET", path+"/attributes", "").page(t, "attributes", "name")
	slices.Sort(names)
	check(t, "attributes", strings.Join(names, " "), "groups sub")
	for _, tt := range []struct{ collection, body, code, target string }{
		{"scopes", `{}`, "REQUIRED_VALUE", "name"},
		{"scopes", `{"name":"read"}`, "UNIQUENESS_VIOLATION", "name"},
		{"scopes", `{"name":"read all"}`, "INVALID_VALUE", "name"},
		{"attributes", `{"name":"x"}`, "REQUIRED_VALUE", "value"},
		{"attributes", `{"name":"groups","value":"x"}`, "UNIQUENESS_VIOLATION", "name"},
		{"attributes", `{"name":"aud","value":"x"}`, "INVALID_VALUE", "name"},
		{"attributes", `{"name":"env","value":"x"}`, "INVALID_VALUE", "name"},
		{"attributes", `{"name":"p1.rid","value":"x"}`, "INVALID_VALUE", "name"},
	} {
		w.in(env, "POST", path+"/"+tt.collection, tt.body).want(t, 400, "details.0.code", tt.code, "details.0.target", tt.target)
	}
}

func TestB53_SecretOfACustomResource(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	id, _ := w.resource(env, `{"name":"Shop"}`)
	path := "/resources/" + id + "/secret"
	first := w.in(env, "GET", path, "")
	first.want(t, 200, "previous", "", "_links.resource.href", w.URL()+"/v1/environments/"+env+"/resources/"+id)
	second := w.in(env, "POST", path, retention(w.Now().Add(time.Hour)))
	second.want(t, 200, "previous.secret", first.at("secret"))
	w.in(env, "POST", path, retention(w.Now())).want(t, 400, "details.0.code", "OUT_OF_RANGE")
	w.in(env, "DELETE", path, "").want(t, 204)
	w.in(env, "DELETE", path, "").want(t, 404)
	w.in(env, "GET", path, "").want(t, 200, "secret", second.at("secret"), "previous", "")
	if !slices.Contains(w.Issued(), first.at("secret")) || !slices.Contains(w.Issued(), second.at("secret")) {
		t.Error("issued: got less than both secrets")
	}
}

func grantBody(resource string, scopes ...string) string {
	ids := make([]string, len(scopes))
	for i, id := range scopes {
		ids[i] = fmt.Sprintf(`{"id":%q}`, id)
	}
	return fmt.Sprintf(`{"resource":{"id":%q},"scopes":[%s]}`, resource, strings.Join(ids, ","))
}

func TestB54_OneGrantForAResource(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, configured("WEB_APP", ""))
	shop, shopScopes := w.resource(env, `{"name":"Shop"}`, "read", "write")
	till, tillScopes := w.resource(env, `{"name":"Till"}`, "read", "open")

	made := w.api("POST", app, "/grants", grantBody(shop, shopScopes["read"]))
	made.want(t, 201, "resource.id", shop, "application.id", app.ID, "scopes.0.id", shopScopes["read"], "environment.id", env)
	one := "/grants/" + made.at("id")
	check(t, "read", w.api("GET", app, one, "").text, made.text)
	w.api("GET", app, "/grants", "").want(t, 200, "_embedded.grants.0.id", made.at("id"))
	for _, tt := range []struct{ body, code, target string }{
		{`{}`, "REQUIRED_VALUE", "resource.id"},
		{grantBody(env, shopScopes["read"]), "INVALID_VALUE", "resource.id"},
		{grantBody(shop, shopScopes["write"]), "UNIQUENESS_VIOLATION", "resource.id"},
		{grantBody(till), "REQUIRED_VALUE", "scopes"},
		{`{"resource":{"id":"` + till + `"},"scopes":["open"]}`, "REQUIRED_VALUE", "scopes.id"},
		{grantBody(till, shopScopes["write"]), "INVALID_VALUE", "scopes.id"},
		{grantBody(till, tillScopes["read"]), "UNIQUENESS_VIOLATION", "scopes"},
		{grantBody(till, tillScopes["open"], tillScopes["open"]), "UNIQUENESS_VIOLATION", "scopes"},
	} {
		w.api("POST", app, "/grants", tt.body).want(t, 400, "code", "INVALID_DATA", "details.0.code", tt.code, "details.0.target", tt.target)
	}
	w.api("PUT", app, one, grantBody(till, shopScopes["read"], shopScopes["write"])).want(t, 200, "resource.id", shop)
	w.api("PUT", app, one, grantBody(shop)).want(t, 400, "details.0.target", "scopes")
	basic(t, w.Server, env, app.ID, app.Secret).want(t, 200, "scope", "read write")
	w.apiAs(w.as(role("Configuration Read Only", "ENVIRONMENT", env)), "DELETE", app, one, "").want(t, 403)
	w.api("DELETE", app, one, "").want(t, 204)
	w.api("GET", app, one, "").want(t, 404)
	basic(t, w.Server, env, app.ID, app.Secret).want(t, 400, "error", "invalid_scope")
	w.api("POST", app, "/grants", grantBody(till, tillScopes["read"])).want(t, 201)
}

func TestB55_WorkerWithClientCredentialsHasNoOpenIDScopes(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	openID := w.in(env, "GET", "/resources", "").ids(t, "resources")["openid"]
	profile := w.in(env, "GET", "/resources/"+openID+"/scopes", "").ids(t, "scopes")["profile"]
	app := w.create(env, worker(""))
	w.api("POST", app, "/grants", grantBody(openID, profile)).want(t, 400, "details.0.target", "scopes")
	web := w.create(env, configured("WEB_APP", `"name":"web"`))
	w.api("POST", web, "/grants", grantBody(openID, profile)).want(t, 201)
	basic(t, w.Server, env, web.ID, web.Secret).want(t, 400, "error", "invalid_scope")
	basic(t, w.Server, env, web.ID, web.Secret, "scope", "profile").want(t, 400, "error", "invalid_scope")
}

func TestB55_WorkersMayBeRefusedCustomResources(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	id, scopes := w.resource(env, `{"name":"Shop"}`, "sell")
	app, web := w.create(env, worker("")), w.create(env, configured("WEB_APP", `"name":"web"`))
	w.Assume(pingonetest.Assumptions{WorkersAreAlone: true})
	w.api("POST", app, "/grants", grantBody(id, scopes["sell"])).want(t, 400, "details.0.target", "resource.id")
	w.api("POST", web, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
	w.Assume(pingonetest.Assumptions{})
	w.api("POST", app, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
}

// The client of PingOne Advanced Services: a web application without response types,
// granted the scope of a custom resource, with a list of groups.
func TestB56_TokensFollowGrants(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	id, scopes := w.resource(env, `{"name":"Advanced Services","audience":"https://self-service-api.example","accessTokenValiditySeconds":600}`, "access", "audit")
	for name, value := range map[string]string{
		"groups": `["dev-tls-admin","prod-tls-audit"]`, "team": "[platform]", "level": "7", "who": "${user.id}",
	} {
		w.in(env, "POST", "/resources/"+id+"/attributes", fmt.Sprintf(`{"name":%q,"value":%q}`, name, value)).want(t, 201)
	}
	app := w.create(env, configured("WEB_APP", ""))
	w.api("POST", app, "/grants", grantBody(id, scopes["access"], scopes["audit"])).want(t, 201)
	w.Assume(pingonetest.Assumptions{})
	wantClaims(t, claimsOf(t, basic(t, w.Server, env, app.ID, app.Secret).at("access_token")), map[string]any{
		"groups": `["dev-tls-admin","prod-tls-audit"]`, "team": "[platform]", "p1.rid": id,
	})
	w.Assume(pingonetest.Assumptions{ArrayClaims: true})

	all := basic(t, w.Server, env, app.ID, app.Secret)
	all.want(t, 200, "expires_in", "600", "scope", "access audit")
	wantClaims(t, claimsOf(t, all.at("access_token")), map[string]any{
		"aud": []any{"https://self-service-api.example"}, "scope": "access audit", "client_id": app.ID,
		"groups": []any{"dev-tls-admin", "prod-tls-audit"}, "team": "[platform]", "level": "7", "who": nil, "env": env,
	})
	basic(t, w.Server, env, app.ID, app.Secret, "scope", "audit").want(t, 200, "scope", "audit")
	basic(t, w.Server, env, app.ID, app.Secret, "scope", "audit admin").wantDenied(t, 400, "invalid_scope", "At least one scope must be granted")
	w.apiAs(all.at("access_token"), "GET", app, "", "").want(t, 401)

	other, otherScopes := w.resource(env, `{"name":"Shop"}`, "sell")
	w.api("POST", app, "/grants", grantBody(other, otherScopes["sell"])).want(t, 201)
	const many = "May not request scopes for multiple resources"
	basic(t, w.Server, env, app.ID, app.Secret).wantDenied(t, 400, "invalid_scope", many)
	basic(t, w.Server, env, app.ID, app.Secret, "scope", "sell audit").wantDenied(t, 400, "invalid_scope", many)
	sell := basic(t, w.Server, env, app.ID, app.Secret, "scope", "sell")
	wantClaims(t, claimsOf(t, sell.at("access_token")), map[string]any{"aud": []any{"Shop"}, "groups": nil})
	if dump := w.Dump(); !strings.Contains(dump, "grant CUSTOM Shop sell") {
		t.Errorf("dump: got %s, want the grant in it", dump)
	}
}

func TestGrantsAndTheShortcutAddUp(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP", Audience: "till", Scopes: []string{"open"}})
	id, scopes := w.resource(app.Environment, `{"name":"Shop"}`, "sell")
	w.api("POST", app, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
	for scope, audience := range map[string]string{"open": "till", "sell": "Shop"} {
		r := basic(t, w.Server, app.Environment, app.ID, app.Secret, "scope", scope)
		wantClaims(t, claimsOf(t, r.at("access_token")), map[string]any{"aud": []any{audience}})
	}
}
