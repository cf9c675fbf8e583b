// Package rotation rotates the client secrets of PingOne applications that are
// stored in AWS Secrets Manager, by the four steps in which Secrets Manager calls
// a rotation function.
//
// PingOne makes the secret and keeps one previous secret alive. It offers no idempotency
// key and no undo. So no run relies on what another one remembers: each reads what Secrets
// Manager, PingOne and the register hold, lets package plan decide, and does the one thing
// that is missing. A run may die at any line, and may be repeated at any time.
//
// The order of the writes is what makes this safe:
//
//	createSecret  the register: the lease, then the intent to mint
//	              PingOne replaces the secret; the one that consumers hold becomes the previous one
//	              the register: the outcome; PutSecretValue stores the new one as AWSPENDING
//	finishSecret  the register: the lease, then the intent to move AWSCURRENT
//	              AWSCURRENT moves, once the new secret has obtained a token
//	              the register: the outcome
//
// Between the mint and the Put the new secret is only in PingOne, where the next run
// finds and adopts it. Between the Put and the move both secrets work.
package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SecretsManager has the operations of Secrets Manager that a rotation calls. The
// function's role allows no more than these.
type SecretsManager interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// A Rotator carries out steps and actions. Between them it keeps only connections, access
// tokens, the register's items as last seen, which save a read, and for five minutes which
// secrets hold which client. It is safe for concurrent use.
type Rotator struct {
	Secrets  SecretsManager
	Settings Settings

	// Register is where runs agree on which of them may act. Without it nothing is minted or
	// ended.
	Register *register.Table

	// PingOne is copied for each run, which sets Admin, TransactionID and Observe.
	PingOne pingone.Client

	// FunctionARN is the function's own ARN, without a version. Audits examine the secrets
	// that are attached to it.
	FunctionARN string

	// Log receives one line for each step or action. Nil means slog.Default().
	Log *slog.Logger

	// Metrics receives one line for each step or action, in CloudWatch's embedded metric
	// format. Nil means no metrics.
	Metrics io.Writer

	searched searches
	nameOnce sync.Once // the first invocation sets FunctionARN
}

const (
	// margin is reserved at the end of an invocation to report what happened.
	margin = 2 * time.Second

	// mintBudget is the time that a mint needs: for the POST, a read if its reply is lost,
	// and the Put. No mint begins with less time left, although the next run would find the
	// secret.
	mintBudget = 2*pingone.CallTimeout + 5*time.Second

	// StepLimit is the longest that a step works, however much time the invocation has.
	// From it, another run that finds a rotation under way knows when that rotation's last
	// step must have ended.
	StepLimit = 2 * time.Minute

	// SlowStep is the threshold of the alarm slow-step. It is longer than the first act on a
	// client takes, which waits for 45 s.
	SlowStep = 90 * time.Second
)

// Handle carries out a JSON event: a step of Secrets Manager, or an action. A step returns no
// report. An action returns a [*Report], a [*Checkup] or an [*AuditReport], which says how it
// ended even if it failed; the actions of a campaign's state machine return types of package
// waves. The error is that of a step, of an event that cannot be read or is refused, or of one
// of the actions list, tally, halt, note and unfinished.
func (r *Rotator) Handle(ctx context.Context, event []byte) (report any, err error) {
	return r.handle(ctx, event, inProcess)
}

func (r *Rotator) handle(ctx context.Context, event []byte, way entrance) (report any, err error) {
	var kind struct {
		Action *json.RawMessage `json:"action"`
	}
	json.Unmarshal(event, &kind) // anything but an object is refused below
	if kind.Action != nil {
		err := r.admitsActions(way)
		if err != nil {
			r.log().ErrorContext(ctx, "rotation action", "error", remedy.Line(err))
			return nil, errors.New(remedy.Line(err)) // Lambda passes only the text on
		}
		a, err := ParseAction(event)
		if err != nil {
			r.log().ErrorContext(ctx, "rotation action", "error", err.Error())
			return nil, err
		}
		switch a.Action {
		case ActionList, ActionTally, ActionHalt, ActionNote, ActionUnfinished:
			report, err := r.campaignAction(ctx, a)
			if err != nil {
				id := ""
				if a.Campaign != nil {
					id = a.Campaign.ID()
				}
				r.log().ErrorContext(ctx, "rotation action", "action", a.Action, "outcome", string(Failed), "campaign", id, "error", remedy.Line(err))
				return nil, errors.New(remedy.Line(err))
			}
			return report, nil
		}
		return r.Do(ctx, a), nil
	}
	ev, err := ParseEvent(event)
	if err != nil {
		r.log().ErrorContext(ctx, "rotation step", "error", err.Error())
		return nil, err
	}
	if err := r.admitsSteps(way); err != nil {
		err = stepError(ev, err)
		r.log().ErrorContext(ctx, "rotation step", "error", err.Error())
		return nil, err
	}
	return nil, r.Step(ctx, ev)
}

// Do carries out an action that [ParseAction] has checked, and returns its report. The actions
// about a campaign as a whole are for [Rotator.Handle].
func (r *Rotator) Do(ctx context.Context, a Action) any {
	ctx, cancel := before(ctx, margin)
	defer cancel()
	a.requestID, _ = ctx.Value(requestKey{}).(string)
	switch {
	case a.Action == ActionRotate && a.Campaign != nil:
		return r.rotateItem(ctx, a)
	case a.Action == ActionAudit && a.Campaign != nil:
		return r.auditBatch(ctx, a)
	}
	switch a.Action {
	case ActionCheck:
		if a.Document != "" {
			return r.checkDraft(ctx, a)
		}
		return r.check(ctx, a)
	case ActionAudit:
		return r.audit(ctx, a)
	case ActionMark:
		return r.markApplication(ctx, a)
	case ActionRollback:
		return r.rollback(ctx, a)
	case ActionEnd:
		return r.endPrevious(ctx, a)
	default:
		return r.rotate(ctx, a)
	}
}

// campaignAction carries out an action about a campaign as a whole.
func (r *Rotator) campaignAction(ctx context.Context, a Action) (any, error) {
	ctx, cancel := before(ctx, margin)
	defer cancel()
	switch a.Action {
	case ActionTally:
		return r.summarize(ctx, a)
	case ActionHalt:
		return r.haltCampaign(ctx, a)
	case ActionNote:
		return r.noteCampaign(ctx, a)
	case ActionUnfinished:
		return r.unfinished(ctx, a)
	}
	return r.planCampaign(ctx, a)
}

func (r *Rotator) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}
