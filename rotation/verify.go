package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// credential returns what the document's client sends to the token endpoint.
func (r *run) credential(d *document.Document, secret pingone.Secret, method pingone.AuthMethod) (pingone.Credential, error) {
	env, err := r.Settings.environment(d)
	return pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: secret, Method: method}, err
}

// verify presents the new secret to PingOne as consumers will, and checks that they would
// get what the document demands. A new secret may be refused for a while, so refusals are
// retried.
func (r *run) verify(ctx context.Context, d *document.Document) error {
	if err := r.verifyFor(ctx, d, plan.Settling); err != nil {
		return fmt.Errorf("verify the new secret%w", err)
	}
	return nil
}

// verifyFor presents a secret until it is accepted or the limit has passed. The text of its
// error is to be prefixed: it begins with how long that took.
func (r *run) verifyFor(ctx context.Context, d *document.Document, limit time.Duration) error {
	begun := r.client.Time()
	for p := r.polls(500*time.Millisecond, 5*time.Second, limit); ; {
		err := r.verifyOnce(ctx, d)
		if err == nil {
			r.record.refused = false
			return nil
		}
		if !pingone.IsRejected(err) {
			return fmt.Errorf(": %w", err)
		}
		r.record.refused = true
		since := r.client.Time()
		again, ended := p.wait(ctx)
		r.record.wait("PingOne refused the new secret", r.client.Time().Sub(since))
		if ended != nil {
			return fmt.Errorf(": %w (gave up waiting: %w)", err, ended)
		}
		if !again {
			return fmt.Errorf(", for %v: %w", r.client.Time().Sub(begun).Round(time.Second), err)
		}
	}
}

// verifyOnce presents the document's secret once, and checks what the document demands.
func (r *run) verifyOnce(ctx context.Context, d *document.Document) error {
	cred, err := r.credential(d, d.ClientSecret, d.AuthMethod)
	if err != nil {
		return err
	}
	user, err := r.testUser(ctx, d)
	if err != nil {
		return err
	}
	want := d.Rotation.Verify
	switch {
	case d.IsResource():
		if err := r.introspect(ctx, cred); pingone.IsWrongMethod(err) {
			return remedy.With(document.NewFieldError("tokenEndpointAuthMethod", "is not what the resource has as introspectEndpointAuthMethod"), "store the right one")
		} else if err != nil {
			return err
		}
		r.record.noteVerified("credential accepted", 0)
		return nil
	case user != nil:
		return r.signOn(ctx, d, cred, user)
	}
	token, err := r.client.Token(ctx, cred, want.Scope)
	switch {
	case err == nil:
		r.record.noteVerified("", token.ExpiresAt.Sub(r.client.Time()))
		return checkToken(token, cred, want, r.client.Time())
	case !pingone.ProvesCredential(err):
		return err
	case !want.DemandsNothing():
		return fmt.Errorf("the secret works, but the token that rotation.verify asks for is not granted: %w", err)
	}
	// The application gets no token by this grant, which is neither new nor the secret's
	// fault. But no page says that PingOne checks the secret before the grant, so present the
	// secret without one.
	if err := r.introspect(ctx, cred); err != nil {
		return err
	}
	r.record.noteVerified("credential accepted, no token granted", 0)
	return nil
}

// introspect presents the credential and asks for no grant. It introspects a token that
// does not exist.
func (r *run) introspect(ctx context.Context, cred pingone.Credential) error {
	_, err := r.client.Introspect(ctx, cred, pingone.NewSecret("none"))
	return err
}

// probe finds out whether PingOne accepts a secret, whatever the document demands. The
// error says why the answer is unclear.
func (r *run) probe(ctx context.Context, d *document.Document, secret pingone.Secret, method pingone.AuthMethod) (plan.Answer, error) {
	env, err := r.Settings.environment(d)
	if err != nil {
		return plan.Unclear, err
	}
	return r.probeAt(ctx, env, d, secret, method)
}

// probeAt presents a secret to one host.
func (r *run) probeAt(ctx context.Context, env pingone.Environment, d *document.Document, secret pingone.Secret, method pingone.AuthMethod) (plan.Answer, error) {
	cred := pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: secret, Method: method}
	var err error
	if !d.IsResource() {
		_, err = r.client.Token(ctx, cred, "")
		switch {
		case err == nil:
			return plan.Accepted, nil
		case pingone.IsRejected(err):
			return plan.Refused, nil
		case !pingone.ProvesCredential(err):
			return plan.Unclear, err
		}
		// No page says that PingOne checks the secret before the grant.
	}
	switch err = r.introspect(ctx, cred); {
	case err == nil:
		return plan.Accepted, nil
	case pingone.IsRejected(err):
		return plan.Refused, nil
	}
	return plan.Unclear, err
}

// checkToken checks that a token is the application's own, and has what the document
// demands. Its errors name claims and quote no values.
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
	check(claims.Expiry.After(now.Add(-time.Minute)), "exp") // allow for clocks that differ
	check(claims.HasScopes(want.Scope), "scope")
	check(want.Audience == "" || slices.Contains(claims.Audience, want.Audience), "aud")
	for name, value := range want.Claims {
		check(contains(claims.All[name], value), document.Printable(name))
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return remedy.With(fmt.Errorf("the secret works, but its token is not the one that rotation.verify demands: the claims %s differ", strings.Join(wrong, ", ")),
			"compare these claims with the document and with the application's configuration")
	}
	return nil
}

// contains reports whether a claim equals the value or, if that is a list, has each of its
// elements. PingOne may send a static list as a string of JSON, so both forms count.
func contains(claim json.RawMessage, want any) bool {
	var got any
	if json.Unmarshal(claim, &got) != nil {
		return false
	}
	if has(got, want) {
		return true
	}
	text, ok := got.(string)
	return ok && json.Unmarshal([]byte(text), &got) == nil && has(got, want)
}

func has(got, want any) bool {
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

// checkApplication checks that the application's secret can be rotated.
func checkApplication(app *pingone.Application) error {
	switch {
	case app.Protocol != "OPENID_CONNECT":
		return remedy.With(fmt.Errorf("application %s uses %s", app.ID, document.Printable(app.Protocol)), "only OPENID_CONNECT applications have a client secret")
	case !app.TokenEndpointAuthMethod.Supported():
		return remedy.With(fmt.Errorf("application %s has tokenEndpointAuthMethod %s", app.ID, document.Printable(string(app.TokenEndpointAuthMethod))),
			fmt.Sprintf("it must be one of %v to use a client secret", pingone.AuthMethods()))
	}
	return nil
}

// disabled is the error for a disabled application, to which PingOne issues nothing.
func disabled(id string) error {
	return remedy.With(fmt.Errorf("application %s is disabled in PingOne", id), "enable it, or cancel the secret's rotation")
}

var errNoTime = remedy.With(errors.New("too little time is left to regenerate and store a secret; nothing was changed"), "raise the function's timeout to 150 s or more")
