package clients

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/patrickcping/pingone-go-sdk-v2/management"
	"golang.org/x/oauth2"

	"pingrotate/pingone/pingonetest"
)

func TestOpenIDClientDiscoversAndVerifies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env := w.admin.Environment
		app := w.AddApplication(pingonetest.Application{Type: "WEB_APP", Audience: "orders", Scopes: []string{"read"}})
		w.CustomDomain(env)
		for name, issuer := range map[string]string{"the environment": w.issuer(env), "its custom domain": w.base + "/as"} {
			provider, err := oidc.NewProvider(w.context(), issuer)
			if err != nil {
				t.Fatalf("go-oidc: %s: %v", name, err)
			}
			equal(t, "the token endpoint of "+name, provider.Endpoint().TokenURL, issuer+"/token")
			for _, typed := range []bool{false, true} {
				w.Assume(pingonetest.Assumptions{TypedTokens: typed})
				asked := w.credentials(app, app.Secret)
				asked.TokenURL = provider.Endpoint().TokenURL
				token, err := asked.Token(w.context())
				if err != nil {
					t.Fatalf("golang.org/x/oauth2: %s: %v", name, err)
				}
				verified, err := provider.VerifierContext(w.context(), &oidc.Config{ClientID: "orders", Now: w.Now}).Verify(w.context(), token.AccessToken)
				if err != nil {
					t.Fatalf("go-oidc does not accept the access token of %s (typed: %t): %v", name, typed, err)
				}
				equal(t, "the issuer in a token of "+name, verified.Issuer, issuer)
			}
		}
		if _, err := oidc.NewProvider(w.context(), strings.Replace(w.issuer(env), "http", "HTTP", 1)); err == nil {
			t.Error("go-oidc accepts an issuer that is written in another way: it does not compare")
		}
	})
}

func TestOpenIDClientSignsAUserOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const callback = "https://shop.example/callback"
		env := w.admin.Environment
		app := w.AddApplication(pingonetest.Application{
			Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"}, RedirectURIs: []string{callback},
		})
		user := w.userWhoMaySignOn(app, "ada", "correct horse")
		provider, err := oidc.NewProvider(w.context(), w.issuer(env))
		if err != nil {
			t.Fatal(err)
		}
		rp := oauth2.Config{
			ClientID: app.ClientID, ClientSecret: app.Secret, Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID, "email"},
		}
		rp.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		verifier := oauth2.GenerateVerifier()
		back := w.signOn(rp.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier)), "ada", "correct horse")
		equal(t, "the state that came back", back.Get("state"), "state-1")
		token, err := rp.Exchange(w.context(), back.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatalf("golang.org/x/oauth2 exchanges the code: %v", err)
		}
		raw, _ := token.Extra("id_token").(string)
		identity, err := provider.VerifierContext(w.context(), &oidc.Config{ClientID: app.ClientID, Now: w.Now}).Verify(w.context(), raw)
		if err != nil {
			t.Fatalf("go-oidc verifies the ID token: %v", err)
		}
		equal(t, "the subject", identity.Subject, user)
		equal(t, "the nonce", identity.Nonce, "nonce-1")
		info, err := provider.UserInfo(w.context(), oauth2.StaticTokenSource(token))
		if err != nil {
			t.Fatalf("go-oidc asks userinfo: %v", err)
		}
		equal(t, "the subject of userinfo", info.Subject, user)
		if _, err := rp.Exchange(w.context(), back.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
			t.Error("a code was redeemed twice")
		}
	})
}

// userWhoMaySignOn creates a user with a password through the SDK, and grants the
// application what a sign-on needs.
func (w *world) userWhoMaySignOn(app pingonetest.Application, name, password string) (id string) {
	w.t.Helper()
	t, env := w.t, app.Environment
	people := done[*management.Population](t)(w.sdk.PopulationsApi.CreatePopulation(t.Context(), env).Population(*management.NewPopulation("people")).Execute())
	wanted := management.NewUser(name+"@example.com", name)
	wanted.SetPopulation(*management.NewUserPopulation(people.GetId()))
	user := done[*management.User](t)(w.sdk.UsersApi.CreateUser(t.Context(), env).User(*wanted).Execute())
	if _, err := w.sdk.UserPasswordsApi.EnvironmentsEnvironmentIDUsersUserIDPasswordPut(t.Context(), env, user.GetId()).
		ContentType("application/vnd.pingidentity.password.set+json").Body(map[string]any{"value": password}).Execute(); err != nil {
		t.Fatal(explained(err))
	}
	for _, r := range all(t, w.sdk.ResourcesApi.ReadAllResources(t.Context(), env).Execute(),
		func(e management.EntityArrayEmbedded) []management.EntityArrayEmbeddedResourcesInner {
			return e.Resources
		}) {
		if r.Resource == nil || r.Resource.GetName() != "openid" {
			continue
		}
		grant := management.NewApplicationResourceGrant(*management.NewApplicationResourceGrantResource(r.Resource.GetId()), nil)
		for _, scope := range all(t, w.sdk.ResourceScopesApi.ReadAllResourceScopes(t.Context(), env, r.Resource.GetId()).Execute(),
			func(e management.EntityArrayEmbedded) []management.ResourceScope { return e.Scopes }) {
			if scope.GetName() == "openid" || scope.GetName() == "email" {
				grant.Scopes = append(grant.Scopes, *management.NewApplicationResourceGrantScopesInner(scope.GetId()))
			}
		}
		done[*management.ApplicationResourceGrant](t)(w.sdk.ApplicationResourceGrantsApi.CreateApplicationGrant(t.Context(), env, app.ID).
			ApplicationResourceGrant(*grant).Execute())
	}
	return user.GetId()
}

// signOn acts as a browser and its user, and returns the query with which the browser
// returns to the application.
func (w *world) signOn(authorize, name, password string) url.Values {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	browser := &http.Client{Transport: w.http.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	open := func(method, target, contentType, body string) *http.Response {
		r, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		reply, err := browser.Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { reply.Body.Close() })
		return reply
	}
	page, err := open("GET", authorize, "", "").Location()
	if err != nil {
		w.t.Fatalf("the authorization endpoint sends the browser nowhere: %v", err)
	}
	credentials, _ := json.Marshal(map[string]string{"username": name, "password": password})
	root, _, _ := strings.Cut(authorize, "/as/authorize")
	var flow struct{ Status, ResumeURL string }
	checked := open("POST", root+"/flows/"+page.Query().Get("flowId"), "application/vnd.pingidentity.usernamePassword.check+json", string(credentials))
	if err := json.NewDecoder(checked.Body).Decode(&flow); err != nil || flow.Status != "COMPLETED" {
		w.t.Fatalf("the sign-on is %q (%v), want COMPLETED", flow.Status, err)
	}
	back, err := open("GET", flow.ResumeURL, "", "").Location()
	if err != nil {
		w.t.Fatalf("the browser does not come back: %v", err)
	}
	return back.Query()
}
