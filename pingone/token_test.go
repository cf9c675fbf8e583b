package pingone_test

import (
	"cmp"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestTokenIsObtainedByEachMethodWithOneCall(t *testing.T) {
	for _, method := range pingone.AuthMethods() {
		t.Run(string(method), func(t *testing.T) {
			w := newWorld(t)
			app := w.AddApplication(pingonetest.Application{
				Type: "SERVICE", ClientID: "shop & söhne", Secret: "p@ss:wörd +%/=", // as an import may have them
				TokenEndpointAuthMethod: string(method),
				Audience:                "https://shop.example", Scopes: []string{"orders", "stock"}, TokenTTL: 5 * time.Minute,
			})
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			w.SetTime(now)
			w.client.Now = w.Now
			token, err := w.client.Token(t.Context(), w.credential(app), "")
			if err != nil {
				t.Fatal(err)
			}
			check(t, "calls", w.Count(""), 1)
			check(t, "token is the one issued", slices.Contains(w.Issued(), token.AccessToken.Reveal()), true)
			check(t, "expiry", token.ExpiresAt, now.Add(5*time.Minute))
			check(t, "scope", token.Scope, "orders stock")

			token, err = w.client.Token(t.Context(), w.credential(app), "stock")
			if err != nil {
				t.Fatal(err)
			}
			check(t, "scope asked for", token.Scope, "stock")
		})
	}
}

// The two forms of RFC 6749, section 2.3.1, byte for byte.
func TestCredentialsTravelInOnePlaceOnly(t *testing.T) {
	const id, secret = "shop:1", "p@ss:wörd +%"
	for _, tt := range []struct {
		method              pingone.AuthMethod
		authorization, body string
	}{
		{pingone.ClientSecretBasic, "Basic " + base64.StdEncoding.EncodeToString([]byte("shop%3A1:p%40ss%3Aw%C3%B6rd+%2B%25")),
			"grant_type=client_credentials&scope=a+b"},
		{pingone.ClientSecretPost, "",
			"client_id=shop%3A1&client_secret=p%40ss%3Aw%C3%B6rd+%2B%25&grant_type=client_credentials&scope=a+b"},
	} {
		var got *http.Request
		var body []byte
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			io.WriteString(w, `{"access_token":"t","token_type":"bearer","expires_in":60}`)
		}))
		defer s.Close()
		cred := pingone.Credential{Environment: pingone.Environment{Auth: s.URL}, ClientID: id, Secret: pingone.NewSecret(secret), Method: tt.method}
		if _, err := new(pingone.Client).Token(t.Context(), cred, "a b"); err != nil {
			t.Fatal(err)
		}
		check(t, "request", got.Method+" "+got.URL.String(), "POST /as/token")
		check(t, "Authorization", got.Header.Get("Authorization"), tt.authorization)
		check(t, "body", string(body), tt.body)
		check(t, "content type", got.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	}
}

func TestAnUnknownMethodIsRefusedBeforeAnyCall(t *testing.T) {
	w := newWorld(t)
	cred := w.credential(w.app)
	for _, method := range []pingone.AuthMethod{"", "NONE", "PRIVATE_KEY_JWT"} {
		cred.Method = method
		if _, err := w.client.Token(t.Context(), cred, ""); err == nil {
			t.Errorf("method %q: got a token, want an error", method)
		}
	}
	check(t, "calls", w.Count(""), 0)
}

func TestClaimsAreThoseOfTheIssuer(t *testing.T) {
	w := newWorld(t)
	shop := w.AddApplication(pingonetest.Application{
		Audience: "https://shop.example", Scopes: []string{"orders", "stock"}, Claims: map[string]any{"groups": []string{"g"}},
	})
	for _, tt := range []struct {
		name             string
		app              pingonetest.Application
		audience         string
		environment      string
		scope, notScope  string
		furtherClaimName string
	}{
		{"PingOne API", w.app, w.URL(), w.app.Environment, "", "orders", "org"},
		{"custom resource", shop, "https://shop.example", shop.Environment, "stock orders", "orders admin", "groups"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cred := w.credential(tt.app)
			token, err := w.client.Token(t.Context(), cred, "")
			if err != nil {
				t.Fatal(err)
			}
			claims, err := token.Claims()
			if err != nil {
				t.Fatal(err)
			}
			check(t, "iss", claims.Issuer, cred.Environment.Issuer())
			check(t, "client_id", claims.ClientID, tt.app.ClientID)
			check(t, "env", claims.Environment, tt.environment)
			check(t, "exp", claims.Expiry.UTC(), w.Now().Add(time.Hour))
			check(t, "has scopes", claims.HasScopes(tt.scope), true)
			check(t, "has other scopes", claims.HasScopes(tt.notScope), false)
			if !slices.Equal(claims.Audience, []string{tt.audience}) {
				t.Errorf("aud: got %v, want %s", claims.Audience, tt.audience)
			}
			if claims.All[tt.furtherClaimName] == nil {
				t.Errorf("got claims %v, want %s among them", slices.Sorted(maps.Keys(claims.All)), tt.furtherClaimName)
			}
		})
	}
}

func TestATokenThatIsNoJWTHasNoClaims(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for _, tt := range []struct{ name, payload, token string }{
		{name: "opaque", token: plain},
		{name: "not base64", token: "a.%.c"},
		{name: "not JSON", payload: plain},
		{name: "not an object", payload: `["` + plain + `"]`},
		{name: "wrong type", payload: `{"exp":"` + plain + `"}`},
		{name: "wrong audience", payload: `{"aud":{"` + plain + `":1}}`},
	} {
		token := pingone.Token{AccessToken: pingone.NewSecret(cmp.Or(tt.token, "h."+encode([]byte(tt.payload))+".s"))}
		if _, err := token.Claims(); err == nil {
			t.Errorf("%s: got claims, want an error", tt.name)
		} else {
			noLeak(t, err.Error(), plain)
		}
	}
	one := pingone.Token{AccessToken: pingone.NewSecret("h." + encode([]byte(`{"aud":"a"}`)) + ".s")}
	if claims, err := one.Claims(); err != nil || !slices.Equal(claims.Audience, []string{"a"}) {
		t.Errorf("audience as a string: got %+v, %v, want [a]", claims, err)
	}
}
