package rotation

import (
	"context"
	"errors"
	"fmt"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/internal/remedy"
)

// The writer of a managed secret chooses what its document names, and so does anyone who
// may store a version under another label. Before a run reads, locks or records anything of a
// client, the owner of the admin that it acts as has allowed that client for this secret.

// authorize finds the admin and checks that its owner allows AWSCURRENT's target. A twin
// that the document only claims to be one is left alone: the target itself may need to be
// healed all the same.
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

// adminOf returns the admin that acts on the document's target, if its owner allows that.
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

// identify finds out which applications the run is about besides AWSCURRENT's: the twin,
// and the application that an earlier run has created for a document that names none yet.
// What a version names counts once that is allowed.
func (r *run) identify(ctx context.Context) error {
	d := r.found.current
	named := d.Rotation.Twin
	if named == r.found.falseTwin {
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

// recognize takes a version's application for AWSCURRENT's twin, or for the one that was
// created for it, where the version may follow AWSCURRENT and that is allowed.
func (r *run) recognize(ctx context.Context, v *stored) error {
	d, id := r.found.current, v.ApplicationID()
	switch {
	case id == "" || id == d.ApplicationID() || id == r.found.falseTwin || !d.MayFollow(v.ClientID):
	case d.ClientID == "" && r.found.created == "":
		_, err := r.adminOf(ctx, d.Of(v.ClientID))
		if denial(err) {
			return errDifferent
		}
		if err != nil {
			return err
		}
		r.found.created = id // for this secret, or the look refuses it
		r.client.Settle, r.found.acting.client.Settle = provision.Settle, provision.Settle
	case d.Alternates() && r.found.twin == "": // created for this rotation
		return r.adoptTwin(ctx, id)
	}
	return nil
}

// adoptTwin makes an application AWSCURRENT's twin, if it is allowed as that.
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

// rejectTwin remembers an application as one that is not to be touched.
func (r *run) rejectTwin(id string) {
	if r.found.falseTwin == id {
		return
	}
	r.found.falseTwin = id
	r.record.warn("rotation.twin names application %s, which this rotation has not created; it was left alone", id)
}

// twinOfRegister finds the twin that no version names which may be AWSCURRENT: of a first
// rotation that is not over. Its secret may have leaked as well.
func (r *run) twinOfRegister(ctx context.Context) (found bool, err error) {
	d := r.found.current
	if r.found.twin != "" || !d.Alternates() {
		return false, nil
	}
	for id := range r.item().Applications {
		if id != d.ApplicationID() {
			r.found.twin = id
		}
	}
	for _, v := range r.found.others { // or it was created, and never regenerated
		if r.found.twin != "" {
			break
		}
		if err := r.recognize(ctx, v); err != nil {
			return false, err
		}
	}
	if r.found.twin == "" && !r.found.searched {
		r.found.searched = true
		_, _ = r.searchTwin(ctx) // once more before all is said to have ended, where a failure counts
	}
	return r.found.twin != "", nil
}

// searchTwin looks for a twin that neither a version nor the register names, by its
// marker: a rotation has created it and come no further.
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

var errNoTwin = remedy.With(document.NewFieldError("rotation.twin", "names an application that this rotation has not created as the other one's twin"),
	"remove the field, and a twin is created")
