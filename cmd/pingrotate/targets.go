package main

import (
	"errors"
	"slices"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// withTargets ends the leaked secret of an admin, and then those of the applications that
// it could read. The order matters: anyone who holds the admin's secret would read the new
// secrets as well. For the same reason the admins among them come one by one, before the
// others. Each has a ClientRequestToken that follows from the start, so that a resumed
// command repeats nothing that has ended.
func (r *rotating) withTargets(c *cobra.Command, secrets []string) error {
	switch {
	case r.emergency.value == "":
		return misuse(c, "--with-targets is for an --emergency")
	case len(secrets) != 1 || r.fleet.all || len(r.fleet.tags) > 0 || r.fleet.canary > 0:
		return misuse(c, "--with-targets takes one SECRET, the admin's")
	case r.fleet.resume == lastCampaign:
		return misuse(c, "--resume needs its time with --with-targets")
	}
	ctx := c.Context()
	o, _, err := r.fleet.options(secrets, r.clock.time())
	if err != nil {
		return misuse(c, "%v", err)
	}
	o.Emergency, o.Reason, o.KeepGoing = rotation.Emergency(r.emergency.value), r.reason, true
	action := rotation.Action{Action: rotation.ActionRotate, SecretID: secrets[0], Emergency: o.Emergency, Reason: o.Reason}
	if err := valid(action); err != nil {
		return misuse(c, "%v", err)
	}
	if r.fleet.detach {
		return r.handOver(c, o, nil, secrets)
	}
	call, err := r.call(ctx)
	if err != nil {
		return err
	}
	if err := r.confirmEmergency(c, call, action, false); err != nil {
		return err
	}
	o.By = r.by(ctx)
	r.note("to continue after an interruption, give the same command with --resume %s", o.Start.UTC().Format(campaign.StartFormat))

	admin, sum, err := r.oneAdmin(c, call, secrets[0], o)
	targets := admin.Targets
	switch {
	case err != nil:
		sum.LeftOut = append(sum.LeftOut, targets.All...)
		err = remedy.Errorf("repeat the command", "%w; what the admin could read was left alone, because while its secret may work, the new secrets could be read too", err)
	case !admin.Admin:
		err = noTargets(secrets[0])
	}
	if err == nil {
		// What fails from here on holds up nothing else: what the first admin could read has
		// leaked for certain.
		for _, name := range targets.Admins {
			_, next, failed := r.oneAdmin(c, call, name, o)
			sum, err = sum.With(next), errors.Join(err, failed)
		}
		if rest := targets.All[len(targets.Admins):]; len(rest) > 0 {
			next, failed := r.run(c, call, rest, o, true)
			sum, err = sum.With(next), errors.Join(err, failed)
		}
	}
	slices.Sort(sum.LeftOut)
	sum.LeftOut = slices.Compact(sum.LeftOut)
	return errors.Join(err, r.summarize(sum, true))
}

func noTargets(secret string) error {
	return remedy.Errorf("name the admin's secret, or leave --with-targets out", "rotate: %s is not an admin of the function, and has no targets", secret)
}

// confirmTargets asks before an emergency of an admin is handed over. Whether the secret
// is an admin's is asked in any case, for a campaign can say it only when it has begun.
func (r *rotating) confirmTargets(c *cobra.Command, a rotation.Action) error {
	call, err := r.call(c.Context())
	if err != nil {
		return err
	}
	return r.confirmEmergency(c, call, a, true)
}

// oneAdmin ends the secret of one admin. The error is nil only if it has ended.
func (r *rotating) oneAdmin(c *cobra.Command, call campaign.Call, secret string, o campaign.Options) (admin rotation.Report, sum campaign.Summary, err error) {
	o.Ended = func(report rotation.Report) { admin = report }
	sum, err = r.run(c, call, []string{secret}, o, true)
	return admin, sum, err
}
