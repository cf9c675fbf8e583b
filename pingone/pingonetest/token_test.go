package pingonetest_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

// inBody asks for a token with the credentials in the body.
func inBody(t *testing.T, s *pingonetest.Server, env, id, secret string) reply {
	t.Helper()
	return send(t, "POST", s.URL()+"/"+env+"/as/token", grant("client_id", id, "client_secret", secret), "Content-Type", formType)
}

// wantDenied checks an OAuth error, and that its description ends in a correlation id.
func (r reply) wantDenied(t *testing.T, status int, code, description string) {
	t.Helper()
	r.want(t, status, "error", code)
	want := regexp.QuoteMeta(description) + ` \(Correlation ID: [0-9a-f-]{36}\)$`
	if got := r.at("error_description"); !regexp.MustCompile("^" + want).MatchString(got) {
		t.Errorf("description: got %q, want %q with a correlation id", got, description)
	}
}

const (
	badCredentials    = "Request denied: Invalid client credentials"
	unsupportedMethod = "Request denied: Unsupported authentication method"
)

func TestB26_CredentialsInOnePlace(t *testing.T) {
	rec := &recorder{T: t}
	w := worldOn(t, pingonetest.Run(rec))
	a := w.admin
	for _, extra := range [][]string{{"client_id", a.ID}, {"client_secret", a.Secret}} {
		basic(t, w.Server, a.Environment, a.ID, a.Secret, extra...).want(t, 400, "error", "invalid_request")
	}
	w.Close()
	check(t, "complaints", len(rec.errors), 2)
}

func TestB27_WrongCredentialsLookAlike(t *testing.T) {
	w := newWorld(t)
	a := w.admin
	saml := w.AddApplication(pingonetest.Application{Protocol: "SAML", Secret: "unused"})
	for name, r := range map[string]reply{
		"wrong secret":        basic(t, w.Server, a.Environment, a.ID, "wrong"),
		"empty secret":        basic(t, w.Server, a.Environment, a.ID, ""),
		"unknown client":      basic(t, w.Server, a.Environment, envA, a.Secret),
		"another environment": basic(t, w.Server, envA, a.ID, a.Secret),
		"not OpenID Connect":  basic(t, w.Server, saml.Environment, saml.ID, saml.Secret),
		"no credentials":      send(t, "POST", w.URL()+"/"+a.Environment+"/as/token", grant(), "Content-Type", formType),
	} {
		t.Run(name, func(t *testing.T) { r.wantDenied(t, 401, "invalid_client", badCredentials) })
	}
	check(t, "Authenticates with nothing", w.Authenticates(a.Environment, a.ID, ""), false)
	check(t, "Authenticates elsewhere", w.Authenticates(envA, a.ID, a.Secret), false)
}

func TestB28_MethodMustBeTheApplicationsOwn(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method      string
		basic, body bool
		usesASecret bool
	}{
		{"CLIENT_SECRET_BASIC", true, false, true},
		{"CLIENT_SECRET_POST", false, true, true},
		{"CLIENT_SECRET_JWT", false, false, true},
		{"PRIVATE_KEY_JWT", false, false, false},
		{"NONE", false, false, false},
	} {
		t.Run(tt.method, func(t *testing.T) {
			a := w.AddApplication(pingonetest.Application{TokenEndpointAuthMethod: tt.method, Roles: w.admin.Roles})
			check(t, "Authenticates", w.Authenticates(a.Environment, a.ID, a.Secret), tt.usesASecret)
			for _, ask := range []struct {
				fits bool
				with func(*testing.T, *pingonetest.Server, string) reply
			}{
				{tt.basic, func(t *testing.T, s *pingonetest.Server, secret string) reply {
					return basic(t, s, a.Environment, a.ID, secret)
				}},
				{tt.body, func(t *testing.T, s *pingonetest.Server, secret string) reply {
					return inBody(t, s, a.Environment, a.ID, secret)
				}},
			} {
				if ask.fits {
					ask.with(t, w.Server, a.Secret).want(t, 200)
					continue
				}
				ask.with(t, w.Server, a.Secret).wantDenied(t, 401, "invalid_client", unsupportedMethod)
				ask.with(t, w.Server, "wrong").wantDenied(t, 401, "invalid_client", unsupportedMethod)
			}
		})
	}
}

func TestB29_DisabledLooksLikeWrongCredentials(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles, Disabled: true})
	basic(t, w.Server, a.Environment, a.ID, a.Secret).wantDenied(t, 401, "invalid_client", badCredentials)
	check(t, "Authenticates", w.Authenticates(a.Environment, a.ID, a.Secret), false)
	w.api("GET", a, "/secret", "").want(t, 200, "secret", a.Secret)
	fresh := w.regenerate(a, time.Hour)
	fresh.want(t, 200, "previous.secret", a.Secret)
	basic(t, w.Server, a.Environment, a.ID, fresh.at("secret")).wantDenied(t, 401, "invalid_client", badCredentials)
}

func TestB30_AuthenticationComesFirst(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name              string
		app               pingonetest.Application
		form              []string
		code, description string
	}{
		{"no grant", pingonetest.Application{GrantTypes: []string{"AUTHORIZATION_CODE"}}, nil, "unauthorized_client", "Unsupported grant type: client_credentials"},
		{"another grant", pingonetest.Application{}, []string{"grant_type", "password"}, "unauthorized_client", "Unsupported grant type: password"},
		{"worker without roles", pingonetest.Application{}, nil, "access_denied", "Application does not have any role assignments"},
		{"web application without scopes", pingonetest.Application{Type: "WEB_APP"}, nil, "invalid_scope", "At least one scope must be granted"},
		{"scope that a worker cannot have", pingonetest.Application{Roles: w.admin.Roles}, []string{"scope", "p1:read:user"}, "invalid_scope", "At least one scope must be granted"},
		{"scope that was not granted", pingonetest.Application{Audience: "shop", Scopes: []string{"read"}}, []string{"scope", "read write"}, "invalid_scope", "At least one scope must be granted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := w.AddApplication(tt.app)
			basic(t, w.Server, a.Environment, a.ID, a.Secret, tt.form...).wantDenied(t, 400, tt.code, tt.description)
			basic(t, w.Server, a.Environment, a.ID, "wrong", tt.form...).wantDenied(t, 401, "invalid_client", badCredentials)
			check(t, "Authenticates", w.Authenticates(a.Environment, a.ID, a.Secret), true)
		})
	}
}

func TestB31_BasicCredentialsAreFormEncoded(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{ClientID: "shop: client+1", Secret: "p%40ss word/ü:+", Roles: w.admin.Roles})
	basic(t, w.Server, a.Environment, a.ClientID, a.Secret).want(t, 200)
	inRaw := &http.Request{Header: http.Header{}}
	inRaw.SetBasicAuth("shop: client+1", "p%zz")
	send(t, "POST", w.URL()+"/"+a.Environment+"/as/token", grant(), "Content-Type", formType,
		"Authorization", inRaw.Header.Get("Authorization")).wantDenied(t, 401, "invalid_client", badCredentials)
}

func TestB32_TokenForThePingOneAPI(t *testing.T) {
	w := newWorld(t)
	a := w.admin
	r := basic(t, w.Server, a.Environment, a.ID, a.Secret)
	r.want(t, 200, "token_type", "Bearer", "expires_in", "3600", "scope", "", "refresh_token", "")
	check(t, "Cache-Control", r.header.Get("Cache-Control"), "no-store")
	claims := claimsOf(t, r.at("access_token"))
	org, _ := claims["org"].(string)
	check(t, "organization", org, a.Roles[0].ScopeID)
	wantClaims(t, claims, map[string]any{
		"iss": w.URL() + "/" + a.Environment + "/as", "aud": []any{w.URL()}, "client_id": a.ID,
		"env": a.Environment, "iat": float64(w.Now().Unix()), "exp": float64(w.Now().Add(time.Hour).Unix()),
		"scope": nil, "sub": nil,
	})
	if again := basic(t, w.Server, a.Environment, a.ID, a.Secret); again.at("access_token") == r.at("access_token") {
		t.Error("two requests at one instant: got the same token, want two")
	}
}

func TestB33_TokenForACustomResource(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{
		Type: "WEB_APP", Audience: "https://self-service-api.example", Scopes: []string{"read", "write"}, TokenTTL: 10 * time.Minute,
		Claims: map[string]any{"groups": []string{"dev-tls-admin"}, "iss": "forged"},
	})
	all := basic(t, w.Server, a.Environment, a.ID, a.Secret)
	all.want(t, 200, "expires_in", "600", "scope", "read write")
	wantClaims(t, claimsOf(t, all.at("access_token")), map[string]any{
		"iss": w.URL() + "/" + a.Environment + "/as", "aud": []any{"https://self-service-api.example"}, "scope": "read write",
		"groups": []any{"dev-tls-admin"}, "env": a.Environment, "exp": float64(w.Now().Add(10 * time.Minute).Unix()),
	})
	basic(t, w.Server, a.Environment, a.ID, a.Secret, "scope", "write").want(t, 200, "scope", "write")

	claims := claimsOf(t, all.at("access_token"))
	check(t, "org as in tokens for the PingOne API", claims["org"], claimsOf(t, w.token)["org"])
	check(t, "p1.rid is there", claims["p1.rid"] != nil, true)
	w.Assume(pingonetest.Assumptions{NoEnvironmentClaim: true})
	bare := basic(t, w.Server, a.Environment, a.ID, a.Secret)
	wantClaims(t, claimsOf(t, bare.at("access_token")), map[string]any{"env": nil, "org": nil, "groups": []any{"dev-tls-admin"}})
}

func TestB79_AccessTokensMayHaveAType(t *testing.T) {
	w := newWorld(t)
	header := func(token string) string {
		part, _, _ := strings.Cut(token, ".")
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	check(t, "type", strings.Contains(header(w.token), `"typ"`), false)
	w.Assume(pingonetest.Assumptions{TypedTokens: true})
	check(t, "type from 2027", strings.Contains(header(w.bearer(w.admin)), `"typ":"at+jwt"`), true)
}

func TestB34_CustomDomain(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{Environment: envB, TokenEndpointAuthMethod: "CLIENT_SECRET_POST", Roles: w.admin.Roles})
	w.CustomDomain(envB)
	r := send(t, "POST", w.URL()+"/as/token", grant("client_id", a.ID, "client_secret", a.Secret), "Content-Type", formType)
	r.want(t, 200)
	wantClaims(t, claimsOf(t, r.at("access_token")), map[string]any{"iss": w.URL() + "/as", "env": envB})
	send(t, "GET", w.URL()+"/as/.well-known/openid-configuration", "").want(t, 200,
		"issuer", w.URL()+"/as", "token_endpoint", w.URL()+"/as/token")
}

func TestURLsFollowTheScheme(t *testing.T) {
	w := newWorld(t)
	w.CustomDomain(w.admin.Environment)
	secure := httptest.NewTLSServer(w.Server)
	defer secure.Close()
	proxied := []string{"X-Forwarded-Proto", "https"}
	for _, row := range []struct {
		name, base, want string
		client           *http.Client
		headers          []string
	}{
		{"plain", w.URL(), w.URL(), http.DefaultClient, nil},
		{"TLS", secure.URL, secure.URL, secure.Client(), nil},
		{"behind a proxy that ends TLS", w.URL(), "https://" + w.Addr(), http.DefaultClient, proxied},
	} {
		t.Run(row.name, func(t *testing.T) {
			get := func(path string, headers ...string) reply {
				r, err := http.NewRequestWithContext(t.Context(), "GET", row.base+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				for h := range slices.Chunk(append(headers, row.headers...), 2) {
					r.Header.Set(h[0], h[1])
				}
				res, err := row.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				return parsed(res, b)
			}
			env := w.admin.Environment
			for prefix, issuer := range map[string]string{"/" + env: row.want + "/" + env + "/as", "": row.want + "/as"} {
				get(prefix+"/as/.well-known/openid-configuration").want(t, 200,
					"issuer", issuer, "token_endpoint", issuer+"/token", "jwks_uri", issuer+"/jwks", "userinfo_endpoint", issuer+"/userinfo")
			}
			get("/v1/environments/"+env, "Authorization", "Bearer "+w.token).want(t, 200, "_links.self.href", row.want+"/v1/environments/"+env)
		})
	}
}

func TestB36_SignatureVerifies(t *testing.T) {
	w := newWorld(t)
	base := strings.Replace(w.URL(), "127.0.0.1", "localhost", 1) // another name for the same server
	issuer := base + "/" + w.admin.Environment + "/as"
	discovery := send(t, "GET", issuer+"/.well-known/openid-configuration", "")
	discovery.want(t, 200, "issuer", issuer, "token_endpoint", issuer+"/token", "jwks_uri", issuer+"/jwks")
	keys := send(t, "GET", discovery.at("jwks_uri"), "")
	keys.want(t, 200, "keys.0.kty", "RSA", "keys.0.alg", "RS256")

	parts := strings.Split(w.token, ".")
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(decode(t, parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	check(t, "alg", header.Alg, "RS256")
	check(t, "kid", header.Kid, keys.at("keys.0.kid"))
	public := &rsa.PublicKey{
		N: new(big.Int).SetBytes(decode(t, keys.at("keys.0.n"))),
		E: int(new(big.Int).SetBytes(decode(t, keys.at("keys.0.e"))).Int64()),
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], decode(t, parts[2])); err != nil {
		t.Errorf("verifying the signature: %v", err)
	}
	send(t, "GET", base+"/"+envB+"/as/jwks", "").want(t, 404, "code", "NOT_FOUND")
}

func decode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token: got %d parts, want 3", len(parts))
	}
	var claims map[string]any
	if err := json.Unmarshal(decode(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func wantClaims(t *testing.T, got, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("claim %s: got %v, want %v", name, got[name], value)
		}
	}
}
