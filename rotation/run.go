package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// A run is the work of one invocation on one managed secret. It looks, lets [plan.Next]
// decide, and does what that says, until it reaches its goal.
//
// It relies only on what Secrets Manager, PingOne and the register hold, not on anything
// that an earlier run reported. So it may die at any line, and another run continues.
type run struct {
	*Rotator
	client pingone.Client // for the token endpoint and the clock
	count  *counter
	record *record
	secret *secret
	hold   *hold

	by           string // the kind of run, as the register has it: plan.ByStep and so on
	what         string // the step or action
	doing        string // the step or action with the secret, for people
	token        string // ClientRequestToken: the id of the version that the run makes; "" if it makes none
	manual       bool   // the run is not a step of Secrets Manager's
	readOnly     bool
	assumeMarked bool      // treat the application as marked: an operator is about to mark it
	requested    time.Time // when the run began; an emergency waits from then on before it takes the lease by force

	found          found
	answering      sync.Mutex // guards found.answers and found.proof during parallel reads
	fresh          bool       // the managed secret was just read: the next look need not read it
	done           plan.Progress
	servedFor      string // done.Served holds for this fingerprint of AWSCURRENT only
	unserved       bool   // another managed secret could not be served, for a reason that may pass
	shownFor       string // done.Shown holds for this [run.shownState] only
	waits          map[plan.Why]*poll
	leasePoll      *poll          // paces the attempts to take the lease
	overtakenMoves int            // how often another process moved AWSCURRENT after this run's look
	unreadMints    map[string]int // mints whose reply was not read, by application
	unknownOutcome error          // the error of this run's last act, while it is unknown whether that took effect

	ending *ending // for endPrevious; nil otherwise

	filesReport bool // the run belongs to an action, whose report is the evidence of what it does

	// outcome is that of the last act. The next write to the register records it, and the
	// evidence is written together with it.
	outcome   func(register.Item) register.Item
	evidence  *register.Evidence
	restating bool // the last act was a mint for an emergency: update the emergency's rows too
}

// found is what the looks of a run have shown.
type found struct {
	admin       adminSecret
	acting      *admin
	allowed     map[allowed]*admin
	current     *stored
	own         *stored
	others      []*stored
	unparsable  []plan.Version // versions whose document does not parse: they can never be promoted
	twin        string         // the twin's application id, once it is known
	falseTwin   string         // an application that a document names as the twin, but which is not
	gone        string         // the twin, if it was deleted in PingOne
	created     string         // the id of the application that was created for AWSCURRENT's document
	searched    bool           // an emergency has searched for the twin by its marker
	apps        map[string]*pingone.Application
	views       map[string]*pingone.ApplicationSecret
	hidden      error                     // why an audit could not read AWSCURRENT's, and what the register recorded stands in for it
	secrets     map[string]pingone.Secret // by fingerprint
	answers     map[string]plan.Answer    // by fingerprint
	otherBehind string                    // the ARN of another managed secret of the client that lags, or may
	otherUnread error                     // why that one could not be read; nil if it could
	absent      []string                  // the ARNs of those that have no AWSCURRENT, or are deleted
	closed      error                     // why the secret cannot be rotated at all; nil if it can
	proof       map[string]error          // by fingerprint: the result of verifying the secret as a new one will be
	mayWrite    error                     // why the function may not store or label versions; nil if nothing forbids it
	rehearsed   bool                      // the calls for proof and mayWrite were made
	underHold   bool                      // the last look began with the lease
}

// begin prepares a run on the secret.
func (r *Rotator) begin(secretID, by, what, token string) *run {
	count := new(counter)
	n := &run{
		Rotator: r, client: r.PingOne, count: count, by: by, what: what, doing: what + " of " + secretID, token: token, manual: by != plan.ByStep,
		record:      &record{begun: r.PingOne.Time()},
		secret:      &secret{api: r.Secrets, id: secretID, count: count},
		waits:       map[plan.Why]*poll{},
		unreadMints: map[string]int{},
	}
	n.client.TransactionID = token
	n.client.Observe = count.observe
	n.found.secrets, n.found.answers, n.found.proof = map[string]pingone.Secret{}, map[string]plan.Answer{}, map[string]error{}
	n.found.allowed = map[allowed]*admin{}
	n.requested = n.record.begun
	return n
}

// reach works toward the goal until the plan is done or has to stop, and returns the last
// move. Whatever happens, it gives the lease back.
func (r *run) reach(ctx context.Context, goal plan.Goal) (plan.Move, error) {
	m, err := r.pursue(ctx, goal)
	r.leave(ctx)
	return m, err
}

// reachAfterLook is [run.reach] after a look that the caller has made.
func (r *run) reachAfterLook(ctx context.Context, goal plan.Goal) (plan.Move, error) {
	m, err := r.pursueAfterLook(ctx, goal)
	r.leave(ctx)
	return m, err
}

// leave writes the outcome that is not written yet and gives the lease back.
func (r *run) leave(ctx context.Context) {
	if r.hold != nil && (r.outcome != nil || r.hold.hasLease()) {
		// The invocation may be about to end. If there is no time to write, the next run finds
		// the outcome.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), margin)
		defer cancel()
		r.flush(ctx, true)
	}
}

func (r *run) pursue(ctx context.Context, goal plan.Goal) (plan.Move, error) {
	if err := r.look(ctx, goal); err != nil {
		return plan.Move{}, err
	}
	return r.pursueAfterLook(ctx, goal)
}

// maxMoves is more than any run needs. It ends a run that makes no progress.
const maxMoves = 500

func (r *run) pursueAfterLook(ctx context.Context, goal plan.Goal) (plan.Move, error) {
	for range maxMoves {
		m := plan.Next(r.situation(goal))
		r.record.decide(string(m.Decision))
		if m.Kind == plan.Done {
			return m, nil
		}
		again, err := r.do(ctx, goal, m)
		if err != nil {
			return m, err
		}
		if again {
			if err := r.look(ctx, goal); err != nil {
				return m, err
			}
		}
	}
	return plan.Move{}, remedy.With(errors.New("the rotation made no progress"), "report this as a bug, with the function's log")
}

// do carries out a move, and reports whether the next decision needs another look. Often it
// does not: our own replies are newer than any later read, which may lag.
func (r *run) do(ctx context.Context, goal plan.Goal, m plan.Move) (again bool, err error) {
	switch m.Kind {
	case plan.Store, plan.Mint, plan.Promote, plan.End: // these write the outcome themselves
	default:
		if r.outcome != nil {
			r.flush(ctx, false)
		}
	}
	switch m.Kind {
	case plan.Look:
		return true, r.await(ctx, m)
	case plan.Ask:
		return false, r.probeAll(ctx, m.Ask)
	case plan.Take:
		return true, r.take(ctx, goal)
	case plan.Settle:
		return false, r.settle(ctx, m)
	case plan.Provision:
		return true, r.provision(ctx)
	case plan.Prove:
		return false, r.prove(ctx, m)
	case plan.Apply:
		return false, r.apply(ctx, m.Application)
	case plan.Mint:
		return r.mint(ctx, goal, m)
	case plan.Store:
		return r.store(ctx, m)
	case plan.Verify:
		return r.verifyAndTake(ctx)
	case plan.Promote:
		return r.promote(ctx, m)
	case plan.End:
		return r.end(ctx, m)
	case plan.Untag:
		return false, r.untag(ctx, m)
	case plan.Complete:
		if err := r.completeEmergency(ctx); err != nil || r.by == plan.ByAudit {
			return true, err
		}
		return false, errCompleted
	case plan.Serve:
		return r.serve(ctx)
	case plan.Show:
		return true, r.showDead(ctx)
	case plan.Close:
		return true, r.close(ctx)
	}
	return false, r.haltError(m)
}

// await waits until the state may have changed.
func (r *run) await(ctx context.Context, m plan.Move) error {
	p := r.waits[m.Why]
	if p == nil {
		limit := plan.Settling
		if until := m.Until.Sub(r.client.Time()); until > limit {
			limit = until
		}
		p = r.polls(250*time.Millisecond, 3*time.Second, limit+time.Second)
		r.waits[m.Why] = p
	}
	since := r.client.Time()
	again, err := p.wait(ctx)
	r.record.wait(whyWaits(m.Why), r.client.Time().Sub(since))
	if err == nil && !again {
		err = r.haltError(m)
	}
	if err != nil {
		return err
	}
	for _, f := range m.Ask {
		delete(r.found.answers, f)
	}
	return nil
}

// take takes the lease. If another process has it, take waits for it, except in an audit.
func (r *run) take(ctx context.Context, goal plan.Goal) error {
	for {
		ok, from, err := r.hold.take(ctx, r.secret.arn, r.byForce(goal))
		switch {
		case ok && r.ending != nil:
			return r.searchHolders(ctx) // none of them may still hold the secret that is about to end
		case ok:
			return nil
		case register.Unusable(err):
			return nil // the plan decides what may be done without the register
		case err != nil:
			return err
		}
		holder := r.hold.rev.Item.Lease
		busy := &BusyError{Doing: holder.Doing, Until: from}
		if r.leasePoll == nil {
			r.leasePoll = r.polls(500*time.Millisecond, 3*time.Second, register.LeaseTime+register.Skew+time.Second)
		}
		if r.by == plan.ByAudit {
			return busy // the next audit is soon
		}
		since := r.client.Time()
		again, err := r.leasePoll.wait(ctx)
		r.record.wait("another run was at work on the same client", r.client.Time().Sub(since))
		if err != nil {
			return errors.Join(busy, err)
		}
		if !again {
			return busy
		}
		r.hold.known = false // fetch it again
		if goal == plan.Create {
			return nil // the other run may have minted, and adopting that needs no lease
		}
	}
}

// byForce reports whether an emergency may take the lease from its holder.
func (r *run) byForce(goal plan.Goal) bool {
	if goal != plan.Emergency || r.hold.rev.Item.Emergency == nil {
		return false
	}
	return r.hold.rev.Item.Emergency.How == plan.Contain || r.client.Time().Sub(r.requested) >= register.ForceAfter
}

// settle records the outcome of an act that was announced without one.
func (r *run) settle(ctx context.Context, m plan.Move) error {
	in := *r.hold.rev.Item.Intent
	now := r.client.Time()
	err := r.hold.settle(ctx, func(item register.Item) register.Item {
		switch {
		case !m.Happened || in.Act == register.End:
			item = item.Forget()
		case in.Act == register.Mint:
			item = item.Resolved(in.Application, m.Fingerprint, now)
		default:
			item = item.Promoted(in.Secret, in.From, in.To, in.Fingerprint, now).Seen(in.Application, in.Fingerprint)
		}
		return item.Take(r.hold.who, r.hold.doing, now) // waiting for the outcome has used up the lease
	}, false)
	if err != nil {
		r.hold.known = errors.Is(err, register.ErrOvertaken)
		return fmt.Errorf("record how an earlier act has ended: %w", err)
	}
	if m.Happened && in.Act == register.Mint {
		r.done.Served = false
	}
	mine := r.unknownOutcome != nil
	if m.Happened && !(mine && r.filesReport) {
		r.writeFoundEvidence(ctx, in, m)
	}
	failure := r.unknownOutcome
	r.unknownOutcome = nil
	switch {
	case mine && in.Act == register.End:
		return nil // the view shows what is left to end, whether this took effect or not
	case mine && !m.Happened:
		return failure
	case mine && in.Act == register.Mint:
		r.record.readBack()
		r.record.minted = r.markOf(m.Fingerprint)
		r.record.happened(WasMinted, r.client.Time(), m.Fingerprint)
	case mine && in.Act == register.Promote:
		r.record.promoted = r.markOf(in.Fingerprint)
		r.record.happened(WasPromoted, r.client.Time(), in.Fingerprint)
	}
	return nil
}

// flush writes the outcome of the last act. If the register cannot be reached, or another
// process wrote the item meanwhile, the next run to take the lease finds the outcome.
func (r *run) flush(ctx context.Context, release bool) {
	err := r.write(ctx, func(outcome func(register.Item) register.Item) error { return r.hold.settle(ctx, outcome, release) })
	if err != nil && register.Unreachable(err) {
		r.record.warn("the outcome could not be recorded in the register; the next run finds it out: %v", err)
	}
}

// write writes the item with the outcome of the last act, and at the same time the evidence
// of that act.
func (r *run) write(ctx context.Context, item func(outcome func(register.Item) register.Item) error) (err error) {
	outcome := r.outcome
	r.outcome = nil
	if outcome == nil {
		outcome = func(item register.Item) register.Item { return item }
	}
	rows := r.restated(outcome)
	_ = parallel.Do(
		func() error { err = item(outcome); return nil },
		func() error { r.writeEvidence(ctx); return nil },
		func() error { r.restate(ctx, rows); return nil },
	)
	return err
}

// doc returns the document under which the application's secret is stored.
func (r *run) doc(application string) *document.Document {
	d := r.found.current.Document
	if application == d.ApplicationID() || application == "" {
		return d
	}
	return d.Successor(application)
}

// target returns the application or resource with the id, as PingOne's API addresses it.
func (r *run) target(application string) pingone.Target {
	t := r.found.current.Target()
	t.ID = application
	return t
}

// method returns how the application authenticates.
func (r *run) method(application string) pingone.AuthMethod {
	if app := r.found.apps[application]; app != nil {
		return app.TokenEndpointAuthMethod
	}
	if m := r.found.current.AuthMethod; m != "" {
		return m
	}
	return pingone.ClientSecretBasic
}

func (r *run) markOf(fingerprint string) *Mark {
	return &Mark{Fingerprint: fingerprint, At: r.client.Time().UTC()}
}

// unique returns a name that no other run has.
func unique() string { return rand.Text() }
