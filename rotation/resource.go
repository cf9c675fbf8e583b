package rotation

import (
	"cmp"
	"context"

	"pingrotate/pingone"
)

// application reads whose secret it is. A custom resource is described as if it were
// an application, which spares the protocol the difference: it is never disabled,
// and how it authenticates only its document says.
func (s *step) application(ctx context.Context, admin *pingone.Client, d *Document) (*pingone.Application, error) {
	if !d.IsResource() {
		return admin.Application(ctx, d.EnvironmentID, d.ApplicationID())
	}
	return &pingone.Application{
		ID:                      d.ClientID,
		Protocol:                "OPENID_CONNECT",
		Enabled:                 true,
		TokenEndpointAuthMethod: cmp.Or(d.AuthMethod, pingone.ClientSecretBasic),
	}, nil
}
