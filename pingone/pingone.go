// Package pingone is a client for everything that rotating the client secret of a
// PingOne application or custom resource needs: configure the application with its
// roles and grants, read and regenerate its secret, and show by a token, an
// introspection or a whole sign-on that the secret works.
//
// A [Client] acts for one admin application. It repeats reads and whatever else is safe
// to repeat. It sends the one call that cannot be undone, [Client.RegenerateSecret],
// exactly once, and says so if it does not know the outcome. Calls that create something
// are sent once too.
//
// Secrets travel as [Secret], which prints as a mask. No error of this package
// carries a request's or a reply's body.
package pingone

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Region is the geography of an organization; it decides the hosts.
type Region string

// The regions, as the console names them. AP holds older tenants in Asia.
const (
	NA Region = "NA"
	CA Region = "CA"
	EU Region = "EU"
	AU Region = "AU"
	SG Region = "SG"
	AP Region = "AP"
)

var domains = map[Region]string{
	NA: "pingone.com", CA: "pingone.ca", EU: "pingone.eu",
	AU: "pingone.com.au", SG: "pingone.sg", AP: "pingone.asia",
}

// ParseRegion returns the region with the code given. There is no default: a
// credential sent to the wrong region has left its jurisdiction.
func ParseRegion(code string) (Region, error) {
	if _, ok := domains[Region(code)]; !ok {
		return "", errors.New("must be one of NA, CA, EU, AU, SG, AP")
	}
	return Region(code), nil
}

// Environment returns the addresses of the environment with the id given.
func (r Region) Environment(id string) Environment {
	return environment(domains[r], id)
}

func environment(domain, id string) Environment {
	return Environment{
		ID:   id,
		API:  "https://api." + domain,
		Auth: "https://auth." + domain + "/" + id,
	}
}

// An Environment says where one PingOne environment is served.
type Environment struct {
	ID   string // UUID
	API  string // base URL of the platform API, without /v1
	Auth string // base URL before /as: with the id on a regional host, without it on a custom domain
}

// TokenEndpoint returns the URL that issues tokens to the environment's applications.
func (e Environment) TokenEndpoint() string { return e.Auth + "/as/token" }

// Issuer returns the iss claim of the environment's tokens.
func (e Environment) Issuer() string { return e.Auth + "/as" }

// An AuthMethod is how an application authenticates at the token endpoint, in the
// words of its tokenEndpointAuthMethod.
type AuthMethod string

const (
	ClientSecretBasic AuthMethod = "CLIENT_SECRET_BASIC" // RFC 6749, section 2.3.1, in the header
	ClientSecretPost  AuthMethod = "CLIENT_SECRET_POST"  // RFC 6749, section 2.3.1, in the body
	ClientSecretJWT   AuthMethod = "CLIENT_SECRET_JWT"   // RFC 7523, signed with the secret
	PrivateKeyJWT     AuthMethod = "PRIVATE_KEY_JWT"     // RFC 7523, signed with a key that PingOne never sees
)

// AuthMethods lists the methods that use a client secret.
func AuthMethods() []AuthMethod {
	return []AuthMethod{ClientSecretBasic, ClientSecretPost, ClientSecretJWT}
}

// AdminAuthMethods lists all methods that this client can use. An admin application may
// have a key instead of a secret, and then has no secret to rotate.
func AdminAuthMethods() []AuthMethod { return append(AuthMethods(), PrivateKeyJWT) }

// Supported reports whether the method uses a client secret, which can be rotated.
func (m AuthMethod) Supported() bool { return slices.Contains(AuthMethods(), m) }

// A Credential is what an application presents to the token endpoint.
type Credential struct {
	Environment Environment
	ClientID    string
	Secret      Secret
	Method      AuthMethod

	// For PrivateKeyJWT in place of Secret: an RSA key in PEM, PKCS #8 or PKCS #1, and
	// its kid in the application's key set, which may be empty.
	PrivateKey Secret
	KeyID      string
}

// A Client calls PingOne on behalf of an admin application. It is a plain value:
// copy it and change a field to act for another application. All fields but Admin are
// optional.
type Client struct {
	// Admin authenticates calls to the platform API. Its environment may differ
	// from the target's; its region must be the same.
	Admin Credential

	// HTTP sends the requests. Nil means this package's default client.
	// Redirects are never followed, whatever the client is set to.
	HTTP *http.Client

	// Tokens keeps the admin's access tokens from call to call. Nil means that
	// each call asks for a new one.
	Tokens *TokenCache

	// TransactionID goes out with every request, so that PingOne's audit can be
	// joined with CloudTrail. PingOne accepts up to 100 characters.
	TransactionID string

	// Observe is called with the operation of each request just before it is sent, repeats
	// included, and whether it goes to the platform API, where it counts against the
	// licence's limit. It may be called from several goroutines.
	Observe func(operation string, platform bool)

	// Settle is how long a 404 is not believed, because the object was created a moment
	// ago and may not be known everywhere yet. Until then the call is repeated, even one
	// that is otherwise sent once: with a 404 it was not carried out. Zero means that a
	// 404 is believed at once.
	Settle time.Duration

	// Now returns the time. Nil means time.Now.
	Now func() time.Time

	// Wait blocks for the time given or until the context is done, in which case
	// it returns the context's error. Nil means a timer.
	Wait func(context.Context, time.Duration) error
}

// defaultHTTP is shared, so that a warm Lambda function keeps its connections.
var defaultHTTP = sync.OnceValue(func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	t.MaxIdleConnsPerHost = 4
	return &http.Client{Transport: t}
})

func (c *Client) http() *http.Client {
	hc := c.HTTP
	if hc == nil {
		hc = defaultHTTP()
	}
	// A redirect would carry a credential to a host that was never configured.
	safe := *hc
	safe.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &safe
}

// Time returns the time from Now.
func (c *Client) Time() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Pause blocks for d, with Wait. The error says why the context ended first.
func (c *Client) Pause(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// IsUUID reports whether s has the form of the identifiers that PingOne gives to
// environments and applications: lower-case hexadecimal digits and hyphens.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch hyphen := i == 8 || i == 13 || i == 18 || i == 23; {
		case hyphen && s[i] != '-':
			return false
		case !hyphen && (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f'):
			return false
		}
	}
	return true
}

// IsAuthHost reports whether the host is PingOne's auth server in some region.
func IsAuthHost(host string) bool {
	for _, domain := range domains {
		if host == "auth."+domain {
			return true
		}
	}
	return false
}
