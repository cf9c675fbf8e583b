// Package rotation rotates the client secrets of PingOne applications that are
// stored in AWS Secrets Manager, by the four steps in which Secrets Manager calls
// a rotation function.
//
// PingOne makes the secret, keeps one previous secret alive, and offers neither an
// idempotency key nor a way back. So no run trusts what another one remembers: each
// reads what Secrets Manager, PingOne and the register hold, has package plan decide,
// and does the one thing that is missing. A run may die at any line and be repeated at
// any time.
//
// The order of the writes is what makes this safe:
//
//	createSecret  the register: the lease, then the intent to mint
//	              PingOne replaces the secret; consumers' own lives on as previous
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

// SecretsManager is what a rotation calls of Secrets Manager: no more than the
// function's role allows.
type SecretsManager interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// A Rotator carries out rotation steps. It keeps nothing from one step to the next but
// connections, access tokens, what spares a read of the register and, for five minutes,
// which secrets hold which client. It is safe for concurrent use.
type Rotator struct {
	Secrets  SecretsManager
	Settings Settings

	// Register is where runs agree on who may act. Without it nothing is minted or ended.
	Register *register.Table

	// PingOne is the client to copy for each step, which fills in Admin,
	// TransactionID and Observe.
	PingOne pingone.Client

	// FunctionARN is the function's own, without a version: an audit is about the
	// secrets that name it as theirs.
	FunctionARN string

	// Log receives one line a step. Nil means slog.Default().
	Log *slog.Logger

	// Metrics receives one line a step, in CloudWatch's embedded metric format.
	// Nil means that none are written.
	Metrics io.Writer

	searched searches
	nameOnce sync.Once // FunctionARN, by the first invocation
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

	// StepLimit is the longest that a step works, however much time the invocation
	// has: Secrets Manager waits for it, and another run that finds a rotation under
	// way can tell by it when that rotation's last step must have ended.
	StepLimit = 2 * time.Minute

	// SlowStep is what the alarm slow-step calls slow. The first act on a client, which
	// waits for 45 s, is not.
	SlowStep = 90 * time.Second
)

// Handle carries out an event, as JSON: a step that Secrets Manager asks for, or an
// action. How an action ended, its failure included, is in the report, a [*Report],
// [*Checkup] or [*AuditReport]; a step has none. What the state machine of a campaign
// asks for is answered by a type of package waves. The error is of a step, of an event
// that cannot be understood, or of the actions list, tally and halt.
func (r *Rotator) Handle(ctx context.Context, event []byte) (report any, err error) {
	return r.handle(ctx, event, inProcess)
}

func (r *Rotator) handle(ctx context.Context, event []byte, way entrance) (report any, err error) {
	var kind struct {
		Action *json.RawMessage `json:"action"`
	}
	json.Unmarshal(event, &kind) // what is no object is refused below
	if kind.Action != nil {
		err := r.admitsActions(way)
		if err != nil {
			r.log().ErrorContext(ctx, "rotation action", "error", remedy.Line(err))
			return nil, errors.New(remedy.Line(err)) // the text is all that the caller gets
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

// Do carries out an action that [ParseAction] has checked, and returns its report.
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

// campaignAction carries out what the state machine of a campaign asks for about the campaign.
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
