package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/provision"
	"pingrotate/internal/register"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// look reads what the next decision depends on. Calls that do not need each other's answers
// are made in parallel. With the lease, it reads again everything that can change.
func (r *run) look(ctx context.Context, goal plan.Goal) error {
	if r.hold != nil && r.hold.hasLease() && (goal == plan.Create || goal == plan.Finish || pressing(goal) && r.found.views != nil && !r.fresh) {
		return r.lookAtOnce(ctx, goal)
	}
	if !r.fresh {
		if err := r.readSecret(ctx); err != nil {
			return err
		}
	}
	r.fresh = false
	return r.readClient(ctx, goal)
}

// pressing reports whether the goal is to end a leak, so that time counts.
func pressing(goal plan.Goal) bool { return goal == plan.Emergency || goal == plan.Follow }

// lookAtOnce is a look under the lease that reads both services in parallel. The look
// before it showed which clients matter.
func (r *run) lookAtOnce(ctx context.Context, goal plan.Goal) error {
	before := r.found.current.versionID
	clients := r.newSnapshot(goal)
	var found secretSnapshot
	reads := append(clients.reads(ctx, true), func() (err error) { found, err = r.fetchSecret(ctx); return err })
	if err := parallel.Do(reads...); err != nil {
		return r.explained(ctx, err)
	}
	if err := r.mergeSecret(ctx, found); err != nil {
		return err
	}
	if r.found.current.versionID != before {
		return r.readClient(ctx, goal) // the new version may name another client
	}
	if d := r.found.current; d.Alternates() || d.ClientSecret.IsZero() || pressing(goal) {
		if err := r.readOthers(ctx); err != nil {
			return err
		}
	}
	r.found.merge(clients)
	r.found.closed = r.unfit()
	r.found.underHold = true
	if goal == plan.Emergency {
		found, err := r.twinOfRegister(ctx)
		if err == nil && found {
			err = r.readAll(ctx, goal, true)
		}
		if err != nil {
			return err
		}
	}
	r.readSiblings(ctx)
	return nil
}

// readClient reads what the register and PingOne know about the client, after checking that
// the admin's owner allows that.
func (r *run) readClient(ctx context.Context, goal plan.Goal) error {
	if err := r.authorize(ctx); err != nil {
		return err
	}
	if err := r.identify(ctx); err != nil {
		return err
	}
	if r.hold == nil && goal == plan.Finish {
		if _, err := r.findItem(ctx); err != nil {
			return err
		}
	}
	held := r.hold != nil && r.hold.hasLease()
	if err := r.readAll(ctx, goal, held); err != nil {
		return err
	}
	if goal == plan.Emergency {
		found, err := r.twinOfRegister(ctx)
		if err == nil && found {
			err = r.readAll(ctx, goal, held)
		}
		if err != nil {
			return err
		}
	}
	r.found.underHold = held
	return nil
}

// readAll makes the reads of a look, except those of the managed secret itself, in parallel.
func (r *run) readAll(ctx context.Context, goal plan.Goal, held bool) error {
	d := r.found.current
	clients := r.newSnapshot(goal)
	var reads []func() error
	if !held && (goal != plan.Finish || !r.hold.known) {
		reads = append(reads, func() error { return r.consult(ctx) })
	}
	if goal != plan.Finish || held || r.hold.failure != nil {
		reads = append(reads, clients.reads(ctx, held)...)
	}
	if goal != plan.Create && goal != plan.Finish || d.Alternates() || d.ClientSecret.IsZero() {
		reads = append(reads, func() error { return r.readOthers(ctx) })
	}
	if goal == plan.Create && !held {
		reads = append(reads, r.rehearsals(ctx)...)
	}
	if goal == plan.Audit && !d.ClientSecret.IsZero() {
		reads = append(reads, func() error { return r.probeCurrent(ctx) })
	}
	err := parallel.Do(reads...)
	err = errors.Join(clients.recorded(), err)
	if err == nil && goal == plan.Audit && clients.hidden == nil && clients.unusual() && r.applicationID() != "" {
		err = clients.application(ctx, r.applicationID())()
	}
	if err != nil {
		return r.explained(ctx, err)
	}
	r.found.merge(clients)
	r.found.closed = r.unfit()
	if goal != plan.Create && goal != plan.Finish {
		r.dropFalseTwin()
	}
	r.readSiblings(ctx)
	return nil
}

// consult finds the client's item in the register and reads it. An unreachable register is
// not an error here, because the plan decides what may be done without it.
func (r *run) consult(ctx context.Context) error {
	if r.hold == nil {
		if fetched, err := r.findItem(ctx); err != nil || fetched {
			return err
		}
	}
	if err := r.hold.fetch(ctx); err != nil && !register.Unusable(err) {
		return err
	}
	return nil
}

// explained adds to PingOne's refusal which roles keep the secret from the admin.
func (r *run) explained(ctx context.Context, err error) error {
	if pingone.IsForbidden(err) {
		return r.provisioner().Explain(ctx, r.found.current.Document, err)
	}
	return err
}

// dropFalseTwin forgets the twin that the document names unless PingOne confirms that this
// rotation created it. Otherwise the writer of a document could have another application's
// secret regenerated or ended.
func (r *run) dropFalseTwin() {
	app, twin := r.found.apps[r.applicationID()], r.found.apps[r.found.twin]
	if r.found.twin == "" || app != nil && twin != nil && provision.MarkerOf(r.secret.arn).Twins(app, twin) {
		return
	}
	if twin != nil && app != nil {
		r.rejectTwin(r.found.twin)
		delete(r.found.views, r.found.twin)
		delete(r.found.apps, r.found.twin)
		r.found.twin = ""
	}
}

// readSiblings finds out whether each other managed secret of the client holds PingOne's
// current secret. If one lags, a mint or the end of the previous secret would end the
// secret that it holds. While PingOne keeps a previous secret, one that cannot be read may
// hold that. It delays nothing else: its owner may have attached it to another function, or
// keep this function from reading it.
func (r *run) readSiblings(ctx context.Context) {
	view := r.found.views[r.applicationID()]
	r.found.otherBehind, r.found.otherUnread, r.found.absent = "", nil, nil
	for arn := range r.hold.rev.Item.Secrets {
		if arn == r.secret.arn || view == nil || r.by == plan.ByEmergency {
			continue
		}
		other := &secret{api: r.Secrets, id: arn, count: r.count}
		v, err := other.read(ctx, "", labelCurrent)
		if e := (*SecretsManagerError)(nil); errors.As(err, &e) {
			if !e.deleted() && view.Previous != nil {
				r.found.otherBehind, r.found.otherUnread = arn, err
			}
			continue
		}
		if err == nil && v == nil {
			r.found.absent = append(r.found.absent, arn)
		}
		// One that was deleted, or names another client now, holds nothing.
		if err == nil && v != nil && v.ClientID == r.found.current.ClientID && !v.ClientSecret.IsZero() && !v.ClientSecret.Equal(view.Secret) && r.mayHold(ctx, arn) {
			r.found.otherBehind, r.found.otherUnread = arn, nil
			break
		}
	}
}

// applications returns the ids of AWSCURRENT's application and its twin.
func (r *run) applications() (all []string) {
	if id := r.applicationID(); id != "" {
		all = append(all, id)
	}
	if r.found.twin != "" && r.found.twin != r.applicationID() {
		all = append(all, r.found.twin)
	}
	return all
}

// applicationID returns the id of AWSCURRENT's application, or of the one that this run
// created for it.
func (r *run) applicationID() string {
	if id := r.found.current.ApplicationID(); id != "" {
		return id
	}
	return r.found.created
}

// readOthers reads the other labelled versions that decisions depend on.
func (r *run) readOthers(ctx context.Context) error {
	labels := r.secret.staged()
	var ids []string
	for _, id := range []string{labels.Previous, labels.Pending, labels.Manual, labels.Healed} {
		if id != "" && id != r.found.current.versionID && (r.found.own == nil || id != r.found.own.versionID) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	others, spoilt := make([]*stored, len(ids)), make([]plan.Version, len(ids))
	reads := make([]func() error, len(ids))
	for i, id := range ids {
		known := slices.IndexFunc(r.found.others, func(v *stored) bool { return v.versionID == id && !v.standsIn })
		reads[i] = func() error {
			if known >= 0 {
				others[i] = r.found.others[known] // a version's value is final
				return nil
			}
			out, err := r.secret.value(ctx, id, "")
			if err != nil || out == nil {
				return err
			}
			if others[i], err = decode(out); err != nil {
				spoilt[i] = plan.Version{ID: id, Stored: true, Created: aws.ToTime(out.CreatedDate)}
			}
			return nil
		}
	}
	if err := parallel.Do(reads...); err != nil {
		return err
	}
	r.found.others = slices.DeleteFunc(others, func(v *stored) bool { return v == nil })
	r.found.unparsable = slices.DeleteFunc(spoilt, func(v plan.Version) bool { return v.ID == "" })
	for _, v := range r.found.others {
		r.remember(v.ClientSecret)
	}
	return nil
}

// unfit returns why the secret cannot be rotated at all, or nil.
func (r *run) unfit() error {
	d := r.found.current.Document
	app := r.found.apps[r.applicationID()]
	if app == nil {
		return nil
	}
	if d.ClientID == "" && !provision.MarkerOf(r.secret.arn).Marks(app) {
		return errDifferent
	}
	if err := checkApplication(app); err != nil {
		return err
	}
	if spec := d.Rotation.Application; spec != nil && spec.Method() != app.TokenEndpointAuthMethod {
		return document.NewFieldError("rotation.application.tokenEndpointAuthMethod", fmt.Sprintf(
			"is not the application's, which is %s; to change that would lock out the consumers of AWSCURRENT", app.TokenEndpointAuthMethod))
	}
	if r.found.gone != "" {
		return errTwinGone
	}
	if r.found.falseTwin != "" {
		return r.notTwins(r.found.falseTwin)
	}
	if twin := r.found.apps[r.found.twin]; twin != nil && !provision.MarkerOf(r.secret.arn).Twins(app, twin) {
		return r.notTwins(twin.ID)
	}
	return nil
}

// remember keeps a secret by its fingerprint until the run ends.
func (r *run) remember(s pingone.Secret) {
	if !s.IsZero() {
		r.found.secrets[s.Fingerprint()] = s
	}
}
