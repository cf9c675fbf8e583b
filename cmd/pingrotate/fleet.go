package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fleetFlags are the flags of rotate that are about many secrets.
type fleetFlags struct {
	all         bool
	tags        []string
	canary      int
	concurrency int
	rate        int
	keepGoing   bool
	resume      string
	detach      bool
	soak        span
}

func (f *fleetFlags) declare(flags *pflag.FlagSet) {
	flags.BoolVar(&f.all, "all", false, "every secret whose rotation function is this one")
	flags.Var(list{&f.tags, "KEY=VALUE"}, "tag", "those of them that have the tag; if repeated, all the tags")
	flags.Var(number{&f.canary}, "canary", "the first N one after the other; if they end well, ask whether to continue, or with --yes continue")
	f.concurrency, f.rate = 10, campaign.LicenceLimit
	flags.Var(number{&f.concurrency}, "concurrency", "rotations at once")
	flags.Var(number{&f.rate}, "rate", "configuration calls a minute that PingOne allows the licence; if others use it too, the pace adapts")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "do not stop when a rotation fails; when a new secret was refused, it stops all the same")
	flags.Var(text{&f.resume, "[TIME]"}, "resume", "continue the campaign that began at this time, or the last one of these secrets that did not end well: what has been rotated since is skipped, what is half done is finished; give everything else as before")
	flags.Lookup("resume").NoOptDefVal = lastCampaign
	flags.BoolVar(&f.detach, "detach", false, "leave the campaign to the stack's state machine, and end at once; pingrotate campaign follows it")
	flags.Var(&f.soak, "soak", "with --detach and --canary: in place of waiting for campaign approve, look at the canaries again after this time, and continue if they are well")
}

// wanted reports whether the command line asks for a campaign.
func (f *fleetFlags) wanted(secrets []string) bool {
	return len(secrets) > 1 || f.all || len(f.tags) > 0 || f.resume != "" || f.canary > 0 || f.detach || f.soak > 0
}

// options checks the flags, of a campaign that begins now.
func (f *fleetFlags) options(secrets []string, now time.Time) (o campaign.Options, tags map[string]string, err error) {
	o = campaign.Options{
		Start:       now.UTC().Truncate(time.Millisecond),
		Canary:      f.canary,
		Concurrency: f.concurrency,
		Rate:        f.rate,
		KeepGoing:   f.keepGoing,
		Resume:      f.resume != "",
	}
	named := 0
	for _, way := range []bool{len(secrets) > 0, f.all, len(f.tags) > 0} {
		if way {
			named++
		}
	}
	switch {
	case named == 0:
		return o, nil, errors.New("which secrets? name them, or give --all or --tag")
	case named > 1:
		return o, nil, errors.New("name secrets, or give --all or --tag, not two of these")
	case f.canary < 0:
		return o, nil, errors.New("--canary must not be negative")
	case f.concurrency < 1 || f.concurrency > 1000:
		return o, nil, errors.New("--concurrency must be from 1 to 1000")
	case f.rate < 1:
		return o, nil, errors.New("--rate must be at least 1 call a minute")
	}
	if tags, err = parseTags(f.tags); err != nil {
		return o, nil, err
	}
	if err := f.soaks(); err != nil {
		return o, nil, err
	}
	switch {
	case f.resume == lastCampaign && f.detach:
		return o, nil, errors.New("--resume needs its time with --detach; pingrotate campaign redrive continues a campaign of the state machine")
	case f.resume == lastCampaign: // the register knows when it began
	case o.Resume:
		if o.Start, err = time.Parse(time.RFC3339, f.resume); err != nil || o.Start.After(now) {
			return o, nil, errors.New("--resume must be the time that the campaign said at its beginning, as in 2006-01-02T15:04:05Z")
		}
	}
	return o, tags, nil
}

// campaign rotates many secrets: reports, or a summary, go to standard output, and the
// progress to standard error.
func (r *rotating) campaign(c *cobra.Command, secrets []string) error {
	ctx := c.Context()
	o, tags, err := r.fleet.options(secrets, r.clock.time())
	if err != nil {
		return misuse(c, "%v", err)
	}
	o.Emergency, o.Reason = rotation.Emergency(r.emergency.value), r.reason
	named := len(secrets) > 0
	for _, secret := range append(slices.Clip(secrets), "any") {
		if err := valid(rotation.Action{Action: rotation.ActionRotate, SecretID: secret, Emergency: o.Emergency, Reason: o.Reason}); err != nil {
			return misuse(c, "%v", err)
		}
	}
	if r.fleet.detach {
		return r.handOver(c, o, tags, secrets)
	}
	call, err := r.call(ctx)
	if err != nil {
		return err
	}
	var off []string
	if !named {
		if secrets, off, err = r.selected(ctx, tags, o.Emergency != ""); err != nil {
			return err
		}
	}
	secrets = distinct(secrets)
	if r.fleet.resume == lastCampaign {
		if o.Start, err = r.lastUnfinished(ctx, call, recordOf(o, tags, secrets, named)); err != nil {
			return err
		}
	}
	if question := r.questionOfMany(ctx, secrets, named); question != "" {
		if err := r.confirm(c, question, strconv.Itoa(len(secrets)), r.yes); err != nil {
			return err
		}
	}
	o.By = r.by(ctx)
	record := recordOf(o, tags, secrets, named)
	r.record(ctx, call, record, false)
	each := named || o.Emergency != "" // is told when it has ended, and not in the summary
	r.note("rotating %s; to continue after an interruption, give the same command with --resume %s", counted(len(secrets), "secret"), o.Start.UTC().Format(campaign.StartFormat))
	sum, err := r.run(c, call, secrets, o, each)
	if err == nil {
		r.record(ctx, call, record, true)
	}
	sum.LeftOut = append(sum.LeftOut, off...)
	if named {
		for _, unwell := range sum.Unwell[:min(len(sum.Unwell), 10)] {
			r.suggest(ctx, campaign.Subject(unwell), unwell.Error)
		}
	}
	return errors.Join(err, r.summarize(sum, each))
}

// summarize writes how a campaign ended.
func (r *rotating) summarize(sum campaign.Summary, each bool) error {
	if r.json() {
		return r.write(struct {
			Summary campaign.Summary `json:"summary"`
		}{sum})
	}
	return tellSummary(r.page(), sum, each)
}

// run runs a campaign, and tells of each secret.
func (r *rotating) run(c *cobra.Command, call campaign.Call, secrets []string, o campaign.Options, each bool) (campaign.Summary, error) {
	ctx := c.Context()
	meter := &meter{w: r.err, width: r.errWide}
	if !r.quiet {
		o.Progress = meter.show
	}
	var writing error
	told := o.Ended
	o.Ended = func(report rotation.Report) {
		meter.clear()
		if told != nil {
			told(report)
		}
		var err error
		switch {
		case r.json():
			err = r.write(report)
		case each:
			err = tellReport(r.page(), campaign.Subject(report), report)
		}
		writing = errors.Join(writing, err)
	}
	o.Confirm = func(_ context.Context, sum campaign.Summary) error {
		meter.clear()
		question := fmt.Sprintf("%d of %s rotated, and the new ones work: %s. Look at their consumers; the others have not begun.",
			sum.Rotated(), counted(sum.Secrets, "secret"), enumerated(sum.Names))
		err := r.confirm(c, question, "yes", r.yes)
		if errors.Is(err, errNotConfirmed) {
			return errors.New("after the canaries the answer was no") // and the summary says what was done
		}
		return err
	}
	sum, err := campaign.Run(ctx, call, secrets, o)
	meter.clear()
	if err != nil {
		err = howToResume(err)
	}
	if ctx.Err() != nil && err != nil {
		r.fail(err) // what follows says no more than that it was interrupted
	}
	return sum, errors.Join(err, writing)
}

// foretell checks the secrets that would be rotated.
func (r *rotating) foretell(c *cobra.Command, secrets []string) error {
	if r.emergency.value != "" {
		return misuse(c, "--dry-run and --emergency do not go together: an emergency shows what it is about before it asks")
	}
	_, tags, err := r.fleet.options(secrets, r.clock.time())
	if err != nil {
		return misuse(c, "%v", err)
	}
	if len(secrets) == 0 {
		if err := r.open(c.Context()); err != nil {
			return err
		}
		if secrets, _, err = r.selected(c.Context(), tags, false); err != nil {
			return err
		}
	}
	return r.check(c, distinct(secrets), false, len(secrets) > 1)
}

// howToResume adds to a campaign's error which flag continues it.
func howToResume(err error) error {
	unfinished, ok := errors.AsType[*campaign.Unfinished](err)
	if !ok {
		return fmt.Errorf("rotate: %w", err)
	}
	start := unfinished.Start.UTC().Format(campaign.StartFormat)
	if unfinished.Stopped != "" {
		return remedy.Errorf("continue with --resume "+start, "rotate: %w", err)
	}
	return remedy.Errorf("when the errors are dealt with, continue with --resume "+start, "rotate: %w", err)
}

// selected returns the secrets that --all or --tag stand for, and apart from them those
// whose rotation is turned off: their owner has ended it, and names a secret to rotate it
// all the same. An emergency takes them too, for they leaked as the others did.
func (r *rotating) selected(ctx context.Context, tags map[string]string, emergency bool) (secrets, off []string, err error) {
	function, err := r.functionARN(ctx)
	if err != nil {
		return nil, nil, err
	}
	if secrets, off, err = secretsOf(ctx, secretsmanager.NewFromConfig(r.cfg), namesFunction(function), tags); err != nil {
		return nil, nil, err
	}
	if emergency {
		secrets, off = slices.Sorted(slices.Values(append(secrets, off...))), nil
	}
	if len(off) > 0 {
		r.warn("left out, because their rotation is turned off: %s", enumerated(off))
	}
	switch {
	case len(secrets) == 0 && len(tags) > 0:
		return nil, off, remedy.Errorf("pingrotate status shows them", "rotate: none of the secrets that the function %s rotates has that --tag", function)
	case len(secrets) == 0:
		return nil, off, remedy.Errorf("pingrotate adopt attaches one, and --function names another function", "rotate: the function %s rotates no secret", function)
	}
	return secrets, off, nil
}

// questionOfMany is what to ask before secrets are rotated that were not named one by
// one, and before an emergency; "" before anything else.
func (r *rotating) questionOfMany(ctx context.Context, secrets []string, named bool) string {
	if r.yes {
		return "" // which needs no words
	}
	question := fmt.Sprintf("This rotates %s, in %s: %s.", counted(len(secrets), "secret"), r.where(ctx), enumerated(secrets))
	switch rotation.Emergency(r.emergency.value) {
	case rotation.Swift:
		return question + " It ends those that consumers hold as soon as there are new ones. Consumers that keep theirs in a cache fail until they read again."
	case rotation.Contain:
		return question + " It ends those that consumers hold at once. All consumers fail until they have read the new ones."
	}
	if named && r.fleet.canary == 0 {
		return ""
	}
	return question
}

// distinct leaves out what is there already.
func distinct(secrets []string) []string {
	seen := make(map[string]bool, len(secrets))
	return slices.DeleteFunc(slices.Clone(secrets), func(s string) bool {
		twice := seen[s]
		seen[s] = true
		return twice
	})
}
