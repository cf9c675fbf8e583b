package pingone_test

import (
	"net/http"
	"strings"
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestPopulationsAndUsersAreFoundByName(t *testing.T) {
	w := newWorld(t)
	s := w.site(t)
	env := w.app.Environment
	population, err := w.client.CreatePopulation(t.Context(), env, "Test users [a&b=c%] ä")
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.client.FindPopulation(t.Context(), env, "Test users [a&b=c%] ä")
	check(t, "error", answers(err), "")
	check(t, "population", found, population)
	for name, want := range map[string]string{"Test users": "", "nobody": ""} {
		found, err := w.client.FindPopulation(t.Context(), env, name)
		check(t, "error", answers(err), "")
		check(t, "population "+name, found, want)
	}
	user, err := w.client.FindUser(t.Context(), env, "ada")
	if err != nil || user == nil {
		t.Fatalf("got %v, %v, want the user", user, err)
	}
	check(t, "user", *user, pingone.User{ID: s.user, Username: "ada", PopulationID: s.population})
	if user, err := w.client.FindUser(t.Context(), env, "eve"); err != nil || user != nil {
		t.Errorf("got %v, %v, want nobody", user, err)
	}
}

func TestANameCannotChangeTheFilter(t *testing.T) {
	w := newWorld(t)
	w.site(t)
	before := w.Count("")
	for _, name := range []string{`x" or username eq "ada`, `ada\`, `"`, "ada\n", "a\x00"} {
		user, err := w.client.FindUser(t.Context(), w.app.Environment, name)
		if err == nil || user != nil || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%q: got %v, %v, want an error that says what to do", name, user, err)
		}
		if id, err := w.client.FindPopulation(t.Context(), w.app.Environment, name); err == nil || id != "" {
			t.Errorf("%q: got population %q, %v, want an error", name, id, err)
		}
	}
	check(t, "calls", w.Count("")-before, 0)
	for _, name := range []string{"{}", "a&filter=x", "a#b", "a+b c", "ada' or"} {
		if user, err := w.client.FindUser(t.Context(), w.app.Environment, name); err != nil || user != nil {
			t.Errorf("%q: got %v, %v, want nobody", name, user, err)
		}
	}
}

// PingOne ignores a filter on a collection that supports none, and answers with all items.
func TestAFilterThatPingOneIgnoresFindsNoOtherUser(t *testing.T) {
	const others = `{"id":"a","username":"eve","population":{"id":"p"}},{"id":"b","username":"Ada","population":{"id":"q"}}`
	all := func(items string) *pingone.Client {
		return against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/token") {
				return replies(200, nil, "")(r)
			}
			return response(r, 200, nil, `{"_embedded":{"users":[`+items+`],"populations":[`+items+`]}}`), nil
		}))
	}
	user, err := all(others).FindUser(t.Context(), someUUID, "ada")
	if err != nil || user == nil || *user != (pingone.User{ID: "b", Username: "Ada", PopulationID: "q"}) {
		t.Errorf("got %v, %v, want the one user of the name", user, err)
	}
	if user, err := all(others).FindUser(t.Context(), someUUID, "bob"); err != nil || user != nil {
		t.Errorf("got %v, %v, want nobody", user, err)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"id":"a","username":"eve","name":"eve","population":{"id":"p"}},`, 101), ",")
	if user, err := all(many).FindUser(t.Context(), someUUID, "bob"); err == nil || !strings.Contains(err.Error(), "more than 100") {
		t.Errorf("got %v, %v, want an error, for bob may be among those not read", user, err)
	}
	twins := `{"id":"a","name":"people"},{"id":"b","name":"people"}`
	if id, err := all(twins).FindPopulation(t.Context(), someUUID, "people"); err == nil || !strings.Contains(err.Error(), "remove all but one") {
		t.Errorf("got %q, %v, want an error that says what to do", id, err)
	}
}

func TestAUserHasAPasswordOnceItIsSet(t *testing.T) {
	w := newWorld(t)
	s := w.site(t)
	for _, c := range []struct {
		want bool
		do   func() (string, error)
	}{
		{true, func() (string, error) { return s.user, nil }},
		{false, func() (string, error) {
			return w.client.CreateUser(t.Context(), w.app.Environment, s.population, "bob", "bob@example.com")
		}},
	} {
		id, err := c.do()
		if err != nil {
			t.Fatal(err)
		}
		has, err := w.client.HasPassword(t.Context(), w.app.Environment, id)
		check(t, "error", answers(err), "")
		check(t, "password", has, c.want)
	}
	check(t, "calls", w.Count(pingonetest.OpReadPassword), 2)
}
