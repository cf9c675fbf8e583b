package rotation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestTargetsRotateByEachMethod(t *testing.T) {
	for _, method := range pingone.AuthMethods() {
		t.Run(string(method), func(t *testing.T) {
			w := onSockets(t, withApp(pingonetest.Application{TokenEndpointAuthMethod: string(method)}))
			for range 2 {
				old := w.secret("AWSCURRENT")
				w.rotate()
				w.checkPromoted()
				// PingOne may verify no assertion signed with the previous secret. Then the
				// step that minted also promotes the new one.
				if lives := w.accepts(old); lives == (method == pingone.ClientSecretJWT) || !w.works() {
					t.Errorf("the replaced secret is accepted: %t; AWSCURRENT works: %t", lives, w.works())
				}
				w.advance(25 * time.Hour)
			}
			if w.mints() != 2 {
				t.Errorf("mints: got %d, want 2", w.mints())
			}
			w.checkSilent()
		})
	}
}

// adminKey is one for all tests, because to make one takes longer than most of them.
var adminKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// keyed gives the admin application a key, and returns its document without a secret.
func (w *world) keyed() map[string]any {
	w.t.Helper()
	key, err := adminKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
		encode := base64.RawURLEncoding.EncodeToString
		a.TokenEndpointAuthMethod = "PRIVATE_KEY_JWT"
		a.JWKS = fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","n":%q,"e":%q}]}`, encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
	})
	d := w.adminDocument()
	delete(d, "clientSecret")
	d["tokenEndpointAuthMethod"] = "PRIVATE_KEY_JWT"
	d["privateKey"] = pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return d
}

func TestAdminsAuthenticateByEachMethod(t *testing.T) {
	for _, method := range pingone.AdminAuthMethods() {
		t.Run(string(method), func(t *testing.T) {
			w := onSockets(t)
			w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = string(method) })
			d := w.adminDocument()
			d["tokenEndpointAuthMethod"] = string(method)
			if method == pingone.PrivateKeyJWT {
				d = w.keyed()
				d["keyId"] = "k1"
			}
			w.sm.Put(adminName, encode(d))
			w.rotate()
			w.checkPromoted()
			w.checkSilent()
			if method == pingone.PrivateKeyJWT && strings.Contains(w.log.String(), d["privateKey"].(string)[40:80]) {
				t.Error("the private key has reached the log")
			}
		})
	}
}

func TestBadKeyOfAnAdminIsOneClearError(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curveDER, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		key   any
		words string
	}{
		{"none", nil, "field privateKey: is missing"},
		{"empty", "", "field privateKey: is missing"},
		{"an object", map[string]any{"kty": "hunter2"}, "field privateKey: must be a string"},
		{"no PEM", "hunter2", "field privateKey: the private key is not in PEM"},
		{"PEM of something else", pemOf("RSA PRIVATE KEY", []byte("hunter2")), "field privateKey: the private key must be"},
		{"too short", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short)), "field privateKey: the private key must be"},
		{"elliptic curve", pemOf("PRIVATE KEY", curveDER), "field privateKey: the private key must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := onSockets(t)
			d := w.keyed()
			d["privateKey"] = c.key
			if c.key == nil {
				delete(d, "privateKey")
			}
			w.sm.Put(adminName, encode(d))
			err := w.rotateFails("createSecret", "the admin secret "+adminName, c.words)
			if n := len(w.ping.Calls()); n != 0 {
				t.Errorf("calls to PingOne: got %d, want none", n)
			}
			quoted := []string{"hunter2", "BEGIN"}
			if text, ok := c.key.(string); ok && len(text) > 100 {
				quoted = append(quoted, text[60:90])
			}
			for _, q := range quoted {
				if strings.Contains(err.Error()+w.log.String(), q) {
					t.Errorf("the error quotes the key: %v", err)
				}
			}
		})
	}
}

// webApp signs users on, and gets no token for itself.
var webApp = pingonetest.Application{
	Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"},
	RedirectURIs: []string{"https://shop.example/callback"}, Roles: []pingonetest.RoleAssignment{},
}

func TestRefusalOfTheGrantIsConfirmedByIntrospection(t *testing.T) {
	for _, c := range []struct {
		name  string
		kinds []fault.Kind
		wrong string // in the error; "" for success
	}{
		{"accepted", nil, ""},
		{"refused at first", []fault.Kind{fault.Denied, fault.Denied, fault.Denied}, ""},
		{"busy at first", []fault.Kind{fault.Throttled, fault.Unavailable}, ""},
		{"refused for good", many(fault.Denied), "show PingOne its current secret, for 10s"},
		{"busy for good", many(fault.Throttled), "answered 429"},
		{"not in PingOne's form", many(fault.Malformed), "introspect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := onSockets(t, withApp(webApp))
			old := w.secret("AWSCURRENT")
			w.ping.Fail(pingonetest.OpIntrospect, c.kinds...)
			if c.wrong != "" {
				w.rotateFails("createSecret", "nothing was changed", c.wrong)
				if got := w.log.lines()[0]["verified"]; got != nil || w.mints() != 0 {
					t.Errorf("verified: got %v and %d mints, want neither", got, w.mints())
				}
				if w.secret("AWSCURRENT") != old || !w.accepts(old) {
					t.Error("a secret that was not verified was promoted, or AWSCURRENT is dead")
				}
				return
			}
			w.rotate()
			w.checkPromoted()
			if got := w.log.lines()[2]["verified"]; got != "credential accepted, no token granted" {
				t.Errorf("verified: got %v", got)
			}
		})
	}
}

func many(kind fault.Kind) (all []fault.Kind) {
	for range 40 {
		all = append(all, kind)
	}
	return all
}

func TestTokenNeedsNoIntrospection(t *testing.T) {
	w := onSockets(t)
	w.rotate()
	if n := w.ping.Count(pingonetest.OpIntrospect); n != 0 {
		t.Errorf("introspections: got %d, want none where a token was granted", n)
	}
}
