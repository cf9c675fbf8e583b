package rotation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// settle is how long a new secret may take to work everywhere in PingOne, as far
// as a step has that much time.
const settle = 45 * time.Second

// verify shows the secret to PingOne as consumers will, and checks that what they get
// is what the document says. Refusals of a new secret are waited out.
func (s *step) verify(ctx context.Context, d *Document) error {
	if s.emergency() != "" {
		d = d.Undemanding()
	}
	env, err := s.Settings.environment(d)
	if err != nil {
		return err
	}
	user, err := s.testUser(ctx, d)
	if err != nil {
		return err
	}
	cred := pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: d.ClientSecret, Method: d.AuthMethod}
	begun := s.client.Time()
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.try(ctx, d, cred, user)
		if err == nil {
			s.refused = false
			return nil
		}
		if !pingone.IsRejected(err) {
			return fmt.Errorf("verify the new secret: %w", err)
		}
		s.refused = true
		if s.client.Time().Sub(begun)+wait > settle || !s.timeFor(ctx, wait+margin) {
			return fmt.Errorf("verify the new secret, for %v: %w", s.client.Time().Sub(begun).Round(time.Second), err)
		}
		if ended := s.client.Pause(ctx, wait); ended != nil {
			return fmt.Errorf("verify the new secret: %w (gave up waiting: %w)", err, ended)
		}
	}
}

// try shows the secret once.
func (s *step) try(ctx context.Context, d *Document, cred pingone.Credential, user *document.TestUser) error {
	switch {
	case d.IsResource():
		if err := s.judge(ctx, cred); err != nil {
			return err
		}
		s.verified = "credential accepted"
		return nil
	case user != nil:
		return s.signOn(ctx, d, cred, user)
	}
	token, err := s.client.Token(ctx, cred, d.Rotation.Verify.Scope)
	switch {
	case err == nil:
		s.tokenLife = token.ExpiresAt.Sub(s.client.Time())
		return checkToken(token, cred, d.Rotation.Verify, s.client.Time())
	case !pingone.ProvesCredential(err):
		return err
	case !d.Rotation.Verify.DemandsNothing():
		return fmt.Errorf("the secret works, but the token that rotation.verify asks for is not granted: %w", err)
	}
	// That the application gets no token by this grant is neither new nor the secret's
	// fault. But no page says that PingOne judges the secret before the grant, so it is
	// asked for nothing else.
	if err := s.judge(ctx, cred); err != nil {
		return err
	}
	s.verified = "credential accepted, no token granted"
	return nil
}

// judge asks PingOne about the credential and nothing else. The token that it
// introspects is none.
func (s *step) judge(ctx context.Context, cred pingone.Credential) error {
	_, err := s.client.Introspect(ctx, cred, pingone.NewSecret("none"))
	return err
}

// rehearse finds what would make each verification fail, whatever the secret. Once
// there is a new secret it is too late for that: the old one's grace would end
// before the new one is promoted.
func (s *step) rehearse(ctx context.Context, d *Document) error {
	if s.emergency() == "" {
		if _, err := s.testUser(ctx, d); err != nil {
			return err
		}
	}
	if !d.IsResource() || d.ClientSecret.IsZero() {
		return nil
	}
	env, err := s.Settings.environment(d)
	if err != nil {
		return err
	}
	method := cmp.Or(d.AuthMethod, pingone.ClientSecretBasic)
	err = s.judge(ctx, pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: d.ClientSecret, Method: method})
	switch {
	case pingone.IsWrongMethod(err):
		return document.NewFieldError("tokenEndpointAuthMethod", "is not what the resource has as introspectEndpointAuthMethod; store the right one")
	case pingone.IsRejected(err):
		return nil // a secret that PingOne shows as current and does not take yet
	}
	return err
}

// timeFor reports whether the step has at least d left.
func (r *Rotator) timeFor(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(r.PingOne.Time()) >= d
}

// checkToken checks that a token is the application's own, and has what the
// document demands. Its errors name claims and quote none.
func checkToken(token *pingone.Token, cred pingone.Credential, want document.Verify, now time.Time) error {
	claims, err := token.Claims()
	if err != nil {
		return err
	}
	var wrong []string
	check := func(ok bool, name string) {
		if !ok {
			wrong = append(wrong, name)
		}
	}
	check(claims.Issuer == cred.Environment.Issuer(), "iss")
	check(claims.ClientID == cred.ClientID, "client_id")
	check(claims.Environment == "" || claims.Environment == cred.Environment.ID, "env")
	check(claims.Expiry.After(now.Add(-time.Minute)), "exp") // clocks differ
	check(claims.HasScopes(want.Scope), "scope")
	check(want.Audience == "" || slices.Contains(claims.Audience, want.Audience), "aud")
	for name, value := range want.Claims {
		check(contains(claims.All[name], value), document.Printable(name))
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("the secret works, but its token is not the one meant: check the claims %s against the document and the application's configuration", strings.Join(wrong, ", "))
	}
	return nil
}

// contains reports whether a claim equals the value, or has each element of it.
func contains(claim json.RawMessage, want any) bool {
	var got any
	if json.Unmarshal(claim, &got) != nil {
		return false
	}
	wanted, many := want.([]any)
	if !many {
		return reflect.DeepEqual(got, want)
	}
	held, ok := got.([]any)
	if !ok {
		held = []any{got}
	}
	return !slices.ContainsFunc(wanted, func(w any) bool {
		return !slices.ContainsFunc(held, func(h any) bool { return reflect.DeepEqual(h, w) })
	})
}

// checkApplication checks that the application can have its secret rotated.
func checkApplication(app *pingone.Application) error {
	switch {
	case app.Protocol != "OPENID_CONNECT":
		return fmt.Errorf("application %s uses %s; only OPENID_CONNECT applications have a client secret", app.ID, document.Printable(app.Protocol))
	case !app.Enabled:
		return fmt.Errorf("application %s is disabled in PingOne; enable it, or cancel the secret's rotation", app.ID)
	case !app.TokenEndpointAuthMethod.Supported():
		return fmt.Errorf("application %s has tokenEndpointAuthMethod %s; it must be one of %v to use a client secret", app.ID, document.Printable(string(app.TokenEndpointAuthMethod)), pingone.AuthMethods())
	}
	return nil
}

var errNoTime = errors.New("too little time is left to regenerate and store a secret; raise the function's timeout to 60 s, nothing has been changed")
