package pingone

import (
	"context"
	"encoding/json"
	"net/url"
)

// Introspect asks whether a token is active (RFC 7662), with the credential in exactly the
// form of its method. The credential is an application's, or a custom resource's with the
// resource's id as ClientID. PingOne judges the credential first, and reports other
// clients' tokens as inactive, so any token shows whether the credential is accepted. A
// refusal is [IsRejected] or [IsWrongMethod], as for [Client.Token].
func (c *Client) Introspect(ctx context.Context, cred Credential, token Secret) (active bool, err error) {
	r, err := c.asClient("introspect the token", cred.Environment.Auth+"/as/introspect", cred, url.Values{"token": {token.Reveal()}})
	if err != nil {
		return false, err
	}
	got, err := c.do(ctx, r)
	if err != nil {
		return false, err
	}
	var body struct {
		Active *bool `json:"active"`
	}
	if json.Unmarshal(got.body, &body) != nil || body.Active == nil {
		return false, malformed(r.op, got)
	}
	return *body.Active, nil
}
