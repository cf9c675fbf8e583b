package rotation

import (
	"context"
	"errors"
	"fmt"

	"pingrotate/pingone"
)

// confirm checks that the stored secret is PingOne's current one, with the method
// that the application uses. If it is not, this version can never be promoted: a
// value stored under a token is final. It is then given up, so that a fresh
// rotation finds its way.
func (s *step) confirm(ctx context.Context, admin *pingone.Client, current, pending *stored) error {
	s.pending = pending.ClientSecret
	if !current.MayFollow(pending.ClientID) {
		return errDifferent
	}
	app, live, err := s.observe(ctx, admin, current.Successor(pending.ClientID), func(now *pingone.ApplicationSecret) bool {
		return now.Secret.Equal(pending.ClientSecret)
	})
	if err != nil {
		return err
	}
	lockedOut := !current.ClientSecret.IsZero() && !current.Alternates() && !live.Accepts(current.ClientSecret)
	why := "the secret stored as AWSPENDING is not PingOne's current one: it was regenerated again after it was stored"
	switch {
	case !live.Secret.Equal(pending.ClientSecret) && lockedOut:
		s.decision = "poisoned"
		return s.rescue(ctx, current.With(live.Secret, app.TokenEndpointAuthMethod, pending.TokenEndpoint))
	case !live.Secret.Equal(pending.ClientSecret):
	case !pending.Follows(current.Document):
		why = "AWSCURRENT was changed after AWSPENDING was made from it"
	case pending.AuthMethod != "" && pending.AuthMethod != app.TokenEndpointAuthMethod:
		why = "the application's tokenEndpointAuthMethod was changed after its secret was stored as AWSPENDING"
	default:
		return nil
	}
	s.decision = "poisoned"
	s.givenUp = true
	poisoned := fmt.Errorf("%s; this rotation is given up, start a fresh one with aws secretsmanager rotate-secret and it adopts PingOne's secret", why)
	// Died before this write: the next run comes here again. Died after it: the
	// rotation is over, as the message says.
	return errors.Join(poisoned, s.abandon(ctx))
}

// rescue makes PingOne's secret AWSCURRENT without waiting for the other steps,
// because somebody else has regenerated it at the same time: either consumers are
// locked out already, or they will be when the grace ends. It ends this rotation,
// as Secrets Manager does itself when another version appears.
func (s *step) rescue(ctx context.Context, next *Document) error {
	s.warning = "the secret was regenerated twice at the same time; PingOne's is promoted at once"
	s.decision += ", rescue"
	s.pending = next.ClientSecret
	if err := s.verify(ctx, next); err != nil {
		return fmt.Errorf("PingOne's secret was regenerated twice at the same time: %w", err)
	}
	// That may have taken a while, and what somebody has stored since must stay.
	if err := s.describe(ctx); err != nil {
		return err
	}
	current, err := s.readCurrent(ctx)
	if err != nil {
		return err
	}
	base := current.Document
	if base.ClientID != next.ClientID && base.MayFollow(next.ClientID) {
		base = base.Successor(next.ClientID)
	}
	if base.Principal() != next.Principal() {
		return errDifferent
	}
	next = base.With(next.ClientSecret, next.AuthMethod, next.TokenEndpoint)
	// Died before this write: the next rotation sees drift, or adopts. Died after it:
	// AWSCURRENT is PingOne's secret.
	if !current.ClientSecret.Equal(next.ClientSecret) {
		if err := s.putCurrent(ctx, next); err != nil {
			return err
		}
		s.did.promoted = s.mark(next.ClientSecret)
	}
	s.rescued = true
	return errors.New("PingOne's secret was regenerated twice at the same time, by this rotation and by somebody else; " +
		"AWSCURRENT is PingOne's secret now, and this rotation is over")
}
