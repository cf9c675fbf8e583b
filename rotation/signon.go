package rotation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// testUser reads the test user that the document names and that the admin's owner allows, or
// returns nil if it names none.
func (r *run) testUser(ctx context.Context, d *document.Document) (*document.TestUser, error) {
	id := d.Rotation.Verify.UserSecretID
	if id == "" {
		return nil, nil
	}
	acting := r.found.acting
	if acting == nil { // testSecret needs no admin for anything else
		var err error
		if acting, err = r.adminOf(ctx, d); err != nil {
			return nil, err
		}
	}
	if err := acting.permission.AllowsTestUser(id); err != nil {
		return nil, err
	}
	out, err := r.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id}, r.count.requests)
	if err != nil {
		return nil, secretsManagerError("read the test user's secret "+id, err)
	}
	if out.SecretString == nil {
		return nil, remedy.With(fmt.Errorf("the test user's secret %s is binary", id), "store a JSON object as SecretString")
	}
	u, err := document.ParseTestUser(*out.SecretString)
	if err == nil && u.EnvironmentID != d.EnvironmentID {
		err = document.NewFieldError("environmentId", "is not the application's; a password is not sent to other environments")
	}
	if err != nil {
		return nil, fmt.Errorf("the test user's secret %s: %w", id, err)
	}
	u.Login.Scope = cmp.Or(u.Login.Scope, d.Rotation.Verify.Scope, "openid")
	return u, nil
}

// signOn obtains a token for the test user, as the application does for its users, and uses
// it. See "Configure an Application with an Authorization Code Grant".
func (r *run) signOn(ctx context.Context, d *document.Document, cred pingone.Credential, u *document.TestUser) error {
	// A new secret may be refused for a while. Find that out without the password, so that no
	// failed sign-on counts against the user.
	if err := r.introspect(ctx, cred); err != nil {
		return err
	}
	token, err := r.client.AuthorizationCode(ctx, cred, u.Login)
	if err != nil {
		return fmt.Errorf("sign on as the test user: %w", err)
	}
	r.record.noteVerified("", token.ExpiresAt.Sub(r.client.Time()))
	if err := checkToken(token, cred, d.Rotation.Verify, r.client.Time()); err != nil {
		return err
	}
	user, err := subjectOf(token)
	if err != nil {
		return err
	}
	if u.Attribute == "" {
		r.record.noteVerified("the test user signed on", 0)
		return nil
	}
	client := r.client
	client.Admin.Environment = cred.Environment // only for the address; the token is the user's
	value := "changed by a rotation at " + r.client.Time().UTC().Format(time.RFC3339)
	if err := client.UpdateUser(ctx, d.EnvironmentID, user, token.AccessToken, map[string]any{u.Attribute: value}); err != nil {
		return fmt.Errorf("the secret works, but the test user's token does not: %w", err)
	}
	r.record.noteVerified("the test user signed on and changed "+u.Attribute, 0)
	return nil
}

// subjectOf returns the id of the user for whom the token was issued.
func subjectOf(token *pingone.Token) (string, error) {
	claims, err := token.Claims()
	if err != nil {
		return "", err
	}
	var id string
	if json.Unmarshal(claims.All["sub"], &id) != nil || !pingone.IsUUID(id) {
		return "", errors.New("the secret works, but its token is not of a user: the claim sub is not a user's id")
	}
	return id, nil
}
