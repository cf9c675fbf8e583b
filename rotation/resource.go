package rotation

import (
	"cmp"
	"context"

	"pingrotate/pingone"
)

// A custom resource has a client secret too, with which a service introspects the
// tokens that it is sent. PingOne regenerates it like an application's, and the
// protocol is the same. But a resource gets no tokens, has no roles, and is not
// created here.

const (
	kindApplication = "application"
	kindResource    = "resource"
)

func (d *Document) isResource() bool { return d.Rotation.Kind == kindResource }

// checkResource checks that a resource's document asks for nothing that a
// resource does not have.
func (d *Document) checkResource() error {
	p := d.Rotation
	path := ""
	switch {
	case !pingone.IsUUID(d.ClientID):
		return fieldError("clientId", "must be the id of the custom resource")
	case p.Strategy == alternating:
		path = "rotation.strategy"
	case p.ApplicationID != "":
		path = "rotation.applicationId"
	case p.Application != nil:
		path = "rotation.application"
	case p.Verify.UserSecretID != "" || !p.Verify.demandsNothing():
		path = "rotation.verify"
	default:
		return nil
	}
	return fieldError(path, `is for applications, but rotation.kind is "resource"; remove it`)
}

// target is whose secret the document holds.
func target(d *Document) pingone.Target {
	kind := pingone.ApplicationKind
	if d.isResource() {
		kind = pingone.ResourceKind
	}
	return pingone.Target{Kind: kind, EnvironmentID: d.EnvironmentID, ID: d.ApplicationID()}
}

// application reads whose secret it is. A custom resource is described as if it were
// an application, which spares the protocol the difference: it is never disabled,
// and how it authenticates only its document says.
func (s *step) application(ctx context.Context, admin *pingone.Client, d *Document) (*pingone.Application, error) {
	if !d.isResource() {
		return admin.Application(ctx, d.EnvironmentID, d.ApplicationID())
	}
	return &pingone.Application{
		ID:                      d.ClientID,
		Protocol:                "OPENID_CONNECT",
		Enabled:                 true,
		TokenEndpointAuthMethod: cmp.Or(d.AuthMethod, pingone.ClientSecretBasic),
	}, nil
}
