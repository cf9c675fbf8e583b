package rotation_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

const (
	testUserName = "pingone/test-user"
	password     = "2Federate! Pä55\"wörd"
)

// signedOn specifies an application whose secrets a test user verifies.
func signedOn(o *options) {
	wanting(documents[3].application)(o)
	mayCreate(o)
	want := o.edit
	o.edit = func(d map[string]any) {
		want(d)
		d["rotation"].(map[string]any)["verify"] = map[string]any{"userSecretId": testUserName}
	}
}

// addUser makes the test user and its secret, and returns the user's id.
func (w *world) addUser() string {
	w.t.Helper()
	root, ctx, env := w.root(), w.t.Context(), w.app.Environment
	population, err := root.CreatePopulation(ctx, env, "people")
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := root.CreateUser(ctx, env, population, "ada", "ada@example.com")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := root.SetPassword(ctx, env, id, pingone.NewSecret(password)); err != nil {
		w.t.Fatal(err)
	}
	w.sm.Put(testUserName, encode(testUser(env)))
	return id
}

func testUser(environmentID string) map[string]any {
	return map[string]any{
		"environmentId": environmentID,
		"username":      "ada", "password": password, "redirectUri": "https://example.com/callback",
		"scope": "p1:read:user p1:update:user", "attribute": "nickname", "owner": "orders team",
	}
}

// readUser returns the user as PingOne has it.
func (w *world) readUser(id string) map[string]any {
	w.t.Helper()
	return w.fetch("users/" + id)
}

// fetch returns what PingOne has in the environment below a path.
func (w *world) fetch(path string) (body map[string]any) {
	w.t.Helper()
	return w.send(http.MethodGet, path, "")
}

// post creates something in the environment, as a person at the console does.
func (w *world) post(path string, body map[string]any) {
	w.t.Helper()
	w.send(http.MethodPost, path, encode(body))
}

func (w *world) send(method, path, text string) (body map[string]any) {
	w.t.Helper()
	root := w.root()
	token, err := root.Token(w.t.Context(), root.Admin, "")
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.ping.URL()+"/v1/environments/"+w.app.Environment+"/"+path, strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.toPingOne.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %d %v, %v", method, path, resp.StatusCode, body, err)
	}
	return body
}

// The application is created, a user signs on with each new secret, and changes an
// attribute with the token.
func TestTestUserSignsOnWithEachNewSecret(t *testing.T) {
	w := onSockets(t, signedOn)
	id := w.addUser()
	if err := w.sm.TestOnly(t.Context(), orders); err != nil {
		t.Fatalf("before the application exists: %v", err)
	}
	seen := map[any]bool{nil: true}
	for round := range 3 {
		w.rotate()
		w.checkPromoted()
		nickname := w.readUser(id)["nickname"]
		if seen[nickname] {
			t.Errorf("nickname after rotation %d: got %v, want it changed", round+1, nickname)
		}
		seen[nickname] = true
		if err := w.sm.TestOnly(t.Context(), orders); err != nil {
			t.Errorf("the test of the settings: %v", err)
		}
		w.advance(25 * time.Hour)
	}
	if w.mints() != 2 {
		t.Errorf("mints: got %d, want 2", w.mints())
	}
	if got := w.log.lines()[3]["verified"]; got != "the test user signed on and changed nickname" {
		t.Errorf("verified: got %v", got)
	}
	w.checkSilent()
}

func TestSignOnWaitsUntilTheSecretWorks(t *testing.T) {
	w := onSockets(t, signedOn)
	w.addUser()
	w.rotate()
	w.advance(25 * time.Hour)
	w.ping.PropagationDelay(20 * time.Second)
	tried := w.ping.Count(pingonetest.OpSubmitFlow)
	w.rotate()
	w.checkPromoted()
	// Once before the mint, once in testSecret and once in finishSecret.
	if n := w.ping.Count(pingonetest.OpSubmitFlow) - tried; n != 3 {
		t.Errorf("passwords sent: got %d, want 3: none with a secret that is still refused", n)
	}
	w.advance(25 * time.Hour)
	exchanges := 0
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpToken && c.Target == w.client() {
			if exchanges++; exchanges < 3 {
				return fault.Denied
			}
		}
		return fault.None
	})
	w.rotate()
	w.checkPromoted()
}

// What would make every sign-on fail is found before the mint; otherwise AWSCURRENT would
// die at the end of its grace.
func TestTestUserThatCannotBeReadStopsTheRotationBeforeTheMint(t *testing.T) {
	const elsewhere = "11111111-2222-3333-4444-555555555555"
	with := func(member string, value any) string {
		u := testUser(elsewhere)
		if u[member] = value; value == nil {
			delete(u, member)
		}
		return encode(u)
	}
	for _, c := range []struct{ name, text, words string }{
		{"not JSON", "hunter2", "must be a JSON object"},
		{"no username", with("username", nil), "field username"},
		{"no password", with("password", nil), "field password"},
		{"a password that is a number", with("password", 9876543210), "field password"},
		{"no redirect URI", with("redirectUri", nil), "field redirectUri"},
		{"an attribute that is none", with("attribute", "a/b"), "field attribute"},
		{"an attribute to sign on with", with("attribute", "username"), "field attribute"},
		{"no environment", with("environmentId", nil), "field environmentId"},
		{"a user of another environment", with("environmentId", elsewhere), "field environmentId"},
		{"another secret", valid("", ""), "field username"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := onSockets(t, signedOn)
			w.addUser()
			w.rotate()
			w.advance(25 * time.Hour)
			w.sm.Put(testUserName, c.text)
			sent := w.ping.Count(pingonetest.OpSubmitFlow)
			err := w.rotateFails("createSecret", "the test user's secret "+testUserName, c.words)
			if w.mints() != 0 || w.ping.Count(pingonetest.OpSubmitFlow) != sent {
				t.Error("a secret was minted, or a password sent")
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "9876543210") {
				t.Error("the error quotes the secret")
			}
			w.sm.Put(testUserName, with("environmentId", w.app.Environment))
			w.retry()
			w.checkPromoted()
		})
	}
	t.Run("binary", func(t *testing.T) {
		w := onSockets(t, signedOn)
		w.addUser()
		w.sm.PutBinary(testUserName, []byte{1})
		w.rotateFails("binary")
	})
	t.Run("absent", func(t *testing.T) { onSockets(t, signedOn).rotateFails("read the test user's secret " + testUserName) })
}

func TestSignOnThatFailsPromotesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		user   map[string]any // members to replace
		verify map[string]any
		words  string
	}{
		{"wrong password", map[string]any{"password": "hunter22"}, nil, "check the username and password"},
		{"another redirect URI", map[string]any{"redirectUri": "https://evil.example"}, nil, "begin the authorization"},
		{"a scope that is not granted", map[string]any{"scope": "openid"}, nil, "invalid_scope"},
		{"a token without the right to update", map[string]any{"scope": "p1:read:user"}, nil, "the test user's token does not"},
		{"a claim that is missing", nil, map[string]any{"claims": map[string]any{"tenant": "a"}}, "tenant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := onSockets(t, signedOn)
			w.addUser()
			w.rotate()
			w.advance(25 * time.Hour)
			u := testUser(w.app.Environment)
			for member, value := range c.user {
				u[member] = value
			}
			w.sm.Put(testUserName, encode(u))
			if c.verify != nil {
				d := w.stored("AWSCURRENT")
				c.verify["userSecretId"] = testUserName
				d["rotation"].(map[string]any)["verify"] = c.verify
				w.sm.Put(orders, encode(d))
			}
			old := w.secret("AWSCURRENT")
			w.rotateFails("createSecret", "nothing was changed", c.words)
			if w.secret("AWSCURRENT") != old || !w.works() {
				t.Error("a secret that was not verified was promoted, or AWSCURRENT is dead")
			}
			w.checkSilent()
		})
	}
}

func TestCheckSaysWhyATestUserCannotSignOn(t *testing.T) {
	for _, c := range []struct {
		name          string
		user          map[string]any
		app           func(*pingonetest.Application)
		words, remedy string
	}{
		{"a scope that is not granted", map[string]any{"scope": "openid"}, nil, "the scope openid is not granted", "grant it"},
		{"another redirect URI", map[string]any{"redirectUri": "https://elsewhere.example"}, nil, "is not a redirect URI", "redirectUris"},
		{"no grant type", nil, func(a *pingonetest.Application) { a.GrantTypes, a.ResponseTypes = []string{"CLIENT_CREDENTIALS"}, nil }, "AUTHORIZATION_CODE", "grantTypes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := onSockets(t, signedOn)
			w.addUser()
			w.rotate()
			w.advance(25 * time.Hour)
			if f := point(w.check().Findings, "test user"); f.State != rotation.OK {
				t.Fatalf("before: got %+v", f)
			}
			u := testUser(w.app.Environment)
			for name, value := range c.user {
				u[name] = value
			}
			w.sm.Put(testUserName, encode(u))
			if c.app != nil {
				w.ping.UpdateApplication(w.app.Environment, w.client(), c.app)
			}
			got := w.check()
			if f := point(got.Findings, "test user"); got.WouldRotate || f.State != rotation.Failure || !strings.Contains(f.Detail, c.words) || !strings.Contains(f.Remedy, c.remedy) {
				t.Errorf("got would rotate %t, %+v, want %q, %q", got.WouldRotate, f, c.words, c.remedy)
			}
		})
	}
}
