package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// A sibling is a run on another managed secret of the client.
type sibling struct {
	*run
	arn       string
	err       error // why its look failed
	elsewhere bool  // it was deleted, or names another client now
}

// siblings looks at other managed secrets, several at once, and makes the calls in
// meanwhile at the same time. Each sibling gets its own copy of what is known of the
// register's item, for the look only: writes are made one after the other.
func (r *run) siblings(ctx context.Context, arns []string, meanwhile ...func() error) (all []*sibling) {
	for some := range slices.Chunk(arns, secretReaders) {
		calls := meanwhile
		for _, arn := range some {
			n := r.Rotator.begin(arn, plan.ByEmergency, r.what, "")
			n.count, n.secret.count, n.client.Observe = r.count, r.count, r.count.observe
			b := &sibling{run: n, arn: arn}
			all = append(all, b)
			calls = append(calls, func() error { b.err = b.inspect(ctx, r); return nil })
		}
		meanwhile = nil
		_ = parallel.Do(calls...) // each sibling has its own error
	}
	_ = parallel.Do(meanwhile...)
	return all
}

// inspect looks at the managed secret.
func (b *sibling) inspect(ctx context.Context, r *run) error {
	err := b.readSecret(ctx)
	if e, ok := errors.AsType[*SecretsManagerError](err); ok && (e.deleted() || e.missing()) {
		b.elsewhere = true
		return nil
	}
	if err != nil {
		return err
	}
	if b.found.current.EnvironmentID != r.found.current.EnvironmentID || !slices.Contains(r.applications(), b.applicationID()) {
		b.elsewhere = true
		return nil
	}
	h := *r.hold
	b.hold, b.fresh = &h, true
	return b.look(ctx, plan.Follow)
}

// serve gives AWSCURRENT's secret to the other managed secrets of the client, whose
// consumers would otherwise be locked out. One that cannot be served delays the others only
// if the reason may pass and the emergency is not "contain". It reports whether the run
// must look again before it decides.
func (r *run) serve(ctx context.Context) (again bool, err error) {
	current, begun := r.found.current.ClientSecret.Fingerprint(), r.client.Time()
	if err := r.searchHolders(ctx); err != nil {
		return true, err
	}
	rest := func(arns []string, known ...string) []string {
		slices.Sort(arns)
		return slices.DeleteFunc(slices.Compact(arns), func(arn string) bool { return arn == r.secret.arn || slices.Contains(known, arn) })
	}
	known := rest(slices.Collect(maps.Keys(r.item().Secrets)))
	// A row in the table may name a managed secret that the item lacks.
	var rows []string
	r.count.register.Add(1)
	all := r.siblings(ctx, known, func() (err error) {
		if rows, err = r.hold.table.Holders(ctx, r.hold.key); err != nil {
			r.record.warn("some managed secrets that hold the same client may have been missed, because their rows in the register could not be read: %v", err)
		}
		return nil
	})
	all = append(all, r.siblings(ctx, rest(rows, known...))...)
	late := false
	for _, b := range all {
		did, err := r.serveOne(ctx, b)
		if err != nil && !transientError(err) && !r.containing() {
			// Try once more before its consumers are locked out.
			b = r.siblings(ctx, []string{b.arn})[0]
			did, err = r.serveOne(ctx, b)
		}
		if again = again || did; b.elsewhere {
			continue
		}
		n := b.run
		late = late || transientError(err)
		s := Served{SecretID: b.arn, Name: n.secret.name, Promoted: n.record.promoted}
		if r.item().Emergency != nil && transientError(err) && !r.containing() {
			return true, fmt.Errorf("give the new secret to %s, which holds the same client, before the leaked one ends: %w", b.arn, err)
		}
		if err != nil {
			s.Error = remedy.Line(err)
			r.record.warn("the managed secret %s of the same client does not have the new secret, and its consumers are locked out: %s", b.arn, s.Error)
		}
		r.record.timeline = append(r.record.timeline, servedAs(cmp.Or(s.Name, b.arn), n.record.timeline)...)
		r.record.serve(s)
	}
	r.done.Served, r.servedFor, r.unserved = true, current, late
	return again || late || r.record.promoted != nil || r.client.Time().Sub(begun) > time.Second, nil
}

// serveOne makes another managed secret follow, and reports whether that took a write.
func (r *run) serveOne(ctx context.Context, b *sibling) (did bool, err error) {
	if b.elsewhere || b.err != nil {
		return false, b.err
	}
	b.hold = r.hold
	if plan.Next(b.situation(plan.Follow)).Kind != plan.Done {
		did = true
		_, err = b.pursueAfterLook(ctx, plan.Follow)
		if err == nil && b.record.promoted != nil && len(b.secret.replicas) > 0 {
			_, err = b.pursue(ctx, plan.Follow) // finds out whether the replicas have it
		}
	}
	if b.outcome != nil {
		b.flush(ctx, false)
	}
	return did, err
}

// containing reports whether an open emergency must end the leaked secret before anything
// else.
func (r *run) containing() bool {
	em := r.item().Emergency
	return em != nil && em.How == plan.Contain
}

// transientError reports whether a call failed for a reason that may pass without help.
func transientError(err error) bool {
	if err == nil {
		return false
	}
	if _, busy := errors.AsType[*BusyError](err); busy {
		return true
	}
	if halt, ok := errors.AsType[*HaltError](err); ok {
		return transientStop(halt.Why) || halt.Why == plan.NotAccepted || halt.Why == plan.Replicas
	}
	if e, ok := errors.AsType[*SecretsManagerError](err); ok {
		return !e.refused()
	}
	return pingone.IsTemporary(err) || register.Unreachable(err) || errors.Is(err, register.ErrOvertaken)
}

// Served is another managed secret of a client whose secret leaked.
type Served struct {
	SecretID string `json:"secretId"`
	Name     string `json:"name,omitempty"`
	Promoted *Mark  `json:"promoted,omitempty"` // nil if it held the new secret already
	Error    string `json:"error,omitempty"`    // why it could not get the new secret
}
