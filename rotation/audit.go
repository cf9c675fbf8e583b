package rotation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// auditRate is how many secrets an audit examines in a minute, after the first
	// auditBurst. Each takes one configuration call, which makes a third of the 600 that
	// PingOne allows a licence and leaves the rest for rotations.
	auditRate  = 200
	auditBurst = 60

	auditWorkers = 4

	// oneSecret is the longest that an audit works on one secret, unless it completes an
	// emergency.
	oneSecret = 30 * time.Second

	// longestAudit is the longest that a function may run (see "Timeout" in the Lambda
	// quotas), and so the longest that an audit may take to reach a secret.
	longestAudit = 15 * time.Minute

	// stuckAfter is how long a rotation may wait before a person should look into it.
	stuckAfter = 24 * time.Hour
)

// audit examines every secret of this function, and completes what any run left unfinished.
func (r *Rotator) audit(ctx context.Context, a Action) *AuditReport {
	rep := &AuditReport{Action: a.Action, At: r.PingOne.Time().UTC(), Secrets: []Health{}}
	count := new(counter)
	all, err := r.list(ctx, count)
	rep.Calls = count.take()
	if err != nil {
		rep.Error = remedy.Line(err)
		r.log().ErrorContext(ctx, "rotation action", "action", a.Action, "outcome", string(Failed), "error", rep.Error)
		return rep
	}
	order, first := auditOrder(all, a.After, rep.At)
	reached, last := r.lookAt(ctx, a, order, rep)
	if rep.NotReached = len(order) - reached; rep.NotReached > 0 {
		rep.Next = last + " " + first
	}
	r.findOrphaned(ctx, a, all, rep)
	if !a.ReadOnly {
		r.emitAudit(rep)
	}
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), claimedBy, a.By, "secrets", len(rep.Secrets), "notReached", rep.NotReached)
	return rep
}

// list returns the secrets attached to this function, sorted by name. ListSecrets may lag
// five minutes, so it serves only to find the secrets and to put them in a first order.
func (r *Rotator) list(ctx context.Context, count *counter) ([]description, error) {
	var all []description
	for token := ""; ; {
		page, next, err := r.listPage(ctx, token, count)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if r.owns(aws.ToString(e.RotationLambdaARN)) {
				all = append(all, listed(e))
			}
		}
		if token = next; next == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b description) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// lookAt examines the secrets in the order given for as long as there is time. It returns how
// many it reached, and the name of the last.
func (r *Rotator) lookAt(ctx context.Context, a Action, order []description, rep *AuditReport) (reached int, last string) {
	found := make([]*Health, len(order))
	var mu sync.Mutex
	var wg sync.WaitGroup
	free := make(chan struct{}, auditWorkers)
	begun := r.PingOne.Time()
	for i, v := range order {
		turn := begun.Add(time.Duration(max(0, i-auditBurst)) * time.Minute / auditRate)
		if wait := turn.Sub(r.PingOne.Time()); wait > 0 && (!timeFor(ctx, &r.PingOne, wait+oneSecret) || r.PingOne.Pause(ctx, wait) != nil) {
			break
		}
		free <- struct{}{}
		if !timeFor(ctx, &r.PingOne, oneSecret) || ctx.Err() != nil {
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

// examine looks at one secret, completes what was left unfinished, and describes the state
// that results.
func (r *Rotator) examine(ctx context.Context, a Action, v description) (*Health, Calls) {
	n := r.begin(v.arn, plan.ByAudit, "audit", "")
	n.readOnly = a.ReadOnly
	h := &Health{SecretID: v.arn, Name: v.name, NextRotation: v.next, Labels: map[string]string{}}
	e := &examination{run: n, health: h}
	limited, cancel := context.WithDeadlineCause(ctx, r.PingOne.Time().Add(oneSecret), context.DeadlineExceeded)
	defer cancel()
	err := n.look(limited, plan.Audit)
	if err != nil {
		// The role denies access to a secret that is attached by an alias. The refusal does
		// not say so.
		err = cmp.Or(r.qualified(v.function), err)
	}
	if n.hold != nil && n.hold.known {
		h.client = n.hold.key
	}
	if e.failed(pointUnreadable, err) {
		e.leak()
	} else {
		if hidden := n.found.hidden; hidden != nil {
			e.failed(pointUnreadable, n.explained(limited, hidden))
		}
		if n.item().Emergency == nil {
			ctx = limited
		}
		_, err = n.reachAfterLook(ctx, plan.Audit)
		n.register(limited)
		e.judge(err)
	}
	if n.found.current == nil {
		e.pending() // the labels are known, even if the rest is not
	}
	for id, labels := range n.secret.labels {
		for _, l := range labels {
			h.Labels[l] = id
		}
	}
	h.NextRotation = cmpTime(n.secret.next, v.next)
	h.Findings, h.State, h.Done = e.Findings, worst(e.Findings), n.record.done
	if !a.ReadOnly {
		r.logHealth(ctx, h)
	}
	return h, n.count.take()
}

// register adds a managed secret to the register's list of those that hold the client, if it
// is missing there: an emergency of another managed secret must serve it. It drops those that
// were deleted for good, or every look would ask for them.
func (r *run) register(ctx context.Context) {
	if r.readOnly || r.hold == nil || !r.hold.known || r.hold.failure != nil || r.applicationID() == "" {
		return
	}
	deleted := r.dropDeleted(ctx)
	// Another worker of this audit may be adding the client's other secret right now.
	for range 5 {
		if _, ok := r.hold.rev.Item.Secrets[r.secret.arn]; ok && len(deleted) == 0 {
			return
		}
		item, err := r.hold.withHolder(ctx, r.secret.arn, r.client.Time())
		if err != nil || !errors.Is(r.hold.replace(ctx, item.Deleted(deleted...)), register.ErrOvertaken) {
			return // or the next audit does
		}
	}
}

// dropDeleted deletes the rows of the client's other managed secrets that no longer exist, and
// returns their ARNs.
func (r *run) dropDeleted(ctx context.Context) (arns []string) {
	for _, arn := range r.found.absent {
		other := &secret{api: r.Secrets, id: arn, count: r.count}
		e, ok := errors.AsType[*SecretsManagerError](other.describe(ctx))
		if !ok || !e.missing() || r.item().Emergency != nil {
			continue
		}
		r.count.register.Add(1)
		if r.hold.table.DropHolder(ctx, r.hold.key, arn) == nil {
			arns = append(arns, arn)
		}
	}
	return arns
}

func cmpTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// An examination is an audit's work on one secret.
type examination struct {
	*run
	Checkup // only its findings, and only those that are not OK
	health  *Health
}

// The points of an audit.
const (
	pointUnreadable = "readable"
	pointCurrent    = "current"
	pointLag        = "lag"
	pointOverdue    = "schedule"
	pointStuck      = "pending"
	pointLeak       = "leak"
	pointRegister   = "register"
	pointShared     = "shared"
	pointAllow      = "allow"
	pointTwin       = "twin"
)

// judge enters what is wrong with the secret, by the last look of the run. The error says why
// the run could not complete what was left unfinished.
func (e *examination) judge(err error) {
	d, h := e.found.current, e.health
	h.Kind, h.Strategy = kindOf(d.Document), strategyOf(d.Document)
	h.EnvironmentID, h.ApplicationID = d.EnvironmentID, d.ApplicationID()
	h.Current, h.CurrentSince = d.ClientSecret.Fingerprint(), e.since(d, e.item())
	e.pending()
	e.schedule()
	e.leak()
	if len(e.item().Secrets) > 1 {
		e.shared(len(e.item().Secrets))
	}
	if e.found.gone != "" {
		e.warn(pointTwin, remedy.Of(errTwinGone), "%v", errTwinGone)
	}
	if e.found.acting.any {
		e.warn(pointAllow, remedyAnyApplication, `the admin allows this secret any application, by "*", so that anyone who can write it can get the client secret of each`)
	}
	if e.hold.failure != nil {
		e.warn(pointRegister, remedy.Of(e.hold.failure), "%v; nothing is minted or ended", e.hold.failure)
	}
	s := e.situation(plan.Audit)
	e.current(s, err)
	e.previous(s)
}

// leak reports an open emergency.
func (e *examination) leak() {
	if e.hold == nil || e.item().Emergency == nil {
		return
	}
	e.fail(pointLeak, "run the emergency again, or wait: the next audit or rotation continues it",
		"an emergency has been open since %s, and the leaked secret is not yet shown to be dead", e.item().Emergency.Since.UTC().Format(time.RFC3339))
}

func (e *examination) pending() {
	now := e.client.Time()
	pending, waiting := e.secret.holder(labelPending), now.Sub(e.secret.changed)
	since := e.secret.changed.UTC().Format(time.RFC3339)
	switch {
	case pending == "" || pending == e.secret.holder(labelCurrent):
	case waiting > stuckAfter:
		e.fail(pointStuck, "find its error in the function's log, or end it: take AWSPENDING off the version", "a rotation has been waiting since %s", since)
	case waiting > plan.Quiet:
		e.warn(pointStuck, "Secrets Manager tries again; find the error in the function's log", "a rotation has been waiting since %s", since)
	}
}

func (e *examination) schedule() {
	if !e.secret.rotationEnabled {
		e.health.RotationOff = true
		e.warn(pointOverdue, e.attachAgain(), "rotation is turned off, as by pingrotate detach")
	} else if next := e.secret.next; !next.IsZero() && next.Before(e.client.Time()) {
		e.warn(pointOverdue, "find the error of the last rotation in the function's log", "was due at %s", next.UTC().Format(time.RFC3339))
	}
}

// current judges AWSCURRENT.
func (e *examination) current(s plan.Situation, err error) {
	view := s.Views[s.Current.Application]
	fingerprint := s.Current.Fingerprint
	halt, busy := (*HaltError)(nil), (*BusyError)(nil)
	switch standing := s.Standing(); {
	case s.Emptied():
		e.fail(pointCurrent, "an audit stores PingOne's secret; find out what stored a document without it", "AWSCURRENT holds no secret, and a version before it does")
	case fingerprint == "":
		e.warn(pointCurrent, "rotate it", "%s", notFilled(e.found.current.Document))
	case s.Off[s.Current.Application]:
		e.failed(pointCurrent, disabled(s.Current.Application))
	case standing == plan.Dead:
		e.fail(pointCurrent, "rotate it now, which adopts PingOne's secret", "AWSCURRENT is dead: %s", e.whyDead())
	case standing == plan.IsCurrent && s.Answers[fingerprint] == plan.Refused:
		e.fail(pointCurrent, "find out whether the application is enabled, and run pingrotate check", "PingOne refuses AWSCURRENT, although it shows it as the current secret")
	case standing == plan.IsPrevious:
		state := e.warn
		if view.Expires.Sub(view.At) < s.Grace/4 {
			state = e.fail // consumers are locked out soon
		}
		state(pointCurrent, "rotate it before then, which adopts the newer secret", "AWSCURRENT is PingOne's previous secret, and ends at %s", view.Expires.UTC().Format(time.RFC3339))
	case standing == plan.Contradicted || standing == plan.Undecided:
		e.warn(pointCurrent, "wait for the next audit", "PingOne does not show AWSCURRENT's secret, which was stored or regenerated a moment ago")
	case standing == plan.Mute:
		e.fail(pointCurrent, "find out whether PingOne's token endpoint answers", "PingOne does not show AWSCURRENT's secret, and does not say whether it accepts it")
	}
	switch {
	case err == nil || errors.As(err, &busy):
	case errors.As(err, &halt) && (transientStop(halt.Why) || halt.Why == plan.NotAskable || halt.Why == plan.RegisterNeeded):
	case e.item().Emergency != nil:
		e.fail(pointLeak, remedy.Of(err), "%v", err)
	default:
		e.failed(pointCurrent, err)
	}
}

// previous judges the secret that AWSCURRENT replaced.
func (e *examination) previous(s plan.Situation) {
	view := s.Views[s.Current.Application]
	if s.Alternates || view.Previous == "" || view.Previous == s.Current.Fingerprint {
		return
	}
	h := e.health
	h.PreviousUntil, h.PreviousLastUsed = view.Expires, view.LastUsed
	lagging, _ := plan.Lag(view, h.CurrentSince, s.Grace)
	past := view.At.Sub(h.CurrentSince) >= s.Grace
	// Once its grace is over, an audit ends it as soon as it is idle. It expires later.
	end := h.CurrentSince.Add(s.Grace)
	if view.Expires.Before(end) {
		end = view.Expires
	}
	h.nearEnd = end.Sub(view.At) < max(s.Grace/4, e.Settings.auditEvery()+longestAudit)
	if view.LastUsed.After(h.CurrentSince) && (lagging || past && view.At.Sub(view.LastUsed) < plan.IdleAfter) {
		e.warn(pointLag, "find the consumers that still hold it, before it ends", "the previous secret was used until %s, %s after it was replaced, and ends at %s",
			view.LastUsed.UTC().Format(time.RFC3339), inUnits(view.LastUsed.Sub(h.CurrentSince).Round(time.Minute)), view.Expires.UTC().Format(time.RFC3339))
	}
}
