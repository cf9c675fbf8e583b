package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// serve gives AWSCURRENT's secret to the other managed secrets of the client, which
// would be locked out otherwise. One that cannot be served holds nothing up, unless the
// reason may pass and the leak is not to be contained.
func (r *run) serve(ctx context.Context) error {
	current := r.found.current.ClientSecret.Fingerprint()
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
	late := false
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
		late = late || mayPass(err)
		s := Served{SecretID: arn, Name: n.secret.name, Promoted: n.record.promoted}
		if em := r.item().Emergency; mayPass(err) && em != nil && em.How != plan.Contain {
			return fmt.Errorf("give the new secret to %s, which holds the same client, before the leaked one ends: %w", arn, err)
		}
		if err != nil {
			s.Error = remedy.Line(err)
			r.record.warn("the managed secret %s of the same client does not have the new secret, and its consumers are locked out: %s", arn, s.Error)
		}
		r.record.timeline = append(r.record.timeline, servedAs(cmp.Or(s.Name, arn), n.record.timeline)...)
		r.record.serve(s)
	}
	r.done.Served, r.servedFor, r.unserved = true, current, late
	return nil
}

// mayPass reports whether a call failed for a reason that may pass by itself.
func mayPass(err error) bool {
	if err == nil {
		return false
	}
	if _, busy := errors.AsType[*BusyError](err); busy {
		return true
	}
	if halt, ok := errors.AsType[*HaltError](err); ok {
		return passing(halt.Why) || halt.Why == plan.NotAccepted
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
