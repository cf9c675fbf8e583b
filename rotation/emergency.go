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

// emergency ends what leaked. Everything hangs on the mark in the register: whatever
// dies afterwards, the same command, a rotation or an audit continues.
func (r *Rotator) emergency(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	id := cmp.Or(a.ClientRequestToken, NewToken())
	rep.Version = id
	n := r.begin(a.SecretID, plan.ByEmergency, "emergency", "")
	n.filesReport = true
	n.client.TransactionID = id
	defer func() { r.logReport(ctx, rep) }()
	err := n.look(ctx, plan.Emergency)
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
		// An answer was lost, or another run was quicker. What it has made has not leaked.
		rep.Outcome = Ended
		rep.Revoked = &Mark{Fingerprint: item.Ended.Must[0].Fingerprint, At: item.Ended.At}
		rep.Warnings = append(rep.Warnings, "this emergency had ended before this invocation; if AWSCURRENT has leaked as well, run the command anew")
	case err == nil && item.Ended.Has(id):
		rep.Outcome = Ended
		rep.PreviousUntil = time.Time{} // it is dead
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
	r.file(ctx, n, rep, err)
	return rep
}

// mark records the emergency in the register, before anything else is done about it: in
// the item, with the lease where that can be had, and in the same write as rows beside it,
// which outlive the loss of the item. It returns the emergency, nil if this command's has
// ended already.
//
// Died before: nothing has happened. Died after: every run that comes by continues.
func (r *run) mark(ctx context.Context, id string, a Action) (*register.Emergency, error) {
	for try := range 5 {
		if try > 0 {
			// What overtook the mark may have made a secret. A look that fails holds nothing
			// up: the register knows what it made.
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

// foreignVersions says which versions hold a secret of another client than the one that
// AWSCURRENT names: the secret was pointed at another one, by an operator or by a thief.
func (r *run) foreignVersions() (all []string) {
	for _, v := range r.found.others {
		if id := v.ApplicationID(); id != "" && !slices.Contains(r.applications(), id) {
			all = append(all, fmt.Sprintf("version %s holds a secret of another client, %s, which this emergency was not about: AWSCURRENT named %s. If that one has leaked, store its document as AWSCURRENT and run the command again",
				v.versionID, v.ClientID, r.found.current.ClientID))
		}
	}
	return all
}

// victims lists all that must die: what PingOne accepts, by its own account or the
// register's, and what labelled versions hold.
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
			add(id, a.Current.Fingerprint) // which a view that lags does not show
		}
	}
	for _, v := range append([]*stored{r.found.current}, r.found.others...) {
		if id := v.ApplicationID(); id == r.applicationID() || id == r.found.twin {
			add(id, v.ClientSecret.Fingerprint())
		}
	}
	return all
}

// restated returns the emergency's rows as they are after a mint that it has just made.
// The commands are those that were in the register when it was announced: for one that
// was given since, another secret is minted.
func (r *run) restated(outcome func(register.Item) register.Item) []register.Emergency {
	if !r.restating {
		return nil
	}
	r.restating = false
	return outcome(r.hold.rev.Item).Rows()
}

// restate writes the emergency's rows anew. Died before: if the item is lost as well, who
// restores the emergency mints once more.
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

// completeEmergency continues the emergency that another run has left open.
func (r *run) completeEmergency(ctx context.Context) error {
	by, token, own := r.by, r.token, r.found.own
	r.by, r.token, r.found.own = plan.ByEmergency, "", nil
	defer func() { r.by, r.token, r.found.own = by, token, own }()
	open := r.item().Emergency
	if _, err := r.pursue(ctx, plan.Emergency); err != nil {
		return fmt.Errorf("complete the emergency that is open since %s: %w", open.Since.Format(time.RFC3339), err)
	}
	r.done = plan.Progress{}
	r.record.complete("ended the leaked secret of the emergency of %s", open.Since.Format(time.RFC3339))
	return nil
}

// errCompleted ends a rotation that found an emergency open: it begins nothing.
var errCompleted = remedy.With(errors.New("an emergency was open, and was completed; this rotation began nothing, because AWSCURRENT is new"),
	"the schedule starts the next; to rotate before, start another rotation")

// close records that the emergency has ended. Died before the write: the next run shows
// it once more. Died before the row is gone: it does no more than open an emergency again
// in an item that was lost.
func (r *run) close(ctx context.Context) error {
	if r.unserved {
		// To contain the leak could not wait for it. Its end can.
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

// findTargets names what else has to be rotated, where an admin of the function leaked.
func (rep *Report) findTargets(ctx context.Context, n *run) {
	if !n.Settings.isAdminSecret(n.secret.description) {
		return // to read every secret of a fleet in every emergency would take hours
	}
	rep.Admin = true
	targets, err := n.Rotator.targets(ctx, n.secret.description, n.found.current.Document)
	if err != nil {
		rep.StillOpen = append(rep.StillOpen, "this is an admin of the function, and the secrets that it could read cannot be listed: "+remedy.Line(err))
		return
	}
	if rep.Targets = targets; len(targets.All) > 0 {
		rep.StillOpen = append(rep.StillOpen, fmt.Sprintf("as an admin of this function the leaked application could read the client secrets of %d managed secrets; rotate each of them with the same emergency once the admin's own has ended, which --with-targets does", len(targets.All)))
	}
}

// tellWhatIsOpen says what a leak still allows.
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
		// "Token Revocation" in the PingOne API reference: of a client's own tokens it revokes
		// none.
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
		rep.StillOpen = append(rep.StillOpen, "of "+strings.Join(rep.Gone, ", ")+" PingOne shows no trace; it was not asked, because no version holds the value any more")
	}
	rep.StillOpen = append(rep.StillOpen, "consumers that cache the secret are refused until they read it again")
}
