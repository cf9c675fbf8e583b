package rotation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const (
	// auditRate is how many secrets an audit looks at in a minute, once it has looked
	// at the first auditBurst: one configuration call each, a third of the 600 that
	// PingOne allows a licence, so that rotations are not starved.
	auditRate  = 200
	auditBurst = 60

	auditWorkers = 4

	// oneSecret is the longest that an audit takes for a secret.
	oneSecret = 30 * time.Second

	// stuckAfter is how long a rotation may wait before somebody should look.
	stuckAfter = 24 * time.Hour
)

// audit looks at every secret of this function, and completes what others have left
// half done.
func (r *Rotator) audit(ctx context.Context, a Action) *AuditReport {
	rep := &AuditReport{Action: a.Action, At: r.PingOne.Time().UTC(), Secrets: []Health{}}
	l := r.step(Event{Step: TestSecret})
	all, err := l.list(ctx)
	rep.Calls = l.callsSoFar()
	if err != nil {
		rep.Error = err.Error()
		r.log().ErrorContext(ctx, "rotation action", "action", a.Action, "outcome", string(Failed), "error", rep.Error)
		return rep
	}
	order, first := auditOrder(all, a.After, rep.At)
	reached, last := r.lookAt(ctx, a, order, rep)
	if rep.NotReached = len(order) - reached; rep.NotReached > 0 {
		rep.Next = last + " " + first
	}
	if !a.ReadOnly {
		r.emitAudit(rep)
	}
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "by", a.By, "secrets", len(rep.Secrets), "notReached", rep.NotReached)
	return rep
}

// list returns the secrets that name this function as theirs, by name.
func (s *step) list(ctx context.Context) ([]versions, error) {
	if s.FunctionARN == "" {
		return nil, errors.New("list the secrets of this function: its own ARN is not known; name it with --function")
	}
	var all []versions
	in := &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(100)}
	for {
		out, err := s.Secrets.ListSecrets(ctx, in, s.count)
		if err != nil {
			return nil, secretsManagerError("list the secrets", err)
		}
		for _, e := range out.SecretList {
			f := aws.ToString(e.RotationLambdaARN)
			if f != "" && (f == s.FunctionARN || functionName(f) == s.FunctionARN) {
				all = append(all, listed(e))
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	slices.SortFunc(all, func(a, b versions) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func listed(e types.SecretListEntry) versions {
	return versions{
		arn:             aws.ToString(e.ARN),
		name:            aws.ToString(e.Name),
		rotationEnabled: aws.ToBool(e.RotationEnabled),
		function:        aws.ToString(e.RotationLambdaARN),
		rotated:         aws.ToTime(e.LastRotatedDate),
		changed:         aws.ToTime(e.LastChangedDate),
		next:            aws.ToTime(e.NextRotationDate),
		rules:           e.RotationRules,
		kmsKey:          aws.ToString(e.KmsKeyId),
		labels:          e.SecretVersionsToStages,
	}
}

// urgent reports whether an audit should begin with the secret.
func (v versions) urgent() bool {
	pending := v.holder(labelPending)
	return v.holder(labelCompromised) != "" || pending != "" && pending != v.holder(labelCurrent)
}

// auditOrder says in which order to look at the secrets: the urgent ones first, and
// then by name, each hour from another one on, so that an hourly audit comes round
// even where one does not reach them all. A cursor names the secret after which to go
// on, and the one with which the round began among those that are not urgent.
func auditOrder(all []versions, cursor string, now time.Time) (order []versions, first string) {
	var calm []versions
	for _, v := range all {
		if v.urgent() {
			order = append(order, v)
		} else {
			calm = append(calm, v)
		}
	}
	last, first, resumed := strings.Cut(cursor, " ")
	start := 0
	switch {
	case len(calm) == 0:
	case resumed:
		start = max(0, slices.IndexFunc(calm, func(v versions) bool { return v.name >= first }))
	default:
		start = startOf(now, len(calm))
		first = calm[start].name
	}
	order = slices.Concat(order, calm[start:], calm[:start])
	// Where the last one is gone, the round begins anew: to look twice does no harm.
	at := slices.IndexFunc(order, func(v versions) bool { return v.name == last })
	return order[at+1:], first
}

// startOf returns with which of n secrets an audit of this hour begins. It is as good as
// random: any rule that steps on by so much each hour leaves secrets out for ever where
// audits come in another rhythm, or reach less.
func startOf(now time.Time, n int) int {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600)))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n))
}

// lookAt looks at the secrets in their order for as long as there is time, and returns
// how many it has reached and the name of the last.
func (r *Rotator) lookAt(ctx context.Context, a Action, order []versions, rep *AuditReport) (reached int, last string) {
	found := make([]*Health, len(order))
	var mu sync.Mutex
	var wg sync.WaitGroup
	free := make(chan struct{}, auditWorkers)
	begun := r.PingOne.Time()
	for i, v := range order {
		turn := begun.Add(time.Duration(max(0, i-auditBurst)) * time.Minute / auditRate)
		if wait := turn.Sub(r.PingOne.Time()); wait > 0 && (!r.timeFor(ctx, wait+oneSecret) || r.PingOne.Pause(ctx, wait) != nil) {
			break
		}
		free <- struct{}{}
		if !r.timeFor(ctx, oneSecret) || ctx.Err() != nil {
			<-free
			break
		}
		reached, last = i+1, v.name
		wg.Go(func() {
			defer func() { <-free }()
			h, calls := r.examine(ctx, a, v)
			mu.Lock()
			defer mu.Unlock()
			found[i] = h
			rep.Calls.Add(calls)
		})
	}
	wg.Wait()
	for _, h := range found[:reached] {
		rep.Secrets = append(rep.Secrets, *h)
	}
	return reached, last
}

// examination is one secret's place in an audit.
type examination struct {
	*step
	Checkup // only its findings, of what is not OK
	health  *Health
	action  Action
	actions Calls // of what it completes
}

func (r *Rotator) examine(ctx context.Context, a Action, v versions) (*Health, Calls) {
	s := r.step(Event{Step: TestSecret, SecretID: v.arn})
	s.hand, s.versions = &a, v
	h := &Health{SecretID: v.arn, Name: v.name, NextRotation: v.next, Labels: map[string]string{}}
	for id, labels := range v.labels {
		for _, l := range labels {
			h.Labels[l] = id
		}
	}
	e := &examination{step: s, health: h, action: a}
	limited, cancel := context.WithDeadlineCause(ctx, r.PingOne.Time().Add(oneSecret), context.DeadlineExceeded)
	e.look(limited)
	cancel()
	if leaked := v.holder(labelCompromised); leaked != "" {
		e.endLeak(ctx)
	}
	calls := s.callsSoFar()
	calls.Add(e.actions)
	h.Findings, h.State = e.Findings, worst(e.Findings)
	if !a.ReadOnly {
		r.logHealth(ctx, h)
	}
	return h, calls
}

func (e *examination) look(ctx context.Context) {
	now := e.client.Time()
	pending, waiting := e.holder(labelPending), now.Sub(e.changed)
	busy := pending != "" && pending != e.holder(labelCurrent)
	switch {
	case busy && waiting > stuckAfter:
		e.fail(pointStuck, "find its error in the function's log, or end it: take AWSPENDING off the version", "a rotation has been waiting since %s", e.changed.UTC().Format(time.RFC3339))
	case busy && waiting > quiet:
		e.warn(pointStuck, "Secrets Manager tries again; find the error in the function's log", "a rotation has been waiting since %s", e.changed.UTC().Format(time.RFC3339))
	}
	if !e.rotationEnabled {
		e.warn(pointOverdue, "enable it with aws secretsmanager rotate-secret", "rotation is cancelled for this secret")
	} else if !e.next.IsZero() && e.next.Before(now) {
		e.warn(pointOverdue, "find the error of the last rotation in the function's log", "was due at %s", e.next.UTC().Format(time.RFC3339))
	}

	current, err := e.readCurrent(ctx)
	if e.failed(pointUnreadable, err) {
		return
	}
	d, h := current.Document, e.health
	h.Kind, h.Strategy = cmp.Or(d.Rotation.Kind, document.KindApplication), cmp.Or(d.Rotation.Strategy, document.Single)
	h.EnvironmentID, h.ApplicationID = d.EnvironmentID, d.ApplicationID()
	h.Current, h.CurrentSince = d.ClientSecret.Fingerprint(), e.promoted(current)
	if d.ClientSecret.IsZero() {
		e.warn(pointCurrent, "rotate it", "there is no secret yet")
		return
	}
	admin, err := e.admin(ctx, d)
	if e.failed(pointUnreadable, err) {
		return
	}
	var live *pingone.ApplicationSecret
	var works bool
	var refused error
	err = parallel(
		func() (err error) { live, err = e.readSecret(ctx, admin, d); return err },
		func() error { works, refused = e.currentAccepted(ctx, d); return nil },
	)
	if pingone.IsForbidden(err) {
		err = e.provisioner(admin).Explain(ctx, d, err)
	}
	if e.failed(pointUnreadable, err) {
		return
	}
	if works && live.Replaced(d.ClientSecret) && !busy && e.completeRotation(ctx, current, live) {
		return
	}
	e.judgeCurrent(d, live, works, refused)
	if d.Rotation.Strategy != document.Alternating {
		e.judgePrevious(ctx, admin, current, live, busy)
	}
}

// The points of an audit.
const (
	pointUnreadable = "readable"
	pointCurrent    = "current"
	pointLag        = "lag"
	pointOverdue    = "schedule"
	pointStuck      = "pending"
	pointLeak       = "leak"
)

// currentAccepted asks PingOne whether it takes AWSCURRENT.
func (e *examination) currentAccepted(ctx context.Context, d *Document) (bool, error) {
	env, err := e.Settings.environment(d)
	if err != nil {
		return false, err
	}
	method := cmp.Or(d.AuthMethod, pingone.ClientSecretBasic)
	return e.accepted(ctx, d, pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: d.ClientSecret, Method: method})
}

func (e *examination) judgeCurrent(d *Document, live *pingone.ApplicationSecret, works bool, err error) {
	own := d.ClientSecret
	switch {
	case !live.Accepts(own):
		e.fail(pointCurrent, "rotate it now: that adopts PingOne's secret", "AWSCURRENT is dead: somebody has regenerated the secret")
	case err != nil:
		e.failed(pointCurrent, err)
	case !works:
		e.fail(pointCurrent, "look whether the application is enabled, and run check", "PingOne refuses AWSCURRENT, although it shows it as %s's secret", d.Target().Kind)
	case live.Replaced(own):
		state := e.warn
		if live.Previous.ExpiresAt.Sub(live.AsOf) < e.Settings.grace(d)/4 {
			state = e.fail // consumers are locked out soon
		}
		state(pointCurrent, "rotate it before: that adopts the newer one", "AWSCURRENT is PingOne's previous secret, and ends at %s", live.Previous.ExpiresAt.UTC().Format(time.RFC3339))
	}
}

// judgePrevious looks at the secret that was replaced, and ends it when that is wanted.
func (e *examination) judgePrevious(ctx context.Context, admin *pingone.Client, current *stored, live *pingone.ApplicationSecret, busy bool) {
	p := live.Previous
	if p == nil || p.Secret.Equal(current.ClientSecret) {
		return
	}
	h := e.health
	h.PreviousUntil, h.PreviousLastUsed = p.ExpiresAt, p.LastUsed
	o := Observation{Current: current.ClientSecret, CurrentAt: h.CurrentSince, Live: live, Now: live.AsOf}
	if p.LastUsed.After(h.CurrentSince) && !o.idle() {
		e.warn(pointLag, "find the consumers that still hold it, before it ends", "the previous secret was used until %s, %v after it was replaced, and ends at %s",
			p.LastUsed.UTC().Format(time.RFC3339), p.LastUsed.Sub(h.CurrentSince).Round(time.Minute), p.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if !current.Rotation.RevokeWhenIdle || e.action.ReadOnly || busy || !o.idle() || !live.Secret.Equal(current.ClientSecret) {
		return
	}
	if err := e.describe(ctx); e.failed(pointUnreadable, err) {
		return
	}
	pending, label := e.underWay()
	if e.holder(labelCurrent) != current.versionID || pending != "" && (label == labelPending || e.client.Time().Sub(e.changed) < quiet) {
		return // a rotation has begun
	}
	if region, _ := e.replicaBehind(); region != "" {
		return
	}
	// Died before the call: the next audit comes here again. Died after it: there is
	// nothing left to do.
	err := admin.DeletePreviousSecret(ctx, current.Target())
	if err == nil {
		err = e.stillAccepted(ctx, admin, current)
	}
	if !e.failed("previous", err) {
		h.Done = append(h.Done, "ended the idle previous secret "+p.Secret.Fingerprint())
		h.PreviousUntil, h.PreviousLastUsed = time.Time{}, time.Time{}
	}
}

// endLeak completes an emergency that has stopped half way.
func (e *examination) endLeak(ctx context.Context) {
	const remedy = "run the emergency again; what it has done so far stays done"
	if e.action.ReadOnly {
		e.fail(pointLeak, remedy, "a version is labelled COMPROMISED, and its secret is not shown to be dead")
		return
	}
	h := e.byHand(Action{Action: ActionRotate, SecretID: e.arn, Emergency: Swift, Reason: "left unfinished", By: "audit"})
	h.completes = true
	rep := h.carryOut(ctx, h.rotate)
	e.actions.Add(rep.Calls)
	switch rep.Outcome {
	case Ended:
		e.health.Done = append(e.health.Done, "ended the leaked secret "+rep.Revoked.fingerprint())
	case Skipped: // the label is gone since the audit has listed it
	default:
		e.fail(pointLeak, remedy, "a leaked secret may still work (%s): %s", rep.Outcome, rep.Error)
	}
}

// completeRotation has consumers given the secret that a rotation made and did not
// promote, before theirs ends. Secrets Manager repeats its own rotations, and nobody one
// by hand. It reports whether that is done.
func (e *examination) completeRotation(ctx context.Context, current *stored, live *pingone.ApplicationSecret) bool {
	minted := live.Previous.ExpiresAt.Add(-e.Settings.grace(current.Document)) // if a rotation has
	if e.action.ReadOnly || e.holder(labelCompromised) != "" || live.AsOf.Sub(minted) < quiet || e.client.Time().Sub(e.changed) < quiet {
		return false // or it may be at work
	}
	rep := e.rotate(ctx, Action{
		Action: ActionRotate, SecretID: e.arn, Reason: "left unfinished", By: "audit",
		IfStoredBefore: current.created.Add(time.Second), // what somebody has stored since is theirs
	})
	e.actions.Add(rep.Calls)
	if rep.Outcome != Promoted || rep.Promoted == nil {
		return false
	}
	h := e.health
	h.Current, h.CurrentSince = rep.Promoted.fingerprint(), rep.Promoted.At
	h.PreviousUntil, h.PreviousLastUsed = live.Previous.ExpiresAt, live.Previous.LastUsed
	h.Done = append(h.Done, "promoted PingOne's secret "+h.Current+", which a rotation had left")
	return true
}
