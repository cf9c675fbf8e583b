package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An admin is the credential that acts on a target, with what its owner allows.
type admin struct {
	client      pingone.Client // acts as the admin application
	application string         // its id
	permission  *document.Permission
	any         bool // it allows the secret every application, by "*"
}

// adminSecret is an admin's secret as it was read.
type adminSecret struct {
	id  string // the name or ARN by which it was requested
	out *secretsmanager.GetSecretValueOutput
	err error
}

// permit returns the admin, if its owner allows the target. It decides before anything about
// the target is read, locked or recorded, except the description in PingOne, on which the
// decision may depend.
func (r *run) permit(ctx context.Context, a adminSecret, target *document.Document) (*admin, error) {
	if r.secret.isCalled(a.id) {
		return nil, ownAdmin(target)
	}
	if a.err != nil {
		return nil, a.err
	}
	switch arn := aws.ToString(a.out.ARN); {
	case arn == r.secret.arn:
		return nil, ownAdmin(target)
	case !r.Settings.isAdmin(arn, aws.ToString(a.out.Name), r.home()):
		return nil, errNoAdmin
	}
	question := allowed{aws.ToString(a.out.VersionId), target.EnvironmentID, target.ApplicationID(), target.Rotation.Twin, target.IsResource()}
	if known := r.found.allowed[question]; known != nil {
		return known, nil
	}
	wrap := func(err error) error {
		if refused, ok := errors.AsType[*document.Refusal](err); ok {
			return fmt.Errorf("the admin secret %s %w", a.id, refused)
		}
		return fmt.Errorf("the admin secret %s: %w", a.id, err)
	}
	v, err := decode(a.out)
	if err != nil {
		return nil, wrap(err)
	}
	d := v.Document
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
	p := provision.Provisioner{Client: &client, Marker: provision.MarkerOf(r.secret.arn)}
	if r.assumeMarked {
		p.Supposed = target.ApplicationID()
	}
	names := r.secret.names()
	permission, err := p.Permit(ctx, d, names, target, func(ctx context.Context) ([]string, error) {
		return r.adminApplications(ctx, a)
	})
	if err != nil {
		return nil, wrap(err)
	}
	if err := client.Admin.Check(); err != nil {
		return nil, wrap(document.NewFieldError("privateKey", err.Error()))
	}
	any := slices.ContainsFunc(d.AllowancesFor(names), func(a document.Allowance) bool { return a.Applications.Any })
	acting := &admin{client, d.ApplicationID(), permission.By(a.id), any}
	r.found.allowed[question] = acting
	return acting, nil
}

// An allowed is a question put to an admin's document. Its answer holds for the rest of the
// run, because a rotation does not change what is allowed.
type allowed struct {
	admin                            string // the version of its secret
	environmentID, application, twin string
	resource                         bool
}

// denial reports whether the admin's owner does not allow something, or whether a document
// is wrong about it. Any other error means that the run could not find out.
func denial(err error) bool {
	_, refused := errors.AsType[*document.Refusal](err)
	_, wrong := errors.AsType[*document.FieldError](err)
	return refused || wrong
}

var (
	errOwnAdmin = document.NewFieldError("rotation.adminSecretId",
		"names the secret itself; no application can read or regenerate its own secret, use another admin application")
	errOwnDefault = document.NewFieldError("rotation.adminSecretId",
		"is missing, and the function's default is the secret itself; no application can read or regenerate its own secret, name another admin application's")
)

// ownAdmin is the error for a secret that would be its own admin's.
func ownAdmin(d *document.Document) error {
	if d.Rotation.AdminSecretID == "" {
		return errOwnDefault
	}
	return errOwnAdmin
}

// provisioner acts as the admin on what the secret's document specifies.
func (r *run) provisioner() *provision.Provisioner {
	return &provision.Provisioner{
		Client: &r.found.acting.client, AdminApplication: r.found.acting.application, Marker: provision.MarkerOf(r.secret.arn),
		Permission: r.found.acting.permission, Note: r.record.change,
	}
}

// read returns the application with the id, of the document's kind. It describes a custom
// resource as an application, so that the protocol need not distinguish the two. A resource
// is never disabled, and only its document says how it authenticates.
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

// view reads the target's secret. The result always has the time as of which it holds.
func (a *admin) view(ctx context.Context, t pingone.Target) (*pingone.ApplicationSecret, error) {
	live, err := a.client.ReadSecret(ctx, t)
	if err == nil && live.AsOf.IsZero() {
		live.AsOf = a.client.Time()
	}
	return live, err
}
