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

// credential returns what the document's client shows to the token endpoint.
func (r *run) credential(d *document.Document, secret pingone.Secret, method pingone.AuthMethod) (pingone.Credential, error) {
	env, err := r.Settings.environment(d)
	return pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: secret, Method: method}, err
}

// verify shows the new secret to PingOne as consumers will, and checks that what they
// get is what the document demands. Refusals of a new secret are waited out.
func (r *run) verify(ctx context.Context, d *document.Document) error {
	if err := r.verifyFor(ctx, d, plan.Settling); err != nil {
		return fmt.Errorf("verify the new secret%w", err)
	}
	return nil
}

// verifyFor shows a secret until it is accepted, or the limit is reached. Its error begins
// with how long that took, and is to be prefixed.
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
		again, ended := p.wait(ctx)
		if ended != nil {
			return fmt.Errorf(": %w (gave up waiting: %w)", err, ended)
		}
		if !again {
			return fmt.Errorf(", for %v: %w", r.client.Time().Sub(begun).Round(time.Second), err)
		}
	}
}

// verifyOnce shows the document's secret once, and checks what the document demands.
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
	// That the application gets no token by this grant is neither new nor the secret's
	// fault. But no page says that PingOne judges the secret before the grant, so it is
	// asked for nothing else.
	if err := r.introspect(ctx, cred); err != nil {
		return err
	}
	r.record.noteVerified("credential accepted, no token granted", 0)
	return nil
}

// introspect asks PingOne about the credential and nothing else. The token that it
// introspects is none.
func (r *run) introspect(ctx context.Context, cred pingone.Credential) error {
	_, err := r.client.Introspect(ctx, cred, pingone.NewSecret("none"))
	return err
}

// campaignAction shows a secret to PingOne, demanding nothing else. The error is why the answer is
// unclear.
func (r *run) probe(ctx context.Context, d *document.Document, secret pingone.Secret, method pingone.AuthMethod) (plan.Answer, error) {
	env, err := r.Settings.environment(d)
	if err != nil {
		return plan.Unclear, err
	}
	return r.probeAt(ctx, env, d, secret, method)
}

// probeAt shows a secret to one host.
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
		// No page says that PingOne judges the secret before the grant.
	}
	switch err = r.introspect(ctx, cred); {
	case err == nil:
		return plan.Accepted, nil
	case pingone.IsRejected(err):
		return plan.Refused, nil
	}
	return plan.Unclear, err
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
		return remedy.With(fmt.Errorf("the secret works, but its token is not the one that rotation.verify demands: the claims %s differ", strings.Join(wrong, ", ")),
			"compare these claims with the document and with the application's configuration")
	}
	return nil
}

// contains reports whether a claim equals the value, or has each element of it. PingOne
// may send a static list as text that is JSON, so both readings count.
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

// checkApplication checks that the application can have its secret rotated.
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

// disabled is the error of an application that PingOne serves nothing to.
func disabled(id string) error {
	return remedy.With(fmt.Errorf("application %s is disabled in PingOne", id), "enable it, or cancel the secret's rotation")
}

var errNoTime = remedy.With(errors.New("too little time is left to regenerate and store a secret; nothing has been changed"), "raise the function's timeout to 150 s or more")
