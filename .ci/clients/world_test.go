// Package clients drives the stand-ins with clients that others wrote: PingOne's with a
// public SDK, an OAuth 2.0 client and an OpenID Connect relying party, Secrets
// Manager's with AWS's SDK for Python and with its command line. What all of them
// understand, and can do their work with, was not made up for our own client.
//
// It is a module apart, so that the product depends on none of them. The run script
// beside it runs everything.
package clients

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patrickcping/pingone-go-sdk-v2/management"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"pingrotate/pingone/pingonetest"
)

// world is PingOne with an administrator, and the SDK that acts for it.
type world struct {
	*pingonetest.Server
	t     *testing.T
	base  string       // URL under which clients know it
	http  *http.Client // that trusts its certificate
	admin pingonetest.Application
	sdk   *management.APIClient
}

// each runs a test with PingOne as it is, and behind TLS.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("http", func(t *testing.T) {
		p := pingonetest.Run(t)
		test(t, newWorld(t, p, p.URL(), &http.Client{Transport: &http.Transport{}}))
	})
	t.Run("https", func(t *testing.T) {
		p := pingonetest.Run(t)
		secure := httptest.NewUnstartedServer(p)
		secure.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
		secure.StartTLS()
		t.Cleanup(secure.Close)
		test(t, newWorld(t, p, secure.URL, secure.Client()))
	})
}

func newWorld(t *testing.T, p *pingonetest.Server, base string, client *http.Client) *world {
	w := &world{Server: p, t: t, base: base, http: client}
	w.admin = p.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{
		{Role: "Environment Admin"}, {Role: "Identity Data Admin"},
	}})
	w.sdk = w.client(w.admin)
	return w
}

// context makes golang.org/x/oauth2 and go-oidc use the client that trusts the server.
func (w *world) context() context.Context {
	return context.WithValue(w.t.Context(), oauth2.HTTPClient, w.http)
}

func (w *world) issuer(env string) string { return w.base + "/" + env + "/as" }

// credentials is how an application obtains tokens, by its own method.
func (w *world) credentials(a pingonetest.Application, secret string, scopes ...string) *clientcredentials.Config {
	style := oauth2.AuthStyleInHeader
	if a.TokenEndpointAuthMethod == "CLIENT_SECRET_POST" {
		style = oauth2.AuthStyleInParams
	}
	return &clientcredentials.Config{
		ClientID: a.ClientID, ClientSecret: secret, TokenURL: w.issuer(a.Environment) + "/token", Scopes: scopes, AuthStyle: style,
	}
}

// client returns the SDK as an application uses it, with the tokens of
// golang.org/x/oauth2.
func (w *world) client(a pingonetest.Application) *management.APIClient {
	w.t.Helper()
	scheme, host, _ := strings.Cut(w.base, "://")
	c := management.NewConfiguration()
	c.SetDefaultServerIndex(1)
	for name, value := range map[string]string{"protocol": scheme, "baseHostname": host} {
		if err := c.SetDefaultServerVariableDefaultValue(name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	c.HTTPClient = w.credentials(a, a.Secret).Client(w.context())
	return management.NewAPIClient(c)
}

// done returns what the SDK answers, and ends the test at an error.
func done[T any](t *testing.T) func(T, *http.Response, error) T {
	return func(answer T, _ *http.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("the SDK: %v", explained(err))
		}
		return answer
	}
}

// gone is for calls whose answer has no body.
func gone(t *testing.T, r *http.Response, err error) {
	t.Helper()
	if err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatalf("the SDK: got %v, want 204 without an error", explained(err))
	}
}

// explained adds what PingOne said to an error of the SDK.
func explained(err error) any {
	if said, ok := err.(*management.GenericOpenAPIError); ok {
		return said.Error() + " " + string(said.Body())
	}
	return err
}

// all collects the pages of a collection.
func all[T any](t *testing.T, pages management.EntityArrayPagedIterator, of func(management.EntityArrayEmbedded) []T) []T {
	t.Helper()
	var found []T
	for page, err := range pages {
		if err != nil {
			t.Fatalf("the SDK: %v", explained(err))
		}
		found = append(found, of(page.EntityArray.GetEmbedded())...)
	}
	return found
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
