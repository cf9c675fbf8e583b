package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
)

// Evidence is for auditors, who read it in the register's table: who did what to which
// secret, when, and how it ended. Nothing depends on it.

// A StepReport is what a step or an audit adds to the evidence of an act, as JSON in
// [register.Evidence].Report. An action stores its [Report] there instead. Secrets appear
// as fingerprints.
type StepReport struct {
	Begun         time.Time `json:"begun"`
	Current       string    `json:"current,omitempty"` // AWSCURRENT's, before the act
	PreviousUntil time.Time `json:"previousUntil,omitzero"`
	Verified      string    `json:"verified,omitempty"`
	Changed       string    `json:"changed,omitempty"` // what else was changed in PingOne
	Warning       string    `json:"warning,omitempty"`
	Error         string    `json:"error,omitempty"`
}

// Values of [register.Evidence].Decision that say what was done.
const (
	DidMint    = string(plan.Regenerate)
	DidPromote = "promote"
	DidEnd     = "end the previous secret"
	DidClose   = "end the emergency"
	DidTest    = "test the settings" // a step tried the settings with AWSCURRENT's own document
)

// noteEvidence prepares the evidence of an act that the run has just done.
func (r *run) noteEvidence(decision string, fingerprints ...string) {
	if r.filesReport {
		return // the action's report is the evidence
	}
	r.evidence = r.evidenceOf(decision, nil, fingerprints...)
}

// writeFoundEvidence writes the evidence of another run's act whose outcome this run found.
// That run may have died, and then there is no other evidence of the act.
func (r *run) writeFoundEvidence(ctx context.Context, in register.Intent, m plan.Move) {
	decision, fingerprint := DidMint, m.Fingerprint
	switch in.Act {
	case register.Promote:
		decision, fingerprint = DidPromote, in.Fingerprint
	case register.End:
		decision, fingerprint = DidEnd, in.Before
	}
	r.evidence = r.evidenceOf(decision, nil, fingerprint)
	r.evidence.Rotation = in.Rotation
	r.writeEvidence(ctx)
}

func (r *run) evidenceOf(decision string, failure error, fingerprints ...string) *register.Evidence {
	e := &register.Evidence{
		Secret: r.secret.arn, Rotation: r.token, What: r.what, Decision: decision, Fingerprints: fingerprints, Failed: failure != nil,
	}
	if r.hold != nil {
		e.EnvironmentID, e.ClientID = r.hold.key.EnvironmentID, r.hold.key.ID
	}
	report := StepReport{
		Begun: r.record.begun.UTC(), Current: r.record.current.Fingerprint(), Verified: r.record.verified, Changed: strings.Join(r.record.changes, ", "), Warning: r.record.warning(),
	}
	if !r.record.previousUntil.IsZero() {
		report.PreviousUntil = r.record.previousUntil.UTC()
	}
	if failure != nil {
		report.Error = remedy.Line(failure)
	}
	e.Report, _ = json.Marshal(report) // strings and times always encode
	return e
}

// fileStep writes the evidence of a step that failed, took over a secret from PingOne, or
// tried the settings. Acts that were announced in the register have their evidence already.
func (r *run) fileStep(ctx context.Context, step Step, failure error) {
	decision := r.record.decision
	note := false
	switch step {
	case CreateSecret:
		note = slices.Contains([]plan.Decision{plan.Adopt, plan.Drift, plan.Seed}, plan.Decision(decision))
	case TestSecret:
		if own, current := r.found.own, r.found.current; own != nil && current != nil && own.Reveal() == current.Reveal() {
			note, decision = own.versionID != current.versionID, DidTest
		}
	}
	if failure == nil && !note || r.secret.arn == "" || r.hold != nil && r.hold.failure != nil || ctx.Err() != nil {
		return
	}
	var fingerprints []string
	if f := r.record.pending.Fingerprint(); f != "" {
		fingerprints = append(fingerprints, f)
	}
	r.evidence = r.evidenceOf(decision, failure, fingerprints...)
	r.writeEvidence(ctx)
}

// writeEvidence writes the evidence that is prepared, if any.
func (r *run) writeEvidence(ctx context.Context) {
	if r.evidence == nil {
		return
	}
	e := *r.evidence
	r.evidence = nil
	r.count.register.Add(1)
	if err := r.table().Append(ctx, e); err != nil {
		r.record.warn("the register keeps no evidence of this step: %v", err)
	}
}

// file writes an action's metrics, and its report as evidence.
func (r *Rotator) file(ctx context.Context, n *run, rep *Report, failure error) {
	r.emitRun(n.record, rep.Ended.Sub(rep.Begun).Milliseconds(), failure, rep.SecretID, rep.Action)
	if n.secret.arn == "" {
		return // the secret could not even be described
	}
	text, err := json.Marshal(rep)
	if err != nil {
		return // strings, numbers and times always encode
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
		rep.Warnings = append(rep.Warnings, "the register keeps no evidence of this action: "+remedy.Line(err))
	}
}
