package pingone_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

const redirectURI = "https://shop.example/callback?from=pingone"

// site is a web application whose users may change their own attributes, and one such user,
// all created through the client.
type site struct {
	*world
	population, user string
	cred             pingone.Credential
	login            pingone.Login
}

func (w *world) site(t *testing.T) *site { return w.siteFor(t, pingone.ClientSecretBasic) }

func (w *world) siteFor(t *testing.T, method pingone.AuthMethod) *site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, roles("Identity Data Admin")...)
	})
	w.client.Tokens = new(pingone.TokenCache) // a token keeps the roles of its time
	ctx, env := t.Context(), w.app.Environment
	app, err := w.client.CreateApplication(ctx, env, map[string]any{
		"name": "site", "type": "WEB_APP", "protocol": "OPENID_CONNECT", "enabled": true, "tokenEndpointAuthMethod": method,
		"grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"}, "redirectUris": []string{redirectURI}, "pkceEnforcement": "S256_REQUIRED",
	})
	must(err)
	secret, err := w.client.ReadSecret(ctx, application(env, app.ID))
	must(err)
	resources, err := w.client.Resources(ctx, env)
	must(err)
	api := resources[slices.IndexFunc(resources, func(r pingone.Resource) bool { return r.Type == "PINGONE_API" })].ID
	scopes, err := w.client.Scopes(ctx, env, api)
	must(err)
	grant := pingone.Grant{ResourceID: api}
	for _, s := range scopes {
		if s.Name == "p1:update:user" || s.Name == "p1:read:user" {
			grant.ScopeIDs = append(grant.ScopeIDs, s.ID)
		}
	}
	_, err = w.client.CreateGrant(ctx, env, app.ID, grant)
	must(err)

	s := &site{world: w}
	s.population, err = w.client.CreatePopulation(ctx, env, "people")
	must(err)
	s.user, err = w.client.CreateUser(ctx, env, s.population, "ada", "ada@example.com")
	must(err)
	s.login = pingone.Login{RedirectURI: redirectURI, Scope: "p1:update:user p1:read:user", Username: "ada", Password: pingone.NewSecret("2Federate! Pä55\"wörd")}
	must(w.client.SetPassword(ctx, env, s.user, s.login.Password))
	s.cred = pingone.Credential{Environment: w.client.Admin.Environment, ClientID: app.ID, Secret: secret.Secret, Method: method}
	return s
}

func (s *site) signOn(t *testing.T) *pingone.Token {
	t.Helper()
	token, err := s.client.AuthorizationCode(t.Context(), s.cred, s.login)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// read returns the user as PingOne has it.
func (s *site) read(t *testing.T, token pingone.Secret) (user map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/v1/environments/"+s.app.Environment+"/users/"+s.user, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&user); err != nil {
		t.Fatal(err)
	}
	return user
}

// The whole activity "Configure an Application with an Authorization Code Grant".
func TestAUserSignsOnAndChangesAnAttribute(t *testing.T) {
	for _, method := range pingone.AuthMethods() {
		t.Run(string(method), func(t *testing.T) {
			s := newWorld(t).siteFor(t, method)
			var observed []string
			s.client.Observe = func(op string, _ bool) { observed = append(observed, op) }
			token := s.signOn(t)
			want := []string{"begin the authorization", "read the sign-on flow", "check the username and password", "resume the authorization", "exchange the authorization code"}
			if !slices.Equal(observed, want) {
				t.Errorf("steps: got %q, want %q", observed, want)
			}
			check(t, "scope", token.Scope, s.login.Scope)
			claims, err := token.Claims()
			if err != nil {
				t.Fatal(err)
			}
			check(t, "sub", string(claims.All["sub"]), `"`+s.user+`"`)
			check(t, "client_id", claims.ClientID, s.cred.ClientID)

			if err := s.client.UpdateUser(t.Context(), s.app.Environment, s.user, token.AccessToken, map[string]any{"nickname": "Countess", "title": "Dr"}); err != nil {
				t.Fatal(err)
			}
			if err := s.client.UpdateUser(t.Context(), s.app.Environment, s.user, token.AccessToken, map[string]any{"title": nil}); err != nil {
				t.Fatal(err)
			}
			user := s.read(t, token.AccessToken)
			check(t, "nickname", user["nickname"], any("Countess"))
			check(t, "title", user["title"], nil)
			check(t, "active", s.introspect(t, s.cred, token.AccessToken), true)
		})
	}
}

func TestAUsersTokenReachesNobodyElse(t *testing.T) {
	s := newWorld(t).site(t)
	token := s.signOn(t).AccessToken
	other, err := s.client.CreateUser(t.Context(), s.app.Environment, s.population, "grace", "grace@example.com")
	if err != nil {
		t.Fatal(err)
	}
	err = s.client.UpdateUser(t.Context(), s.app.Environment, other, token, map[string]any{"nickname": "x"})
	check(t, "answers", answers(err), "forbidden")
	_, err = s.client.CreateUser(t.Context(), s.app.Environment, s.population, "Ada", "ada@example.com")
	check(t, "the username is taken", pingone.IsDuplicate(err), true)
	_, err = s.client.CreatePopulation(t.Context(), s.app.Environment, "people")
	check(t, "the population's name is taken", pingone.IsDuplicate(err), true)
	err = s.client.SetPassword(t.Context(), s.app.Environment, s.user, pingone.NewSecret("short"))
	if err == nil || !strings.Contains(err.Error(), "set the user's password: PingOne answered 400 INVALID_DATA CONSTRAINT_VIOLATION value") {
		t.Errorf("a short password: got %v, want PingOne's refusal", err)
	}
	err = s.client.UpdateUser(t.Context(), s.app.Environment, "..", token, nil)
	check(t, "an id that is none is refused here", err != nil && answers(err) == "", true)
}

func TestTheErrorNamesTheStepThatFailed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*site)
		text   string
		want   string // answers
	}{
		{"unknown client", func(s *site) { s.cred.ClientID = someUUID }, "begin the authorization: PingOne answered 400 INVALID_DATA INVALID_VALUE", ""},
		{"redirect URI that is not registered", func(s *site) { s.login.RedirectURI = "https://shop.example" }, "begin the authorization: PingOne answered 400 INVALID_DATA INVALID_VALUE", ""},
		{"scope that is not granted", func(s *site) { s.login.Scope = "openid" }, "begin the authorization: PingOne answered 302 invalid_scope", ""},
		{"wrong password", func(s *site) { s.login.Password = pingone.NewSecret(plain) }, "check the username and password: PingOne answered 400 INVALID_DATA INVALID_CREDENTIALS", ""},
		{"unknown user", func(s *site) { s.login.Username = "grace" }, "check the username and password: PingOne answered 400", ""},
		{"wrong secret", func(s *site) { s.cred.Secret = pingone.NewSecret(plain) }, "exchange the authorization code: PingOne answered 401 invalid_client", "rejected"},
		{"wrong method", func(s *site) { s.cred.Method = pingone.ClientSecretPost }, "exchange the authorization code: PingOne answered 401 invalid_client", "wrong method"},
		{"unknown method", func(s *site) { s.cred.Method = "NONE" }, "exchange the authorization code: the authentication method must be", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newWorld(t).site(t)
			tt.change(s)
			_, err := s.client.AuthorizationCode(t.Context(), s.cred, s.login)
			if err == nil || !strings.HasPrefix(err.Error(), tt.text) {
				t.Fatalf("got %v, want %q", err, tt.text)
			}
			check(t, "answers", answers(err), tt.want)
			noLeak(t, err.Error(), append(s.Issued(), plain)...)
		})
	}
}

// stage plays PingOne's part of a sign-on, with one reply of its choosing.
type stage struct {
	begin, flow, checked, resume string // "" for the usual reply
	state                        string // as the client sent it
	asked                        []string
}

func (s *stage) answer(t *testing.T) roundTripper {
	pick := func(chosen, usual string) string {
		if chosen == "" {
			chosen = usual
		}
		return strings.ReplaceAll(chosen, "STATE", s.state)
	}
	redirect := func(r *http.Request, location string) *http.Response {
		return response(r, 302, http.Header{"Location": {location}, "Set-Cookie": {"ST=" + plain + "; Path=/; Secure; HttpOnly"}}, "")
	}
	return func(r *http.Request) (*http.Response, error) {
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		check(t, "host", r.URL.Host, "pingone.invalid")
		form := parseForm(t, r.Body)
		if r.URL.Path != "/as/authorize" {
			cookie, err := r.Cookie("ST")
			check(t, "cookie of "+r.URL.Path, err == nil && cookie.Value == plain, r.URL.Path != "/as/token")
		}
		switch r.URL.Path {
		case "/as/authorize":
			s.state = form.Get("state")
			return redirect(r, pick(s.begin, "https://apps.elsewhere.example/signon/?environmentId=x&flowId="+someUUID)), nil
		case "/as/resume":
			return redirect(r, pick(s.resume, redirectURI+"&code=c&state=STATE")), nil
		case "/as/token":
			return response(r, 200, nil, `{"access_token":"a","token_type":"Bearer"}`), nil
		}
		if r.Method == http.MethodPost {
			return response(r, 200, nil, pick(s.checked, `{"status":"COMPLETED","resumeUrl":"https://stranger.invalid/"}`)), nil
		}
		return response(r, 200, nil, pick(s.flow, `{"status":"USERNAME_PASSWORD_REQUIRED"}`)), nil
	}
}

func TestWhatASignOnBelieves(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stage stage
		step  string // that fails, "" for none
	}{
		{"the usual", stage{}, ""},
		{"more parameters", stage{resume: redirectURI + "&code=c&state=STATE&iss=x"}, ""},
		{"no flow", stage{begin: "https://apps.elsewhere.example/signon/"}, "begin the authorization"},
		{"a flow id that is none", stage{begin: "https://x.example/?flowId=.."}, "begin the authorization"},
		{"no location", stage{begin: " "}, "begin the authorization"},
		{"a code at once", stage{begin: redirectURI + "&code=c&state=STATE"}, "begin the authorization"},
		{"an error", stage{begin: redirectURI + "&error=invalid_scope&state=STATE"}, "begin the authorization"},
		{"an error without the state", stage{begin: redirectURI + "&error=invalid_scope"}, "begin the authorization"},
		{"another factor", stage{flow: `{"status":"OTP_REQUIRED"}`}, "read the sign-on flow"},
		{"no status", stage{flow: `{}`}, "read the sign-on flow"},
		{"a secret for a status", stage{flow: `{"status":"` + plain + `"}`}, "read the sign-on flow"},
		{"a password to change", stage{checked: `{"status":"MUST_CHANGE_PASSWORD"}`}, "check the username and password"},
		{"a page", stage{checked: `<html>` + plain}, "check the username and password"},
		{"another host", stage{resume: "https://stranger.invalid/callback?from=pingone&code=" + plain + "&state=STATE"}, "resume the authorization"},
		{"another path", stage{resume: "https://shop.example/callback2?from=pingone&code=" + plain + "&state=STATE"}, "resume the authorization"},
		{"another parameter", stage{resume: "https://shop.example/callback?from=pingone2&code=" + plain + "&state=STATE"}, "resume the authorization"},
		{"another state", stage{resume: redirectURI + "&code=" + plain + "&state=x"}, "resume the authorization"},
		{"no state", stage{resume: redirectURI + "&code=" + plain}, "resume the authorization"},
		{"no code", stage{resume: redirectURI + "&state=STATE"}, "resume the authorization"},
		{"the sign-on page again", stage{resume: "https://x.example/?flowId=" + someUUID}, "resume the authorization"},
		{"an error at last", stage{resume: redirectURI + "&error=access_denied&error_description=" + plain + "&state=STATE"}, "resume the authorization"},
		{"a query that is none", stage{resume: redirectURI + "&code=%zz&state=STATE"}, "resume the authorization"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := against("https://pingone.invalid", tt.stage.answer(t))
			token, err := c.AuthorizationCode(t.Context(), c.Admin, pingone.Login{RedirectURI: redirectURI, Scope: "a", Username: "ada", Password: pingone.NewSecret(plain)})
			if tt.step == "" {
				check(t, "token", err == nil && token.AccessToken.Reveal() == "a", true)
				check(t, "steps", len(tt.stage.asked), 5)
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.step+": ") {
				t.Fatalf("got %v, want the step %q to fail", err, tt.step)
			}
			noLeak(t, err.Error(), plain)
		})
	}
}

// RFC 7636, appendix B, gives the rule; the values are new for each authorization.
func TestEachAuthorizationHasItsOwnStateAndVerifier(t *testing.T) {
	seen := make(map[string]bool)
	for range 2 {
		var challenge, state string
		play := new(stage).answer(t)
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			form := parseForm(t, body)
			switch r.URL.Path {
			case "/as/authorize":
				challenge, state = form.Get("code_challenge"), form.Get("state")
				check(t, "hash", form.Get("code_challenge_method"), "S256")
				check(t, "response type", form.Get("response_type"), "code")
				check(t, "query", r.URL.RawQuery, "")
			case "/as/token":
				verifier := form.Get("code_verifier")
				sum := sha256.Sum256([]byte(verifier))
				check(t, "challenge", base64.RawURLEncoding.EncodeToString(sum[:]), challenge)
				check(t, "verifier is as long as the RFC wants", len(verifier) >= 43 && len(verifier) <= 128, true)
				seen[verifier] = true
			}
			return play(r)
		}))
		if _, err := c.AuthorizationCode(t.Context(), c.Admin, pingone.Login{RedirectURI: redirectURI}); err != nil {
			t.Fatal(err)
		}
		seen[state] = true
	}
	check(t, "distinct values", len(seen), 4)
}

func TestASignOnWorksBelowACustomDomain(t *testing.T) {
	s := newWorld(t).site(t)
	s.CustomDomain(s.app.Environment)
	s.cred.Environment.Auth = s.URL()
	check(t, "scope", s.signOn(t).Scope, s.login.Scope)
}

func TestASignOnEndsWithTheContext(t *testing.T) {
	s := newWorld(t).site(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := s.Count("")
	if _, err := s.client.AuthorizationCode(ctx, s.cred, s.login); err == nil {
		t.Error("got a token, want an error")
	}
	check(t, "calls", s.Count("")-before, 0)
}

func FuzzRedirect(f *testing.F) {
	f.Add(redirectURI + "&code=c&state=STATE")
	f.Add(redirectURI + "&error=access_denied&state=STATE")
	f.Add("https://shop.example/callback?from=pingone#&code=c&state=STATE")
	f.Add("https://x.example/?flowId=" + someUUID)
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, location string) {
		if strings.ContainsAny(location, "\r\n") {
			return // no header
		}
		play := &stage{resume: location}
		c := against("https://pingone.invalid", play.answer(t))
		_, err := c.AuthorizationCode(t.Context(), c.Admin, pingone.Login{RedirectURI: redirectURI, Password: pingone.NewSecret(plain)})
		landed := strings.ReplaceAll(location, "STATE", play.state)
		if err == nil && location != "" {
			query, err := url.ParseQuery(strings.TrimPrefix(landed, redirectURI+"&"))
			if err != nil || !strings.HasPrefix(landed, redirectURI+"&") || query.Get("state") != play.state {
				t.Errorf("%q was believed", landed)
			}
		}
	})
}
