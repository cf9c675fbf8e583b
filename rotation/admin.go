package rotation

import (
	"cmp"
	"context"
	"fmt"

	"pingrotate/internal/document"
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
		return nil, document.NewFieldError("rotation.adminSecretId", "is missing, and the function has no default in PINGONE_ADMIN_SECRET_ID")
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
	if err := d.Permits(target, s.arn, s.name); err != nil {
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
		return nil, fmt.Errorf("the admin secret %s: %w", id, document.NewFieldError("privateKey", err.Error()))
	}
	return &client, nil
}

var errOwnAdmin = document.NewFieldError("rotation.adminSecretId", "names the secret itself; no application can read or regenerate its own secret, use another admin application")
