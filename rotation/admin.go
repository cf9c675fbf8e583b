package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// admin reads the credential that acts on the target, and returns the client that
// acts with it. It refuses, before any call to PingOne, a credential that is not
// meant for this target.
func (s *step) admin(ctx context.Context, target *Document) (*pingone.Client, error) {
	id := target.Rotation.AdminSecretID
	if id == "" {
		id = s.Settings.AdminSecretID
	}
	switch id {
	case "":
		return nil, fieldError("rotation.adminSecretId", "is missing, and the function has no default in PINGONE_ADMIN_SECRET_ID")
	case s.arn, s.name, s.event.SecretID:
		return nil, errOwnAdmin
	}
	out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id}, s.count)
	if err != nil {
		return nil, secretsManagerError("read the admin secret "+id, err)
	}
	if aws.ToString(out.ARN) == s.arn {
		return nil, errOwnAdmin
	}
	d, err := decode(out)
	if err != nil {
		return nil, fmt.Errorf("the admin secret %s: %w", id, err)
	}
	if err := s.permits(d.Document, target); err != nil {
		return nil, fmt.Errorf("the admin secret %s: %w", id, err)
	}
	env, err := s.Settings.environment(d.Document)
	if err != nil {
		return nil, fmt.Errorf("the admin secret %s: %w", id, err)
	}
	s.adminApplication, s.adminAllowsAll = d.ApplicationID(), d.Allow == nil
	client := s.client
	client.Admin = pingone.Credential{
		Environment: env,
		ClientID:    d.ClientID,
		Secret:      d.ClientSecret,
		Method:      cmp.Or(d.AuthMethod, pingone.ClientSecretBasic), // what PingOne gives a worker application by default
		PrivateKey:  d.PrivateKey,
		KeyID:       d.KeyID,
	}
	if err := client.Admin.Check(); err != nil {
		return nil, fmt.Errorf("the admin secret %s: %w", id, fieldError("privateKey", err.Error()))
	}
	return &client, nil
}

var errOwnAdmin = fieldError("rotation.adminSecretId", "names the secret itself; no application can read or regenerate its own secret, use another admin application")

// permits checks that the admin credential is meant for the target. Who may write
// a managed secret names the target and the admin in it, so the admin's own
// document has the last word.
func (s *step) permits(admin, target *Document) error {
	switch {
	case admin.AuthMethod == pingone.PrivateKeyJWT && admin.PrivateKey.IsZero():
		return fieldError("privateKey", "is missing; with PRIVATE_KEY_JWT it must be the application's RSA key, in PEM")
	case admin.AuthMethod != pingone.PrivateKeyJWT && admin.ClientSecret.IsZero():
		return fieldError("clientSecret", "is empty")
	case admin.Region != target.Region:
		return fieldError("region", "is another than the target's; a credential is not sent across regions")
	case admin.EnvironmentID == target.EnvironmentID && admin.ApplicationID() == target.ApplicationID():
		return errors.New("is of the target application itself; no application can read or regenerate its own secret, use another admin application")
	case admin.Allow == nil:
		return nil
	}
	for _, a := range admin.Allow {
		if (matches(a.Secret, s.arn) || matches(a.Secret, s.name)) &&
			a.EnvironmentID == target.EnvironmentID &&
			(a.Applications == nil || slices.Contains(a.Applications, target.ApplicationID()) &&
				(target.Rotation.Twin == "" || slices.Contains(a.Applications, target.Rotation.Twin))) {
			return nil
		}
	}
	return errors.New("does not allow this target; its owner can add the secret, environment and application to its field allow")
}

// matches reports whether the name fits the pattern, in which * stands for any
// characters.
func matches(pattern, name string) bool {
	for i := range len(pattern) {
		if pattern[i] == '*' {
			rest := pattern[i+1:]
			for j := i; j <= len(name); j++ {
				if matches(rest, name[j:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) || pattern[i] != name[i] {
			return false
		}
	}
	return len(pattern) == len(name)
}
