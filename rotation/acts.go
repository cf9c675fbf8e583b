package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// maxUnreadMints is how often one run of an emergency regenerates a secret without being
// able to read PingOne's reply. Such a mint does not count as made after the leak, because
// it may be another run's, so one more attempt is worthwhile. If no reply ever arrives, more
// attempts would not help either.
const maxUnreadMints = 2

var errUnread = remedy.With(errors.New("PingOne regenerated the secret twice, and its reply could not be read"),
	"find out what lies between the function and PingOne, and run the command again")

// errNotNew means that the reply to a mint cannot be true. If it were believed, an old
// secret would count as minted after a leak, and the current one as replaced.
var errNotNew = remedy.With(errors.New("PingOne's reply to the regeneration shows a secret as new that existed before"), "run it again in a minute")

// mint makes PingOne regenerate an application's secret. It sends the request once, whatever
// happens to it: a second request would evict the secret that consumers hold.
//
// A crash before the intent changes nothing. After a crash between the intent and the POST,
// or after the POST, the next run that takes the lease waits until PingOne shows the new
// secret, which it adopts, or until the POST can no longer take effect.
func (r *run) mint(ctx context.Context, goal plan.Goal, m plan.Move) (again bool, err error) {
	if !timeFor(ctx, &r.client, mintBudget) {
		return false, errNoTime
	}
	if goal == plan.Emergency && r.unreadMints[m.Application] >= maxUnreadMints {
		return false, errUnread
	}
	before := r.found.views[m.Application]
	var expiry time.Time // the zero time ends the secret at once
	if m.Keep {
		expiry = before.AsOf.Add(plan.Fuse(r.Settings.grace(r.found.current.Document)))
	}
	intent := register.Intent{
		Act: register.Mint, Application: m.Application, Secret: r.secret.arn, Rotation: r.token, By: r.by, Before: before.Secret.Fingerprint(),
	}
	if again, err := r.announce(ctx, intent); err != nil || again {
		return again, err
	}
	got := r.found.acting.client.RegenerateSecret(ctx, r.target(m.Application), expiry)
	if got.Outcome == pingone.Applied && (got.Secret.Secret.Equal(before.Secret) || r.item().Superseded(m.Application, got.Secret.Secret.Fingerprint())) {
		got = pingone.Regeneration{Outcome: pingone.Unknown, Err: errNotNew}
	}
	switch got.Outcome {
	case pingone.Refused:
		r.outcome = register.Item.Forget
		if goal == plan.Emergency && m.Application == r.found.twin && r.found.views[r.applicationID()].Secret.Fingerprint() != r.found.current.ClientSecret.Fingerprint() {
			r.done.TwinLater = true // consumers must not wait for a twin that PingOne refuses
			return false, nil
		}
		return false, got.Err
	case pingone.Unknown:
		r.unreadMints[m.Application]++
		r.unknownOutcome = got.Err // the intent stays, and is resolved by looking
		return true, nil
	}
	r.minted(m.Application, got.Secret)
	if goal == plan.Create && m.Application == r.applicationID() && r.method(m.Application) == pingone.ClientSecretJWT {
		r.probeReplaced(ctx)
	}
	return false, nil
}

// minted adopts PingOne's reply to a mint as the application's view: our own reply is newer
// than any later read, which may lag.
func (r *run) minted(application string, after *pingone.ApplicationSecret) {
	if after.AsOf.IsZero() {
		after.AsOf = r.client.Time()
	}
	now := r.client.Time()
	fingerprint := after.Secret.Fingerprint()
	var replaced []string
	if after.Previous != nil {
		replaced = append(replaced, after.Previous.Secret.Fingerprint())
		r.remember(after.Previous.Secret)
		if application == r.applicationID() {
			r.record.previousUntil = after.Previous.ExpiresAt
		}
	}
	r.remember(after.Secret)
	r.done.Served = false
	r.outcome = func(item register.Item) register.Item { return item.Minted(application, fingerprint, now, replaced...) }
	r.restating = r.by == plan.ByEmergency
	r.record.happened(WasMinted, now, fingerprint)
	for _, f := range acceptedBy(r.found.views[application]) {
		if !slices.Contains(acceptedBy(after), f) {
			r.record.happened(WasEnded, now, f)
		}
	}
	r.found.views[application] = after
	r.noteEvidence(DidMint, fingerprint)
	if application == r.applicationID() || r.found.current.Alternates() && r.by != plan.ByEmergency {
		r.record.minted = r.markOf(fingerprint)
	}
}

// acceptedBy returns the fingerprints of the secrets that PingOne says it accepts.
func acceptedBy(v *pingone.ApplicationSecret) (all []string) {
	if v == nil {
		return nil
	}
	all = append(all, v.Secret.Fingerprint())
	if v.Previous != nil {
		all = append(all, v.Previous.Secret.Fingerprint())
	}
	return all
}

// probeReplaced shows PingOne, once, the secret that consumers still hold. No page says that
// PingOne verifies assertions signed with the previous secret.
func (r *run) probeReplaced(ctx context.Context) {
	d := r.found.current
	answer, err := r.probe(ctx, d.Document, d.ClientSecret, r.method(r.applicationID()))
	if err == nil {
		r.found.answers[d.ClientSecret.Fingerprint()] = answer
	}
}

// announce writes the intent, together with the outcome of the act before. It reports true
// if the run must look again instead of acting: another process was first, or the lease has
// too little time left.
func (r *run) announce(ctx context.Context, in register.Intent) (again bool, err error) {
	if r.outcome != nil && !r.hold.rev.Item.MaySend(r.hold.who, r.client.Time()) {
		r.flush(ctx, false)
	}
	err = r.write(ctx, func(outcome func(register.Item) register.Item) error { return r.hold.announce(ctx, outcome, in) })
	if errors.Is(err, errLeaseOver) || errors.Is(err, register.ErrOvertaken) {
		return true, nil
	}
	return false, err
}

// store stores PingOne's current secret: as the run's version or, for consumers whose secret
// is about to end, as a version whose id is derived from its content.
//
// A crash before this write leaves the secret in PingOne only, and the next run adopts it.
// After it, the next run finds the secret stored.
func (r *run) store(ctx context.Context, m plan.Move) (again bool, err error) {
	d := r.doc(m.Application)
	if d.ClientID == "" {
		d = d.Of(m.Application)
	}
	env, err := r.Settings.environment(d)
	if err != nil {
		return false, err
	}
	next := d.With(r.found.secrets[m.Fingerprint], r.method(m.Application), env.TokenEndpoint())
	id, label := r.token, r.label()
	if m.Label != "" {
		id, label = versionOf(r.secret.arn, next), m.Label
	}
	if m.Decision == plan.Drift {
		r.record.drifted = true
		r.record.warn("AWSCURRENT was dead: %s; PingOne's secret takes its place", r.whyDead())
	}
	err = parallel.Do(
		func() error { return r.secret.put(ctx, id, label, next) },
		func() error {
			if r.outcome != nil {
				r.flush(ctx, m.Label == "") // storing needs no lease
			}
			return nil
		},
		func() error { return r.probeAll(ctx, m.Ask) },
	)
	if errors.Is(err, errExists) && m.Label == "" {
		// Another invocation of this rotation was first. What it stored counts.
		r.found.own, err = r.readPending(ctx)
		return true, err
	}
	if err != nil {
		return false, err
	}
	v := &stored{next, id, r.client.Time(), false}
	r.secret.description = r.secret.relabel(label, r.secret.holder(label), id)
	if m.Label == "" {
		r.found.own, r.record.pending = v, next.ClientSecret
	} else {
		r.found.others = append(r.found.others, v)
	}
	return false, nil
}

// label is the label of the run's version until that becomes AWSCURRENT.
func (r *run) label() string {
	if r.manual {
		return plan.ManualLabel
	}
	return labelPending
}

// versionOf derives a version's id from its content, so that two runs that store the same
// document make one version.
func versionOf(arn string, d *document.Document) string {
	id := sha256.Sum256([]byte(arn + " " + d.Reveal()))
	return hex.EncodeToString(id[:])
}

// whyDead distinguishes a secret that was regenerated elsewhere from an older or incomplete
// document that was stored.
func (r *run) whyDead() string {
	d := r.found.current
	fingerprint := d.ClientSecret.Fingerprint()
	switch {
	case fingerprint == "":
		return "a document without its secret was stored"
	case d.ClientSecret.Masked():
		return "what is stored is no secret but what a tool shows in its place, such as ***: a masked copy of the document was stored"
	case r.item().Superseded(d.ApplicationID(), fingerprint):
		return "an older document was stored, with a secret that had been replaced"
	}
	return "the secret was regenerated outside of the rotation"
}

// readPending returns the run's version. Secrets Manager may take a moment to show it.
func (r *run) readPending(ctx context.Context) (*stored, error) {
	for p := r.polls(250*time.Millisecond, 2*time.Second, 5*time.Second); ; {
		v, err := r.secret.read(ctx, r.token, "")
		if v != nil || err != nil {
			return v, err
		}
		again, err := p.wait(ctx)
		if err != nil {
			return nil, err
		}
		if !again {
			return nil, remedy.With(fmt.Errorf("version %s has no value yet", r.token), "createSecret comes first")
		}
	}
}

// verifyAndTake verifies the run's version as the document demands, and takes the lease
// meanwhile.
func (r *run) verifyAndTake(ctx context.Context) (again bool, err error) {
	own := r.found.own
	d := own.Document
	if d.AuthMethod == "" {
		d = d.With(d.ClientSecret, r.method(d.ApplicationID()), d.TokenEndpoint)
	}
	r.record.pending = d.ClientSecret
	var takeErr error
	_ = parallel.Do(
		func() error { err = r.verifyOnce(ctx, d); return nil },
		func() error {
			if !r.hold.hasLease() {
				_, _, takeErr = r.hold.take(ctx, r.secret.arn, false)
			}
			return nil
		},
	)
	if pingone.IsRejected(err) {
		// The new secret may take a while to reach every node. Others must not wait for the
		// lease meanwhile.
		r.hold.release(ctx)
		err = r.verify(ctx, d)
	} else if err != nil {
		err = fmt.Errorf("verify the new secret: %w", err)
	}
	if err != nil {
		return false, err
	}
	if takeErr != nil && !register.Unusable(takeErr) {
		return false, takeErr
	}
	r.done.Verified = true
	return r.hold.hasLease() || r.hold.failure != nil, nil
}

// promote moves AWSCURRENT. With this write a rotation takes effect.
//
// A crash before the move leaves AWSCURRENT on the old version, whose secret works until its
// fuse has burned down. After it, the next run finds AWSCURRENT on the new version.
func (r *run) promote(ctx context.Context, m plan.Move) (again bool, err error) {
	if r.hold.failure == nil {
		intent := register.Intent{
			Act: register.Promote, Application: m.Application, Secret: r.secret.arn, Rotation: r.token, By: r.by, From: m.From, To: m.To, Fingerprint: m.Fingerprint,
		}
		if again, err := r.announce(ctx, intent); err != nil || again {
			return again, err
		}
	} else {
		r.record.warn("the register is out of reach, and AWSCURRENT was moved without it, because its secret is PingOne's previous one: %s", remedy.Line(r.hold.failure))
	}
	if err := r.secret.move(ctx, m.From, m.To); err != nil {
		if e := (*SecretsManagerError)(nil); errors.As(err, &e) && e.refused() {
			r.outcome = register.Item.Forget
			if r.secret.holder(labelCurrent) != m.From && r.overtakenMoves < maxOvertakenMoves {
				r.overtakenMoves++ // someone else moved the label after the look
				return true, nil
			}
			return false, err
		}
		if r.hold.failure != nil {
			return false, err
		}
		r.unknownOutcome = err
		return true, nil
	}
	now := r.client.Time()
	r.record.promoted = r.markOf(m.Fingerprint)
	r.record.happened(WasPromoted, now, m.Fingerprint)
	r.outcome = func(item register.Item) register.Item {
		return item.Promoted(r.secret.arn, m.From, m.To, m.Fingerprint, now).Seen(m.Application, m.Fingerprint)
	}
	r.noteEvidence(DidPromote, m.Fingerprint)
	switch m.Why {
	case plan.Dying:
		r.record.warn("AWSCURRENT was promoted without the document's demands, because its secret was refused or about to end")
	case plan.LeftBehind:
		r.record.complete("promoted PingOne's secret %s, which a rotation had left unpromoted", m.Fingerprint)
	}
	if m.Why == plan.Dying {
		r.record.complete("promoted PingOne's secret %s, before AWSCURRENT's ended", m.Fingerprint)
	}
	r.follow(m.To)
	return false, nil
}

// maxOvertakenMoves is how often a run looks again because someone else moved AWSCURRENT
// between its look and its own move.
const maxOvertakenMoves = 10

// follow records in what was found that a version is now AWSCURRENT.
func (r *run) follow(version string) {
	old := r.found.current
	for i, v := range r.found.others {
		if v.versionID == version {
			r.found.current, r.found.others[i] = v, old
		}
	}
	if own := r.found.own; own != nil && own.versionID == version {
		r.found.current = own
		r.found.others = append(r.found.others, old)
	}
	r.secret.changed = r.client.Time()
	if r.found.current.ApplicationID() == r.found.twin {
		r.found.twin = old.ApplicationID()
	}
}

// end makes PingOne end its previous secret. After a crash before the call, the next run
// decides again. After one following it, there is nothing left to end.
func (r *run) end(ctx context.Context, m plan.Move) (again bool, err error) {
	intent := register.Intent{Act: register.End, Application: m.Application, Secret: r.secret.arn, By: r.by, Before: m.Fingerprint}
	if again, err := r.announce(ctx, intent); err != nil || again {
		return again, err
	}
	if r.ending != nil {
		r.ending.sent = true
	}
	if err := r.found.acting.client.DeletePreviousSecret(ctx, r.target(m.Application)); err != nil {
		if pingone.IsTemporary(err) {
			r.unknownOutcome = err
			return true, nil
		}
		r.outcome = register.Item.Forget
		if r.ending != nil {
			r.ending.sent = false
		}
		return false, err
	}
	r.outcome = register.Item.Forget
	r.noteEvidence(DidEnd, m.Fingerprint)
	r.record.happened(WasEnded, r.client.Time(), m.Fingerprint)
	view := *r.found.views[m.Application]
	view.Previous = nil
	r.found.views[m.Application] = &view
	if m.Why == plan.Idle {
		r.record.complete("ended the idle previous secret %s", m.Fingerprint)
	}
	return false, nil
}

// untag takes a label off a version. After a crash before the write, the next run does it.
func (r *run) untag(ctx context.Context, m plan.Move) error {
	if err := r.secret.untag(ctx, m.Label, m.From); err != nil {
		return err
	}
	switch {
	case m.Decision == plan.Poisoned:
		return r.haltError(m)
	case m.Why == plan.Orphaned:
		r.record.complete("took %s off version %s, which could not be promoted any more", m.Label, m.From)
	}
	return nil
}
