package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/register"
)

// An emergency belongs to a client and is open in the client's item of the register. If
// AWSCURRENT was pointed at another client, or the secret was deleted, no managed secret
// names the client any more, and no run reads that item. So the register's table also has a
// list of all open emergencies.

// orphanedEmergencies returns the open emergencies that the runs on the managed secrets
// have not met. met reports whether one was. A row left behind by an emergency that has
// ended is removed from the list, unless readOnly is set.
func (r *Rotator) orphanedEmergencies(ctx context.Context, count *counter, readOnly bool, met func(register.Open) bool) (all []register.Open, err error) {
	count.register.Add(1)
	listed, err := r.table().AllOpened(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range listed {
		if met(o) {
			continue
		}
		count.register.Add(1)
		rev, err := r.table().Fetch(ctx, o.Key)
		if err != nil {
			return all, err
		}
		if rev.Known() && !rev.Item.Emergency.Has(o.Emergency.ID) {
			if !readOnly {
				count.register.Add(2)
				err = r.table().Close(ctx, o.Key, o.Emergency.ID)
			}
			if err != nil {
				return all, err
			}
			continue
		}
		all = append(all, o)
	}
	return all, nil
}

// findOrphaned adds to an audit the open emergencies that it did not meet. Each is reported
// under the managed secret for which it was commanded, once: in the part of the audit that
// reaches that secret or, if the secret is not the function's any more, in the audit's
// first part.
func (r *Rotator) findOrphaned(ctx context.Context, a Action, own []description, rep *AuditReport) {
	count := new(counter)
	defer func() { rep.Calls.Add(count.take()) }()
	of := func(arn string) int {
		return slices.IndexFunc(rep.Secrets, func(h Health) bool { return h.SecretID == arn })
	}
	all, err := r.orphanedEmergencies(ctx, count, a.ReadOnly, func(o register.Open) bool {
		if slices.ContainsFunc(rep.Secrets, func(h Health) bool { return h.client == o.Key }) {
			return true
		}
		listed := slices.ContainsFunc(own, func(d description) bool { return d.arn == o.Emergency.Secret })
		return of(o.Emergency.Secret) < 0 && (listed || a.After != "")
	})
	if err != nil && !register.Unreachable(err) { // each secret reports an unreachable register
		rep.Error = fmt.Sprintf("find the open emergencies of clients that no managed secret names: %v", err)
	}
	for _, o := range all {
		at := of(o.Emergency.Secret)
		why := "AWSCURRENT does not lead to that client"
		if at < 0 {
			at = len(rep.Secrets)
			rep.Secrets = append(rep.Secrets, Health{SecretID: o.Emergency.Secret, Name: secretNameOf(o.Emergency.Secret), Labels: map[string]string{}})
			why = "this managed secret is not one of the function's any more"
		}
		h := &rep.Secrets[at]
		h.Findings = append(h.Findings, Finding{Point: pointLeak, State: Failure, Detail: describeOpen(o) + ", and " + why + ": no rotation or audit continues it", Remedy: remedyOrphaned})
		h.State = worst(h.Findings)
		if !a.ReadOnly {
			r.logHealth(ctx, h)
		}
	}
}

const remedyOrphaned = "make a managed secret's AWSCURRENT name that client again, and run the emergency for it; or generate the client's secret anew in PingOne's console and keep no previous one"

func describeOpen(o register.Open) string {
	return fmt.Sprintf("an emergency of PingOne client %s has been open since %s", o.Key, o.Emergency.Since.UTC().Format(time.RFC3339))
}

// otherLeaks describes the open emergencies of other clients that were commanded for the run's
// managed secret.
func (r *run) otherLeaks(ctx context.Context) (all []string) {
	if r.hold == nil || r.hold.failure != nil {
		return nil
	}
	open, err := r.orphanedEmergencies(ctx, r.count, true, func(o register.Open) bool {
		return o.Emergency.Secret != r.secret.arn || o.Key == r.hold.key
	})
	if err != nil {
		r.record.warn("emergencies of other clients may be open that were commanded for this managed secret; the register could not be read: %v", err)
	}
	for _, o := range open {
		all = append(all, describeOpen(o)+", which this managed secret named when it was commanded; "+remedyOrphaned)
	}
	return all
}
