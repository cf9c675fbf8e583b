package pingonetest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

func TestDocumentedApplicationIsCreatedAsDocumented(t *testing.T) {
	const (
		documentedEnv = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
		documentedID  = "ae72e133-0935-4935-a84c-4dcf7b5e8b71"
	)
	s := pingonetest.Run(t)
	s.SetTime(time.Date(2022, 11, 7, 17, 24, 38, 329e6, time.UTC))
	w := worldOn(t, s)
	w.AddApplication(pingonetest.Application{Environment: documentedEnv})

	request := strings.Replace(read(t, "create-worker.json"), "{{$timestamp}}", fmt.Sprint(w.Now().Unix()), 1)
	r := w.in(documentedEnv, "POST", "/applications", request)
	documented := strings.NewReplacer("https://api.pingone.com", w.URL(), documentedID, r.at("id")).Replace(read(t, "create-worker-reply.json"))
	var want map[string]any
	if err := json.Unmarshal([]byte(documented), &want); err != nil {
		t.Fatal(err)
	}
	if r.want(t, 201); !reflect.DeepEqual(r.body, want) {
		t.Errorf("got %s, want %s", r.text, documented)
	}
	app := pingonetest.Application{Environment: documentedEnv, ID: r.at("id")}
	if again := w.api("GET", app, "", ""); again.text != r.text {
		t.Errorf("read afterwards: got %s, want %s", again.text, r.text)
	}
	secret := w.api("GET", app, "/secret", "").at("secret")
	basic(t, s, documentedEnv, app.ID, secret).want(t, 200)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// worker is the body of a non-interactive worker application, with members replaced or added.
func worker(members string) string { return configured("WORKER", members) }

func configured(typ, members string) string {
	body := map[string]any{
		"name": "made", "type": typ, "protocol": "OPENID_CONNECT", "enabled": true,
		"grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	}
	if members != "" {
		if err := json.Unmarshal([]byte("{"+members+"}"), &body); err != nil {
			panic(err)
		}
	}
	b, _ := json.Marshal(body)
	return string(b)
}

// create makes an application by a call, and returns what a client then knows of it.
func (w *world) create(env, body string) pingonetest.Application {
	w.t.Helper()
	r := w.in(env, "POST", "/applications", body)
	r.want(w.t, 201)
	a := pingonetest.Application{Environment: env, ID: r.at("id"), ClientID: r.at("id"), Name: r.at("name")}
	a.Secret = w.Secret(env, a.ID).Value
	return a
}

func TestB37_CreationRefusesWhatIsMissingOrUnknown(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	for _, tt := range []struct{ members, code, target string }{
		{`"name":null`, "REQUIRED_VALUE", "name"},
		{`"name":""`, "REQUIRED_VALUE", "name"},
		{`"name":7`, "INVALID_VALUE", "name"},
		{`"type":null`, "REQUIRED_VALUE", "type"},
		{`"type":"ROBOT"`, "INVALID_VALUE", "type"},
		{`"protocol":null`, "REQUIRED_VALUE", "protocol"},
		{`"protocol":"SAML"`, "INVALID_VALUE", "protocol"},
		{`"enabled":"yes"`, "INVALID_VALUE", "enabled"},
		{`"grantTypes":null`, "REQUIRED_VALUE", "grantTypes"},
		{`"grantTypes":["PASSWORD"]`, "INVALID_VALUE", "grantTypes"},
		{`"grantTypes":"CLIENT_CREDENTIALS"`, "INVALID_VALUE", "grantTypes"},
		{`"responseTypes":["NONE"]`, "INVALID_VALUE", "responseTypes"},
		{`"tokenEndpointAuthMethod":null`, "REQUIRED_VALUE", "tokenEndpointAuthMethod"},
		{`"tokenEndpointAuthMethod":"client_secret_post"`, "INVALID_VALUE", "tokenEndpointAuthMethod"},
		{`"tokenEndpointAuthMethod":"PRIVATE_KEY_JWT"`, "REQUIRED_VALUE", "jwks"},
		{`"pkceEnforcement":"ALWAYS"`, "INVALID_VALUE", "pkceEnforcement"},
		{`"clientId":"shop"`, "INVALID_PARAMETER", "clientId"},
		{`"clientSecret":"chosen by us"`, "INVALID_PARAMETER", "clientSecret"},
		{`"grantTypes":["AUTHORIZATION_CODE"],"redirectUris":["https://example.com"]`, "INVALID_VALUE", "responseTypes"},
		{`"grantTypes":["AUTHORIZATION_CODE"],"responseTypes":["CODE"]`, "REQUIRED_VALUE", "redirectUris"},
		{`"grantTypes":["AUTHORIZATION_CODE"],"responseTypes":["CODE"],"redirectUris":[7]`, "INVALID_VALUE", "redirectUris"},
		{`"grantTypes":["IMPLICIT"],"responseTypes":["CODE"],"redirectUris":["https://example.com"]`, "INVALID_VALUE", "responseTypes"},
	} {
		r := w.in(env, "POST", "/applications", worker(tt.members))
		r.want(t, 400, "code", "INVALID_DATA", "details.0.code", tt.code, "details.0.target", tt.target)
		if t.Failed() {
			t.Fatalf("with %s", tt.members)
		}
	}
	for _, body := range []string{"", "[]", "null", "{", "{} {}"} {
		w.in(env, "POST", "/applications", body).want(t, 400, "code", "INVALID_REQUEST")
	}
	check(t, "details of an empty body", strings.Count(w.in(env, "POST", "/applications", "{}").text, "REQUIRED_VALUE"), 3)
	w.in(envB, "POST", "/applications", worker("")).want(t, 404)
	if names := w.in(env, "GET", "/applications", "").page(t, "applications", "name"); len(names) != 1 {
		t.Errorf("applications: got %q, want the administrator alone", names)
	}
	implicit := `"grantTypes":["IMPLICIT"],"responseTypes":["ID_TOKEN"],"redirectUris":["https://example.com"]`
	w.in(env, "POST", "/applications", configured("SINGLE_PAGE_APP", implicit)).want(t, 201)
}

func TestB38_CreationFillsInDefaults(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	r := w.in(env, "POST", "/applications", worker(`"enabled":null`))
	r.want(t, 201, "enabled", "false", "accessControl.role.type", "ADMIN_USERS_ONLY", "assignActorRoles", "true",
		"pkceEnforcement", "OPTIONAL", "hiddenFromAppPortal", "false", "secret", "", "clientId", "")
	r = w.in(env, "POST", "/applications", configured("WEB_APP", `"name":"web","icon":{"id":"i"},"tags":["a"],"secret":"mine"`))
	r.want(t, 201, "enabled", "true", "accessControl", "", "assignActorRoles", "", "icon.id", "i", "tags.0", "a", "secret", "")
}

func TestB39_NamesAreUniqueInAnEnvironment(t *testing.T) {
	w := newWorld(t)
	w.AddApplication(pingonetest.Application{Environment: envB})
	first := w.create(envB, worker(""))
	taken := func(r reply) {
		t.Helper()
		r.want(t, 400, "code", "INVALID_DATA", "details.0.code", "UNIQUENESS_VIOLATION", "details.0.target", "name")
	}
	taken(w.in(envB, "POST", "/applications", worker("")))
	other := w.create(envB, worker(`"name":"Made"`))
	taken(w.api("PUT", other, "", worker("")))
	w.api("PUT", first, "", worker("")).want(t, 200)
	w.create(w.admin.Environment, worker(""))
}

func TestB40_WorkerInheritsItsCreatorsRoles(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	heir := w.create(env, worker(""))
	w.apiAs(w.bearer(heir), "GET", w.admin, "", "").want(t, 200)
	w.api("GET", heir, "/secret", "").want(t, 200)

	none := w.create(env, worker(`"name":"none","assignActorRoles":false`))
	basic(t, w.Server, env, none.ID, none.Secret).want(t, 400, "error", "access_denied")
	w.api("GET", none, "", "").want(t, 200, "assignActorRoles", "false")
	web := w.create(env, configured("WEB_APP", `"name":"web","assignActorRoles":true`))
	w.Assume(pingonetest.Assumptions{})
	w.api("GET", web, "/roleAssignments", "").want(t, 404)
	if dump := w.Dump(); strings.Count(dump, "  role ") != 2 {
		t.Errorf("got %s, want roles for the admin and its heir alone", dump)
	}
}

func TestB41_ReplacementResetsWhatItOmits(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	body := `"description":"d","homePageUrl":"https://example.com","pkceEnforcement":"REQUIRED","redirectUris":["https://example.com"],"responseTypes":["CODE"],"assignActorRoles":false`
	app := w.create(env, worker(body))
	w.api("GET", app, "", "").want(t, 200, "description", "d", "pkceEnforcement", "REQUIRED", "redirectUris.0", "https://example.com")
	w.Advance(time.Second)
	w.api("PUT", app, "", worker(`"enabled":null,"assignActorRoles":true,"id":"x","createdAt":"never"`)).want(t, 200,
		"description", "", "homePageUrl", "", "pkceEnforcement", "OPTIONAL", "redirectUris", "", "responseTypes", "",
		"assignActorRoles", "false", "enabled", "false", "id", app.ID,
		"createdAt", w.Now().Add(-time.Second).Format("2006-01-02T15:04:05.000Z"), "updatedAt", w.Now().Format("2006-01-02T15:04:05.000Z"))
	check(t, "secret", w.Secret(env, app.ID).Value, app.Secret)
	w.api("PUT", app, "", `{"enabled":true}`).want(t, 400, "details.0.code", "REQUIRED_VALUE")
	w.api("PUT", app, "", configured("WEB_APP", "")).want(t, 400, "details.0.target", "type")
	w.api("PUT", app, "", "[]").want(t, 400, "code", "INVALID_REQUEST")
	w.api("PUT", app, "", worker("")).want(t, 200, "enabled", "true")
}

func TestB42_DeletedApplicationIsGone(t *testing.T) {
	w := newWorld(t)
	app := w.create(w.admin.Environment, worker(""))
	token := w.bearer(app)
	w.api("DELETE", app, "", "").want(t, 204)
	for _, suffix := range []string{"", "/secret", "/roleAssignments"} {
		w.api("GET", app, suffix, "").want(t, 404, "code", "NOT_FOUND")
	}
	w.api("DELETE", app, "", "").want(t, 404)
	w.api("PUT", app, "", worker("")).want(t, 404)
	basic(t, w.Server, app.Environment, app.ID, app.Secret).wantDenied(t, 401, "invalid_client", badCredentials)
	w.apiAs(token, "GET", w.admin, "", "").want(t, 401)
	w.Assume(pingonetest.Assumptions{TokensOutlive: true})
	w.apiAs(token, "GET", w.admin, "", "").want(t, 200)
}

func TestB43_CollectionsComeInPages(t *testing.T) {
	w := newWorld(t)
	want := []string{w.admin.ID}
	for range 6 {
		want = append(want, w.AddApplication(pingonetest.Application{Type: "WEB_APP"}).ID)
	}
	slices.Sort(want)
	var got []string
	next := w.URL() + "/v1/environments/" + w.admin.Environment + "/applications?limit=3&filter=" + url.QueryEscape(`name eq "nobody"`)
	for pages := 0; next != "" && pages < 5; pages++ {
		r := send(t, "GET", next, "", "Authorization", "Bearer "+w.token)
		r.want(t, 200, "count", "7", "size", []string{"3", "3", "1"}[min(pages, 2)])
		got = append(got, r.page(t, "applications", "id")...)
		next = r.at("_links.next.href")
		if pages == 0 { // what a page has shown may be deleted without disturbing the next
			w.api("DELETE", pingonetest.Application{Environment: w.admin.Environment, ID: nextTo(got, w.admin.ID)}, "", "")
			w.AddApplication(pingonetest.Application{ID: "00000000-0000-4000-8000-000000000000"})
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("ids: got %q, want %q", got, want)
	}
	for _, query := range []string{"limit=0", "limit=many", "cursor=%25"} {
		w.in(w.admin.Environment, "GET", "/applications?"+query, "").want(t, 400, "details.0.code", "INVALID_PARAMETER")
	}
	for range 100 {
		w.AddApplication(pingonetest.Application{Environment: envB})
	}
	w.in(envB, "GET", "/applications", "").want(t, 200, "size", "100", "count", "100", "_links.next", "")
	w.AddApplication(pingonetest.Application{Environment: envB})
	w.in(envB, "GET", "/applications?limit=1000", "").want(t, 200, "size", "100", "count", "101")
}

// nextTo returns the first of the ids that is not the one given.
func nextTo(ids []string, id string) string {
	return ids[slices.IndexFunc(ids, func(other string) bool { return other != id })]
}

func TestB44_OrganizationAdminCreatesPopulationsAndUsers(t *testing.T) {
	w := newWorld(t)
	w.AddApplication(pingonetest.Application{Environment: envA}) // so that the environment exists
	token := w.as(role("Organization Admin", "ORGANIZATION", ""))
	population := w.inAs(token, envA, "POST", "/populations", `{"name":"people"}`)
	population.want(t, 201)
	w.inAs(token, envA, "POST", "/users", `{"username":"ada","email":"ada@example.com","population":{"id":"`+population.at("id")+`"}}`).want(t, 201)
}

func TestB44_ManagingApplicationsTakesPermission(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		role                                string
		list, create, update, grant, remove int
	}{
		{"Organization Admin", 403, 403, 403, 200, 403},
		{"Environment Admin", 200, 201, 200, 200, 204},
		{"Client Application Developer", 200, 201, 200, 200, 204},
		{"Application Owner", 403, 403, 403, 403, 403},
		{"Identity Data Admin", 403, 403, 403, 403, 403},
		{"Configuration Read Only", 200, 403, 403, 200, 403},
	} {
		t.Run(tt.role, func(t *testing.T) {
			app := w.AddApplication(pingonetest.Application{Environment: envA, Type: "WEB_APP"})
			scopeType, scopeID := "ENVIRONMENT", envA
			switch tt.role {
			case "Organization Admin":
				scopeType, scopeID = "ORGANIZATION", ""
			case "Application Owner":
				scopeType, scopeID = "APPLICATION", app.ID
			}
			token := w.as(role(tt.role, scopeType, scopeID))
			body := configured("WEB_APP", `"name":"made by `+tt.role+`"`)
			w.inAs(token, envA, "GET", "/applications", "").want(t, tt.list)
			w.inAs(token, envA, "POST", "/applications", body).want(t, tt.create)
			w.apiAs(token, "PUT", app, "", configured("WEB_APP", `"name":"`+app.ID+`"`)).want(t, tt.update)
			worker := w.AddApplication(pingonetest.Application{Environment: envA})
			w.apiAs(token, "GET", worker, "/roleAssignments", "").want(t, tt.grant)
			w.apiAs(token, "DELETE", app, "", "").want(t, tt.remove)
			w.inAs(token, w.admin.Environment, "POST", "/applications", body).want(t, 403)
		})
	}
}
