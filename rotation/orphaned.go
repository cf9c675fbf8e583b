package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/register"
)

// An emergency is of a client, and hangs on the register's item of that. Where no managed
// secret names the client any more, because AWSCURRENT was pointed at another one or the
// secret is gone, no run comes by that item. The register's table lists what is open.

// orphanedEmergencies returns the emergencies that are open although the runs on the managed secrets
// given have not met them: those of the clients that these do not name. A row that was
// left of one that has ended is taken out of the list, unless nothing may be written.
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

// findOrphaned adds to an audit the open emergencies that it has not met. Each is the
// business of the managed secret for which it was commanded, if the audit has reached that,
// or of its first part, if the secret is none of the function's any more.
func (r *Rotator) findOrphaned(ctx context.Context, a Action, own []description, rep *AuditReport) {
	count := new(counter)
	defer func() { rep.Calls.Add(count.calls()) }()
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
	if err != nil && !register.Unreachable(err) { // each secret says that, where it is
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

const remedyOrphaned = "have a managed secret's AWSCURRENT name that client again, and run the emergency for it; or generate the client's secret anew in PingOne's console, without a previous one"

func describeOpen(o register.Open) string {
	return fmt.Sprintf("an emergency of PingOne client %s is open since %s", o.Key, o.Emergency.Since.UTC().Format(time.RFC3339))
}

// otherLeaks names the open emergencies of other clients that were commanded for the run's
// managed secret.
func (r *run) otherLeaks(ctx context.Context) (all []string) {
	if r.hold == nil || r.hold.failure != nil {
		return nil
	}
	open, err := r.orphanedEmergencies(ctx, r.count, true, func(o register.Open) bool {
		return o.Emergency.Secret != r.secret.arn || o.Key == r.hold.key
	})
	if err != nil {
		r.record.warn("whether emergencies of other clients are open that were commanded for this managed secret could not be read: %v", err)
	}
	for _, o := range open {
		all = append(all, describeOpen(o)+", which this managed secret named when it was commanded; "+remedyOrphaned)
	}
	return all
}
