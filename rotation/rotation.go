// Package rotation rotates the client secrets of PingOne applications that are
// stored in AWS Secrets Manager, by the four steps in which Secrets Manager calls
// a rotation function.
//
// PingOne makes the secret, keeps one previous secret alive, and offers neither an
// idempotency key nor a way back. So no step trusts what another one remembers:
// each reads what Secrets Manager and PingOne hold, decides by [Decide], and does
// the one thing that is missing. A step may die at any line and be repeated at any
// time.
//
// The order of the writes is what makes this safe:
//
//	createSecret  PingOne replaces the secret; consumers' one lives on as previous
//	              PutSecretValue stores the new one as AWSPENDING
//	finishSecret  AWSCURRENT moves, once the new one has obtained a token
//
// Between the first and the second write the new secret is only in PingOne, where
// the next run finds and adopts it. Between the second and the third both work.
package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SecretsManager is what a rotation calls of Secrets Manager: no more than the
// function's role allows.
type SecretsManager interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// Settings are the function's own: what no document may decide.
type Settings struct {
	AdminSecretID string        // the admin credential of documents that name none; may be empty
	Grace         time.Duration // how long a replaced secret lives where a document does not say; 0 means 24 hours
	AuthDomains   []string      // custom domains that documents may name as authDomain
	APIURL        string        // in place of the region's API; empty outside tests
	AuthURL       string        // in place of the region's auth host and of custom domains; empty outside tests
}

const defaultGrace = 24 * time.Hour

// A Rotator carries out rotation steps. It keeps nothing from one step to the next
// but connections and access tokens, and is safe for concurrent use.
type Rotator struct {
	Secrets  SecretsManager
	Settings Settings

	// PingOne is the client to copy for each step, which fills in Admin,
	// TransactionID and Observe.
	PingOne pingone.Client

	// FunctionARN is the function's own, without a version: an audit is about the
	// secrets that name it as theirs.
	FunctionARN string

	// Log receives one line a step. Nil means slog.Default().
	Log *slog.Logger

	// Metrics receives one line a step, in CloudWatch's embedded metric format.
	// Nil means nobody.
	Metrics io.Writer
}

// Time kept back or set aside. A mint that is not stored is found by the next run,
// but none is begun that could not be stored in this one.
const (
	// margin stays between the end of a step's work and the end of the invocation,
	// to report what happened.
	margin = 2 * time.Second

	// mintBudget is what a mint needs: the POST, a read in case its reply is lost,
	// and the Put.
	mintBudget = 2*pingone.CallTimeout + 5*time.Second

	// stepLimit is the longest that a step works, however much time the invocation
	// has: Secrets Manager waits for it, and whoever finds a rotation under way can
	// tell by it when that one's last step must have ended.
	stepLimit = time.Minute
)

// Handle carries out an event, as JSON: a step that Secrets Manager asks for, or an
// action. What became of an action, its failure too, is in the report, a [*Report],
// [*Checkup] or [*AuditReport]; a step has none. The error is of a step, or of an
// event that cannot be understood.
func (r *Rotator) Handle(ctx context.Context, event []byte) (report any, err error) {
	var kind struct {
		Action *json.RawMessage `json:"action"`
	}
	json.Unmarshal(event, &kind) // what is no object is refused below
	if kind.Action != nil {
		a, err := ParseAction(event)
		if err != nil {
			r.log().ErrorContext(ctx, "rotation action", "error", err.Error())
			return nil, err
		}
		return r.Do(ctx, a), nil
	}
	ev, err := ParseEvent(event)
	if err != nil {
		r.log().ErrorContext(ctx, "rotation step", "error", err.Error())
		return nil, err
	}
	return nil, r.Step(ctx, ev)
}

// Do carries out an action that [ParseAction] has checked, and returns its report.
func (r *Rotator) Do(ctx context.Context, a Action) any {
	ctx, cancel := before(ctx, margin)
	defer cancel()
	switch a.Action {
	case ActionCheck:
		return r.check(ctx, a)
	case ActionAudit:
		return r.audit(ctx, a)
	case ActionRollback:
		return r.rollback(ctx, a)
	default:
		return r.rotate(ctx, a)
	}
}

// before returns a context that ends before the invocation does.
func before(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-margin),
		fmt.Errorf("the invocation's time is nearly used up: %w", context.DeadlineExceeded))
}

// Step carries out one step of a rotation. When it fails, Secrets Manager repeats
// all four with the same token.
func (r *Rotator) Step(ctx context.Context, ev Event) error {
	ctx, cancel := before(ctx, margin)
	defer cancel()
	return r.step(ev).do(ctx)
}

// step prepares a step, or what an action does that is like one.
func (r *Rotator) step(ev Event) *step {
	s := &step{Rotator: r, event: ev, begun: r.PingOne.Time()}
	s.client = r.PingOne
	s.client.TransactionID = ev.ClientRequestToken
	s.client.Observe = func(_ string, platform bool) {
		s.calls.pingOne.Add(1)
		if platform {
			s.calls.platform.Add(1)
		}
	}
	return s
}

// do runs the step and reports it.
func (s *step) do(ctx context.Context) error {
	ctx, cancel := context.WithDeadlineCause(ctx, s.begun.Add(stepLimit-margin),
		fmt.Errorf("a step's time, which is %v, is nearly used up: %w", stepLimit, context.DeadlineExceeded))
	defer cancel()
	err := s.run(ctx)
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", s.event.Step, s.event.SecretID, err)
	}
	s.report(ctx, err)
	return err
}

func (s *step) run(ctx context.Context) error {
	if err := s.describe(ctx); err != nil {
		return err
	}
	done, err := s.preflight()
	for wait := 250 * time.Millisecond; err != nil && s.hand != nil && wait < 3*time.Second; wait *= 2 {
		// The version was stored a moment ago, and may not show yet.
		if s.client.Pause(ctx, wait) != nil || s.describe(ctx) != nil {
			break
		}
		done, err = s.preflight()
	}
	if err != nil {
		return err
	}
	if done {
		s.decision = "already promoted"
		if s.event.Step == FinishSecret {
			return s.completeRevocation(ctx)
		}
		return nil
	}
	switch s.event.Step {
	case CreateSecret:
		return s.createSecret(ctx)
	case SetSecret:
		return s.setSecret(ctx)
	case TestSecret:
		return s.testSecret(ctx)
	default:
		return s.finishSecret(ctx)
	}
}

func (r *Rotator) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}

// environment returns where the document's environment is served. Hosts come from
// the region, or from the function's settings, never from the document: whoever
// may write a document must not learn a credential by naming a host.
func (s Settings) environment(d *Document) (pingone.Environment, error) {
	e := d.Region.Environment(d.EnvironmentID)
	if d.AuthDomain != "" {
		if !slices.Contains(s.AuthDomains, d.AuthDomain) {
			return e, document.NewFieldError("authDomain", "is not a domain that the function allows; add it to PINGONE_AUTH_DOMAINS")
		}
		e.Auth = "https://" + d.AuthDomain
	}
	if d.TokenEndpoint != "" && s.AuthURL == "" {
		u, err := url.Parse(d.TokenEndpoint)
		if err != nil || u.Scheme != "https" || !pingone.IsAuthHost(u.Host) && !slices.Contains(s.AuthDomains, u.Host) {
			return e, document.NewFieldError("tokenEndpoint", "names a host that is not PingOne's; remove the field, the rotation writes it")
		}
	}
	if s.APIURL != "" {
		e.API = s.APIURL
	}
	if s.AuthURL != "" {
		e.Auth = s.AuthURL
		if d.AuthDomain == "" {
			e.Auth += "/" + d.EnvironmentID
		}
	}
	return e, nil
}

// grace returns how long the document's replaced secrets live.
func (s Settings) grace(d *Document) time.Duration {
	switch {
	case d.Rotation.Grace != 0:
		return d.Rotation.Grace
	case s.Grace != 0:
		return s.Grace
	}
	return defaultGrace
}

// parallel runs the functions at once, waits for all, and joins their errors in
// the order given.
func parallel(fs ...func() error) error {
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
