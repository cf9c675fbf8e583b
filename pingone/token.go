package pingone

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Token is an access token as the token endpoint issued it.
type Token struct {
	AccessToken Secret
	ExpiresAt   time.Time // on this machine's clock
	Scope       string    // separated by spaces; empty when the reply does not say
}

// longestToken is how many seconds a token lives at most: accessTokenValiditySeconds
// goes no higher.
const longestToken = 30 * 24 * 60 * 60

// asClient is a request that a client sends for itself, with its own credential.
func (c *Client) asClient(op, endpoint string, cred Credential, form url.Values) (request, error) {
	authenticate, err := cred.authenticator(c.Time)
	if err != nil {
		return request{}, fmt.Errorf("%s: %w", op, err)
	}
	return request{
		op:           op,
		method:       http.MethodPost,
		url:          endpoint,
		contentType:  "application/x-www-form-urlencoded",
		form:         form,
		authenticate: authenticate,
		success:      http.StatusOK,
	}, nil
}

// Token asks the token endpoint for a token by the client-credentials grant (RFC
// 6749, section 4.4), with the credential in exactly the form of its method. Nothing
// is cached. An empty scope requests all that are granted. [IsRejected],
// [IsWrongMethod] and [ProvesCredential] say what a refusal means.
func (c *Client) Token(ctx context.Context, cred Credential, scope string) (*Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	r, err := c.asClient("request a token", cred.Environment.TokenEndpoint(), cred, form)
	if err != nil {
		return nil, err
	}
	return c.token(ctx, r)
}

// token sends a token request.
func (c *Client) token(ctx context.Context, r request) (*Token, error) {
	asked := c.Time().Round(0) // by the wall clock: the monotonic one stands still while Lambda freezes a process
	got, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	var body struct {
		AccessToken Secret `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	if json.Unmarshal(got.body, &body) != nil || body.AccessToken.IsZero() || !strings.EqualFold(body.TokenType, "Bearer") {
		return nil, malformed(r.op, got)
	}
	return &Token{
		AccessToken: body.AccessToken,
		ExpiresAt:   asked.Add(time.Duration(max(0, min(body.ExpiresIn, longestToken))) * time.Second),
		Scope:       body.Scope,
	}, nil
}

// Claims are the contents of an access token. The signature is not checked: the
// TLS connection to the issuer vouches for them.
type Claims struct {
	Issuer      string
	Audience    []string
	ClientID    string
	Environment string // "" where the token does not say
	Scope       string // separated by spaces
	Expiry      time.Time
	All         map[string]json.RawMessage // every claim by its name
}

// Claims decodes the token, which PingOne makes a JWT (RFC 7519).
func (t *Token) Claims() (*Claims, error) {
	notJWT := errors.New("decode the access token: not a JWT with the usual claims")
	parts := strings.Split(t.AccessToken.Reveal(), ".")
	if len(parts) != 3 {
		return nil, notJWT
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, notJWT
	}
	var known struct {
		Issuer   string     `json:"iss"`
		Audience stringList `json:"aud"`
		ClientID string     `json:"client_id"`
		Env      string     `json:"env"`
		Scope    string     `json:"scope"`
		Expiry   float64    `json:"exp"`
	}
	c := &Claims{}
	if json.Unmarshal(payload, &known) != nil || json.Unmarshal(payload, &c.All) != nil {
		return nil, notJWT
	}
	c.Issuer, c.Audience, c.ClientID = known.Issuer, known.Audience, known.ClientID
	c.Environment, c.Scope, c.Expiry = known.Env, known.Scope, time.Unix(int64(known.Expiry), 0)
	return c, nil
}

// HasScopes reports whether the token carries each of the scopes, which are
// separated by spaces.
func (c *Claims) HasScopes(scopes string) bool {
	granted := strings.Fields(c.Scope)
	return !slices.ContainsFunc(strings.Fields(scopes), func(s string) bool { return !slices.Contains(granted, s) })
}

// stringList decodes a claim that is one string or an array of them (RFC 7519,
// section 4.1.3).
type stringList []string

func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = stringList{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}
