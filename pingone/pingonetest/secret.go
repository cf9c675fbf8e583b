package pingonetest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// How far ahead previous.expiresAt may lie.
const (
	minRetention = time.Minute
	maxRetention = 30 * 24 * time.Hour
)

// retained is a replaced secret that still works for a while.
type retained struct {
	secret        string
	regenerated   time.Time // as in secretState
	expires, used time.Time
}

// secretState is a client secret and the one before it.
type secretState struct {
	secret      string
	regenerated time.Time // zero if the secret is the first
	previous    retained
}

// retained returns the previous secret, or nothing if there is none or it has expired.
func (k *secretState) retained(now time.Time) retained {
	if k.previous.secret == "" || !now.Before(k.previous.expires) {
		return retained{}
	}
	return k.previous
}

// keeper holds the secrets of an application or a custom resource.
type keeper struct {
	secretState
	past  fault.Past[secretState]
	uses  fault.Past[time.Time] // former values of previous.used
	mints int
}

// seen returns the state that a call with the lag sees.
func (k *keeper) seen(now time.Time, lag fault.Lag) secretState {
	if former, behind := k.past.At(now, lag); behind {
		return former
	}
	state := k.secretState
	if used, behind := k.uses.At(now, fault.Lag{Age: lag.Age}); behind {
		state.previous.used = used
	}
	return state
}

// changing must be called before the secrets change.
func (s *Server) changing(k *keeper) { k.past.Push(k.secretState, s.Now(), 0) }

// use notes that the previous secret has authenticated.
func (s *Server) use(k *keeper) {
	k.uses.Push(k.previous.used, s.Now(), 0)
	k.previous.used = s.Now()
}

// Secret is what PingOne knows about the secrets of an application or a custom resource.
// The fields about the previous one are zero if there is none.
type Secret struct {
	Value             string
	Previous          string
	PreviousExpiresAt time.Time
	PreviousLastUsed  time.Time // zero until it is used
}

// Secret returns the secrets of an application or a custom resource without a call.
func (s *Server) Secret(env, id string) Secret {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keeper(env, id)
	p := k.retained(s.Now())
	return Secret{Value: k.secret, Previous: p.secret, PreviousExpiresAt: p.expires, PreviousLastUsed: p.used}
}

// Regenerate presses the console's button for an application or a custom resource, and
// returns the new secret. The old one keeps working for this long; 0 ends it now.
func (s *Server) Regenerate(env, id string, retain time.Duration) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keeper(env, id)
	var expires time.Time
	if retain > 0 {
		expires = s.Now().Add(retain)
	}
	s.regenerate(k, expires)
	return k.secret
}

// Mints returns how often the secret of an application or a custom resource was
// regenerated through the API.
func (s *Server) Mints(env, id string) int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keeper(env, id).mints
}

// keeper returns the secrets of an application or a custom resource that a test names;
// naming one that does not exist is misuse.
func (s *Server) keeper(env, id string) *keeper {
	s.t.Helper()
	if r := s.customResource(env, id); r != nil {
		return &r.keeper
	}
	return &s.application(env, id).keeper
}

// regenerate replaces the secret. The old one lives until the time given, if any.
func (s *Server) regenerate(k *keeper, expires time.Time) {
	s.changing(k)
	k.previous, k.uses = retained{}, fault.Past[time.Time]{}
	if !expires.IsZero() {
		k.previous = retained{secret: k.secret, regenerated: k.regenerated, expires: expires.UTC().Truncate(time.Millisecond)}
	}
	k.secret, k.regenerated = newSecret(), s.Now()
	s.issued = append(s.issued, k.secret)
}

func (s *Server) secretRoutes() {
	const path = "/v1/environments/{env}/applications/{app}/secret"
	s.platform("GET "+path, OpReadSecret, s.readSecret(s.applicationKeeper(permReadSecret)))
	s.platform("POST "+path, OpRegenerateSecret, s.regenerateSecret(s.applicationKeeper(permUpdateSecret)))
	s.platform("DELETE "+path, OpDeletePrevious, s.deletePrevious(s.applicationKeeper(permDeleteSecret)))
}

// finder returns the secret that a call is about and the kind of its owner, if the
// caller may touch it.
type finder func(*call) (*keeper, string, *refusal)

func (s *Server) readSecret(find finder) func(*call) (any, *refusal) {
	return func(c *call) (any, *refusal) {
		k, owner, no := find(c)
		if no != nil {
			return nil, no
		}
		return s.secretBody(c, k.seen(s.Now(), c.lag), owner), nil
	}
}

func (s *Server) regenerateSecret(find finder) func(*call) (any, *refusal) {
	return func(c *call) (any, *refusal) {
		k, owner, no := find(c)
		if no != nil {
			return nil, no
		}
		expires, no := retention(c.body, s.Now())
		if no != nil {
			return nil, no
		}
		s.regenerate(k, expires)
		k.mints++
		return s.secretBody(c, k.secretState, owner), nil
	}
}

func (s *Server) deletePrevious(find finder) func(*call) (any, *refusal) {
	return func(c *call) (any, *refusal) {
		k, _, no := find(c)
		if no != nil {
			return nil, no
		}
		if k.retained(s.Now()).secret == "" {
			return nil, notFound()
		}
		s.changing(k)
		k.previous = retained{}
		return nil, nil
	}
}

// applicationKeeper finds an application's secret. It asks more of the caller
// than reach does.
func (s *Server) applicationKeeper(permission string) finder {
	return func(c *call) (*keeper, string, *refusal) {
		a, no := s.reachOwner(c, permission)
		if no != nil {
			return nil, "", no
		}
		if a.Protocol != openIDConnect {
			return nil, "", notFound()
		}
		for _, r := range a.Roles {
			if s.readOnly(c, a, r) {
				return nil, "", outranked()
			}
		}
		return &a.keeper, "application", nil
	}
}

func (s *Server) secretBody(c *call, k secretState, owner string) any {
	type previous struct {
		Secret    string `json:"secret"`
		ExpiresAt string `json:"expiresAt"`
		LastUsed  string `json:"lastUsed,omitempty"`
	}
	self := c.base + c.url.Path
	body := struct {
		Links       map[string]href `json:"_links"`
		Environment reference       `json:"environment"`
		Secret      string          `json:"secret"`
		Previous    *previous       `json:"previous,omitempty"`
	}{
		Links:       map[string]href{"self": {self}, "environment": {c.environmentURL()}, owner: {strings.TrimSuffix(self, "/secret")}},
		Environment: reference{c.target.environment},
		Secret:      k.secret,
	}
	if p := k.retained(s.Now()); p.secret != "" {
		body.Previous = &previous{Secret: p.secret, ExpiresAt: wireTime(p.expires)}
		if !p.used.IsZero() {
			body.Previous.LastUsed = wireTime(p.used)
		}
	}
	return body
}

// retention reads a regeneration's body: until when the old secret is to work, or the zero
// time for not at all.
func retention(body []byte, now time.Time) (time.Time, *refusal) {
	if len(bytes.TrimSpace(body)) == 0 {
		return time.Time{}, nil
	}
	raw, no := member(body, "previous")
	if no != nil || raw == nil {
		return time.Time{}, no
	}
	raw, no = member(raw, "expiresAt")
	if no != nil {
		return time.Time{}, no
	}
	const target = "previous.expiresAt"
	if raw == nil {
		return time.Time{}, invalidData("REQUIRED_VALUE", target, "must not be empty")
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return time.Time{}, invalidData("INVALID_VALUE", target, "must be a date and time")
	}
	expires, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, invalidData("INVALID_VALUE", target, "must be a date and time")
	}
	if ahead := expires.Sub(now); ahead <= minRetention || ahead > maxRetention {
		return time.Time{}, invalidData("OUT_OF_RANGE", target, "must be between 1 minute and 30 days in the future")
	}
	return expires, nil
}

// member returns the one member that a JSON object may have, or nil if it is absent or
// null. Unlike struct decoding it distinguishes names by case.
func member(object []byte, name string) (json.RawMessage, *refusal) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	for m := range members {
		if m != name {
			return nil, invalidData("INVALID_PARAMETER", m, "is not a known property")
		}
	}
	if bytes.Equal(members[name], []byte("null")) {
		return nil, nil
	}
	return members[name], nil
}

func isMediaType(h http.Header, want string) bool {
	got, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && strings.EqualFold(got, want)
}

const secretAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

func newSecret() string {
	const fair = 256 / len(secretAlphabet) * len(secretAlphabet) // bytes above would favour the first letters
	secret := make([]byte, 0, 64)
	for len(secret) < cap(secret) {
		var b [96]byte
		rand.Read(b[:])
		for _, v := range b {
			if int(v) < fair && len(secret) < cap(secret) {
				secret = append(secret, secretAlphabet[int(v)%len(secretAlphabet)])
			}
		}
	}
	return string(secret)
}

// fingerprint returns what stands for a secret in logs: the first 8 hex digits of its
// SHA-256.
func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}
