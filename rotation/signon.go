package rotation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A testUser is who signs on to an application to see whether its secret works: the
// contents of the secret that rotation.verify.userSecretId names.
type testUser struct {
	login         pingone.Login
	attribute     string // to change with the user's token; "" for none
	environmentID string // the only one that is given the password
	email         string // to create the user with; "" for one that goes nowhere
}

// testUser reads the user of the document, nil if it names none.
func (s *step) testUser(ctx context.Context, d *Document) (*testUser, error) {
	id := d.Rotation.Verify.UserSecretID
	if id == "" {
		return nil, nil
	}
	out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id}, s.count)
	if err != nil {
		return nil, secretsManagerError("read the test user's secret "+id, err)
	}
	if out.SecretString == nil {
		return nil, fmt.Errorf("the test user's secret %s: it is binary; store a JSON object as SecretString", id)
	}
	u, err := parseTestUser(*out.SecretString)
	if err == nil && u.environmentID != d.EnvironmentID {
		err = fieldError("environmentId", "is another than the application's; a password is not sent to other environments")
	}
	if err != nil {
		return nil, fmt.Errorf("the test user's secret %s: %w", id, err)
	}
	u.login.Scope = cmp.Or(u.login.Scope, d.Rotation.Verify.Scope, "openid")
	return u, nil
}

// parseTestUser decodes a test user. Whoever writes a managed secret says which
// secret is one, so an error names the fields of a test user and no other.
func parseTestUser(text string) (*testUser, error) {
	u := &testUser{}
	err := object(keep, map[string]decoder{
		"username":      parsed(&u.login.Username, parseText),
		"password":      parsed(&u.login.Password, parseSecret),
		"redirectUri":   parsed(&u.login.RedirectURI, parseText),
		"scope":         parsed(&u.login.Scope, parseText),
		"attribute":     parsed(&u.attribute, parseAttribute),
		"environmentId": parsed(&u.environmentID, parseUUID),
		"email":         parsed(&u.email, parseText),
	})(document, json.RawMessage(text))
	switch {
	case err != nil:
		return nil, err
	case u.login.Username == "":
		return nil, fieldError("username", "is missing")
	case u.login.Password.IsZero():
		return nil, fieldError("password", "is missing")
	case u.login.RedirectURI == "":
		return nil, fieldError("redirectUri", "is missing; it must be one of the application's redirectUris")
	case u.environmentID == "":
		return nil, fieldError("environmentId", "is missing; it says to which environment the password may be sent")
	}
	return u, nil
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,59}$`)

func parseAttribute(s string) (string, error) {
	if !attributeName.MatchString(s) || s == "username" || s == "email" {
		return "", errors.New("must be the name of a user attribute that holds text and that nobody needs, such as nickname")
	}
	return s, nil
}

// signOn obtains a token for the test user, as the application does for its users,
// and uses it. See "Configure an Application with an Authorization Code Grant".
func (s *step) signOn(ctx context.Context, d *Document, cred pingone.Credential, u *testUser) error {
	// A secret that is refused is tried again for a while. Here no password goes with
	// it, and no failed sign-on counts against the user.
	if err := s.judge(ctx, cred); err != nil {
		return err
	}
	token, err := s.client.AuthorizationCode(ctx, cred, u.login)
	if err != nil {
		return fmt.Errorf("sign on as the test user: %w", err)
	}
	s.tokenLife = token.ExpiresAt.Sub(s.client.Time())
	if err := checkToken(token, cred, d.Rotation.Verify, s.client.Time()); err != nil {
		return err
	}
	user, err := subjectOf(token)
	if err != nil {
		return err
	}
	s.verified = "the test user signed on"
	if u.attribute == "" {
		return nil
	}
	client := s.client
	client.Admin.Environment = cred.Environment // for the address; the token is the user's
	value := "changed by a rotation at " + s.client.Time().UTC().Format(time.RFC3339)
	if err := client.UpdateUser(ctx, d.EnvironmentID, user, token.AccessToken, map[string]any{u.attribute: value}); err != nil {
		return fmt.Errorf("the secret works, but the test user's token does not: %w", err)
	}
	s.verified += " and changed " + u.attribute
	return nil
}

// subjectOf returns the id of the user whose token it is.
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
