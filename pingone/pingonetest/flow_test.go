package pingonetest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

// browser keeps cookies and does not follow redirects.
type browser struct {
	t      *testing.T
	client *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) send(method, target, contentType, body string) reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return parsed(res, text)
}

// landing returns the query of the URL that a redirect leads to.
func (r reply) landing(t *testing.T) url.Values {
	t.Helper()
	r.want(t, 302)
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

const (
	checkType = "application/vnd.pingidentity.usernamePassword.check+json"
	callback  = "https://shop.example/callback?from=pingone"
)

// site is a web application with users, and grants of the PingOne API and openid.
type site struct {
	*directory
	app  pingonetest.Application
	user string
}

func newSite(t *testing.T, members string) *site {
	t.Helper()
	d := newDirectory(t)
	return &site{d, d.webApp("site", members), d.signUp("ada")}
}

// webApp makes an application for authorization codes, and grants it scopes.
func (d *directory) webApp(name, members string) pingonetest.Application {
	d.t.Helper()
	code := fmt.Sprintf(`"name":%q,"grantTypes":["AUTHORIZATION_CODE"],"responseTypes":["CODE"],"redirectUris":[%q]`, name, callback)
	app := d.create(d.env, configured("WEB_APP", code+members))
	resources := d.in(d.env, "GET", "/resources", "").ids(d.t, "resources")
	for resource, scopes := range map[string][]string{"PingOne API": {"p1:read:user", "p1:update:user"}, "openid": {"openid", "profile", "email"}} {
		all := d.in(d.env, "GET", "/resources/"+resources[resource]+"/scopes", "").ids(d.t, "scopes")
		var ids []string
		for _, name := range scopes {
			ids = append(ids, all[name])
		}
		d.api("POST", app, "/grants", grantBody(resources[resource], ids...)).want(d.t, 201)
	}
	return app
}

// request is an authorization request; parameters come as name, value, and replace others.
func (s *site) request(parameters ...string) url.Values {
	q := url.Values{"response_type": {"code"}, "client_id": {s.app.ID}, "redirect_uri": {callback}, "scope": {"openid p1:update:user"}, "state": {"s1"}}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return q
}

func (s *site) auth(path string) string { return s.URL() + "/" + s.env + path }

// code signs a user on and returns the authorization code.
func (s *site) code(username string, parameters ...string) string {
	s.t.Helper()
	b := newBrowser(s.t)
	id := b.send("GET", s.auth("/as/authorize?"+s.request(parameters...).Encode()), "", "").landing(s.t).Get("flowId")
	b.send("POST", s.auth("/flows/"+id), checkType, credentials(username, goodPassword)).want(s.t, 200, "status", "COMPLETED")
	return b.send("GET", s.auth("/as/resume?flowId="+id), "", "").landing(s.t).Get("code")
}

func credentials(username, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, username, password)
}

// exchange sends a code to the token endpoint; more parameters come as name, value.
func (s *site) exchange(code string, form ...string) reply {
	s.t.Helper()
	form = append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback}, form...)
	return basic(s.t, s.Server, s.env, s.app.ID, s.app.Secret, form...)
}

// The thirteen steps of the activity Configure an Application with an Authorization Code
// Grant, and then the user's update of the attribute.
func TestDocumentedAuthorizationCodeFlow(t *testing.T) {
	s := newSite(t, "") // steps 1 to 8
	b := newBrowser(t)
	form := s.request("nonce", "n1", "scope", "openid profile email p1:read:user p1:update:user")
	began := b.send("POST", s.auth("/as/authorize"), formType, form.Encode())
	id := began.landing(t).Get("flowId")
	if location, want := began.header.Get("Location"), s.auth("/signon/?"); !strings.HasPrefix(location, want) {
		t.Errorf("location: got %s, want %s", location, want)
	}
	flow := s.auth("/flows/" + id)
	b.send("GET", flow, "", "").want(t, 200, "id", id, "status", "USERNAME_PASSWORD_REQUIRED",
		"resumeUrl", s.auth("/as/resume?flowId="+id), "_links.self.href", flow, "environment.id", s.env)
	done := b.send("POST", flow, checkType, credentials("Ada", goodPassword))
	done.want(t, 200, "status", "COMPLETED", "resumeUrl", s.auth("/as/resume?flowId="+id))
	back := b.send("GET", done.at("resumeUrl"), "", "")
	landed := back.landing(t)
	check(t, "state", landed.Get("state"), "s1")
	check(t, "own parameter", landed.Get("from"), "pingone")

	r := s.exchange(landed.Get("code"))
	r.want(t, 200, "token_type", "Bearer", "expires_in", "3600", "scope", "openid profile email p1:read:user p1:update:user")
	wantClaims(t, claimsOf(t, r.at("access_token")), map[string]any{
		"sub": s.user, "client_id": s.app.ID, "env": s.env, "aud": []any{s.URL()}, "scope": r.at("scope"),
	})
	wantClaims(t, claimsOf(t, r.at("id_token")), map[string]any{
		"sub": s.user, "aud": s.app.ID, "nonce": "n1", "email": "ada@example.com", "preferred_username": "ada", "iss": s.auth("/as"),
	})
	s.inAs(r.at("access_token"), s.env, "PATCH", "/users/"+s.user, `{"nickname":"Ada L."}`).want(t, 200, "nickname", "Ada L.")
	s.inAs(r.at("access_token"), s.env, "GET", "/users/"+s.user, "").want(t, 200, "nickname", "Ada L.")
	s.introspect(s.env, s.app.ID, s.app.Secret, r.at("access_token")).want(t, 200, "active", "true", "sub", s.user)
}

func TestB66_AuthorizationRequestIsJudged(t *testing.T) {
	s := newSite(t, "")
	b := newBrowser(t)
	ask := func(parameters ...string) reply {
		t.Helper()
		return b.send("GET", s.auth("/as/authorize?"+s.request(parameters...).Encode()), "", "")
	}
	ask("client_id", s.user).want(t, 400, "details.0.target", "client_id")
	for _, uri := range []string{"", "https://evil.example", callback + "&x=y"} {
		ask("redirect_uri", uri).want(t, 400, "details.0.target", "redirect_uri")
	}
	for _, tt := range []struct{ name, value, code string }{
		{"response_type", "token", "unsupported_response_type"},
		{"scope", "", "invalid_scope"},
		{"scope", "openid phone", "invalid_scope"},
		{"code_challenge", "", ""},
	} {
		landed := ask(tt.name, tt.value).landing(t)
		check(t, "error for "+tt.name, landed.Get("error"), tt.code)
		check(t, "flow begun for "+tt.name, landed.Has("flowId"), tt.code == "")
		check(t, "state sent back for "+tt.name, landed.Has("state"), tt.code != "")
	}
	s.api("PUT", s.app, "", configured("WEB_APP", fmt.Sprintf(`"name":"site","redirectUris":[%q]`, callback)))
	check(t, "error without the grant", ask().landing(t).Get("error"), "unauthorized_client")
	s.UpdateApplication(s.env, s.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
	ask().want(t, 400, "details.0.target", "client_id")
}

func TestB67_FlowBelongsToTheBrowserThatBeganIt(t *testing.T) {
	s := newSite(t, "")
	b, other := newBrowser(t), newBrowser(t)
	id := b.send("GET", s.auth("/as/authorize?"+s.request().Encode()), "", "").landing(t).Get("flowId")
	other.send("GET", s.auth("/as/authorize?"+s.request().Encode()), "", "").landing(t)
	flow, resume := s.auth("/flows/"+id), s.auth("/as/resume?flowId="+id)
	for _, stranger := range []*browser{other, newBrowser(t)} {
		stranger.send("GET", flow, "", "").want(t, 401, "code", "ACCESS_FAILED")
		stranger.send("POST", flow, checkType, credentials("ada", goodPassword)).want(t, 401)
		stranger.send("GET", resume, "", "").want(t, 401)
	}
	check(t, "resumed too early", b.send("GET", resume, "", "").landing(t).Get("flowId"), id)
	b.send("GET", s.URL()+"/"+envB+"/flows/"+id, "", "").want(t, 404)
	b.send("POST", flow, jsonType, credentials("ada", goodPassword)).want(t, 415)
	b.send("POST", flow, checkType, "[]").want(t, 400, "code", "INVALID_REQUEST")
	b.send("POST", flow, checkType, `{"username":"ada"}`).want(t, 400, "details.0.code", "REQUIRED_VALUE")

	before := b.client.Jar.Cookies(mustParse(t, flow))[0].Value
	b.send("POST", flow, checkType, credentials("ada", goodPassword)).want(t, 200, "status", "COMPLETED")
	b.send("POST", flow, checkType, credentials("ada", goodPassword)).want(t, 400, "code", "INVALID_REQUEST")
	send(t, "GET", flow, "", "Cookie", "ST="+before).want(t, 401)
	b.send("GET", resume, "", "").landing(t)
	b.send("GET", resume, "", "").want(t, 404)

	id = b.send("GET", s.auth("/as/authorize?"+s.request().Encode()), "", "").landing(t).Get("flowId")
	s.Advance(15 * time.Minute)
	b.send("GET", s.auth("/flows/"+id), "", "").want(t, 404)
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestB68_PasswordMustBeRight(t *testing.T) {
	s := newSite(t, "")
	s.in(s.env, "POST", "/users", s.directory.user("nopassword")).want(t, 201)
	s.in(s.env, "POST", "/users", strings.Replace(s.directory.user("off"), `{`, `{"enabled":false,`, 1)).want(t, 201, "enabled", "false")
	late := s.signUp("late")
	s.in(s.env, "PUT", "/users/"+late+"/password", `{"value":"`+goodPassword+`","forceChange":true}`).want(t, 200)
	b := newBrowser(t)
	id := b.send("GET", s.auth("/as/authorize?"+s.request().Encode()), "", "").landing(t).Get("flowId")
	try := func(username, password string) reply {
		t.Helper()
		return b.send("POST", s.auth("/flows/"+id), checkType, credentials(username, password))
	}
	for _, username := range []string{"ada", "nobody", "nopassword", "off"} {
		try(username, "wrong password").want(t, 400, "code", "INVALID_DATA", "details.0.code", "INVALID_CREDENTIALS")
	}
	b.send("GET", s.auth("/flows/"+id), "", "").want(t, 200, "status", "USERNAME_PASSWORD_REQUIRED")
	try("late", goodPassword).want(t, 200, "status", "MUST_CHANGE_PASSWORD")
	check(t, "resumed", b.send("GET", s.auth("/as/resume?flowId="+id), "", "").landing(t).Get("code"), "")
}

func TestB69_CodeWorksOnceForItsClient(t *testing.T) {
	s := newSite(t, "")
	denied := func(r reply) {
		t.Helper()
		r.want(t, 400, "error", "invalid_grant")
	}
	code := s.code("ada")
	basic(t, s.Server, s.env, s.app.ID, "wrong", "grant_type", "authorization_code", "code", code).wantDenied(t, 401, "invalid_client", badCredentials)
	thief := s.webApp("thief", "")
	denied(basic(t, s.Server, s.env, thief.ID, thief.Secret, "grant_type", "authorization_code", "code", code, "redirect_uri", callback))
	s.exchange(code).want(t, 200, "refresh_token", "")
	denied(s.exchange(code))

	code = s.code("ada")
	denied(s.exchange(code, "redirect_uri", "https://shop.example"))
	denied(s.exchange(code))
	code = s.code("ada")
	s.Advance(10*time.Minute - time.Second)
	s.exchange(code).want(t, 200)
	code = s.code("ada")
	s.Advance(10 * time.Minute)
	denied(s.exchange(code))
	denied(s.exchange("made-up"))
	s.exchange("x", "grant_type", "client_credentials").want(t, 400, "error", "unauthorized_client")
	r := s.exchange(s.code("ada", "scope", "p1:read:user"))
	r.want(t, 200, "id_token", "", "scope", "p1:read:user")
}

func TestB70_ProofKeyForCodeExchange(t *testing.T) {
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	sum := sha256.Sum256([]byte(verifier))
	s256 := base64.RawURLEncoding.EncodeToString(sum[:])
	for _, tt := range []struct {
		enforcement, challenge, method string
		begins                         bool
	}{
		{"OPTIONAL", "", "", true},
		{"OPTIONAL", s256, "S256", true},
		{"OPTIONAL", verifier, "", true},
		{"OPTIONAL", verifier, "plain", true},
		{"OPTIONAL", s256, "S512", false},
		{"REQUIRED", "", "", false},
		{"REQUIRED", verifier, "plain", true},
		{"S256_REQUIRED", verifier, "plain", false},
		{"S256_REQUIRED", s256, "S256", true},
	} {
		t.Run(tt.enforcement+" "+tt.method, func(t *testing.T) {
			s := newSite(t, `,"pkceEnforcement":"`+tt.enforcement+`"`)
			var parameters []string
			if tt.challenge != "" {
				parameters = []string{"code_challenge", tt.challenge}
			}
			if tt.method != "" {
				parameters = append(parameters, "code_challenge_method", tt.method)
			}
			if !tt.begins {
				r := newBrowser(t).send("GET", s.auth("/as/authorize?"+s.request(parameters...).Encode()), "", "")
				check(t, "error", r.landing(t).Get("error"), "invalid_request")
				return
			}
			s.exchange(s.code("ada", parameters...), "code_verifier", verifier).want(t, 200)
			if tt.challenge != "" {
				s.exchange(s.code("ada", parameters...)).want(t, 400, "error", "invalid_grant")
				s.exchange(s.code("ada", parameters...), "code_verifier", "wrong").want(t, 400, "error", "invalid_grant")
			}
		})
	}
}

func TestB71_UserTokenReachesThatUserAlone(t *testing.T) {
	s := newSite(t, "")
	bob := s.signUp("bob")
	update := s.exchange(s.code("ada", "scope", "p1:update:user")).at("access_token")
	reading := s.exchange(s.code("ada", "scope", "p1:read:user")).at("access_token")
	s.inAs(update, s.env, "PATCH", "/users/"+s.user, `{"nickname":"A"}`).want(t, 200)
	s.inAs(reading, s.env, "GET", "/users/"+s.user, "").want(t, 200)
	for _, tt := range []struct{ token, method, path string }{
		{update, "PATCH", "/users/" + bob}, {update, "GET", "/users/" + s.user}, {reading, "PATCH", "/users/" + s.user},
		{update, "PUT", "/users/" + s.user + "/password"}, {update, "POST", "/users"}, {update, "GET", "/applications"},
		{update, "GET", "/applications/" + s.app.ID + "/secret"},
	} {
		s.inAs(tt.token, s.env, tt.method, tt.path, "{}").want(t, 403, "code", "ACCESS_FAILED")
	}
	send(t, "GET", s.URL()+"/v1/roles", "", "Authorization", "Bearer "+update).want(t, 403)
	s.inAs(update, envB, "PATCH", "/users/"+s.user, "{}").want(t, 403)
}

func TestB72_UserTokenForACustomResource(t *testing.T) {
	s := newSite(t, "")
	id, scopes := s.resource(s.env, `{"name":"Shop"}`, "sell")
	s.api("POST", s.app, "/grants", grantBody(id, scopes["sell"])).want(t, 201)
	r := s.exchange(s.code("ada", "scope", "openid sell"))
	wantClaims(t, claimsOf(t, r.at("access_token")), map[string]any{"aud": []any{"Shop"}, "sub": s.user, "scope": "openid sell", "env": s.env, "p1.rid": id})
	s.inAs(r.at("access_token"), s.env, "GET", "/users/"+s.user, "").want(t, 401)
	mixed := newBrowser(t).send("GET", s.auth("/as/authorize?"+s.request("scope", "sell p1:read:user").Encode()), "", "")
	check(t, "error", mixed.landing(t).Get("error"), "invalid_scope")
}

func TestB73_FlowsBelowACustomDomain(t *testing.T) {
	s := newSite(t, "")
	s.CustomDomain(s.env)
	b := newBrowser(t)
	id := b.send("GET", s.URL()+"/as/authorize?"+s.request().Encode(), "", "").landing(t).Get("flowId")
	done := b.send("POST", s.URL()+"/flows/"+id, checkType, credentials("ada", goodPassword))
	done.want(t, 200, "status", "COMPLETED", "resumeUrl", s.URL()+"/as/resume?flowId="+id, "_links.self.href", s.URL()+"/flows/"+id)
	if code := b.send("GET", done.at("resumeUrl"), "", "").landing(t).Get("code"); code == "" {
		t.Error("code: got none")
	}
}
