package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/provision"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// look reads what the next decision depends on. Calls that do not need each other's
// answers are made at once. Under the lease it reads anew all that can change.
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

// pressing reports whether a leak makes haste.
func pressing(goal plan.Goal) bool { return goal == plan.Emergency || goal == plan.Follow }

// lookAtOnce is a look under the lease that reads both services at once. Whose secrets
// matter is known from the look before it.
func (r *run) lookAtOnce(ctx context.Context, goal plan.Goal) error {
	before := r.found.current.versionID
	clients := r.newSnapshot()
	var found secretSnapshot
	reads := append(clients.reads(ctx, goal, true), func() (err error) { found, err = r.fetchSecret(ctx); return err })
	if err := parallel.Do(reads...); err != nil {
		return r.explained(ctx, err)
	}
	if err := r.mergeSecret(ctx, found); err != nil {
		return err
	}
	if r.found.current.versionID != before {
		return r.readClient(ctx, goal) // it may name another client now
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
	return r.readSiblings(ctx)
}

// secretSnapshot is what one look shows of the managed secret.
type secretSnapshot struct {
	current, own *stored
	admin        adminSecret
}

// readSecret reads the managed secret: its labels, AWSCURRENT and the run's version.
func (r *run) readSecret(ctx context.Context) error {
	found, err := r.fetchSecret(ctx)
	if err != nil {
		return err
	}
	return r.mergeSecret(ctx, found)
}

func (r *run) fetchSecret(ctx context.Context) (found secretSnapshot, err error) {
	adminID := r.Settings.AdminSecretID // which most documents name none instead of
	reads := []func() error{
		func() error { return r.secret.describe(ctx) },
		func() (err error) { found.current, err = r.current(ctx, ""); return err },
	}
	if r.token != "" && r.found.own == nil && r.by != plan.ByRollback {
		reads = append(reads, func() (err error) { found.own, err = r.secret.read(ctx, r.token, ""); return err })
	}
	if r.found.acting == nil && adminID != "" {
		reads = append(reads, func() error { found.admin = r.secret.readAdmin(ctx, adminID); return nil })
	}
	return found, parallel.Do(reads...)
}

// mergeSecret takes over what was found of the managed secret.
func (r *run) mergeSecret(ctx context.Context, found secretSnapshot) error {
	current := found.current
	if found.own != nil {
		r.found.own = found.own
	}
	if found.admin.id != "" {
		r.found.admin = found.admin
	}
	if err := r.qualified(r.secret.function); err != nil {
		return err
	}
	id := r.secret.holder(labelCurrent)
	if id == "" {
		return remedy.With(errors.New("no version is labelled AWSCURRENT"), "store a document with environmentId, region and clientId first")
	}
	if current == nil || current.versionID != id {
		// AWSCURRENT moved in between, or one of the reads lags. Labels are taken from the
		// description alone.
		var err error
		if current, err = r.current(ctx, id); err != nil {
			return err
		}
		if current == nil {
			return remedy.With(fmt.Errorf("version %s is labelled AWSCURRENT and has no value", id), "store a document with environmentId, region and clientId")
		}
	}
	switch old := r.found.current; {
	case old != nil && r.by == plan.ByEmergency && old.lost(current):
		r.record.warn("AWSCURRENT was changed while the emergency was under way, and does not lead to the client that it is about; it is moved back to that client")
		current = &stored{old.Document, current.versionID, current.created, true}
	case old != nil && old.EnvironmentID+old.ClientID != current.EnvironmentID+current.ClientID && !old.MayFollow(current.ClientID):
		return remedy.With(errors.New("AWSCURRENT names another client than a moment ago"), "run it again")
	default:
		if err := current.rotatable(); err != nil {
			return err
		}
	}
	r.found.current = current
	if r.record.current.IsZero() {
		r.record.current = current.ClientSecret // what the run may replace
	}
	r.remember(current.ClientSecret)
	if r.found.own != nil {
		r.remember(r.found.own.ClientSecret)
	}
	return nil
}

// current returns the version labelled AWSCURRENT, or the one with the id where the
// label was read elsewhere. In an emergency a document that does not parse any more must
// not hold anything up: what the run has read before stands in for it, or another version
// of the client that it names. If it names none, that is any client.
func (r *run) current(ctx context.Context, id string) (*stored, error) {
	label := ""
	if id == "" {
		label = labelCurrent
	}
	out, err := r.secret.value(ctx, id, label)
	if err != nil || out == nil {
		return nil, err
	}
	v, err := decode(out)
	if err == nil || r.by != plan.ByEmergency {
		return v, err
	}
	if old := r.found.current; old != nil {
		r.record.warn("AWSCURRENT cannot be read (%v); what it held when the emergency began stands in for it", err)
		return &stored{old.Document, aws.ToString(out.VersionId), aws.ToTime(out.CreatedDate), true}, nil
	}
	text := aws.ToString(out.SecretString) // none, if the version is binary
	for _, l := range []string{labelPrevious, plan.HealLabel, plan.ManualLabel, labelPending} {
		other, readErr := r.secret.read(ctx, "", l)
		if readErr != nil || other == nil || other.ClientID == "" {
			continue
		}
		if strings.Contains(text, other.ClientID) && strings.Contains(text, other.EnvironmentID) || !looksLikeID.MatchString(text) {
			r.record.warn("AWSCURRENT cannot be read (%v); the version labelled %s, which is of the client that it names, or names none, stands in for it", err, l)
			return &stored{other.Document, aws.ToString(out.VersionId), aws.ToTime(out.CreatedDate), true}, nil
		}
	}
	return nil, err
}

// readClient reads what the register and PingOne know of the client, once the admin's
// owner is known to allow that.
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

// readAll reads in parallel.
func (r *run) readAll(ctx context.Context, goal plan.Goal, held bool) error {
	d := r.found.current
	clients := r.newSnapshot()
	var reads []func() error
	if !held && (goal != plan.Finish || !r.hold.known) {
		reads = append(reads, func() error { return r.consult(ctx) })
	}
	if goal != plan.Finish || held || r.hold.failure != nil {
		reads = append(reads, clients.reads(ctx, goal, held)...)
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
	if err == nil && goal == plan.Audit && clients.unusual() && r.applicationID() != "" {
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
	return r.readSiblings(ctx)
}

// consult reads the client's item in the register, which has to be found at first. That it
// is out of reach is for the plan to judge.
func (r *run) consult(ctx context.Context) error {
	if r.hold == nil {
		if fetched, err := r.findItem(ctx); err != nil || fetched {
			return err
		}
	}
	if err := r.hold.fetch(ctx); err != nil && !register.Unreachable(err) {
		return err
	}
	return nil
}

// explained says which roles keep a secret from the admin, where that is why PingOne
// refused.
func (r *run) explained(ctx context.Context, err error) error {
	if pingone.IsForbidden(err) {
		return r.provisioner().Explain(ctx, r.found.current.Document, err)
	}
	return err
}

// dropFalseTwin forgets the twin that the document names where PingOne does not say that
// this rotation created it: the writer of a document must not be able to have the secret
// of another application renewed or ended.
func (r *run) dropFalseTwin() {
	app, twin := r.found.apps[r.applicationID()], r.found.apps[r.found.twin]
	if r.found.twin == "" || app != nil && twin != nil && provision.MarkerOf(r.secret.arn).Twins(app, twin) {
		return
	}
	if twin != nil && app != nil {
		r.found.falseTwin = r.found.twin
		r.record.warn("rotation.twin names application %s, which this rotation has not created; it was left alone", r.found.twin)
		delete(r.found.views, r.found.twin)
		delete(r.found.apps, r.found.twin)
		r.found.twin = ""
	}
}

// readSiblings looks whether the other managed secrets of the client, if there are any,
// hold PingOne's current secret: a mint would evict the one that they hold.
func (r *run) readSiblings(ctx context.Context) error {
	view := r.found.views[r.applicationID()]
	r.found.otherBehind = ""
	for arn := range r.hold.rev.Item.Secrets {
		if arn == r.secret.arn || view == nil || r.by == plan.ByEmergency {
			continue
		}
		other := &secret{api: r.Secrets, id: arn, count: r.count}
		v, err := other.read(ctx, "", labelCurrent)
		if e := (*SecretsManagerError)(nil); errors.As(err, &e) {
			return fmt.Errorf("look at another managed secret of the same client: %w", err)
		}
		// One that is gone, or names another client by now, holds nothing.
		if err == nil && v != nil && v.ClientID == r.found.current.ClientID && !v.ClientSecret.IsZero() && !v.ClientSecret.Equal(view.Secret) && r.mayHold(ctx, arn) {
			r.found.otherBehind = arn
		}
	}
	return nil
}

// applications returns those whose secrets matter: AWSCURRENT's and its twin.
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
// has created for it.
func (r *run) applicationID() string {
	if id := r.found.current.ApplicationID(); id != "" {
		return id
	}
	return r.found.created
}

// readOthers reads the versions with other labels that decisions depend on.
func (r *run) readOthers(ctx context.Context) error {
	labels := r.secret.staged()
	var ids []string
	for _, id := range []string{labels.Previous, labels.Pending, labels.Manual, labels.Healed} {
		if id != "" && id != r.found.current.versionID && (r.found.own == nil || id != r.found.own.versionID) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	others := make([]*stored, len(ids))
	reads := make([]func() error, len(ids))
	for i, id := range ids {
		known := slices.IndexFunc(r.found.others, func(v *stored) bool { return v.versionID == id && !v.standsIn })
		reads[i] = func() error {
			if known >= 0 {
				others[i] = r.found.others[known] // a version's value is final
				return nil
			}
			v, err := r.secret.read(ctx, id, "")
			if e := (*SecretsManagerError)(nil); err != nil && !errors.As(err, &e) {
				return nil // a version that does not parse cannot be promoted, and stops nothing
			}
			others[i] = v
			return err
		}
	}
	if err := parallel.Do(reads...); err != nil {
		return err
	}
	r.found.others = slices.DeleteFunc(others, func(v *stored) bool { return v == nil })
	for _, v := range r.found.others {
		r.remember(v.ClientSecret)
	}
	return nil
}

// unfit says why the secret cannot be rotated at all, nil if it can.
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
	if twin := r.found.apps[r.found.twin]; r.found.falseTwin != "" || twin != nil && !provision.MarkerOf(r.secret.arn).Twins(app, twin) {
		return errNoTwin
	}
	return nil
}

// remember remembers a secret by its fingerprint for the time of the run.
func (r *run) remember(s pingone.Secret) {
	if !s.IsZero() {
		r.found.secrets[s.Fingerprint()] = s
	}
}
