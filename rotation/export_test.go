package rotation

import (
	"context"

	"pingrotate/internal/plan"
)

// CreateTestUser creates the test user of a secret's AWSCURRENT version.
func (r *Rotator) CreateTestUser(ctx context.Context, secretID string) (done []string, err error) {
	n := r.begin(secretID, plan.ByStep, "check", "")
	if err := n.readSecret(ctx); err != nil {
		return nil, err
	}
	if err := n.authorize(ctx); err != nil {
		return nil, err
	}
	return n.createTestUser(ctx)
}
