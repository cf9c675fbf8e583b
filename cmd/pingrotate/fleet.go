package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/term"
)

const fleetUsage = `
Of many secrets:

    --all            every secret whose rotation function is this one
    --tag KEY=VALUE  those of them that have the tag; if repeated, all the tags
    --canary N       the first N one after the other; if they end well, ask whether to
                     go on, or with --yes go on
    --concurrency N  rotations at once; 10 by default
    --rate N         configuration calls a minute that PingOne allows the licence; 600
                     by default. If others use it too, the pace adapts
    --keep-going     do not stop when a rotation fails. When a new secret was refused,
                     it stops all the same
    --resume TIME    go on with the campaign that began at this time: what has been
                     rotated since is skipped, what is half done is finished. Say
                     everything else as before

A campaign says at its beginning how to resume it. Ctrl-C lets the rotations that are
under way come to their end; a second one leaves them to the function.
`

// fleetFlags are the flags of rotate that are about many secrets.
type fleetFlags struct {
	all         bool
	tags        many
	canary      int
	concurrency int
	rate        int
	keepGoing   bool
	resume      string
}

func (f *fleetFlags) declare(flags *flag.FlagSet) {
	flags.BoolVar(&f.all, "all", false, "")
	flags.Var(&f.tags, "tag", "")
	flags.IntVar(&f.canary, "canary", 0, "")
	flags.IntVar(&f.concurrency, "concurrency", 10, "")
	flags.IntVar(&f.rate, "rate", licenceLimit, "")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "")
	flags.StringVar(&f.resume, "resume", "", "")
}

// wanted reports whether the command line asks for a campaign.
func (f *fleetFlags) wanted(secrets []string) bool {
	return len(secrets) > 1 || f.all || len(f.tags) > 0 || f.resume != "" || f.canary > 0
}

// options checks the flags.
func (f *fleetFlags) options(secrets []string) (o campaignOptions, tags map[string]string, err error) {
	o = campaignOptions{
		start:       time.Now().UTC().Truncate(time.Millisecond),
		canary:      f.canary,
		concurrency: f.concurrency,
		rate:        f.rate,
		keepGoing:   f.keepGoing,
		resume:      f.resume != "",
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
	if o.resume {
		now := o.start
		if o.start, err = time.Parse(time.RFC3339, f.resume); err != nil || o.start.After(now) {
			return o, nil, errors.New("--resume must be the time that the campaign said at its beginning, as in 2006-01-02T15:04:05Z")
		}
	}
	return o, tags, nil
}

// campaign rotates many secrets: reports, or a summary, go to standard output, and
// the progress to standard error.
func (r *rotateCommand) campaign(ctx context.Context, secrets []string, stdout io.Writer) error {
	o, tags, err := r.fleet.options(secrets)
	if err != nil {
		return usageError{"rotate", err.Error()}
	}
	o.emergency, o.reason = rotation.Emergency(r.emergency.value), r.reason
	named := len(secrets) > 0
	for _, secret := range append(slices.Clip(secrets), "any") {
		if err := valid(rotation.Action{Action: rotation.ActionRotate, SecretID: secret, Emergency: o.emergency, Reason: o.reason}); err != nil {
			return usageError{"rotate", err.Error()}
		}
	}
	if err := r.account.open(ctx); err != nil {
		return err
	}
	call, err := r.account.caller(ctx)
	if err != nil {
		return err
	}
	if !named {
		if secrets, err = r.selected(ctx, tags); err != nil {
			return err
		}
	}
	secrets = distinct(secrets)
	if err := r.confirmMany(ctx, len(secrets), named); err != nil {
		return err
	}
	o.by = r.account.by(ctx)

	meter := &meter{w: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	o.progress = meter.show
	var writing error
	o.ended = func(report rotation.Report) {
		meter.clear()
		var err error
		switch {
		case r.output.value == "json":
			err = writeJSON(stdout, report)
		case named || o.emergency != "":
			err = tellReport(stdout, subject(report), report)
		}
		writing = errors.Join(writing, err)
	}
	o.goOn = func(ctx context.Context, sum summary) error {
		meter.clear()
		return confirm(ctx, "rotate", fmt.Sprintf("%d of %s rotated, and the new ones work. Look at their consumers.", sum.well(), counted(sum.Secrets, "secret")), "yes", r.yes)
	}
	log.Printf("rotating %s; to go on after an interruption, give the same command with --resume %s", counted(len(secrets), "secret"), o.start.UTC().Format(startFormat))
	sum, err := campaign(ctx, call, secrets, o)
	meter.clear()
	if r.output.value == "json" {
		writing = errors.Join(writing, writeJSON(stdout, struct {
			Summary summary `json:"summary"`
		}{sum}))
	} else {
		writing = errors.Join(writing, sum.write(stdout, named || o.emergency != ""))
	}
	if ctx.Err() != nil && err != nil {
		log.Print(err) // what follows says no more than that it was interrupted
	}
	if err != nil {
		return err
	}
	return writing
}

// selected returns the secrets that --all or --tag stand for.
func (r *rotateCommand) selected(ctx context.Context, tags map[string]string) ([]string, error) {
	function, err := r.account.functionARN(ctx)
	if err != nil {
		return nil, err
	}
	secrets, off, err := secretsOf(ctx, secretsmanager.NewFromConfig(r.account.cfg), function, tags)
	if err != nil {
		return nil, err
	}
	if len(off) > 0 {
		shown := off[:min(len(off), 10)]
		log.Printf("left out, because their rotation is turned off: %s%s", strings.Join(shown, ", "), strings.Repeat(", …", min(1, len(off)-len(shown))))
	}
	switch {
	case len(secrets) == 0 && len(tags) > 0:
		return nil, fmt.Errorf("rotate: of the secrets that the function %s rotates none has that --tag; pingrotate status shows them", function)
	case len(secrets) == 0:
		return nil, fmt.Errorf("rotate: the function %s rotates no secret; pingrotate adopt attaches one, and --function names another function", function)
	}
	return secrets, nil
}

// confirmMany asks before secrets are rotated that nobody has named, and before an
// emergency.
func (r *rotateCommand) confirmMany(ctx context.Context, n int, named bool) error {
	question := fmt.Sprintf("This rotates %s.", counted(n, "secret"))
	switch rotation.Emergency(r.emergency.value) {
	case rotation.Swift:
		question += " It ends those that consumers hold as soon as there are new ones. Consumers that keep theirs in a cache fail until they read again."
	case rotation.Contain:
		question += " It ends those that consumers hold at once. All consumers fail until they have read the new ones."
	default:
		if named && r.fleet.canary == 0 {
			return nil
		}
	}
	return confirm(ctx, "rotate", question, strconv.Itoa(n), r.yes)
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
