package rotation

import (
	"context"
	"errors"

	"pingrotate/internal/plan"
	"pingrotate/pingone"
)

// lookAtLeak is the first look of an emergency. Anyone who can store a version can store
// one that names the same client, but an admin, a Region or an application that leads
// nowhere. Such a document must not protect the leaked secret: another labelled version of
// the same client stands in for it, if that one leads to the client.
func (r *run) lookAtLeak(ctx context.Context) error {
	err := r.look(ctx, plan.Emergency)
	if err == nil || !misled(err) {
		return err
	}
	out, readErr := r.secret.value(ctx, "", labelCurrent)
	if readErr != nil || out == nil {
		return err
	}
	current, readErr := decode(out)
	if readErr != nil {
		return err
	}
	for _, label := range []string{labelPrevious, plan.HealLabel, plan.ManualLabel, labelPending} {
		other, readErr := r.secret.read(ctx, "", label)
		if readErr != nil || other == nil || other.ClientID == "" || other.ClientID != current.ClientID ||
			other.EnvironmentID != current.EnvironmentID || !other.lost(current) {
			continue
		}
		r.hold = nil
		r.found.current = &stored{other.Document, current.versionID, current.created, true}
		if r.look(ctx, plan.Emergency) == nil {
			r.record.warn("AWSCURRENT does not lead to its client (%v); the version labelled %s, which is of the same client, stands in for it", err, label)
			return nil
		}
		r.found.current = nil
	}
	return err
}

// misled reports whether a look failed because of what the document says.
func misled(err error) bool {
	return denial(err) || errors.Is(err, errPrivateKey) || pingone.IsNotFound(err)
}
