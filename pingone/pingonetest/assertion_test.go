package pingonetest_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

var clientKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// signed makes a client assertion; key is a secret or an RSA key.
func signed(algorithm, kid string, key any, claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"alg": algorithm, "kid": kid})
	payload, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	unsigned := encode(header) + "." + encode(payload)
	hash := hashes[algorithm[2:]]
	var signature []byte
	switch key := key.(type) {
	case string:
		mac := hmac.New(hash.New, []byte(key))
		mac.Write([]byte(unsigned))
		signature = mac.Sum(nil)
	case *rsa.PrivateKey:
		h := hash.New()
		h.Write([]byte(unsigned))
		signature, _ = rsa.SignPKCS1v15(nil, key, hash, h.Sum(nil))
	}
	return unsigned + "." + encode(signature)
}

func keySet(kid string, key *rsa.PrivateKey) string {
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"keys":[{"kty":"EC","kid":"other"},{"kty":"RSA","kid":%q,"n":%q,"e":%q}]}`,
		kid, encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
}

// claimsFor returns an assertion's claims, with some replaced; a nil removes one.
func (w *world) claimsFor(a pingonetest.Application, replaced map[string]any) map[string]any {
	claims := map[string]any{
		"iss": a.ClientID, "sub": a.ClientID, "aud": w.URL() + "/" + a.Environment + "/as/token",
		"exp": w.Now().Add(time.Minute).Unix(),
	}
	for name, value := range replaced {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

const bearerType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assert sends an assertion to the token endpoint; more parameters come as name, value.
func (w *world) assert(env, assertion string, form ...string) reply {
	w.t.Helper()
	form = append([]string{"client_assertion_type", bearerType, "client_assertion", assertion}, form...)
	return send(w.t, "POST", w.URL()+"/"+env+"/as/token", grant(form...), "Content-Type", formType)
}

func TestB57_SecretSignsAssertions(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT", Roles: w.admin.Roles})
	env := a.Environment
	for _, algorithm := range []string{"HS256", "HS384", "HS512"} {
		w.assert(env, signed(algorithm, "", a.Secret, w.claimsFor(a, nil))).want(t, 200)
		w.assert(env, signed(algorithm, "", "wrong", w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", badCredentials)
	}
	w.assert(env, signed("RS256", "", clientKey(), w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", unsupportedMethod)
	w.assert(env, signed("ES256", "", a.Secret, w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", unsupportedMethod)
	w.assert(env, signed("HS256", "", w.admin.Secret, w.claimsFor(w.admin, nil))).wantDenied(t, 401, "invalid_client", unsupportedMethod)
	w.assert(env, signed("HS256", "", a.Secret, w.claimsFor(a, nil)), "client_id", a.ClientID).want(t, 200)
	w.assert(env, signed("HS256", "", a.Secret, w.claimsFor(a, nil)), "grant_type", "password").want(t, 400, "error", "unauthorized_client")

	fresh := w.Regenerate(env, a.ID, time.Hour)
	w.Assume(pingonetest.Assumptions{})
	w.assert(env, signed("HS256", "", a.Secret, w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", badCredentials)
	check(t, "Authenticates with the previous one", w.Authenticates(env, a.ID, a.Secret), false)
	w.Assume(pingonetest.Assumptions{PreviousSigns: true})
	w.assert(env, signed("HS256", "", fresh, w.claimsFor(a, nil))).want(t, 200)
	w.assert(env, signed("HS256", "", a.Secret, w.claimsFor(a, map[string]any{"exp": 1}))).want(t, 401)
	check(t, "last used", w.Secret(env, a.ID).PreviousLastUsed, time.Time{})
	w.assert(env, signed("HS256", "", a.Secret, w.claimsFor(a, nil))).want(t, 200)
	check(t, "last used", w.Secret(env, a.ID).PreviousLastUsed, w.Now())
	check(t, "Authenticates", w.Authenticates(env, a.ID, a.Secret), true)
}

func TestB58_KeySignsAssertions(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	members, _ := json.Marshal(map[string]string{"tokenEndpointAuthMethod": "PRIVATE_KEY_JWT", "jwks": keySet("k1", clientKey())})
	made := w.in(env, "POST", "/applications", worker(string(members[1:len(members)-1])))
	made.want(t, 201, "jwks", keySet("k1", clientKey()))
	seeded := w.AddApplication(pingonetest.Application{
		TokenEndpointAuthMethod: "PRIVATE_KEY_JWT", JWKS: keySet("k1", clientKey()), Roles: w.admin.Roles,
	})
	for _, a := range []pingonetest.Application{{Environment: env, ID: made.at("id"), ClientID: made.at("id")}, seeded} {
		for _, algorithm := range []string{"RS256", "RS384", "RS512"} {
			w.assert(env, signed(algorithm, "k1", clientKey(), w.claimsFor(a, nil))).want(t, 200)
		}
		w.assert(env, signed("RS256", "", clientKey(), w.claimsFor(a, nil))).want(t, 200)
		w.assert(env, signed("RS256", "k2", clientKey(), w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", badCredentials)
		w.assert(env, signed("HS256", "", "secret", w.claimsFor(a, nil))).wantDenied(t, 401, "invalid_client", unsupportedMethod)
	}
	good := signed("RS256", "k1", clientKey(), w.claimsFor(seeded, nil))
	w.assert(env, good[:strings.LastIndex(good, ".")]+".AAAA").wantDenied(t, 401, "invalid_client", badCredentials)
	w.UpdateApplication(env, seeded.ID, func(a *pingonetest.Application) { a.JWKS = "" })
	w.assert(env, signed("RS256", "k1", clientKey(), w.claimsFor(seeded, nil))).wantDenied(t, 401, "invalid_client", badCredentials)
}

func TestB59_ClaimsOfAnAssertion(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT", Roles: w.admin.Roles})
	issuer := w.URL() + "/" + a.Environment + "/as"
	at := func(d time.Duration) int64 { return w.Now().Add(d).Unix() }
	for _, tt := range []struct {
		name   string
		claims map[string]any
		status int
	}{
		{"audience is the issuer", map[string]any{"aud": issuer}, 200},
		{"several audiences", map[string]any{"aud": []string{"https://example.com", issuer + "/token"}}, 200},
		{"another audience", map[string]any{"aud": "https://example.com"}, 401},
		{"another endpoint's URL", map[string]any{"aud": issuer + "/introspect"}, 401},
		{"no audience", map[string]any{"aud": nil}, 401},
		{"another issuer", map[string]any{"iss": w.admin.ID}, 401},
		{"no issuer", map[string]any{"iss": nil}, 401},
		{"another subject", map[string]any{"sub": w.admin.ID}, 401},
		{"no expiry", map[string]any{"exp": nil}, 401},
		{"expired", map[string]any{"exp": at(0)}, 401},
		{"expires in an hour", map[string]any{"exp": at(time.Hour)}, 200},
		{"expires later", map[string]any{"exp": at(time.Hour + time.Second)}, 401},
		{"valid from now", map[string]any{"nbf": at(0), "iat": at(0)}, 200},
		{"valid in future", map[string]any{"nbf": at(time.Second)}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := w.assert(a.Environment, signed("HS256", "", a.Secret, w.claimsFor(a, tt.claims)))
			if r.want(t, tt.status); tt.status == 401 {
				r.want(t, 401, "error", "invalid_client")
			}
		})
	}
	once := func() string { return signed("HS256", "", a.Secret, w.claimsFor(a, map[string]any{"jti": "one"})) }
	w.assert(a.Environment, once()).want(t, 200)
	w.assert(a.Environment, once()).wantDenied(t, 401, "invalid_client", badCredentials)
	w.Advance(2 * time.Minute)
	w.assert(a.Environment, once()).want(t, 200)
}

func TestB60_AssertionThatNobodyShouldSend(t *testing.T) {
	rec := &recorder{T: t}
	w := worldOn(t, pingonetest.Run(rec))
	a := w.AddApplication(pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"})
	good := signed("HS256", "", a.Secret, w.claimsFor(a, nil))
	forms := []url.Values{
		{"client_assertion": {good}},
		{"client_assertion_type": {bearerType}},
		{"client_assertion_type": {"saml"}, "client_assertion": {good}},
		{"client_assertion_type": {bearerType}, "client_assertion": {"a.b"}},
		{"client_assertion_type": {bearerType}, "client_assertion": {"e30.e30.%"}},
		{"client_assertion_type": {bearerType}, "client_assertion": {"e30.W10.AAAA"}},
		{"client_assertion_type": {bearerType}, "client_assertion": {good}, "client_id": {w.admin.ID}},
		{"client_assertion_type": {bearerType}, "client_assertion": {good}, "client_secret": {a.Secret}},
	}
	for _, form := range forms {
		form.Set("grant_type", "client_credentials")
		send(t, "POST", w.URL()+"/"+a.Environment+"/as/token", form.Encode(), "Content-Type", formType).want(t, 400, "error", "invalid_request")
	}
	w.Close()
	check(t, "complaints", len(rec.errors), len(forms))
}

// introspect asks about a token, with Basic credentials unless secret is empty.
func (w *world) introspect(env, id, secret, token string, form ...string) reply {
	w.t.Helper()
	v := url.Values{"token": {token}}
	for p := range slices.Chunk(form, 2) {
		v.Set(p[0], p[1])
	}
	headers := []string{"Content-Type", formType}
	if secret != "" {
		headers = append(headers, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	}
	return send(w.t, "POST", w.URL()+"/"+env+"/as/introspect", v.Encode(), headers...)
}

func TestB61_ApplicationIntrospectsItsOwnTokens(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{Environment: envA, Roles: w.admin.Roles})
	token := w.bearer(a)
	r := w.introspect(envA, a.ID, a.Secret, token)
	r.want(t, 200, "active", "true", "client_id", a.ID, "token_type", "Bearer", "iss", w.URL()+"/"+envA+"/as", "env", envA)
	check(t, "Cache-Control", r.header.Get("Cache-Control"), "no-store")
	for _, tt := range []struct{ id, secret, token string }{{a.ID, a.Secret, w.token}, {a.ID, a.Secret, "made-up"}} {
		check(t, "reply", w.introspect(envA, tt.id, tt.secret, tt.token).text, `{"active":false}`)
	}
	w.introspect(envA, a.ID, "wrong", token).wantDenied(t, 401, "invalid_client", badCredentials)
	w.introspect(envB, a.ID, a.Secret, token).wantDenied(t, 401, "invalid_client", badCredentials)
	w.introspect(envA, a.ID, "", token, "client_id", a.ID, "client_secret", a.Secret).wantDenied(t, 401, "invalid_client", unsupportedMethod)
	w.Advance(time.Hour)
	check(t, "expired", w.introspect(envA, a.ID, a.Secret, token).text, `{"active":false}`)

	signer := w.AddApplication(pingonetest.Application{Environment: envA, TokenEndpointAuthMethod: "CLIENT_SECRET_JWT", Roles: w.admin.Roles})
	issued := w.assert(envA, signed("HS256", "", signer.Secret, w.claimsFor(signer, nil))).at("access_token")
	assertion := signed("HS256", "", signer.Secret, w.claimsFor(signer, map[string]any{"aud": w.URL() + "/" + envA + "/as/introspect"}))
	w.introspect(envA, "", "", issued, "client_assertion_type", bearerType, "client_assertion", assertion).want(t, 200, "active", "true")

	w.Regenerate(envA, a.ID, time.Hour)
	w.introspect(envA, a.ID, a.Secret, token).want(t, 200)
	check(t, "last used", w.Secret(envA, a.ID).PreviousLastUsed, w.Now())
}

func TestB62_ResourceIntrospectsTokensForIt(t *testing.T) {
	w := newWorld(t)
	env := w.admin.Environment
	app := w.create(env, configured("WEB_APP", ""))
	for _, tt := range []struct {
		name, method string
		basic, body  bool
	}{
		{"Basic", "CLIENT_SECRET_BASIC", true, false},
		{"Post", "CLIENT_SECRET_POST", false, true},
		{"None", "NONE", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, scopes := w.resource(env, fmt.Sprintf(`{"name":%q,"introspectEndpointAuthMethod":%q}`, tt.name, tt.method), tt.name)
			w.api("POST", app, "/grants", grantBody(id, scopes[tt.name])).want(t, 201)
			token := basic(t, w.Server, env, app.ID, app.Secret, "scope", tt.name).at("access_token")
			secret := w.in(env, "GET", "/resources/"+id+"/secret", "").at("secret")
			inHeader := w.introspect(env, id, secret, token)
			inBody := w.introspect(env, "", "", token, "client_id", id, "client_secret", secret)
			for r, fits := range map[*reply]bool{&inHeader: tt.basic, &inBody: tt.body} {
				if fits {
					r.want(t, 200, "active", "true", "aud.0", tt.name, "scope", tt.name, "client_id", app.ID)
				} else {
					r.wantDenied(t, 401, "invalid_client", unsupportedMethod)
				}
			}
			w.introspect(env, app.ID, app.Secret, token).want(t, 200, "active", "true")
			if tt.basic {
				w.introspect(env, id, "wrong", token).wantDenied(t, 401, "invalid_client", badCredentials)
				check(t, "other token", w.introspect(env, id, secret, w.token).text, `{"active":false}`)
				w.in(env, "POST", "/resources/"+id+"/secret", retention(w.Now().Add(time.Hour)))
				w.introspect(env, id, secret, token).want(t, 200, "active", "true")
				w.in(env, "GET", "/resources/"+id+"/secret", "").want(t, 200, "previous.lastUsed", w.Now().Format("2006-01-02T15:04:05.000Z"))
			}
		})
	}
}
