package document

import (
	"slices"
	"strings"
	"testing"
)

const (
	homeEnv  = "11111111-1111-4111-8111-111111111111"
	awayEnv  = "22222222-2222-4222-8222-222222222222"
	firstApp = "33333333-3333-4333-8333-333333333333"
)

func TestWhatAWriterReachesIsToldInShortClauses(t *testing.T) {
	entries := []Allowance{
		{EnvironmentID: homeEnv, Applications: Applications{IDs: []string{firstApp}}},
		{EnvironmentID: homeEnv, Applications: Applications{Marked: true}, Configure: Configure{
			Create: true, Roles: []AllowedRole{{"Identity Data Admin", homeEnv}, {"Environment Admin", awayEnv}}, Grants: []string{"PingOne API"},
		}},
		{EnvironmentID: homeEnv, Applications: Applications{Marked: true}},
		{EnvironmentID: awayEnv, Applications: Applications{Any: true}},
	}
	got := Reach(entries)
	want := []string{
		"in environment " + homeEnv + " anyone who can write this secret can read the client secret of " + firstApp +
			", each application marked for it; create an application; " +
			"assign and remove the role Identity Data Admin, Environment Admin at " + awayEnv + "; grant scopes of PingOne API",
		"in environment " + awayEnv + " anyone who can write this secret can read the client secret of any application but admins",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	usual := Reach(entries[:1])[0] + Reach([]Allowance{{EnvironmentID: homeEnv, Applications: Applications{Marked: true}, Configure: Configure{Create: true}}})[0]
	if strings.Contains(usual, ", and") {
		t.Errorf("got %q, want clauses", usual)
	}
	if got := Reach([]Allowance{{EnvironmentID: homeEnv}}); !strings.Contains(got[0], "lists no applications") {
		t.Errorf("of an entry without applications: got %q", got)
	}
}
