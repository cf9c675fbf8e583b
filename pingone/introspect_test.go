package pingone_test

import (
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func (w *world) introspect(t *testing.T, cred pingone.Credential, token pingone.Secret) bool {
	t.Helper()
	active, err := w.client.Introspect(t.Context(), cred, token)
	if err != nil {
		t.Fatal(err)
	}
	return active
}

func TestAnApplicationIntrospectsByItsOwnMethod(t *testing.T) {
	for _, method := range pingone.AuthMethods() {
		w := newWorld(t)
		cred := w.credential(w.AddApplication(pingonetest.Application{Roles: roles("Identity Data Admin"), TokenEndpointAuthMethod: string(method)}))
		token, err := w.client.Token(t.Context(), cred, "")
		if err != nil {
			t.Fatal(err)
		}
		check(t, "own token", w.introspect(t, cred, token.AccessToken), true)
		check(t, "any text", w.introspect(t, cred, pingone.NewSecret(plain)), false)
		check(t, "another's token", w.introspect(t, w.credential(w.app), token.AccessToken), false)
	}
}

func TestAResourceIntrospectsTheTokensThatAreForIt(t *testing.T) {
	w := newWorld(t)
	resource, scope := w.shop(t)
	client := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	if _, err := w.client.CreateGrant(t.Context(), client.Environment, client.ID, pingone.Grant{ResourceID: resource.ID, ScopeIDs: []string{scope.ID}}); err != nil {
		t.Fatal(err)
	}
	token, err := w.client.Token(t.Context(), w.credential(client), "")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := w.client.ReadSecret(t.Context(), pingone.Target{Kind: pingone.ResourceKind, EnvironmentID: client.Environment, ID: resource.ID})
	if err != nil {
		t.Fatal(err)
	}
	cred := w.credential(client)
	cred.ClientID, cred.Secret, cred.Method = resource.ID, secret.Secret, pingone.ClientSecretBasic
	check(t, "token for the resource", w.introspect(t, cred, token.AccessToken), true)
	check(t, "any text", w.introspect(t, cred, pingone.NewSecret(plain)), false)
}

func TestIntrospectionJudgesTheCredentialFirst(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*pingone.Credential)
		want   string
	}{
		{"wrong secret", func(c *pingone.Credential) { c.Secret = pingone.NewSecret(plain) }, "rejected"},
		{"unknown client", func(c *pingone.Credential) { c.ClientID = someUUID }, "rejected"},
		{"wrong method", func(c *pingone.Credential) { c.Method = pingone.ClientSecretJWT }, "wrong method"},
		{"unknown method", func(c *pingone.Credential) { c.Method = "NONE" }, ""},
	} {
		w := newWorld(t)
		cred := w.credential(w.app)
		tt.change(&cred)
		_, err := w.client.Introspect(t.Context(), cred, pingone.NewSecret(plain))
		if err == nil {
			t.Errorf("%s: got no error, want one", tt.name)
			continue
		}
		check(t, tt.name, answers(err), tt.want)
		noLeak(t, err.Error(), append(w.Issued(), plain)...)
	}
}

func TestAnIntrospectionThatDoesNotSayIsNotBelieved(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `null`, `{"active":null}`, `{"active":"true"}`, `{"active":1}`, `<html>`} {
		c := against("https://pingone.invalid", replies(200, nil, body))
		if active, err := c.Introspect(t.Context(), c.Admin, pingone.NewSecret(plain)); err == nil {
			t.Errorf("%s: got %v, want an error", body, active)
		}
	}
}
