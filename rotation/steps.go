package rotation

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/pingone"
)

// step is one step of one rotation under way.
type step struct {
	*Rotator
	versions
	event  Event
	hand   *Action        // whose step it is, when it is not Secrets Manager's
	client pingone.Client // for the token endpoint; the platform API needs admin

	adminApplication string // the id of the admin's own
	adminAllowsAll   bool   // its document has no list of targets

	// What the log line will say.
	begun            time.Time
	decision         string
	warning          string
	verified         string
	changes          []string // to the application
	current, pending pingone.Secret
	previousUntil    time.Time

	// What became of it, for the report of an action and the metrics.
	did       struct{ minted, promoted, revoked *Mark }
	tokenLife time.Duration // of the last token that was issued
	refused   bool          // the new secret, by PingOne
	lagging   bool          // consumers; nothing was done
	drifted   bool          // somebody had regenerated the secret by hand
	givenUp   bool          // the version can never be promoted
	resource  bool          // the leaked secret was a custom resource's
	rescued   bool          // AWSCURRENT is PingOne's secret, by another version

	calls struct{ secretsManager, pingOne, platform atomic.Int64 }
}

// preflight is that of the versions. For an action it does not matter whether
// Secrets Manager rotates the secret, and its version need not exist before it is
// stored.
func (s *step) preflight() (done bool, err error) {
	token := s.event.ClientRequestToken
	if s.hand != nil {
		s.rotationEnabled = true
		if _, ok := s.labels[token]; !ok && s.event.Step == CreateSecret {
			return false, nil
		}
	}
	return s.versions.preflight(token, s.label())
}

// createSecret makes sure that the version of this rotation holds the secret that
// PingOne regards as current.
func (s *step) createSecret(ctx context.Context) error {
	var current, pending, leaked *stored
	err := parallel(
		func() (err error) { current, err = s.readCurrent(ctx); return err },
		func() (err error) { pending, err = s.read(ctx, s.event.ClientRequestToken); return err },
		func() (err error) { leaked, err = s.readCompromised(ctx); return err },
	)
	if err != nil {
		return err
	}
	s.current = current.ClientSecret
	if leaked != nil && !leaked.SameSecret(current.Document) {
		// An emergency ended before its last write. Its secret would be taken for one
		// that consumers still need.
		// Where it cannot be ended before consumers have another, finishSecret ends it.
		if err := s.revoke(ctx, current, leaked); err != nil && !errors.Is(err, errCurrentDead) && !errors.Is(err, errLeakIsLive) {
			return err
		}
		leaked = nil
	}
	env, err := s.Settings.environment(current.Document)
	if err != nil {
		return err
	}
	admin, err := s.admin(ctx, current.Document)
	if err != nil {
		return err
	}
	if pending != nil {
		s.decision = "already stored"
		if err := s.confirm(ctx, admin, current, pending); err != nil {
			return err
		}
		return s.containNow(ctx, admin, current)
	}
	sub, err := s.subject(ctx, admin, current)
	if err != nil {
		return err
	}
	d := sub.Document
	app, live, err := s.observe(ctx, admin, d, func(*pingone.ApplicationSecret) bool { return true })
	if err != nil {
		return err
	}
	if spec := d.Rotation.Application; spec != nil && spec.Method() != app.TokenEndpointAuthMethod {
		return document.NewFieldError("rotation.application.tokenEndpointAuthMethod", fmt.Sprintf(
			"is another than the application's, which is %s; to change it would lock out the consumers of AWSCURRENT", app.TokenEndpointAuthMethod))
	}
	if sub.held.IsZero() && current.Rotation.Twin != "" {
		sub.held = live.Secret // an idle secret that no version holds may be an old one
	}
	decision := Decide(Observation{Current: sub.held, CurrentAt: sub.heldAt, Leaked: leaked != nil || s.emergency() != "", Live: live, Now: live.AsOf})
	if decision == Drift && current.Alternates() {
		decision = Adopt // nobody holds the secret that died
	}
	s.decision = string(decision)
	switch decision {
	case Refuse:
		s.lagging = true
		return refusal(d, live)
	case Regenerate:
		// The end of the grace is set by PingOne's clock.
		expiry := live.AsOf.Add(s.Settings.grace(d))
		if s.contains() && !current.Alternates() {
			expiry = time.Time{} // consumers' secret dies with this call
		}
		if live, err = s.mint(ctx, admin, d, live, expiry); err != nil {
			return err
		}
		s.did.minted = s.mark(live.Secret)
	case Drift:
		s.drifted = true
		s.warning = "the secret was regenerated outside of the rotation, and the one that consumers hold is dead; adopting PingOne's"
	}
	s.pending = live.Secret
	if live.Previous != nil {
		s.previousUntil = live.Previous.ExpiresAt
	}
	next := d.With(live.Secret, app.TokenEndpointAuthMethod, env.TokenEndpoint())
	if decision == Regenerate && !current.Alternates() && !s.contains() && !live.Accepts(sub.held) {
		return s.rescue(ctx, next)
	}

	// Died before this write: the new secret is only in PingOne, and the next run
	// adopts it. Died after it: the next run finds it stored.
	err = s.put(ctx, next)
	switch {
	case err == nil:
		return s.containNow(ctx, admin, current)
	case !errors.Is(err, errExists):
		return err
	case decision == Regenerate:
		// Another invocation of this step has minted and stored a secret since this
		// one looked, and then this one minted the next.
		return s.rescue(ctx, next)
	}
	if pending, err = s.readPending(ctx); err != nil {
		return err
	}
	return s.confirm(ctx, admin, current, pending)
}

// mint regenerates the secret and returns PingOne's state after it. The secret so
// far lives until the expiry; the zero time ends it.
func (s *step) mint(ctx context.Context, admin *pingone.Client, d *Document, before *pingone.ApplicationSecret, expiry time.Time) (*pingone.ApplicationSecret, error) {
	if err := s.rehearse(ctx, d); err != nil {
		return nil, err
	}
	if !s.timeFor(ctx, mintBudget) {
		return nil, errNoTime
	}
	// Died before the POST: nothing has happened. Died after it: PingOne has the new
	// secret as current and consumers' as previous, from which the next run sees
	// that it must adopt. Without a previous one it sees drift, and adopts as well.
	got := admin.RegenerateSecret(ctx, d.Target(), expiry)
	after := got.Secret
	switch got.Outcome {
	case pingone.Refused:
		return nil, got.Err
	case pingone.Unknown:
		// A second POST would evict the secret that consumers hold, so look instead.
		var err error
		after, err = s.readUntil(ctx, admin, d, func(now *pingone.ApplicationSecret) bool { return !now.Secret.Equal(before.Secret) })
		if err != nil {
			return nil, fmt.Errorf("find out whether PingOne regenerated the secret, after %w: %w", got.Err, err)
		}
		if after.Secret.Equal(before.Secret) {
			return nil, fmt.Errorf("%w (PingOne still shows the old secret; the next attempt looks again before it regenerates)", got.Err)
		}
		s.decision = "regenerate, outcome read back"
	}
	return after, nil
}

// setSecret has nothing to send, because PingOne knows the secret that it made. It
// checks that the version is what finishSecret may promote.
func (s *step) setSecret(ctx context.Context) error {
	current, pending, err := s.readBoth(ctx)
	if err != nil {
		return err
	}
	admin, err := s.admin(ctx, current.Document)
	if err != nil {
		return err
	}
	s.decision = "in PingOne already"
	if err := s.confirm(ctx, admin, current, pending); err != nil {
		return err
	}
	if pending.Rotation.Application != nil {
		// What consumers use, or what was created for them a moment ago.
		app, err := admin.Application(ctx, pending.EnvironmentID, current.Of(pending.ClientID).ApplicationID())
		if err != nil {
			return err
		}
		if current.ClientID == "" && !s.marker().Marks(app) {
			return errDifferent
		}
		if err := s.unlessEmergency(s.provisioner(admin).Repair(ctx, pending.Document, app)); err != nil {
			return err
		}
	}
	if current.Alternates() {
		err := s.provisioner(admin).Align(ctx, pending.Document, current.ClientID, pending.ClientID)
		if errors.Is(err, provision.ErrNotTwins) {
			err = errDifferent
		}
		return s.unlessEmergency(err)
	}
	return nil
}

// readBoth reads what consumers use and what shall take its place. The two must be
// of one application: who can write AWSPENDING must not thereby hand consumers, or
// the admin, another one.
func (s *step) readBoth(ctx context.Context) (current, pending *stored, err error) {
	err = parallel(
		func() (err error) { current, err = s.readCurrent(ctx); return err },
		func() (err error) { pending, err = s.readPending(ctx); return err },
	)
	if err != nil {
		return nil, nil, err
	}
	s.current, s.pending = current.ClientSecret, pending.ClientSecret
	if !current.MayFollow(pending.ClientID) || pending.Principal() != current.Successor(pending.ClientID).Principal() {
		return nil, nil, errDifferent
	}
	return current, pending, nil
}

var errDifferent = errors.New("AWSPENDING and AWSCURRENT name different applications; to point a secret at another application, store a new AWSCURRENT")

// testSecret obtains a token with the version's secret. It depends on no other
// step and changes nothing: Secrets Manager also sends it alone, with a copy of
// AWSCURRENT as the version, when somebody sets up rotation.
func (s *step) testSecret(ctx context.Context) error {
	pending, err := s.readPending(ctx)
	if err != nil {
		return err
	}
	return s.verifyStored(ctx, pending)
}

// finishSecret promotes the version. It obtains a token once more, because it must
// not depend on which steps came before it, and how long ago.
func (s *step) finishSecret(ctx context.Context) error {
	current, pending, err := s.readBoth(ctx)
	if err != nil {
		return err
	}
	if !pending.Follows(current.Document) {
		return errors.New("AWSCURRENT was changed after AWSPENDING was made from it; to promote that would undo the change")
	}
	if err := s.verifyStored(ctx, pending); err != nil {
		return err
	}
	s.decision = "promote"
	// Here the rotation takes effect. Died before: AWSCURRENT is the old version,
	// whose secret works until its grace ends. Died after: the next run finds
	// AWSCURRENT on the version and has nothing left to do.
	if err := s.promote(ctx); err != nil {
		return err
	}
	s.did.promoted = s.mark(pending.ClientSecret)
	if s.label() == labelByHand {
		if err := s.unlabel(ctx, labelByHand, pending.versionID); err != nil {
			s.warning = err.Error() // it does no harm there
		}
	}
	leaked, err := s.readCompromised(ctx)
	if err != nil || leaked == nil {
		return err
	}
	return s.revoke(ctx, pending, leaked)
}

// verifyStored obtains a token with a stored version. One that no rotation has
// written yet may lack the authentication method, or even the secret; then what
// PingOne has is tried, as createSecret would take it over.
func (s *step) verifyStored(ctx context.Context, v *stored) error {
	d := v.Document
	s.decision = "verify"
	if d.ClientID == "" {
		return s.verifySpec(ctx, v)
	}
	if d.AuthMethod == "" || d.ClientSecret.IsZero() {
		admin, err := s.admin(ctx, d)
		if err != nil {
			return err
		}
		app, err := s.application(ctx, admin, d)
		if err != nil {
			return err
		}
		if err := checkApplication(app); err != nil {
			return err
		}
		secret := d.ClientSecret
		if secret.IsZero() {
			if s.event.Step == FinishSecret {
				return fmt.Errorf("version %s has no clientSecret; it cannot be promoted", v.versionID)
			}
			live, err := s.readSecret(ctx, admin, d)
			if err != nil {
				return err
			}
			secret = live.Secret
		}
		d = d.With(secret, app.TokenEndpointAuthMethod, d.TokenEndpoint)
	}
	s.pending = d.ClientSecret
	return s.verify(ctx, d)
}

// observe reads the application and its secret, until the secret is as wanted or
// has had the time to become so, and checks that it can be rotated.
func (s *step) observe(ctx context.Context, admin *pingone.Client, d *Document, wanted func(*pingone.ApplicationSecret) bool) (app *pingone.Application, live *pingone.ApplicationSecret, err error) {
	err = parallel(
		func() (err error) { app, err = s.application(ctx, admin, d); return err },
		func() (err error) { live, err = s.readUntil(ctx, admin, d, wanted); return err },
	)
	switch {
	case err == nil:
		err = checkApplication(app)
	case pingone.IsForbidden(err):
		err = s.provisioner(admin).Explain(ctx, d, err)
	}
	return app, live, err
}

// readSecret reads the application's secret in PingOne, at an instant that is known.
func (s *step) readSecret(ctx context.Context, admin *pingone.Client, d *Document) (*pingone.ApplicationSecret, error) {
	live, err := admin.ReadSecret(ctx, d.Target())
	if err == nil && live.AsOf.IsZero() {
		live.AsOf = s.client.Time()
	}
	return live, err
}

// readUntil reads the application's secret until it is as wanted, or has had three
// seconds to become so, and returns the last state.
func (s *step) readUntil(ctx context.Context, admin *pingone.Client, d *Document, wanted func(*pingone.ApplicationSecret) bool) (*pingone.ApplicationSecret, error) {
	for wait := time.Second; ; wait *= 2 {
		live, err := s.readSecret(ctx, admin, d)
		if err != nil || wanted(live) || wait > 2*time.Second {
			return live, err
		}
		if err := s.client.Pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("wait for PingOne to show the secret: %w", err)
		}
	}
}

// refusal explains why consumers must come first.
func refusal(d *Document, live *pingone.ApplicationSecret) error {
	p := live.Previous
	state := "has just been replaced"
	if !p.LastUsed.IsZero() {
		state = "was last used at " + p.LastUsed.UTC().Format(time.RFC3339)
	}
	kind := d.Target().Kind
	return fmt.Errorf("%s %s: refusing to regenerate, because the previous secret %s and consumers that still hold it would be locked out; "+
		"rotate again when it has been idle for %v, or after %s when it expires; to force it, end the previous secret now with DELETE …/%ss/%s/secret",
		kind, d.ApplicationID(), state, idleAfter, p.ExpiresAt.UTC().Format(time.RFC3339), kind, d.ApplicationID())
}
