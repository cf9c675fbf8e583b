package rotation

import "context"

// CreateTestUser creates the test user of a secret's AWSCURRENT version.
func (r *Rotator) CreateTestUser(ctx context.Context, secretID string) (done []string, err error) {
	s := r.step(Event{Step: TestSecret, SecretID: secretID})
	if err := s.describe(ctx); err != nil {
		return nil, err
	}
	current, err := s.readCurrent(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := s.admin(ctx, current.Document)
	if err != nil {
		return nil, err
	}
	return s.createTestUser(ctx, admin, current.Document)
}
