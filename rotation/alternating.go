package rotation

import (
	"context"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// With the strategy "alternating" there are two applications with the same
// configuration. Consumers use one; a rotation regenerates the other one's secret
// and points consumers there. What is in use is never touched, so that no crash,
// race or mistake in between can lock anybody out, and the way back is to move
// AWSCURRENT to AWSPREVIOUS.

// A subject is whose secret a rotation renews.
type subject struct {
	*Document                // the next version, but for the secret
	held      pingone.Secret // what is stored of its secret
	heldAt    time.Time      // since when consumers may have it
}

// subject finds out whose secret this rotation renews, and creates the application
// if there is none yet.
func (s *step) subject(ctx context.Context, admin *pingone.Client, current *stored) (*subject, error) {
	switch {
	case current.Alternates():
		return s.idle(ctx, admin, current)
	case current.ClientID == "":
		app, err := s.provisioner(admin).Provision(ctx, current.Document)
		if err != nil {
			return nil, err
		}
		return &subject{Document: current.Of(app.ID)}, nil
	}
	return &subject{current.Document, current.ClientSecret, s.promoted(current)}, nil
}

// idle returns the twin that is not in use. Its secret, as far as it is stored, is
// that of AWSPREVIOUS.
func (s *step) idle(ctx context.Context, admin *pingone.Client, current *stored) (*subject, error) {
	active, err := admin.Application(ctx, current.EnvironmentID, current.ClientID)
	if err != nil {
		return nil, err
	}
	if current.Rotation.Twin == "" {
		twin, err := s.provisioner(admin).Twin(ctx, current.Document, active)
		if err != nil {
			return nil, err
		}
		return &subject{Document: current.Successor(twin.ID)}, nil
	}
	twin, err := admin.Application(ctx, current.EnvironmentID, current.Rotation.Twin)
	if err != nil {
		return nil, err
	}
	if !s.marker().Twins(active, twin) {
		return nil, document.NewFieldError("rotation.twin", "names an application that this rotation has not created as the other one's twin; remove the field, and a twin is created")
	}
	sub := &subject{Document: current.Successor(twin.ID)}
	id := s.holder(labelPrevious)
	if id == "" {
		return sub, nil
	}
	previous, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if previous != nil && previous.ClientID == twin.ID {
		sub.held, sub.heldAt = previous.ClientSecret, previous.created
	}
	return sub, nil
}
