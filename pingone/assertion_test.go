package pingone_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestAnAdminMayAuthenticateByAKey(t *testing.T) {
	key, _ := keyPair(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*pingone.Credential)
		want   string
	}{
		{"PKCS #1", func(*pingone.Credential) {}, ""},
		{"PKCS #8", func(c *pingone.Credential) { c.PrivateKey = pemOf("PRIVATE KEY", pkcs8) }, ""},
		{"named key", func(c *pingone.Credential) { c.KeyID = "k1" }, ""},
		{"without a secret", func(c *pingone.Credential) { c.Secret = pingone.Secret{} }, ""},
		{"another key's name", func(c *pingone.Credential) { c.KeyID = "k2" }, "rejected"},
		{"the secret instead", func(c *pingone.Credential) { c.Method = pingone.ClientSecretJWT }, "wrong method"},
		{"another client", func(c *pingone.Credential) { c.ClientID = someUUID }, "rejected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.client.Admin = w.keyHolder(t)
			tt.change(&w.client.Admin)
			_, err := w.read(t)
			check(t, "answers", answers(err), tt.want)
			check(t, "succeeds", err == nil, tt.want == "")
			if err != nil {
				noLeak(t, err.Error(), append(w.Issued(), w.client.Admin.PrivateKey.Reveal())...)
			}
		})
	}
}

func TestAKeyThatIsNoneIsRefusedBeforeAnyCall(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curvePKCS8, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		key  pingone.Secret
	}{
		{"none", pingone.Secret{}},
		{"no PEM", pingone.NewSecret(plain)},
		{"PEM of something else", pemOf("RSA PRIVATE KEY", []byte(plain))},
		{"too short", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short))},
		{"elliptic curve", pemOf("PRIVATE KEY", curvePKCS8)},
	} {
		w := newWorld(t)
		w.client.Admin = w.keyHolder(t)
		w.client.Admin.PrivateKey = tt.key
		got := w.client.RegenerateSecret(t.Context(), w.target(), time.Time{})
		check(t, tt.name+": outcome", got.Outcome, pingone.Refused)
		if got.Err == nil || !strings.Contains(got.Err.Error(), "private key") || pingone.IsTemporary(got.Err) {
			t.Errorf("%s: got %v, want an error about the key", tt.name, got.Err)
		}
		noLeak(t, got.Err.Error(), plain)
		check(t, tt.name+": calls", w.Count(""), 0)
	}
}

func TestEachAttemptHasAnAssertionOfItsOwn(t *testing.T) {
	w := newWorld(t)
	secretHolder := w.credential(w.AddApplication(pingonetest.Application{Roles: roles("Identity Data Admin"), TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"}))
	for _, cred := range []pingone.Credential{secretHolder, w.keyHolder(t)} {
		t.Run(string(cred.Method), func(t *testing.T) {
			var assertions []string
			w.client.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				body, err := r.GetBody()
				if err != nil {
					return nil, err
				}
				form := parseForm(t, body)
				check(t, "type", form.Get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
				check(t, "Authorization", r.Header.Get("Authorization"), "")
				check(t, "secret in the form", form.Has("client_secret"), false)
				assertions = append(assertions, form.Get("client_assertion"))
				return http.DefaultTransport.RoundTrip(r)
			})}
			// The reply is lost after PingOne has taken the assertion, which it would not
			// take again.
			w.Fail(pingonetest.OpToken, fault.ReplyLost, fault.ReplyLost)
			before := time.Now()
			if _, err := w.client.Token(t.Context(), cred, ""); err != nil {
				t.Fatal(err)
			}
			check(t, "attempts", len(assertions), 3)
			ids := make(map[string]bool)
			for _, a := range assertions {
				claims := claimsOf(t, a)
				check(t, "iss", claims.Issuer, cred.ClientID)
				check(t, "sub", claims.Subject, cred.ClientID)
				check(t, "aud", claims.Audience, cred.Environment.TokenEndpoint())
				check(t, "life", claims.Expires-claims.Issued, 5*60)
				check(t, "iat is now", claims.Issued >= before.Unix() && claims.Issued <= time.Now().Unix(), true)
				ids[claims.ID] = true
			}
			check(t, "ids", len(ids), 3)
		})
	}
}

type assertionClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

func claimsOf(t *testing.T, assertion string) (claims assertionClaims) {
	t.Helper()
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		t.Fatalf("got %q, want a JWT", assertion)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestATokenBelongsToTheKeyThatObtainedIt(t *testing.T) {
	w := newWorld(t)
	w.client.Admin = w.keyHolder(t)
	w.warm(t)
	w.client.Admin.KeyID = "k2"
	if _, err := w.read(t); !pingone.IsRejected(err) {
		t.Errorf("got %v, want a rejection", err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w.client.Admin.KeyID = ""
	w.warm(t)
	w.client.Admin.PrivateKey = pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(other))
	if _, err := w.read(t); !pingone.IsRejected(err) {
		t.Errorf("got %v, want a rejection", err)
	}
}
