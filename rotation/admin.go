package rotation

import (
	"cmp"
	"context"
	"fmt"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An admin is the credential that acts on a target, and what its owner allows.
type admin struct {
	client      pingone.Client // acts as the admin application
	application string         // its id
	allowsAll   bool           // its document lists no targets
}

// adminSecret is an admin's secret as it was read.
type adminSecret struct {
	id  string // as it was asked for
	out *secretsmanager.GetSecretValueOutput
	err error
}

// readAdmin reads an admin's secret.
func (s *secret) readAdmin(ctx context.Context, id string) adminSecret {
	out, err := s.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id}, s.count.requests)
	if err != nil {
		err = secretsManagerError("read the admin secret "+id, err)
	}
	return adminSecret{id, out, err}
}

// adminFor returns the id of the secret with the credential that acts on the document's
// target.
func (set Settings) adminFor(d *document.Document) (string, error) {
	if id := cmp.Or(d.Rotation.AdminSecretID, set.AdminSecretID); id != "" {
		return id, nil
	}
	return "", document.NewFieldError("rotation.adminSecretId", "is missing, and the function has no default in PINGONE_ADMIN_SECRET_ID")
}

// permit returns the admin, if its secret is meant for the target. It does so before
// any call to PingOne, and before anything about the target is read or recorded.
func (r *run) permit(a adminSecret, target *document.Document) (*admin, error) {
	if a.id == r.secret.arn || a.id == r.secret.name || a.id == r.secret.id {
		return nil, errOwnAdmin
	}
	if a.err != nil {
		return nil, a.err
	}
	if aws.ToString(a.out.ARN) == r.secret.arn {
		return nil, errOwnAdmin
	}
	wrap := func(err error) error { return fmt.Errorf("the admin secret %s: %w", a.id, err) }
	v, err := decode(a.out)
	if err != nil {
		return nil, wrap(err)
	}
	d := v.Document
	if err := d.Permits(target, r.secret.name, r.secret.arn); err != nil {
		return nil, wrap(err)
	}
	env, err := r.Settings.environment(d)
	if err != nil {
		return nil, wrap(err)
	}
	client := r.client
	client.Admin = pingone.Credential{
		Environment: env,
		ClientID:    d.ClientID,
		Secret:      d.ClientSecret,
		Method:      cmp.Or(d.AuthMethod, pingone.ClientSecretBasic), // what PingOne gives a worker application by default
		PrivateKey:  d.PrivateKey,
		KeyID:       d.KeyID,
	}
	if err := client.Admin.Check(); err != nil {
		return nil, wrap(document.NewFieldError("privateKey", err.Error()))
	}
	return &admin{client, d.ApplicationID(), d.Allow == nil}, nil
}

var errOwnAdmin = document.NewFieldError("rotation.adminSecretId",
	"names the secret itself; no application can read or regenerate its own secret, use another admin application")

// provisioner configures what the secret's document specifies, as the admin.
func (r *run) provisioner() *provision.Provisioner {
	return &provision.Provisioner{
		Client: &r.found.acting.client, AdminApplication: r.found.acting.application, Marker: provision.MarkerOf(r.secret.arn), Note: r.record.change,
	}
}

// read returns the application with the id, of the document's kind. A custom resource
// is described as if it were an application, which spares the protocol the difference:
// it is never disabled, and how it authenticates only its document says.
func (a *admin) read(ctx context.Context, d *document.Document, id string) (*pingone.Application, error) {
	if !d.IsResource() {
		return a.client.Application(ctx, d.EnvironmentID, id)
	}
	return &pingone.Application{
		ID:                      id,
		Protocol:                "OPENID_CONNECT",
		Enabled:                 true,
		TokenEndpointAuthMethod: cmp.Or(d.AuthMethod, pingone.ClientSecretBasic),
	}, nil
}

// view reads the target's secret, at an instant that is known.
func (a *admin) view(ctx context.Context, t pingone.Target) (*pingone.ApplicationSecret, error) {
	live, err := a.client.ReadSecret(ctx, t)
	if err == nil && live.AsOf.IsZero() {
		live.AsOf = a.client.Time()
	}
	return live, err
}
