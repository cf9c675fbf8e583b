package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// Step carries out one step of a rotation. If it fails, Secrets Manager repeats all four
// steps with the same token.
func (r *Rotator) Step(ctx context.Context, ev Event) error {
	whole := ctx
	ctx, cancel := before(ctx, margin)
	defer cancel()
	n := r.begin(ev.SecretID, plan.ByStep, string(ev.Step), ev.ClientRequestToken)
	n.secret.rotationToken = ev.RotationToken
	ctx, stop := context.WithDeadlineCause(ctx, n.record.begun.Add(StepLimit-margin),
		fmt.Errorf("a step's time, which is %v, is nearly used up: %w", StepLimit, context.DeadlineExceeded))
	defer stop()
	err := n.step(ctx, ev.Step)
	if err != nil {
		err = stepError(ev, err)
	}
	n.fileStep(whole, ev.Step, err)
	r.reportStep(ctx, ev, n, err)
	return err
}

// A StepError is the failure of a step. Its text ends with what to do, because Secrets
// Manager shows nothing else.
type StepError struct {
	Step     Step
	SecretID string
	cause    error
}

func stepError(ev Event, err error) error { return &StepError{ev.Step, ev.SecretID, err} }

func (e *StepError) Error() string {
	return fmt.Sprintf("%s of %s: %s", e.Step, e.SecretID, remedy.Line(e.cause))
}

// brief is the error without the remedy.
func (e *StepError) brief() string {
	return fmt.Sprintf("%s of %s: %s", e.Step, e.SecretID, strings.ReplaceAll(e.cause.Error(), "\n", "; and "))
}

// Unwrap returns why the step failed.
func (e *StepError) Unwrap() error { return e.cause }

func (r *run) step(ctx context.Context, name Step) error {
	if err := r.readSecret(ctx); err != nil {
		return err
	}
	r.fresh = true
	done, err := r.preflight()
	if err != nil {
		return err
	}
	if done {
		r.record.decide("already promoted")
		if name == FinishSecret {
			// Complete an open emergency. If that fails, it stays open for the next run; this
			// rotation is over all the same.
			if _, err := r.reach(ctx, plan.Finish); err != nil && !errors.Is(err, errCompleted) {
				r.record.warn("this rotation is over, but what else the client may need could not be done: %s", remedy.Line(err))
			}
		}
		return nil
	}
	switch name {
	case CreateSecret:
		return r.createSecret(ctx)
	case SetSecret:
		return r.setSecret(ctx)
	case TestSecret:
		return r.testSecret(ctx)
	default:
		return r.finishSecret(ctx)
	}
}

// preflight reports whether the rotation's version is AWSCURRENT already. Otherwise the
// error says why the step cannot be carried out, if so.
func (r *run) preflight() (done bool, err error) {
	labels, ok := r.secret.labels[r.token]
	switch {
	case !r.secret.rotationEnabled:
		return false, remedy.With(errors.New("rotation is not enabled for this secret"), r.attachAgain())
	case !ok:
		return false, remedy.With(fmt.Errorf("version %s does not exist", r.token), "ClientRequestToken must be that of a rotation in progress")
	case slices.Contains(labels, labelCurrent):
		return true, nil
	case !slices.Contains(labels, labelPending):
		return false, remedy.With(fmt.Errorf("version %s is not labelled %s; this rotation was ended", r.token, labelPending), "start another with aws secretsmanager rotate-secret")
	}
	return false, nil
}

// createSecret makes sure that the rotation's version holds PingOne's current secret.
func (r *run) createSecret(ctx context.Context) error {
	_, err := r.reach(ctx, plan.Create)
	return err
}

// setSecret has nothing to send, because PingOne made the secret itself. It checks that
// finishSecret may promote the version, and that the application is as the document
// specifies.
func (r *run) setSecret(ctx context.Context) error {
	own, err := r.pending(ctx)
	if err != nil {
		return err
	}
	answer := plan.NotAsked
	if err := r.authorize(ctx); err != nil {
		return err
	}
	if err := r.identify(ctx); err != nil {
		return err
	}
	if r.found.falseTwin == own.ApplicationID() {
		return r.notTwins(r.found.falseTwin)
	}
	if own.AuthMethod != "" {
		if answer, err = r.probe(ctx, own.Document, own.ClientSecret, own.AuthMethod); err != nil {
			r.record.warn("PingOne did not say whether it accepts the new secret: %v", err)
		}
	}
	if answer != plan.Accepted || !r.found.current.continues(own) {
		if _, err := r.reach(ctx, plan.Create); err != nil { // judges the stored version
			return err
		}
		r.record.decision = ""
	}
	r.record.decide("in PingOne already")
	return r.checkConfiguration(ctx, own)
}

// checkConfiguration checks that the application is as the document specifies; createSecret
// made it so before its mint. A difference is only a warning once consumers hold a secret,
// because it must not keep the new one from being promoted. Before that, checkConfiguration
// repairs the application.
func (r *run) checkConfiguration(ctx context.Context, own *stored) error {
	spec := own.Rotation.Application != nil
	alternates := r.found.current.Alternates()
	if !spec && !alternates {
		return nil
	}
	var left []string
	check := func(all []string, err error) error { left = append(left, all...); return err }
	err := func() error {
		if spec {
			app, err := r.found.acting.client.Application(ctx, own.EnvironmentID, own.ApplicationID())
			switch {
			case err != nil:
				return err
			case r.found.current.ClientID == "" && !r.provisioner().Marker.Marks(app):
				return errDifferent
			case r.found.current.ClientSecret.IsZero():
				return r.provisioner().Repair(ctx, own.Document, app)
			}
			if err := check(r.provisioner().Outstanding(ctx, own.Document, app)); err != nil {
				return err
			}
		}
		if alternates {
			return check(r.provisioner().Misaligned(ctx, own.Document, r.found.current.ApplicationID(), own.ApplicationID()))
		}
		return nil
	}()
	switch {
	case errors.Is(err, errDifferent) || err != nil && r.found.current.ClientSecret.IsZero():
		return err
	case err != nil:
		r.record.warn("could not read whether the application is as the document specifies: %s", remedy.Line(err))
	case len(left) > 0:
		r.record.warn("the application is not as the document specifies; the next rotation changes that: %s", strings.Join(left, "; "))
	}
	return nil
}

var errDifferent = remedy.With(errors.New("AWSPENDING and AWSCURRENT name different applications"),
	"to point a secret at another application, store a new AWSCURRENT")

// pending returns the rotation's version, in a step that follows the one that stores it. It
// must belong to the application that AWSCURRENT names: the right to write AWSPENDING must
// not be enough to point consumers, or the admin, at another application.
func (r *run) pending(ctx context.Context) (own *stored, err error) {
	if r.found.own == nil {
		if r.found.own, err = r.readPending(ctx); err != nil {
			return nil, err
		}
	}
	own, current := r.found.own, r.found.current
	r.record.pending = own.ClientSecret
	if own.ClientID == current.ClientID && own.Principal() == current.Principal() {
		return own, nil
	}
	if !current.MayFollow(own.ClientID) || own.Principal() != current.Successor(own.ClientID).Principal() {
		return nil, errDifferent
	}
	return own, nil
}

// testSecret obtains a token with the version's secret. It relies on no other step and
// changes nothing: when rotation is set up, Secrets Manager sends this step alone, with a
// copy of AWSCURRENT as the version.
func (r *run) testSecret(ctx context.Context) error {
	if r.found.own == nil {
		var err error
		if r.found.own, err = r.readPending(ctx); err != nil {
			return err
		}
	}
	r.record.decide("verify")
	own := r.found.own
	d := own.Document
	if d.ClientID == "" {
		return r.testSpecification(ctx, d)
	}
	if d.AuthMethod == "" || d.ClientSecret.IsZero() {
		var err error
		if d, err = r.completeDocument(ctx, d); err != nil {
			return err
		}
	}
	r.record.pending = d.ClientSecret
	return r.verify(ctx, d)
}

// testSpecification checks a document whose application does not exist yet: everything that
// the specification names must exist, and no other application may have its name.
func (r *run) testSpecification(ctx context.Context, d *document.Document) error {
	r.record.decision = "verify the specification"
	var err error
	if r.found.acting, err = r.adminOf(ctx, d); err != nil {
		return err
	}
	if _, err := r.provisioner().Resolve(ctx, d); err != nil {
		return err
	}
	_, err = r.provisioner().FindOwn(ctx, d)
	return err
}

// completeDocument returns a document that no rotation has filled yet together with what it
// lacks: the authentication method, and the secret that createSecret would take over.
func (r *run) completeDocument(ctx context.Context, d *document.Document) (*document.Document, error) {
	var err error
	if r.found.acting, err = r.adminOf(ctx, d); err != nil {
		return nil, err
	}
	app, err := r.found.acting.read(ctx, d, d.ApplicationID())
	if err != nil {
		return nil, err
	}
	if err := checkApplication(app); err != nil {
		return nil, err
	}
	secret := d.ClientSecret
	if secret.IsZero() {
		live, err := r.found.acting.view(ctx, d.Target())
		if pingone.IsForbidden(err) {
			err = r.provisioner().Explain(ctx, d, err)
		}
		if err != nil {
			return nil, err
		}
		secret = live.Secret
	}
	return d.With(secret, app.TokenEndpointAuthMethod, d.TokenEndpoint), nil
}

// finishSecret promotes the version. It obtains a token again, because it must not rely on
// which steps came before, nor on how long ago.
func (r *run) finishSecret(ctx context.Context) error {
	if _, err := r.pending(ctx); err != nil {
		return err
	}
	_, err := r.reach(ctx, plan.Finish)
	if err == nil {
		r.record.decide("promote")
	}
	return err
}

// before returns a context that ends the margin before ctx does.
func before(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-margin),
		fmt.Errorf("the invocation's time is nearly used up: %w", context.DeadlineExceeded))
}
