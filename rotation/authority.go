package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/internal/remedy"
)

// The writer of a managed secret chooses what its document names. So does anyone who may
// store a version under another label. A run therefore reads, locks and records nothing of a
// client before it has seen that the admin's owner allows this secret that client.

// authorize finds the admin and checks that its owner allows AWSCURRENT's target. If the owner
// allows the target but not the twin that the document names, the run continues without the
// twin, because the target may still need its secret adopted.
func (r *run) authorize(ctx context.Context) (err error) {
	d := r.found.current.Document
	r.found.acting, err = r.adminOf(ctx, d)
	if denial(err) && d.Rotation.Twin != "" {
		original, again := r.adminOf(ctx, d.WithTwin(""))
		if again == nil {
			r.found.acting, err = original, nil
			r.rejectTwin(d.Rotation.Twin)
		}
	}
	return err
}

// adminOf returns the admin for the document's target, if its owner allows that target.
func (r *run) adminOf(ctx context.Context, d *document.Document) (*admin, error) {
	if _, err := r.Settings.environment(d); err != nil {
		return nil, err
	}
	if r.secret.isCalled(d.Rotation.AdminSecretID) {
		return nil, errOwnAdmin
	}
	id, err := r.Settings.adminFor(d)
	if err != nil {
		return nil, err
	}
	if r.found.admin.id != id {
		r.found.admin = r.secret.readAdmin(ctx, id)
	}
	return r.permit(ctx, r.found.admin, d)
}

// identify finds the other applications that the run deals with: the twin, and the one that an
// earlier run created for a document that names none yet. What a version names counts only
// once the admin's owner allows it.
func (r *run) identify(ctx context.Context) error {
	d := r.found.current
	named := d.Rotation.Twin
	if named == r.found.falseTwin || named == r.found.gone {
		named = ""
	}
	if r.found.twin == "" && d.Rotation.Strategy == document.Alternating {
		r.found.twin = named
	}
	if r.found.twin == d.ApplicationID() && named != "" { // AWSCURRENT has changed sides
		r.found.twin = named
	}
	if own := r.found.own; own != nil {
		return r.recognize(ctx, own)
	}
	return nil
}

// recognize uses the application of a version as AWSCURRENT's twin, or as the one created for
// AWSCURRENT's document, if the version may follow AWSCURRENT and the admin's owner allows
// the application.
func (r *run) recognize(ctx context.Context, v *stored) error {
	d, id := r.found.current, v.ApplicationID()
	switch {
	case id == "" || id == d.ApplicationID() || id == r.found.falseTwin || id == r.found.gone || !d.MayFollow(v.ClientID):
	case d.ClientID == "" && r.found.created == "":
		_, err := r.adminOf(ctx, d.Of(v.ClientID))
		if denial(err) {
			return errDifferent
		}
		if err != nil {
			return err
		}
		r.found.created = id // if it was not created for this secret, the look refuses it
		r.client.Settle, r.found.acting.client.Settle = provision.Settle, provision.Settle
	case d.Alternates() && r.found.twin == "": // created for this rotation
		return r.adoptTwin(ctx, id)
	}
	return nil
}

// adoptTwin makes an application AWSCURRENT's twin, if the admin's owner allows that.
func (r *run) adoptTwin(ctx context.Context, id string) error {
	_, err := r.adminOf(ctx, r.found.current.WithTwin(id))
	switch {
	case err == nil:
		r.found.twin = id
	case denial(err):
		r.rejectTwin(id)
	default:
		return err
	}
	return nil
}

// rejectTwin records that an application must be left alone, although a document names it as
// the twin.
func (r *run) rejectTwin(id string) {
	if r.found.falseTwin == id {
		return
	}
	r.found.falseTwin = id
	r.record.warn("rotation.twin names application %s, which this rotation did not create; it was left alone", id)
}

// twinOfRegister finds a twin that no version names that may become AWSCURRENT: it belongs to
// a first rotation that is not over. Its secret may have leaked too.
func (r *run) twinOfRegister(ctx context.Context) (found bool, err error) {
	d := r.found.current
	if r.found.twin != "" || !d.Alternates() {
		return false, nil
	}
	for _, id := range slices.Sorted(maps.Keys(r.item().Applications)) { // also former twins, which are gone
		if r.found.twin == "" && id != d.ApplicationID() && id != r.found.gone {
			r.found.twin = id
		}
	}
	for _, v := range r.found.others { // it may have been created and never regenerated
		if r.found.twin != "" {
			break
		}
		if err := r.recognize(ctx, v); err != nil {
			return false, err
		}
	}
	if r.found.twin == "" && !r.found.searched {
		r.found.searched = true
		_, _ = r.searchTwin(ctx) // showDead searches again, and there a failure counts
	}
	return r.found.twin != "", nil
}

// searchTwin uses the marker to find a twin that neither a version nor the register names: a
// rotation created it and stopped there.
func (r *run) searchTwin(ctx context.Context) (found bool, err error) {
	d := r.found.current
	original := r.found.apps[d.ApplicationID()]
	if r.found.twin != "" || !d.Alternates() || original == nil {
		return false, nil
	}
	twin, err := r.provisioner().FindTwin(ctx, d.Document, original)
	switch _, taken := errors.AsType[*provision.NameError](err); {
	case taken:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("find out whether an earlier rotation has created a twin: %w", err)
	case twin != nil:
		r.found.twin = twin.ID
	}
	return twin != nil, nil
}

// notTwins is the error for an application that is not the twin of the document's.
func (r *run) notTwins(id string) error {
	return document.NotTwins(id, provision.MarkerOf(r.secret.arn).TwinOf(r.found.current.ApplicationID()))
}

var errTwinGone = remedy.With(document.NewFieldError("rotation.twin", "names an application that is no longer in PingOne"),
	"remove the field; the next rotation creates a twin")
