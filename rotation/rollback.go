package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pingrotate/pingone"
)

// rollback makes the version before AWSCURRENT again. With two applications that is
// one label.
func (r *Rotator) rollback(ctx context.Context, a Action) *Report {
	h := r.byHand(a)
	return h.carryOut(ctx, h.rollback)
}

func (h *hand) rollback(ctx context.Context) error {
	s := h.step(FinishSecret, "")
	defer func() { h.note(s) }()
	if err := s.describe(ctx); err != nil {
		return err
	}
	current, err := s.readCurrent(ctx)
	if err != nil {
		return err
	}
	s.current = current.ClientSecret
	id := s.holder(labelPrevious)
	pending, label := s.underWay()
	if current.Alternates() && label == labelByHand && s.client.Time().Sub(s.changed) >= quiet {
		// Its action has stopped, and is over with this write.
		if err := s.unlabel(ctx, label, pending); err != nil {
			return err
		}
		pending = ""
	}
	switch {
	case !current.Alternates():
		return errors.New(`with the strategy "single" there is no way back: PingOne cannot make a replaced secret its current one again, and the one in AWSPREVIOUS ends with its grace. ` +
			"If the new secret gives trouble, rotate again, or look with check at what its consumers meet")
	case pending != "":
		return fmt.Errorf("a rotation is under way: version %s waits to become AWSCURRENT; wait until it is over, or take its label %s off", pending, label)
	case id == "":
		return errors.New("no version is labelled AWSPREVIOUS; there is nothing to go back to")
	case slices.Contains(s.labels[id], labelCompromised):
		return errors.New("AWSPREVIOUS is labelled COMPROMISED: its secret has leaked and is about to end")
	}
	previous, err := s.read(ctx, id)
	if err == nil && (previous == nil || previous.ClientSecret.IsZero()) {
		err = errors.New("the version labelled AWSPREVIOUS holds no secret; there is nothing to go back to")
	}
	if err != nil {
		return err
	}
	from, to := previous.Principal(), current.Successor(previous.ClientID).Principal()
	if from.Twin == "" {
		to.Twin = "" // the first version of all names none
	}
	if from != to || !current.MayFollow(previous.ClientID) {
		return errors.New("AWSPREVIOUS is not of the twin that AWSCURRENT names; there is nothing to go back to")
	}
	if err := s.lasts(ctx, previous); err != nil {
		return err
	}
	if err := s.verifyStored(ctx, previous); err != nil {
		return fmt.Errorf("AWSPREVIOUS is not promoted, because it does not work: %w", err)
	}
	h.Verified = append(h.Verified, previous.ClientSecret.Fingerprint()+": obtained a token")
	s.decision = "rollback"
	// Died before or after: either version's secret works.
	s.event.ClientRequestToken, h.Version = id, id
	if err := s.promote(ctx); err != nil {
		return err
	}
	s.did.promoted = s.mark(previous.ClientSecret)
	h.Outcome = RolledBack
	return nil
}

// lasts checks that a rotation which has stopped did not leave the version's secret a
// grace only. To ask that takes the admin, without whom there is still a way back.
func (s *step) lasts(ctx context.Context, v *stored) error {
	admin, err := s.admin(ctx, v.Document)
	if err == nil {
		var live *pingone.ApplicationSecret
		if live, err = s.readSecret(ctx, admin, v.Document); err == nil && live.Replaced(v.ClientSecret) {
			return fmt.Errorf("AWSPREVIOUS is not promoted, because it ends at %s: a rotation that has stopped has made a newer secret for its application; "+
				"rotate instead, which takes that one over", live.Previous.ExpiresAt.UTC().Format(time.RFC3339))
		}
	}
	if err != nil {
		s.warning = "it is not known how long AWSPREVIOUS lasts: " + err.Error()
	}
	return nil
}
