package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pingrotate/internal/document"
)

func TestNearMissOfAllowIsRefused(t *testing.T) {
	for _, name := range []string{"Allow", "ALLOW", "aLlow", "alow", "llow", "allo", "allw", "alllow", "allows", "aallow", "alolw", "lalow", "allwo", "al-low", "allow ", "_allow", "Allows"} {
		_, err := document.Parse(valid(name, `[]`))
		if err == nil || !strings.Contains(err.Error(), "nearly allow") {
			t.Errorf("%q: got %v, want an error", name, err)
		}
	}
	for _, name := range []string{"allow", "allowed", "shallow", "flow", "alloy", "all", "low", "follow", "wallet"} {
		if _, err := document.Parse(valid(name, `[]`)); err != nil {
			t.Errorf("%q: got %v, want no error", name, err)
		}
	}
}

func TestWrongAllowanceIsOneErrorThatNamesTheField(t *testing.T) {
	entry := func(members string) string {
		return valid("allow", `[{"secret":"a","environmentId":"`+envID+`",`+members+`}]`)
	}
	for _, c := range []struct{ text, field string }{
		{entry(`"applications":"all"`), "allow[0].applications"},
		{entry(`"applications":["` + appID + `","Marked"]`), "allow[0].applications[1]"},
		{entry(`"applications":[null]`), "allow[0].applications[0]"},
		{entry(`"applications":7`), "allow[0].applications"},
		{entry(`"application":["` + appID + `"]`), "allow[0].application"},
		{entry(`"testUsers":"pingone/user"`), "allow[0].testUsers"},
		{entry(`"testUsers":[7]`), "allow[0].testUsers[0]"},
		{entry(`"configure":true`), "allow[0].configure"},
		{entry(`"configure":{"role":[]}`), "allow[0].configure.role"},
		{entry(`"configure":{"create":"yes"}`), "allow[0].configure.create"},
		{entry(`"configure":{"roles":["Environment Admin"]}`), "allow[0].configure.roles[0]"},
		{entry(`"configure":{"roles":[{"role":"Environment Admin"}]}`), "allow[0].configure.roles[0]"},
		{entry(`"configure":{"roles":[{"role":"Environment Admin","scope":"*"}]}`), "allow[0].configure.roles[0].scope"},
		{entry(`"configure":{"redirectUris":["*"]}`), "allow[0].configure.redirectUris[0]"},
		{entry(`"configure":{"members":["tokenEndpointAuthMethod"]}`), "allow[0].configure.members[0]"},
		{valid("allow", `[{"secret":"","environmentId":"`+envID+`"}]`), "allow[0].secret"},
		{valid("allow", `[{"secret":"`+strings.Repeat("a", 1025)+`"}]`), "allow[0].secret"},
		{valid("allow", `[null]`), "allow[0]"},
	} {
		_, err := document.Parse(c.text)
		if wrong, ok := errors.AsType[*document.FieldError](err); !ok || wrong.Field != c.field {
			t.Errorf("got %v, want an error of the field %s", err, c.field)
		}
	}
}

// FuzzAllowance takes any entry and asks it for an application and a change that it does
// not list, in any case of letters: only "*" or "marked" may serve it.
func FuzzAllowance(f *testing.F) {
	for _, s := range []string{
		`"applications":["` + appID + `"]`, `"applications":"*"`, `"applications":["marked"]`, `"applications":[]`, `"configure":{"create":true}`,
		`"applications":"*","configure":{"roles":[{"role":"a","scope":"` + envID + `"}],"grants":["x"],"resources":["y"],"redirectUris":["https://a.example"],"members":["grantTypes"]}`,
		`"applications":null,"secret":"**"`, `"\u0061pplications":["*"]`,
	} {
		f.Add(s, "pingone/orders")
	}
	const victim = "22222222-3333-4444-8555-666666666666"
	f.Fuzz(func(t *testing.T, members, name string) {
		admin, err := document.Parse(fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":"s","allow":[{"secret":"pingone/*","environmentId":%q,%s}]}`, envID, appID, envID, members))
		if err != nil {
			return
		}
		target, err := document.Parse(fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q}`, envID, victim))
		if err != nil {
			t.Fatal(err)
		}
		facts := document.Facts{Admins: []string{}, Targets: map[string]document.Mark{victim: {}}}
		p, err := document.Permit(admin, []string{name}, target, facts)
		if err != nil {
			return
		}
		if !admin.Allow[0].Applications.Any && !strings.Contains(members, victim) && len(admin.Allow) == 1 {
			t.Fatalf("%s lets %q have an application that is not in it", members, name)
		}
		if !strings.HasPrefix(name, "pingone/") || strings.Count(name, "/") > 1 {
			t.Fatalf("the entry of pingone/* serves %q", name)
		}
		if p.Allows(document.Change{Kind: document.AssignRole, Name: "Organization Admin", Scope: victim}) == nil && !strings.Contains(members, victim) {
			t.Fatalf("%s lets a role be assigned that is not in it", members)
		}
		facts.Admins = []string{victim}
		if _, err := document.Permit(admin, []string{name}, target, facts); err == nil && !strings.Contains(members, victim) {
			t.Fatalf("%s reaches an admin without its id", members)
		}
	})
}
