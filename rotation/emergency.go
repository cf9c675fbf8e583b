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

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/pingone"
)

// emergency ends what leaked. Everything hangs on the mark in the register: whatever
// dies afterwards, the same command, a rotation or an audit continues.
func (r *Rotator) emergency(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	id := cmp.Or(a.ClientRequestToken, NewToken())
	rep.Version = id
	n := r.begin(a.SecretID, plan.ByEmergency, "emergency", "")
	n.files = true
	n.client.TransactionID = id
	defer func() { r.logReport(ctx, rep) }()
	err := n.look(ctx, plan.Emergency)
	if err == nil && n.applicationID() == "" {
		err = remedied(errors.New("AWSCURRENT names no application whose secret could have leaked"), "rotate without emergency, which creates it")
	}
	var marked *register.Emergency
	if err == nil {
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
			err = remedied(errors.New("the mark of this emergency is gone from the register without an outcome"), "run the command again")
		}
	default:
		rep.Outcome = Failed
	}
	rep.conclude(n, err)
	if marked != nil || rep.Outcome == Ended {
		rep.findTargets(ctx, n)
		rep.tellWhatIsOpen(n)
	}
	r.file(ctx, n, rep, err)
	return rep
}

// mark writes the emergency down, before anything else is done about it: as a row of its
// own, which outlives the loss of the item, and in the item, with the lease where that
// can be had. It returns the emergency, nil if this command's has ended already.
//
// Died before: nothing has happened. Died after the row: who finds no item opens the
// emergency from it. Died after the mark: every run that comes by continues.
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
		r.count.register.Add(1)
		if err := r.hold.table.PutOpen(ctx, r.hold.key, e); err != nil {
			return nil, err
		}
		item, err := r.hold.entered(ctx, r.secret.arn, now)
		if err != nil {
			return nil, err
		}
		next := item.Marked(e, r.hold.rev.Number+1)
		if free, _ := item.MayTake(r.hold.who, now); free || e.How == plan.Contain {
			next = next.Take(r.hold.who, r.hold.doing, now)
		}
		err = r.hold.replace(ctx, next)
		if err == nil {
			return r.hold.rev.Item.Emergency, nil
		}
		if !errors.Is(err, register.ErrOvertaken) {
			return nil, fmt.Errorf("mark the emergency in the register: %w", err)
		}
	}
	return nil, remedied(errors.New("mark the emergency in the register: other invocations are always first"), "run the command again")
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
	if err := parallel(writes...); err != nil {
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
var errCompleted = remedied(errors.New("an emergency was open, and was completed; this rotation began nothing, because AWSCURRENT is new"),
	"the schedule starts the next; to rotate before, start another rotation")

// serve gives AWSCURRENT's secret to the other managed secrets of the client, which
// would be locked out otherwise. One that cannot be served holds nothing up, unless the
// reason may pass and the leak is not to be contained.
func (r *run) serve(ctx context.Context) error {
	if err := r.searchHolders(ctx); err != nil {
		return err
	}
	// A row of its own may say of a managed secret what the item does not say yet.
	r.count.register.Add(1)
	holders, err := r.hold.table.Holders(ctx, r.hold.key)
	if err != nil {
		r.record.warn("which managed secrets hold the same client is known from the register's item alone: %v", err)
	}
	holders = append(holders, slices.Collect(maps.Keys(r.item().Secrets))...)
	slices.Sort(holders)
	for _, arn := range slices.Compact(holders) {
		if arn == r.secret.arn {
			continue
		}
		n := r.Rotator.begin(arn, plan.ByEmergency, r.what, "")
		n.count, n.secret.count, n.client.Observe = r.count, r.count, r.count.observe
		err := n.readSecret(ctx)
		if err == nil && (n.found.current.EnvironmentID != r.found.current.EnvironmentID || !slices.Contains(r.applications(), n.applicationID())) {
			continue // it names another client by now
		}
		n.hold = r.hold
		if err == nil {
			_, err = n.pursue(ctx, plan.Follow)
			if n.outcome != nil {
				n.flush(ctx, false)
			}
		}
		s := Served{SecretID: arn, Name: n.secret.name, Promoted: n.record.promoted}
		if em := r.item().Emergency; mayPass(err) && em != nil && em.How != plan.Contain {
			return fmt.Errorf("give the new secret to %s, which holds the same client, before the leaked one ends: %w", arn, err)
		}
		if err != nil {
			s.Error = inFull(err)
			r.record.warn("the managed secret %s of the same client does not have the new secret, and its consumers are locked out: %s", arn, s.Error)
		}
		r.record.serve(s)
	}
	r.done.Served = true
	return nil
}

// mayPass reports whether a call failed for a reason that may pass by itself.
func mayPass(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[*SecretsManagerError](err); ok {
		return !e.refused()
	}
	return pingone.IsTemporary(err) || register.Unreachable(err) || errors.Is(err, register.ErrOvertaken)
}

// Served is another managed secret of the client that an emergency is about.
type Served struct {
	SecretID string `json:"secretId"`
	Name     string `json:"name,omitempty"`
	Promoted *Mark  `json:"promoted,omitempty"` // nil where it held the new secret already
	Error    string `json:"error,omitempty"`    // why it could not be given it
}

const (
	// askedFor is how long every secret that must die has to be refused, on each host, with
	// AWSCURRENT accepted in between.
	askedFor = 30 * time.Second

	// askEvery is the time from one round of asking to the next.
	askEvery = 5 * time.Second
)

// showDead shows that every secret which must die is refused, for as long as nodes of
// the token endpoint may differ. A value that no run holds any more is gone by PingOne's
// account.
func (r *run) showDead(ctx context.Context) error {
	em := r.item().Emergency
	if em == nil {
		return nil
	}
	var held []register.Victim
	var gone []string
	for _, v := range em.Must {
		if _, ok := r.found.secrets[v.Fingerprint]; ok && slices.Contains(r.applications(), v.Application) {
			held = append(held, v)
		} else {
			gone = append(gone, v.Fingerprint)
		}
	}
	if app := r.found.apps[r.applicationID()]; app != nil && !app.Enabled {
		return fmt.Errorf("the leaked secret cannot be shown to be refused: %w", disabled(app.ID))
	}
	life := make(chan time.Duration, 1)
	go func() { life <- r.tokenLife(ctx) }()
	var since time.Time // of the first round in which all were refused
	for {
		begun := r.client.Time()
		clear, err := r.askRound(ctx, held)
		if err != nil {
			return err
		}
		switch {
		case !clear:
			since = time.Time{}
		case since.IsZero():
			since = begun
		}
		if clear && (len(held) == 0 || r.client.Time().Sub(since) >= askedFor) {
			break
		}
		if !timeFor(ctx, &r.client, askEvery+margin) {
			if !clear {
				return remedied(errors.New("PingOne was told to end the leaked secret and still accepts it"), "run the same command again in a minute")
			}
			return remedied(fmt.Errorf("PingOne refuses the leaked secret, and was asked for %v of the %v that are needed", r.client.Time().Sub(since).Round(time.Second), askedFor), "run the same command again, which asks for the rest")
		}
		if err := r.client.Pause(ctx, askEvery); err != nil {
			return fmt.Errorf("wait to ask again whether the leaked secret is refused: %w", err)
		}
	}
	at := r.client.Time().UTC()
	for _, v := range held {
		r.record.dead = append(r.record.dead, Mark{Fingerprint: v.Fingerprint, At: at})
	}
	r.record.gone = append(r.record.gone, gone...)
	r.record.saw("", <-life)
	r.done.Shown = true
	return nil
}

// askRound asks once about every secret that must die, on each host, and about
// AWSCURRENT. It reports whether those are refused and this one is accepted.
func (r *run) askRound(ctx context.Context, held []register.Victim) (clear bool, err error) {
	current := r.found.current
	type question struct {
		d      *document.Document
		secret pingone.Secret
		method pingone.AuthMethod
		want   plan.Answer
		env    pingone.Environment
	}
	var all []question
	add := func(d *document.Document, fingerprint string, id string, want plan.Answer) error {
		hosts, err := r.Settings.hosts(d)
		for _, env := range hosts {
			all = append(all, question{d, r.found.secrets[fingerprint], r.method(id), want, env})
		}
		return err
	}
	for _, v := range held {
		err = errors.Join(err, add(r.doc(v.Application), v.Fingerprint, v.Application, plan.Refused))
	}
	if err = errors.Join(err, add(current.Document, current.ClientSecret.Fingerprint(), r.applicationID(), plan.Accepted)); err != nil {
		return false, err
	}
	answers := make([]plan.Answer, len(all))
	calls := make([]func() error, len(all))
	for i, q := range all {
		calls[i] = func() (err error) {
			answers[i], err = r.askAt(ctx, q.env, q.d, q.secret, q.method)
			return err
		}
	}
	if err := parallel(calls...); err != nil {
		return false, fmt.Errorf("ask whether the leaked secret is refused: %w", err)
	}
	for i, q := range all {
		if answers[i] != q.want {
			return false, nil
		}
	}
	return true, nil
}

// close records that the emergency has ended. Died before the write: the next run shows
// it once more. Died before the row is gone: it does no more than open an emergency again
// in an item that was lost.
func (r *run) close(ctx context.Context) error {
	em := r.item().Emergency
	now := r.client.Time()
	if err := r.hold.settle(ctx, func(item register.Item) register.Item { return item.Over(now) }, true); err != nil {
		if errors.Is(err, register.ErrOvertaken) {
			return nil // look again
		}
		return fmt.Errorf("record that the emergency has ended: %w", err)
	}
	r.record.over = true
	var died []string
	for _, v := range em.Must {
		died = append(died, v.Fingerprint)
	}
	r.witness(DidClose, died...)
	r.testify(ctx)
	r.count.register.Add(int64(len(em.Commands)))
	if err := r.hold.table.Close(ctx, r.hold.key, em.Commands...); err != nil {
		r.record.warn("the emergency has ended, and its row is left in the register: %s", inFull(err))
	}
	return nil
}

// longestTokenLife is the most that a custom resource's tokens live.
const longestTokenLife = 30 * 24 * time.Hour

// tokenLife returns how long an access token of AWSCURRENT's application can live: the
// longest of what its resources say, as it could ask for a token for each of them. What
// cannot be read counts as the longest of all. A custom resource has none.
func (r *run) tokenLife(ctx context.Context) time.Duration {
	d := r.found.current
	if d.IsResource() {
		return 0
	}
	c := &r.found.acting.client
	var grants []pingone.Grant
	var resources []pingone.Resource
	err := parallel(
		func() (err error) { grants, err = c.Grants(ctx, d.EnvironmentID, r.applicationID()); return err },
		func() (err error) { resources, err = c.Resources(ctx, d.EnvironmentID); return err },
	)
	if err != nil {
		return longestTokenLife
	}
	life := unknownTokenLife
	for _, res := range resources {
		if slices.ContainsFunc(grants, func(g pingone.Grant) bool { return g.ResourceID == res.ID }) {
			life = max(life, res.AccessTokenValidity)
		}
	}
	return life
}

// unknownTokenLife is how long access tokens are taken to live where nothing says more:
// those for the PingOne API live an hour.
const unknownTokenLife = time.Hour

// findTargets names what else has to be rotated, where an admin of the function leaked.
func (rep *Report) findTargets(ctx context.Context, n *run) {
	if !n.Settings.isAdmin(n.secret.arn, n.secret.name, n.home()) {
		return // to read every secret of a fleet in every emergency would take hours
	}
	names, err := n.Rotator.targets(ctx, n.secret.description)
	if err != nil {
		rep.Warnings = append(rep.Warnings, "this is an admin of the function, and the secrets that it could read cannot be listed: "+inFull(err))
		return
	}
	if rep.Targets = names; len(names) > 0 {
		rep.StillOpen = append(rep.StillOpen, fmt.Sprintf("as an admin of this function the leaked application could read the client secrets of %d managed secrets; rotate each of them with the same emergency, now that the admin's own secret is new: %s",
			len(names), strings.Join(names, ", ")))
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
		rep.StillOpen = append(rep.StillOpen, fmt.Sprintf("access tokens obtained with the leaked secret live until %s; PingOne cannot revoke them. "+
			"Resource servers can refuse tokens of this client that were issued (iat) before %s. For the PingOne API, take the application's roles away until then, or disable it, and see whether a token is refused: no page of PingOne's promises that",
			rep.TokensValidUntil.Format(time.RFC3339), at.Format(time.RFC3339)))
	}
	for _, s := range rep.Served {
		if s.Error != "" {
			rep.StillOpen = append(rep.StillOpen, "the managed secret "+cmp.Or(s.Name, s.SecretID)+" holds the same client and does not have the new secret; its consumers are locked out")
		}
	}
	if len(rep.Gone) > 0 {
		rep.StillOpen = append(rep.StillOpen, "of "+strings.Join(rep.Gone, ", ")+" PingOne shows no trace; it was not asked, because no version holds the value any more")
	}
	rep.StillOpen = append(rep.StillOpen, "consumers that cache the secret are refused until they read it again")
}
