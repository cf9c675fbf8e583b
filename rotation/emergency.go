package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// An emergency ends the secret that consumers hold, because somebody else holds it
// too. All that it adds to a rotation follows from one label, COMPROMISED, on the
// version that has leaked: createSecret does not wait for consumers who lag, and
// whichever run comes after the promotion ends the leaked secret, asks PingOne
// whether it is refused, and takes the label off. So an emergency that dies is
// completed by the scheduled rotation's retry, by the next rotation, by an audit, or
// by the same command again.
//
// Only "contain" needs more: that it is ended before consumers have another is not
// written down anywhere, and a run that completes it does so swiftly.

func (s *step) emergency() Emergency {
	if s.hand == nil {
		return ""
	}
	return s.hand.Emergency
}

func (s *step) contains() bool { return s.emergency() == Contain }

// unlessEmergency turns an error that does not keep the new secret from working into
// a warning, when a leak is waiting.
func (s *step) unlessEmergency(err error) error {
	if err != nil && s.emergency() != "" {
		s.warning = "left for the next rotation, because of the emergency: " + err.Error()
		return nil
	}
	return err
}

// readCompromised returns the version that has leaked, nil if none has.
func (s *step) readCompromised(ctx context.Context) (*stored, error) {
	id := s.holder(labelCompromised)
	if id == "" {
		return nil, nil
	}
	v, err := s.read(ctx, id)
	if err == nil && (v == nil || v.ClientSecret.IsZero()) {
		return nil, s.unlabel(ctx, labelCompromised, id) // there is nothing in it
	}
	return v, err
}

// completeRevocation ends the leaked secret of a rotation that is over, if there
// is one.
func (s *step) completeRevocation(ctx context.Context) error {
	leaked, err := s.readCompromised(ctx)
	if err != nil || leaked == nil {
		return err
	}
	current, err := s.readCurrent(ctx)
	if err != nil {
		return err
	}
	s.current = current.ClientSecret
	return s.revoke(ctx, current, leaked)
}

// revoke ends the leaked secret, once AWSCURRENT is another one that works, and asks
// PingOne whether it is refused. Whatever a crash leaves leads here again, because
// the label is taken off last.
func (s *step) revoke(ctx context.Context, current, leaked *stored) error {
	admin, err := s.admin(ctx, current.Document)
	if err != nil {
		return err
	}
	d, err := s.leak(ctx, admin, current, leaked)
	if s.emergency() == "" && (errors.Is(err, errStillCurrent) || errors.Is(err, errForeignLeak)) {
		s.warning = err.Error() // a matter for people, which must not stop the rotations
		return nil
	}
	if err != nil {
		return err
	}
	if s.did.promoted == nil { // else it has just been verified
		live, err := s.readUntil(ctx, admin, current.Document, func(now *pingone.ApplicationSecret) bool { return now.Accepts(current.ClientSecret) })
		if err != nil {
			return err
		}
		if !live.Accepts(current.ClientSecret) {
			return errCurrentDead
		}
		decision := s.decision
		if err := s.verifyStored(ctx, &stored{current.Undemanding(), current.versionID, current.created}); err != nil {
			return fmt.Errorf("the leaked secret is not ended, because AWSCURRENT does not work: %w", err)
		}
		s.decision = decision
	}
	if err := s.replicated(ctx); err != nil {
		return err
	}
	if err := s.end(ctx, admin, d, d.ClientID != current.ClientID); err != nil {
		return fmt.Errorf("end the leaked secret: %w", err)
	}
	if err := s.stillAccepted(ctx, admin, current); err != nil {
		return err
	}
	if err := s.showDead(ctx, admin, d); err != nil {
		return err
	}
	s.note("ended the leaked secret " + leaked.ClientSecret.Fingerprint())
	// Died before this write: the next run finds the secret gone, and asks again.
	return s.unlabel(ctx, labelCompromised, leaked.versionID)
}

// confirmEnded asks PingOne about a leaked secret that another rotation has ended.
func (h *hand) confirmEnded(ctx context.Context) error {
	s := h.step(FinishSecret, "")
	defer func() { h.note(s) }()
	if err := s.describe(ctx); err != nil {
		return err
	}
	var current, leaked *stored
	err := parallel(
		func() (err error) { current, err = s.readCurrent(ctx); return err },
		func() (err error) { leaked, err = s.read(ctx, h.leaked); return err },
	)
	switch {
	case err != nil:
		return err
	case leaked == nil:
		return fmt.Errorf("version %s, which has leaked, is gone before its secret was shown to be dead; run the command again, if AWSCURRENT has leaked", h.leaked)
	}
	admin, err := s.admin(ctx, current.Document)
	if err != nil {
		return err
	}
	d, err := s.leak(ctx, admin, current, leaked)
	if err != nil {
		return err
	}
	return s.showDead(ctx, admin, d)
}

var (
	errStillCurrent = errors.New("the secret labelled COMPROMISED is still AWSCURRENT; run the emergency again, it makes another one first")

	errCurrentDead = errors.New("the leaked secret is not ended before consumers have one that works: somebody has regenerated the secret, and AWSCURRENT is dead; run the emergency again, or rotate, which adopts PingOne's secret")

	errLeakIsLive = errors.New("it is PingOne's current secret, although AWSCURRENT is another; run the emergency again, which adopts it and then makes another one")

	errForeignLeak = errors.New("the version labelled COMPROMISED is not of the application that AWSCURRENT names, nor of its twin; " +
		"end its secret in PingOne yourself, and take the label off with aws secretsmanager update-secret-version-stage --version-stage COMPROMISED --remove-from-version-id")
)

// leakOf returns the document under which the leaked secret is ended. What it is of is
// said by AWSCURRENT: who can label a version must not thereby end the secret of
// another application.
func leakOf(d, leaked *Document) (*Document, error) {
	next := *d
	if leaked.ClientID != d.ClientID {
		next.ClientID, next.Rotation.Twin = d.Rotation.Twin, d.ClientID
	}
	next.ClientSecret = leaked.ClientSecret
	if leaked.ClientID == "" || leaked.ClientID != next.ClientID || leaked.EnvironmentID != d.EnvironmentID || leaked.Region != d.Region ||
		leaked.AuthDomain != d.AuthDomain || leaked.ApplicationID() != next.ApplicationID() {
		return nil, errForeignLeak
	}
	return &next, nil
}

// leak returns that document, if AWSCURRENT holds another secret, and once PingOne
// agrees: the document says who the twin is, and who writes it must not thereby end the
// secret of another application either.
func (s *step) leak(ctx context.Context, admin *pingone.Client, current, leaked *stored) (*Document, error) {
	if leaked.SameSecret(current.Document) {
		return nil, errStillCurrent
	}
	d, err := leakOf(current.Document, leaked.Document)
	if err != nil || d.ClientID == current.ClientID && d.AuthMethod != "" {
		return d, err
	}
	app, err := s.application(ctx, admin, d)
	if err != nil {
		return nil, err
	}
	if d.ClientID != current.ClientID {
		active, err := s.application(ctx, admin, current.Document)
		if err != nil {
			return nil, err
		}
		if !s.marker().Twins(active, app) {
			return d, errForeignLeak
		}
	}
	// With another method PingOne refuses the secret whether it lives or not.
	d.AuthMethod = app.TokenEndpointAuthMethod
	return d, nil
}

// end makes PingOne forget the secret that the document holds. That it has already
// is success. PingOne's current secret is only ended where that is the idle twin's, or
// the one that is to be contained.
func (s *step) end(ctx context.Context, admin *pingone.Client, d *Document, regenerate bool) error {
	live, err := s.readSecret(ctx, admin, d)
	switch {
	case err != nil:
		return err
	case live.Replaced(d.ClientSecret):
		// PingOne deletes what is in the place of the previous secret by then. If
		// somebody regenerates in between, that is consumers' one; see stillAccepted.
		return admin.DeletePreviousSecret(ctx, d.Target())
	case !live.Secret.Equal(d.ClientSecret):
		return nil
	case !regenerate:
		return errLeakIsLive
	}
	// The other twin, which consumers have left or, to contain the leak, must leave.
	// Its new secret is stored nowhere; the rotation that needs it adopts it.
	_, err = s.mint(ctx, admin, d, live, time.Time{})
	return err
}

// containNow ends consumers' secret before they have another, if that is wanted. With
// one application it can only be ended once PingOne has made another.
func (s *step) containNow(ctx context.Context, admin *pingone.Client, current *stored) error {
	if !s.contains() || current.ClientSecret.IsZero() {
		return nil
	}
	decision := s.decision
	err := s.end(ctx, admin, current.Document, current.Alternates())
	s.decision = decision
	if err != nil {
		return fmt.Errorf("end the leaked secret: %w", err)
	}
	return nil
}

// stillAccepted checks that it was the leaked secret which has been ended, and not
// AWSCURRENT's. That happens when somebody regenerates between a look and the call,
// and then PingOne's secret is promoted at once.
func (s *step) stillAccepted(ctx context.Context, admin *pingone.Client, current *stored) error {
	live, err := s.readSecret(ctx, admin, current.Document)
	if err != nil || live.Accepts(current.ClientSecret) {
		return err
	}
	return s.rescue(ctx, current.With(live.Secret, current.AuthMethod, current.TokenEndpoint))
}

// showDead asks PingOne whether the leaked secret is refused and, for the report of an
// action, how long the access tokens live that were obtained with it.
func (s *step) showDead(ctx context.Context, admin *pingone.Client, d *Document) error {
	var life time.Duration
	err := parallel(
		func() error { return s.awaitRefusal(ctx, d) },
		func() error {
			if s.hand != nil && !d.IsResource() {
				life = tokenLife(ctx, admin, d)
			}
			return nil
		},
	)
	if err != nil {
		return err
	}
	s.tokenLife = max(s.tokenLife, life)
	s.did.revoked, s.resource = s.mark(d.ClientSecret), d.IsResource()
	return nil
}

// longestTokenLife is the most that a custom resource's tokens live.
const longestTokenLife = 30 * 24 * time.Hour

// tokenLife returns how long an access token of the application can live: the longest
// of what its resources say, as it could ask for a token for each of them. What cannot
// be read counts as the longest of all.
func tokenLife(ctx context.Context, admin *pingone.Client, d *Document) time.Duration {
	var grants []pingone.Grant
	var resources []pingone.Resource
	err := parallel(
		func() (err error) { grants, err = admin.Grants(ctx, d.EnvironmentID, d.ApplicationID()); return err },
		func() (err error) { resources, err = admin.Resources(ctx, d.EnvironmentID); return err },
	)
	if err != nil {
		return longestTokenLife
	}
	life := unknownTokenLife
	for _, r := range resources {
		if slices.ContainsFunc(grants, func(g pingone.Grant) bool { return g.ResourceID == r.ID }) {
			life = max(life, r.AccessTokenValidity)
		}
	}
	return life
}

// awaitRefusal asks PingOne until it refuses the secret, as long as that may take to
// be known everywhere.
func (s *step) awaitRefusal(ctx context.Context, d *Document) error {
	env, err := s.Settings.environment(d)
	if err != nil {
		return err
	}
	cred := pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: d.ClientSecret, Method: d.AuthMethod}
	begun := s.client.Time()
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		accepted, err := s.accepted(ctx, d, cred)
		switch {
		case err != nil:
			return fmt.Errorf("ask whether the leaked secret is refused: %w", err)
		case !accepted:
			return nil
		case s.client.Time().Sub(begun)+wait > settle || !s.timeFor(ctx, wait+margin):
			return errors.New("PingOne has been told to end the leaked secret and still accepts it; ask again in a minute, with the same command")
		}
		if err := s.client.Pause(ctx, wait); err != nil {
			return fmt.Errorf("wait until the leaked secret is refused: %w", err)
		}
	}
}

// accepted reports whether PingOne takes the credential.
func (s *step) accepted(ctx context.Context, d *Document, cred pingone.Credential) (bool, error) {
	if !d.IsResource() {
		_, err := s.client.Token(ctx, cred, "")
		switch {
		case err == nil:
			return true, nil
		case pingone.IsRejected(err):
			return false, nil
		case !pingone.ProvesCredential(err):
			return false, err
		}
		// No page says that PingOne judges the secret before the grant.
	}
	err := s.judge(ctx, cred)
	if pingone.IsRejected(err) {
		return false, nil
	}
	return err == nil, err
}

// replicated waits until the secret's replicas have the version that is AWSCURRENT
// now: consumers in other Regions hold the one before until then. To contain a leak
// nobody is waited for.
func (s *step) replicated(ctx context.Context) error {
	if len(s.replicas) == 0 || s.contains() {
		return nil
	}
	for wait := 2 * time.Second; ; wait = min(2*wait, 8*time.Second) {
		if s.did.promoted != nil { // the promotion may be too fresh to show
			if err := s.client.Pause(ctx, wait); err != nil {
				return fmt.Errorf("wait for the replicas: %w", err)
			}
			if err := s.describe(ctx); err != nil {
				return err
			}
		}
		lagging, failed := s.replicaBehind()
		switch {
		case lagging == "":
			return nil
		case failed || s.did.promoted == nil || !s.timeFor(ctx, 2*wait+margin):
			return fmt.Errorf("the replica in %s is not in sync, and consumers there would be locked out, so the leaked secret still works; "+
				"mend the replication and run the command again, or contain the leak with the emergency \"contain\"", lagging)
		}
	}
}

// replicaBehind returns the Region of a replica that is not in sync, "" if all are.
func (v versions) replicaBehind() (region string, failed bool) {
	for _, r := range v.replicas {
		if r.Status != types.StatusTypeInSync && r.Region != nil {
			return *r.Region, r.Status == types.StatusTypeFailed
		}
	}
	return "", false
}

// mark says that something happens to a secret now.
func (s *step) mark(secret pingone.Secret) *Mark {
	return &Mark{Fingerprint: secret.Fingerprint(), At: s.client.Time().UTC()}
}
