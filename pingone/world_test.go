package pingone_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/canary"
	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// world is a PingOne with one admin, one application that it manages, and a client
// that acts as the admin. The client's waits are noted and take no time.
type world struct {
	*pingonetest.Server
	admin, app pingonetest.Application
	client     *pingone.Client

	mu    sync.Mutex
	waits []time.Duration
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := pingonetest.Run(t)
	w := &world{
		Server: s,
		admin:  s.AddApplication(pingonetest.Application{Name: "admin", Roles: roles("Environment Admin")}),
		app:    s.AddApplication(pingonetest.Application{Name: "app", Roles: roles("Identity Data Admin")}),
	}
	w.client = &pingone.Client{
		Admin:  w.credential(w.admin),
		Tokens: new(pingone.TokenCache),
		Wait: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.waits = append(w.waits, d)
			return context.Cause(ctx)
		},
	}
	return w
}

func roles(names ...string) []pingonetest.RoleAssignment {
	var all []pingonetest.RoleAssignment
	for _, n := range names {
		all = append(all, pingonetest.RoleAssignment{Role: n})
	}
	return all
}

// credential is the credential that the application shows the token endpoint.
func (w *world) credential(a pingonetest.Application) pingone.Credential {
	return pingone.Credential{
		Environment: pingone.Environment{ID: a.Environment, API: w.URL(), Auth: w.URL() + "/" + a.Environment},
		ClientID:    a.ClientID,
		Secret:      pingone.NewSecret(a.Secret),
		Method:      pingone.AuthMethod(a.TokenEndpointAuthMethod),
	}
}

// target is the application, as the owner of the secret.
func (w *world) target() pingone.Target { return application(w.app.Environment, w.app.ID) }

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// keyPair is an RSA key as its owner and as PingOne hold it. All tests share one, because
// making one takes longer than most of them.
func keyPair(t *testing.T) (private *rsa.PrivateKey, jwks string) {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return key, fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","n":%q,"e":%q}]}`, encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
}

func pemOf(kind string, der []byte) pingone.Secret {
	return pingone.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// keyHolder adds an admin application that has a key and no use for its secret.
func (w *world) keyHolder(t *testing.T) pingone.Credential {
	t.Helper()
	key, jwks := keyPair(t)
	cred := w.credential(w.AddApplication(pingonetest.Application{
		Roles: roles("Environment Admin"), TokenEndpointAuthMethod: "PRIVATE_KEY_JWT", JWKS: jwks,
	}))
	cred.PrivateKey = pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return cred
}

func (w *world) read(t *testing.T) (*pingone.ApplicationSecret, error) {
	return w.client.ReadSecret(t.Context(), w.target())
}

func (w *world) regenerate(t *testing.T, expires time.Time) pingone.Regeneration {
	return w.client.RegenerateSecret(t.Context(), w.target(), expires)
}

func (w *world) deletePrevious(t *testing.T) error {
	return w.client.DeletePreviousSecret(t.Context(), w.target())
}

// warm fetches the admin's token, so that a test counts only its own calls.
func (w *world) warm(t *testing.T) {
	t.Helper()
	if _, err := w.client.Application(t.Context(), w.app.Environment, w.app.ID); err != nil {
		t.Fatalf("first call: %v", err)
	}
}

// impatient makes the client give up a call as soon as the server hangs, as if the call's
// time were over.
func (w *world) impatient() {
	hung := make(chan struct{})
	w.After(func(_ fault.Call, k fault.Kind) {
		if k == fault.Hang || k == fault.HangApplied {
			hung <- struct{}{}
		}
	})
	w.client.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		ctx, giveUp := context.WithCancelCause(r.Context())
		go func() {
			select {
			case <-hung:
				giveUp(context.DeadlineExceeded)
			case <-ctx.Done():
				giveUp(nil)
			}
		}()
		return http.DefaultTransport.RoundTrip(r.WithContext(ctx))
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// noLeak fails if the text contains one of the secrets, plain or encoded.
func noLeak(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if canary.In(text, s) {
			t.Errorf("a secret leaks into %q", text)
		}
	}
}

func parseForm(t *testing.T, body io.Reader) url.Values {
	t.Helper()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return form
}
