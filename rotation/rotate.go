package rotation

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
)

// rotate does in one invocation what the four steps do, with a version of its own. If it dies,
// nothing repeats it; an audit completes what it left.
func (r *Rotator) rotate(ctx context.Context, a Action) *Report {
	switch {
	case a.Preview:
		return r.preview(ctx, a)
	case a.Emergency != "":
		return r.emergency(ctx, a)
	}
	rep := r.newReport(a)
	defer func() { r.logReport(ctx, rep) }()
	token := cmp.Or(a.ClientRequestToken, NewToken())
	for range 3 {
		n := r.begin(a.SecretID, plan.ByAction, "rotation", token)
		n.filesReport = true
		rep.Version = token
		err := n.rotateNow(ctx, a, rep)
		rep.take(n)
		halt := (*HaltError)(nil)
		if errors.As(err, &halt) && (halt.Why == plan.Superseded || halt.Why == plan.Edited || halt.Why == plan.MethodChanged) {
			// This version's secret can never be promoted. A new version adopts PingOne's.
			rep.Warnings = append(rep.Warnings, remedy.Line(err))
			token = NewToken()
			continue
		}
		rep.conclude(n, err)
		r.file(ctx, n, rep, err)
		break
	}
	if rep.Outcome == "" {
		rep.Outcome, rep.Error = Failed, "the secret was regenerated or edited again and again during the rotation; "+
			"find out what else changes it, and run the command again"
	}
	return rep
}

func (r *run) rotateNow(ctx context.Context, a Action, rep *Report) error {
	if !a.IfStoredBefore.IsZero() {
		if err := r.readSecret(ctx); err != nil {
			return err
		}
		if !r.found.current.created.Before(a.IfStoredBefore) && r.secret.holder(plan.ManualLabel) != r.token {
			rep.Outcome, rep.Version = Skipped, r.found.current.versionID
			return nil
		}
	}
	if _, err := r.reach(ctx, plan.Create); errors.Is(err, errCompleted) {
		rep.Outcome, rep.Version = Skipped, r.found.current.versionID
		r.record.warn("%v", err)
		return nil
	} else if err != nil {
		return err
	}
	if _, err := r.reach(ctx, plan.Finish); err != nil {
		return err
	}
	if r.record.decision == string(Seed) {
		r.register(ctx) // then a second managed secret of the client is refused
	}
	rep.Outcome = Promoted
	return nil
}

// NewToken returns a ClientRequestToken, which becomes a version's id: a random UUID (RFC
// 9562, version 4).
func NewToken() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// rollback makes AWSPREVIOUS AWSCURRENT again. The two versions belong to two applications,
// so both secrets work, and only the label moves.
func (r *Rotator) rollback(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	defer func() { r.logReport(ctx, rep) }()
	n := r.begin(a.SecretID, plan.ByRollback, "rollback", "")
	n.filesReport, n.readOnly = true, a.Preview
	err := n.secret.describe(ctx)
	if err == nil {
		n.token = n.secret.holder(labelPrevious)
		n.client.TransactionID = n.token
		_, err = n.reach(ctx, plan.Rollback)
	}
	if a.Preview {
		if err == nil {
			rep.Preview, err = n.previewRollback(ctx)
		}
		rep.take(n)
		if err == nil {
			rep.Outcome = Previewed
		}
		rep.conclude(n, err)
		return rep
	}
	rep.take(n)
	if err == nil {
		rep.Outcome, rep.Version = RolledBack, n.token
		rep.Decision = "rollback"
	}
	rep.conclude(n, err)
	r.file(ctx, n, rep, err)
	return rep
}

// previewRollback says what a rollback would do.
func (r *run) previewRollback(ctx context.Context) (*Preview, error) {
	p, err := r.buildPreview(ctx)
	if err != nil {
		return nil, err
	}
	p.MustDie, p.From = nil, r.found.current.ClientSecret.Fingerprint()
	for _, v := range r.found.others {
		if v.versionID == r.token {
			p.To, p.ToClient = v.ClientSecret.Fingerprint(), v.ClientID
		}
	}
	return p, nil
}

// conclude sets the report's outcome, if it has none yet, and its error.
func (rep *Report) conclude(n *run, err error) {
	rep.Ended = n.client.Time().UTC()
	if err != nil {
		rep.Error = remedy.Line(err)
		rep.limited(err)
	}
	busy, halt := (*BusyError)(nil), (*HaltError)(nil)
	switch {
	case rep.Outcome != "":
	case errors.As(err, &busy):
		rep.Outcome, rep.RetryAt = Busy, busy.Until.UTC()
	case errors.As(err, &halt) && halt.Why == plan.Lagging:
		rep.Outcome = Refused
	case errors.As(err, &halt) && transientStop(halt.Why) && (rep.Action == ActionRotate || rep.Action == ActionEnd):
		rep.Outcome, rep.RetryAt = Busy, halt.Until.UTC()
	default:
		rep.Outcome = Failed
	}
}

// transientStop reports whether what stopped a run passes within a minute or two without help.
func transientStop(why plan.Why) bool {
	switch why {
	case plan.Stale, plan.Unresolved, plan.Unknown, plan.RotationRunning:
		return true
	}
	return false
}

func (m *Mark) at(otherwise time.Time) time.Time {
	if m == nil {
		return otherwise
	}
	return m.At
}
