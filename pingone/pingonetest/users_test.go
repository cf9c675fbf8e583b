package pingonetest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pingrotate/pingone/pingonetest"
)

// directory is a world whose administrator also administers users.
type directory struct {
	*world
	env, population string
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	w := newWorld(t)
	w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, role("Identity Data Admin", "ORGANIZATION", ""))
	})
	w.token = w.bearer(w.admin)
	r := w.in(w.admin.Environment, "POST", "/populations", `{"name":"Shoppers","description":"d"}`)
	r.want(t, 201, "name", "Shoppers", "description", "d", "environment.id", w.admin.Environment)
	return &directory{w, w.admin.Environment, r.at("id")}
}

// user is the body of a new user, as in the documentation.
func (d *directory) user(name string) string {
	return fmt.Sprintf(`{"email":"%s@example.com","name":{"given":"Test","family":"AppUser"},"population":{"id":%q},"username":%q}`, name, d.population, name)
}

const goodPassword = "2FederateM0re!"

// signUp makes a user with a password, and returns the user's id.
func (d *directory) signUp(name string) string {
	d.t.Helper()
	r := d.in(d.env, "POST", "/users", d.user(name))
	r.want(d.t, 201)
	d.in(d.env, "POST", "/users/"+r.at("id")+"/password", `{"value":"`+goodPassword+`"}`).want(d.t, 200, "status", "OK")
	return r.at("id")
}

func TestB63_UsersBelongToAPopulation(t *testing.T) {
	d := newDirectory(t)
	r := d.in(d.env, "POST", "/users", d.user("ada"))
	r.want(t, 201, "username", "ada", "email", "ada@example.com", "name.family", "AppUser", "enabled", "true",
		"population.id", d.population, "environment.id", d.env, "lifecycle.status", "ACCOUNT_OK")
	check(t, "read", d.in(d.env, "GET", "/users/"+r.at("id"), "").text, r.text)
	for _, tt := range []struct{ body, code, target string }{
		{`{}`, "REQUIRED_VALUE", "username"},
		{`{"username":"bob"}`, "REQUIRED_VALUE", "email"},
		{`{"username":"bob","email":"b@example.com"}`, "REQUIRED_VALUE", "population.id"},
		{d.user("Ada"), "UNIQUENESS_VIOLATION", "username"},
		{strings.Replace(d.user("bob"), d.population, envA, 1), "INVALID_VALUE", "population.id"},
	} {
		d.in(d.env, "POST", "/users", tt.body).want(t, 400, "details.0.code", tt.code, "details.0.target", tt.target)
	}
	d.in(d.env, "POST", "/populations", `{"name":"Shoppers"}`).want(t, 400, "details.0.code", "UNIQUENESS_VIOLATION")
	d.in(d.env, "GET", "/users/"+envA, "").want(t, 404)
	d.in(envB, "POST", "/users", d.user("eve")).want(t, 404)

	token := d.bearer(d.AddApplication(pingonetest.Application{Roles: roles(role("Environment Admin", "", ""))}))
	d.inAs(token, d.env, "POST", "/populations", `{"name":"More"}`).want(t, 403)
	d.inAs(token, d.env, "POST", "/users", d.user("eve")).want(t, 403)
	d.inAs(token, d.env, "GET", "/users/"+r.at("id"), "").want(t, 403)
	d.inAs(token, d.env, "PUT", "/users/"+r.at("id")+"/password", `{"value":"`+goodPassword+`"}`).want(t, 403)
}

func TestB64_UpdateChangesWhatItNames(t *testing.T) {
	d := newDirectory(t)
	id := d.signUp("ada")
	d.signUp("bob")
	path := "/users/" + id
	d.in(d.env, "PATCH", path, `{"nickname":"A","name":null,"enabled":false,"population":{"id":"x"},"password":"mine","id":"x"}`).
		want(t, 200, "nickname", "A", "name", "", "enabled", "true", "population.id", d.population, "password", "", "id", id, "email", "ada@example.com")
	d.in(d.env, "PATCH", path, `{"username":"ADA","email":"new@example.com"}`).want(t, 200, "username", "ADA", "email", "new@example.com", "nickname", "A")
	for _, tt := range []struct{ body, code string }{
		{`{"username":"Bob"}`, "UNIQUENESS_VIOLATION"}, {`{"username":""}`, "REQUIRED_VALUE"},
		{`{"username":null}`, "REQUIRED_VALUE"}, {`{"email":null}`, "REQUIRED_VALUE"},
	} {
		d.in(d.env, "PATCH", path, tt.body).want(t, 400, "details.0.code", tt.code)
	}
}

func TestB65_SetPassword(t *testing.T) {
	d := newDirectory(t)
	r := d.in(d.env, "POST", "/users", d.user("ada"))
	path := "/users/" + r.at("id") + "/password"
	set := func(method, contentType, body string) reply {
		t.Helper()
		return send(t, method, d.URL()+"/v1/environments/"+d.env+path, body, "Authorization", "Bearer "+d.token, "Content-Type", contentType)
	}
	const setType = "application/vnd.pingidentity.password.set+json"
	set("POST", jsonType, `{"value":"first password"}`).want(t, 200, "status", "OK", "user.id", r.at("id"), "environment.id", d.env)
	set("PUT", setType, `{"value":"second password","forceChange":false}`).want(t, 200, "status", "OK")
	set("PUT", setType, `{"value":"third password","forceChange":true}`).want(t, 200, "status", "MUST_CHANGE_PASSWORD")
	set("PUT", setType, `{"value":"short"}`).want(t, 400, "details.0.code", "CONSTRAINT_VIOLATION", "details.0.target", "value")
	set("PUT", setType, `{}`).want(t, 400, "details.0.code", "REQUIRED_VALUE")
	for _, password := range []string{"first password", "second password", "third password"} {
		if !slices.Contains(d.Issued(), password) {
			t.Errorf("issued: got no %q", password)
		}
	}
}

// find lists a collection with a filter.
func (d *directory) find(collection, filter string) reply {
	d.t.Helper()
	return d.in(d.env, "GET", "/"+collection+"?filter="+url.QueryEscape(filter), "")
}

func TestB74_PopulationsAndUsersAreFoundByName(t *testing.T) {
	d := newDirectory(t)
	staff := d.in(d.env, "POST", "/populations", `{"name":"Staff \"night\"","description":"d"}`)
	staff.want(t, 201)
	r := d.find("populations", `name eq "Staff \"night\""`)
	r.want(t, 200, "count", "1", "_embedded.populations.0.id", staff.at("id"), "_embedded.populations.0.name", `Staff "night"`, "_embedded.populations.0.description", "d")
	d.find("populations", `name eq "Staff"`).want(t, 200, "count", "0", "_embedded.populations", "[]")
	d.in(d.env, "GET", "/populations", "").want(t, 200, "count", "2")

	ada := d.signUp("ada")
	d.signUp("bob")
	d.find("users", `username eq "ada"`).want(t, 200, "count", "1", "_embedded.users.0.id", ada, "_embedded.users.0.population.id", d.population)
	d.find("users", `username eq "eve"`).want(t, 200, "count", "0")
	d.find("users", `population.id eq "`+d.population+`"`).want(t, 200, "count", "2")
	d.find("users", `population.id eq "`+staff.at("id")+`"`).want(t, 200, "count", "0")
	d.in(d.env, "GET", "/users", "").want(t, 200, "count", "2")

	for name, status := range map[string]int{"Identity Data Admin": 200, "Environment Admin": 403} {
		token := d.bearer(d.AddApplication(pingonetest.Application{Roles: roles(role(name, "", ""))}))
		for _, path := range []string{"/populations", "/users", "/users/" + ada + "/password"} {
			d.inAs(token, d.env, "GET", path, "").want(t, status)
		}
	}
}

func TestB75_FiltersAreReadStrictly(t *testing.T) {
	d := newDirectory(t)
	d.signUp("ada")
	d.find("users", `username eq "Ada"`).want(t, 200, "count", "0")
	d.in(d.env, "POST", "/users", d.user("Ada")).want(t, 400, "details.0.code", "UNIQUENESS_VIOLATION")
	for _, filter := range []string{
		"ada", `username eq ada`, `username eq 'ada'`, `username eq "a"da"`, `username eq "x" or username eq "ada"`, `username eq "\x"`,
		`nobody eq "ada"`, `username sw "a"`, `username eq "ada`,
	} {
		d.find("users", filter).want(t, 400, "details.0.code", "INVALID_FILTER", "details.0.target", "filter")
	}
	d.find("populations", `username eq "ada"`).want(t, 400, "details.0.code", "INVALID_FILTER")
}

func TestB76_PasswordState(t *testing.T) {
	d := newDirectory(t)
	path := "/users/" + d.in(d.env, "POST", "/users", d.user("ada")).at("id") + "/password"
	d.in(d.env, "GET", path, "").want(t, 200, "status", "NO_PASSWORD")
	d.in(d.env, "PUT", path, `{"value":"`+goodPassword+`","forceChange":true}`).want(t, 200)
	d.in(d.env, "GET", path, "").want(t, 200, "status", "MUST_CHANGE_PASSWORD")
	d.in(d.env, "PUT", path, `{"value":"`+goodPassword+`"}`).want(t, 200)
	r := d.in(d.env, "GET", path, "")
	r.want(t, 200, "status", "OK", "environment.id", d.env)
	if strings.Contains(r.text, goodPassword) {
		t.Errorf("got %s, want no password in it", r.text)
	}
}
