package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A Target is something in PingOne that has a client secret.
type Target struct {
	Kind          Kind
	EnvironmentID string // UUID
	ID            string // UUID of the application or the resource
}

// A Kind says what has the secret.
type Kind int

const (
	ApplicationKind Kind = iota
	ResourceKind         // a custom resource, which authenticates at the introspection endpoint
)

func (k Kind) String() string {
	if k == ResourceKind {
		return "resource"
	}
	return "application"
}

func (t Target) secretPath() string { return "/v1/environments/{}/" + t.Kind.String() + "s/{}/secret" }

// An ApplicationSecret is the state of an application's or a custom resource's
// secret at one instant. See "Application secret" and "Resource secret" in the
// PingOne platform API reference.
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

// Accepts reports whether PingOne accepts the secret, as the current or the previous
// one.
func (s *ApplicationSecret) Accepts(secret Secret) bool {
	return s.Secret.Equal(secret) || s.Replaced(secret)
}

// Replaced reports whether the secret is the previous one.
func (s *ApplicationSecret) Replaced(secret Secret) bool {
	return s.Previous != nil && s.Previous.Secret.Equal(secret)
}

// ReadSecret reads the target's secret. The admin must not be the application
// itself, and must hold, or be able to assign, each role that it has.
func (c *Client) ReadSecret(ctx context.Context, t Target) (*ApplicationSecret, error) {
	r := get("read the " + t.Kind.String() + " secret")
	got, err := c.call(ctx, r, t.secretPath(), t.EnvironmentID, t.ID)
	if err != nil {
		return nil, err
	}
	return decodeSecret(r.op, got)
}

// Outcome says whether a call that cannot be repeated was carried out.
type Outcome int

const (
	// Refused: PingOne did not carry the call out.
	Refused Outcome = iota
	// Applied: PingOne carried the call out.
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

// RegenerateSecret makes PingOne replace the target's secret with one that PingOne
// chooses. The present secret stays valid until previousExpiresAt, 1 minute to
// 30 days ahead on PingOne's clock; the zero time lets it die at once. A previous
// secret that is still alive is lost either way.
//
// There is no undo, no idempotency key, and room for only one previous secret: a second
// call would end the secret that consumers hold. So the request is sent once, whatever
// happens to it.
func (c *Client) RegenerateSecret(ctx context.Context, t Target, previousExpiresAt time.Time) Regeneration {
	r := request{
		op:          "regenerate the " + t.Kind.String() + " secret",
		method:      http.MethodPost,
		contentType: "application/json",
		body:        "{}",
		success:     http.StatusOK,
		once:        true,
	}
	if !previousExpiresAt.IsZero() {
		r.body = fmt.Sprintf(`{"previous":{"expiresAt":%q}}`, previousExpiresAt.UTC().Format(time.RFC3339))
	}
	got, err := c.call(ctx, r, t.secretPath(), t.EnvironmentID, t.ID)
	if err == nil {
		var state *ApplicationSecret
		if state, err = decodeSecret(r.op, got); err == nil {
			return Regeneration{Outcome: Applied, Secret: state}
		}
	}
	// An error of another operation comes from an earlier request, for the admin's token.
	if e := as(err); e.Op != r.op || e.refused() {
		return Regeneration{Outcome: Refused, Err: err}
	}
	return Regeneration{Outcome: Unknown, Err: err}
}

// DeletePreviousSecret ends the previous secret before it expires. It succeeds if there
// is none.
func (c *Client) DeletePreviousSecret(ctx context.Context, t Target) error {
	return c.delete(ctx, "delete the previous "+t.Kind.String()+" secret", t.secretPath(), t.EnvironmentID, t.ID)
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
	// Without the secret the reply says nothing. Believing it would look like drift, and
	// store an empty secret.
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
