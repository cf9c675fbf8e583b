package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
)

// emergency ends a leaked secret. It first marks the emergency in the register. If the
// function dies after that, the same command, a rotation or an audit continues from the
// mark.
func (r *Rotator) emergency(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	id := cmp.Or(a.ClientRequestToken, NewToken())
	rep.Version = id
	n := r.begin(a.SecretID, plan.ByEmergency, "emergency", "")
	n.filesReport = true
	n.client.TransactionID = id
	defer func() { r.logReport(ctx, rep) }()
	err := n.lookAtLeak(ctx)
	if err == nil && n.applicationID() == "" {
		err = errNothingLeaked
	}
	var marked *register.Emergency
	if err == nil {
		n.record.foreignVersions = n.foreignVersions()
		marked, err = n.mark(ctx, id, a)
	}
	if err == nil && marked != nil {
		_, err = n.reach(ctx, plan.Emergency)
	}
	rep.take(n)
	item := register.Item{}
	if n.hold != nil {
		item = n.item()
	}
	switch {
	case err == nil && marked == nil && item.Ended.Has(id):
		// This command was repeated because its answer was lost, or another run completed it.
		// The secret that was minted for it has not leaked.
		rep.Outcome = Ended
		rep.Revoked = &Mark{Fingerprint: item.Ended.Must[0].Fingerprint, At: item.Ended.At}
		rep.Warnings = append(rep.Warnings, "this emergency had ended before this invocation; if AWSCURRENT has leaked as well, run the command again")
	case err == nil && item.Ended.Has(id):
		rep.Outcome = Ended
		rep.PreviousUntil = time.Time{} // the previous secret is dead
	case marked != nil:
		rep.Outcome = Open
		if err == nil {
			err = remedy.With(errors.New("the mark of this emergency is gone from the register without an outcome"), "run the command again")
		}
	default:
		rep.Outcome = Failed
	}
	rep.conclude(n, err)
	if marked != nil || rep.Outcome == Ended {
		rep.findTargets(ctx, n)
		rep.tellWhatIsOpen(n)
	}
	rep.StillOpen = append(rep.StillOpen, n.otherLeaks(ctx)...)
	rep.Calls.Add(n.count.take()) // of the search for targets and other leaks
	r.file(ctx, n, rep, err)
	return rep
}

// mark records the emergency in the register before anything else is done about it: in the
// item, with the lease if that can be had, and in the same write as rows of their own,
// which survive the loss of the item. It returns the open emergency, or nil if this
// command's has ended.
//
// A crash before the write changes nothing. After it, every run on this client continues
// the emergency.
func (r *run) mark(ctx context.Context, id string, a Action) (*register.Emergency, error) {
	for try := range 5 {
		if try > 0 {
			// The run that overtook the mark may have minted a secret. If the look fails, the
			// mark need not wait: the register knows that secret.
			_ = r.look(ctx, plan.Emergency)
		}
		item := r.hold.rev.Item
		if r.hold.failure != nil {
			return nil, r.hold.failure
		}
		if item.Ended.Has(id) {
			return nil, nil
		}
		now := r.client.Time()
		e := register.Emergency{ID: id, Since: now.UTC(), How: string(a.Emergency), By: a.By, Reason: a.Reason, Secret: r.secret.arn, Must: r.victims()}
		item, err := r.hold.itemOrFirst(ctx, now)
		if err != nil {
			return nil, err
		}
		next := item.Holds(r.secret.arn).Marked(e, r.hold.rev.Number+1)
		if free, _ := item.MayTake(r.hold.who, now); free || e.How == plan.Contain {
			next = next.Take(r.hold.who, r.hold.doing, now)
		}
		err = r.hold.mark(ctx, next, e, r.secret.arn)
		if err == nil {
			for _, v := range r.hold.rev.Item.Emergency.Must {
				r.record.happened(MustDie, now, v.Fingerprint)
			}
			return r.hold.rev.Item.Emergency, nil
		}
		if !errors.Is(err, register.ErrOvertaken) {
			return nil, fmt.Errorf("mark the emergency in the register: %w", err)
		}
	}
	return nil, remedy.With(errors.New("mark the emergency in the register: other invocations are always first"), "run the command again")
}

// foreignVersions describes the versions that hold a secret of another client than
// AWSCURRENT's. An operator or a thief has pointed the secret at another client.
func (r *run) foreignVersions() (all []string) {
	for _, v := range r.found.others {
		if id := v.ApplicationID(); id != "" && id != r.found.gone && !slices.Contains(r.applications(), id) {
			all = append(all, fmt.Sprintf("version %s holds a secret of another client, %s, which this emergency did not cover: AWSCURRENT named %s. If that secret has leaked, store its document as AWSCURRENT and run the command again",
				v.versionID, v.ClientID, r.found.current.ClientID))
		}
	}
	return all
}

// victims lists all secrets that must die: those that PingOne accepts, according to PingOne or
// to the register, and those in labelled versions.
func (r *run) victims() (all []register.Victim) {
	add := func(application, fingerprint string) {
		v := register.Victim{Application: application, Fingerprint: fingerprint}
		if application != "" && fingerprint != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.found.views)) {
		v := viewOf(r.found.views[id])
		add(id, v.Current)
		add(id, v.Previous)
	}
	for id, a := range r.hold.rev.Item.Applications {
		if id == r.applicationID() || id == r.found.twin {
			add(id, a.Current.Fingerprint) // a view that lags does not show it
		}
	}
	for _, v := range append([]*stored{r.found.current}, r.found.others...) {
		if id := v.ApplicationID(); id == r.applicationID() || id == r.found.twin {
			add(id, v.ClientSecret.Fingerprint())
		}
	}
	return all
}

// restated returns the emergency's rows as they are after the mint that the run has just made
// for it, or nil if there was no such mint. The rows have the commands that were in the
// register when the mint was announced: for a command given since then, another secret must be
// minted.
func (r *run) restated(outcome func(register.Item) register.Item) []register.Emergency {
	if !r.restating {
		return nil
	}
	r.restating = false
	return outcome(r.hold.rev.Item).Rows()
}

// restate rewrites the emergency's rows. After a crash before this write, a run that has to
// restore the emergency because the item is lost too mints once more.
func (r *run) restate(ctx context.Context, rows []register.Emergency) {
	var writes []func() error
	for _, row := range rows {
		r.count.register.Add(1)
		writes = append(writes, func() error { return r.hold.table.Restate(ctx, r.hold.key, row) })
	}
	if err := parallel.Do(writes...); err != nil {
		r.record.warn("the emergency's row in the register does not tell what was minted for it: %v", err)
	}
}

// completeEmergency completes an emergency that another run left open.
func (r *run) completeEmergency(ctx context.Context) error {
	by, token, own := r.by, r.token, r.found.own
	r.by, r.token, r.found.own = plan.ByEmergency, "", nil
	defer func() { r.by, r.token, r.found.own = by, token, own }()
	open := r.item().Emergency
	if _, err := r.pursue(ctx, plan.Emergency); err != nil {
		return fmt.Errorf("complete the emergency that has been open since %s: %w", open.Since.Format(time.RFC3339), err)
	}
	r.done = plan.Progress{}
	r.record.complete("ended the leaked secret of the emergency of %s", open.Since.Format(time.RFC3339))
	return nil
}

// errCompleted ends a rotation that found an open emergency and completed it. The rotation
// itself begins nothing.
var errCompleted = remedy.With(errors.New("an emergency was open, and was completed; this rotation began nothing, because AWSCURRENT is new"),
	"the schedule starts the next rotation; to rotate earlier, start another one")

// close records that the emergency has ended. After a crash before the write, the next run
// shows once more that the leaked secrets are refused. After a crash before the row is
// deleted, the row can at most reopen the emergency, if the item is lost.
func (r *run) close(ctx context.Context) error {
	if r.unserved {
		// Containing the leak could not wait for it. Recording the end can.
		if _, err := r.serve(ctx); err != nil {
			return err
		}
		if r.unserved {
			return remedy.With(errors.New("PingOne refuses the leaked secret, and another managed secret of the client does not have the new one yet"), "run the command again, or wait for the next audit")
		}
	}
	em := r.item().Emergency
	now := r.client.Time()
	if err := r.hold.settle(ctx, func(item register.Item) register.Item { return item.Over(now) }, true); err != nil {
		if errors.Is(err, register.ErrOvertaken) {
			return nil // look again
		}
		return fmt.Errorf("record that the emergency has ended: %w", err)
	}
	var died []string
	for _, v := range em.Must {
		died = append(died, v.Fingerprint)
	}
	r.noteEvidence(DidClose, died...)
	r.writeEvidence(ctx)
	r.count.register.Add(int64(len(em.Commands)))
	if err := r.hold.table.Close(ctx, r.hold.key, em.Commands...); err != nil {
		r.record.warn("the emergency has ended, and its row is left in the register: %s", remedy.Line(err))
	}
	return nil
}

// findTargets lists what else must be rotated if the leaked application is an admin of the
// function.
func (rep *Report) findTargets(ctx context.Context, n *run) {
	if !n.Settings.isAdminSecret(n.secret.description) {
		return // reading every secret of a fleet in every emergency would take hours
	}
	rep.Admin = true
	targets, err := n.Rotator.targets(ctx, n.count, n.secret.description, n.found.current.Document)
	if err != nil {
		rep.StillOpen = append(rep.StillOpen, "this is an admin of the function, and the secrets that it could read cannot be listed: "+remedy.Line(err))
		return
	}
	if rep.Targets = targets; len(targets.All) > 0 {
		rep.StillOpen = append(rep.StillOpen, fmt.Sprintf("as an admin of this function the leaked application could read the client secrets of %d managed secrets; rotate each of them with the same emergency once the admin's own has ended, which --with-targets does", len(targets.All)))
	}
}

// tellWhatIsOpen adds what the leak still allows.
func (rep *Report) tellWhatIsOpen(n *run) {
	if rep.Outcome != Ended {
		rep.StillOpen = append(rep.StillOpen, "the leaked secret may still obtain tokens; run the same command again, and what it has done so far stays done")
		return
	}
	at := rep.Revoked.at(rep.Ended)
	if n.found.current.IsResource() {
		rep.StillOpen = append(rep.StillOpen, "a holder of the leaked secret could introspect the tokens that this resource was sent until "+at.Format(time.RFC3339)+", and knows what is in those")
	} else {
		rep.TokensValidUntil = at.Add(max(n.record.tokenLife, unknownTokenLife))
		rep.Tokens = n.record.tokensUntil(at)
		var each []string
		for _, t := range rep.Tokens {
			each = append(each, fmt.Sprintf("for %s until %s", t.Resource, t.Until.Format(time.RFC3339)))
		}
		text := "access tokens obtained with the leaked secret live until " + rep.TokensValidUntil.Format(time.RFC3339)
		if len(each) > 1 {
			text += " (" + strings.Join(each, ", ") + ")"
		}
		// "Token Revocation" in the PingOne API reference revokes none of the tokens that a
		// client obtained for itself.
		rep.StillOpen = append(rep.StillOpen, fmt.Sprintf("%s; PingOne cannot revoke them, and no page of its reference has a request that ends them. "+
			"Resource servers can refuse tokens of this client that were issued (iat) before %s. For the PingOne API, take the application's roles away until then, or disable it, and see whether a token is refused: no page promises that",
			text, at.Format(time.RFC3339)))
	}
	for _, s := range rep.Served {
		if s.Error != "" {
			rep.StillOpen = append(rep.StillOpen, "the managed secret "+cmp.Or(s.Name, s.SecretID)+" holds the same client and does not have the new secret; its consumers are locked out")
		}
	}
	rep.StillOpen = append(rep.StillOpen, n.record.foreignVersions...)
	if len(rep.Gone) > 0 {
		rep.StillOpen = append(rep.StillOpen, "PingOne no longer shows "+strings.Join(rep.Gone, ", ")+"; whether it refuses them could not be asked, because no version holds the values any more")
	}
	rep.StillOpen = append(rep.StillOpen, "consumers that cache the secret are refused until they read it again")
}
