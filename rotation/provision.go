package rotation

import (
	"context"
	"fmt"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/pingone"
)

// marker is the secret's own.
func (s *step) marker() provision.Marker { return provision.MarkerOf(s.arn) }

// provisioner acts for the secret, as the admin.
func (s *step) provisioner(admin *pingone.Client) *provision.Provisioner {
	return &provision.Provisioner{Client: admin, AdminApplication: s.adminApplication, Marker: s.marker(), Note: s.note}
}

// verifySpec checks a document whose application does not exist yet: that all its
// specification names is there, and that no other application is in the way.
func (s *step) verifySpec(ctx context.Context, v *stored) error {
	if s.event.Step == FinishSecret {
		return fmt.Errorf("version %s has no clientId; it cannot be promoted", v.versionID)
	}
	admin, err := s.admin(ctx, v.Document)
	if err != nil {
		return err
	}
	s.decision = "verify the specification"
	if _, err = s.provisioner(admin).Resolve(ctx, v.Document); err != nil {
		return err
	}
	_, err = s.provisioner(admin).FindOwn(ctx, v.Document)
	return err
}

// createTestUser makes what is missing of the user that rotation.verify.userSecretId
// names, and returns what it has made, also when it then fails.
func (s *step) createTestUser(ctx context.Context, admin *pingone.Client, d *Document) (done []string, err error) {
	u, err := s.testUser(ctx, d)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, document.NewFieldError("rotation.verify.userSecretId", "is missing; name there the secret with the test user's environmentId, username, password and redirectUri")
	}
	return s.provisioner(admin).CreateTestUser(ctx, d, u)
}
