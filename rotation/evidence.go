package rotation

import (
	"context"
	"encoding/json"
	"errors"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// Evidence is what auditors read of the register's table: who did what to which secret,
// when, and how it ended. It is written beside the work, and nothing depends on it.

// witness prepares the evidence of an act that has just been done.
func (r *run) witness(decision string, fingerprints ...string) {
	if r.by != plan.ByStep {
		return // the action's report says it all
	}
	key := r.hold.key
	r.evidence = &register.Evidence{
		Secret: r.secret.arn, EnvironmentID: key.EnvironmentID, ClientID: key.ID, Rotation: r.token,
		What: r.what, Decision: decision, Fingerprints: fingerprints,
	}
}

// testify writes what was witnessed.
func (r *run) testify(ctx context.Context) {
	if r.evidence == nil {
		return
	}
	e := *r.evidence
	r.evidence = nil
	r.count.register.Add(1)
	if err := r.hold.table.Append(ctx, e); err != nil {
		r.record.warn("the register keeps no evidence of this step: %v", err)
	}
}

// file writes the metrics of an action, and its report as evidence.
func (r *Rotator) file(ctx context.Context, n *run, rep *Report, failure error) {
	r.emitRun(n.record, rep.Ended.Sub(rep.Begun).Milliseconds(), failure, rep.SecretID, rep.Action)
	if n.secret.arn == "" {
		return // nothing is known of such a secret
	}
	text, err := json.Marshal(rep)
	if err != nil {
		return // it is made of texts, numbers and times
	}
	e := register.Evidence{
		Secret: n.secret.arn, Rotation: rep.Version, What: rep.Action, Who: rep.By, Decision: string(rep.Outcome), Failed: rep.Error != "", Report: text,
	}
	if n.hold != nil {
		e.EnvironmentID, e.ClientID = n.hold.key.EnvironmentID, n.hold.key.ID
	}
	for _, m := range []*Mark{rep.Minted, rep.Promoted, rep.Revoked} {
		if m != nil {
			e.Fingerprints = append(e.Fingerprints, m.Fingerprint)
		}
	}
	rep.Calls.Register++
	if err := r.table().Append(ctx, e); err != nil && !errors.Is(err, context.Canceled) {
		rep.Warnings = append(rep.Warnings, "the register keeps no evidence of this action: "+inFull(err))
	}
}
