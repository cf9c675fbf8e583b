package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// An Application is what a rotation needs to know of one.
// See "Applications" in the PingOne platform API reference.
type Application struct {
	ID                      string     `json:"id"`
	Name                    string     `json:"name"`
	Type                    string     `json:"type"`
	Protocol                string     `json:"protocol"`
	Enabled                 bool       `json:"enabled"`
	TokenEndpointAuthMethod AuthMethod `json:"tokenEndpointAuthMethod"`
	GrantTypes              []string   `json:"grantTypes"`
}

const (
	applicationPath = "/v1/environments/{}/applications/{}"
	secretPath      = applicationPath + "/secret"
)

// Application reads an application.
func (c *Client) Application(ctx context.Context, environmentID, applicationID string) (*Application, error) {
	r := request{op: "read the application", method: http.MethodGet, success: http.StatusOK}
	got, err := c.call(ctx, r, applicationPath, environmentID, applicationID)
	if err != nil {
		return nil, err
	}
	var app Application
	if json.Unmarshal(got.body, &app) != nil || app.ID == "" || app.Protocol == "" {
		return nil, malformed(r.op, got)
	}
	return &app, nil
}

// An ApplicationSecret is the state of an application's secret at one instant.
// See "Application secret" in the PingOne platform API reference.
type ApplicationSecret struct {
	Secret   Secret
	Previous *PreviousSecret // nil unless an earlier secret still works
	AsOf     time.Time       // the instant, on PingOne's clock; zero when the reply has no date
}

// A PreviousSecret is one that was replaced and works until it expires.
type PreviousSecret struct {
	Secret    Secret
	ExpiresAt time.Time
	LastUsed  time.Time // zero when not used since it was replaced; PingOne may be late to say
}

// Accepts reports whether PingOne takes the secret, as the current or the
// previous one.
func (s *ApplicationSecret) Accepts(secret Secret) bool {
	return s.Secret.Equal(secret) || s.Replaced(secret)
}

// Replaced reports whether the secret is the previous one.
func (s *ApplicationSecret) Replaced(secret Secret) bool {
	return s.Previous != nil && s.Previous.Secret.Equal(secret)
}

// ReadSecret reads an application's secret. The admin must not be the application
// itself, and must hold, or be able to assign, each role that it has.
func (c *Client) ReadSecret(ctx context.Context, environmentID, applicationID string) (*ApplicationSecret, error) {
	r := request{op: "read the application secret", method: http.MethodGet, success: http.StatusOK}
	got, err := c.call(ctx, r, secretPath, environmentID, applicationID)
	if err != nil {
		return nil, err
	}
	return decodeSecret(r.op, got)
}

// Outcome says what became of a call that cannot be repeated.
type Outcome int

const (
	// Refused: PingOne did not carry the call out.
	Refused Outcome = iota
	// Applied: it did.
	Applied
	// Unknown: the request may have arrived and no usable reply did. Reading the
	// state is the only way to learn what happened.
	Unknown
)

// A Regeneration is the outcome of one attempt to regenerate a secret.
type Regeneration struct {
	Outcome Outcome
	Secret  *ApplicationSecret // the new state, when Applied
	Err     error              // the reason, when Refused or Unknown
}

// RegenerateSecret makes PingOne replace the application's secret with one of its
// own choosing. The secret so far stays valid until previousExpiresAt, 1 minute to
// 30 days ahead on PingOne's clock; the zero time lets it die at once. A previous
// secret that is still alive is lost either way.
//
// There is no way back, no idempotency key, and room for one previous secret: a
// second call would take from consumers the secret that they hold. The request is
// therefore sent once, whatever happens to it.
func (c *Client) RegenerateSecret(ctx context.Context, environmentID, applicationID string, previousExpiresAt time.Time) Regeneration {
	r := request{
		op:          "regenerate the application secret",
		method:      http.MethodPost,
		contentType: "application/json",
		body:        "{}",
		success:     http.StatusOK,
		once:        true,
	}
	if !previousExpiresAt.IsZero() {
		r.body = fmt.Sprintf(`{"previous":{"expiresAt":%q}}`, previousExpiresAt.UTC().Format(time.RFC3339))
	}
	got, err := c.call(ctx, r, secretPath, environmentID, applicationID)
	if err == nil {
		var state *ApplicationSecret
		if state, err = decodeSecret(r.op, got); err == nil {
			return Regeneration{Outcome: Applied, Secret: state}
		}
	}
	// An error of another operation is of one that comes before: the admin's token.
	if e := as(err); e.Op != r.op || e.refused() {
		return Regeneration{Outcome: Refused, Err: err}
	}
	return Regeneration{Outcome: Unknown, Err: err}
}

// DeletePreviousSecret ends the previous secret before its time. It succeeds when
// there is none.
func (c *Client) DeletePreviousSecret(ctx context.Context, environmentID, applicationID string) error {
	r := request{op: "delete the previous application secret", method: http.MethodDelete, success: http.StatusNoContent}
	_, err := c.call(ctx, r, secretPath, environmentID, applicationID)
	if IsNotFound(err) {
		return nil
	}
	return err
}

// call sends a request to the platform API as the admin. An access token that
// PingOne turns down is dropped from the cache, and a request that is safe to
// repeat goes out again with a new one: the token may have ended early, or be older
// than a role that the admin was given since.
func (c *Client) call(ctx context.Context, r request, path string, ids ...string) (*reply, error) {
	path, err := expand(path, ids...)
	if err != nil {
		return nil, err
	}
	r.url = c.Admin.Environment.API + path
	for repeated := false; ; repeated = true {
		token, cached, err := c.bearer(ctx)
		if err != nil {
			return nil, fmt.Errorf("authenticate as the admin application: %w", err)
		}
		r.auth = "Bearer " + token.Reveal()
		got, err := c.do(ctx, r)
		if status := as(err).Status; status != http.StatusUnauthorized && status != http.StatusForbidden {
			return got, err
		}
		c.Tokens.drop(c.Admin, token)
		if r.once || !cached || repeated {
			return nil, err
		}
	}
}

func decodeSecret(op string, got *reply) (*ApplicationSecret, error) {
	var body struct {
		Secret   Secret `json:"secret"`
		Previous *struct {
			Secret    Secret    `json:"secret"`
			ExpiresAt time.Time `json:"expiresAt"`
			LastUsed  time.Time `json:"lastUsed"`
		} `json:"previous"`
	}
	// Without the secret the reply says nothing. To take it at its word would look
	// like drift, and store an empty secret.
	if json.Unmarshal(got.body, &body) != nil || body.Secret.IsZero() {
		return nil, malformed(op, got)
	}
	s := &ApplicationSecret{Secret: body.Secret, AsOf: got.date}
	if p := body.Previous; p != nil {
		if p.Secret.IsZero() || p.ExpiresAt.IsZero() {
			return nil, malformed(op, got)
		}
		s.Previous = &PreviousSecret{Secret: p.Secret, ExpiresAt: p.ExpiresAt, LastUsed: p.LastUsed}
	}
	return s, nil
}
