package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newEndPrevious(p *program) *cobra.Command {
	e := &endingPrevious{program: p, wait: span(5 * time.Minute)}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "end-previous SECRET",
		Short:   "End the previous secret now, before its grace is over",
		Long: `Ends the client secret that PingOne keeps beside the current one, before its grace is
over, and asks PingOne for half a minute whether it is refused. AWSCURRENT does not
change. With the strategy "alternating" the command is about both applications.

It refuses to end a secret that is still needed: while a rotation or an emergency is
under way, a replica or another managed secret of the client lags, or AWSCURRENT does
not hold PingOne's current secret. It also refuses while consumers lag: the secret was
replaced, or used, in the last two hours. --lock-out ends it all the same; consumers
that hold it then fail until they read the secret again.

For a secret that has leaked, run an emergency with pingrotate rotate, which ends the
current one too.`,
		Example: `    pingrotate end-previous pingone/orders-api --reason "the last job that held it is gone"
    pingrotate end-previous pingone/orders-api --lock-out --yes`,
		Args:              takes(1, 1, "SECRET"),
		ValidArgsFunction: p.completeSecret,
		RunE:              func(c *cobra.Command, args []string) error { return e.run(c, args[0]) },
	}
	flags := c.Flags()
	flags.BoolVar(&e.lockOut, "lock-out", false, "end it although consumers may still use it")
	flags.Var(text{&e.reason, "TEXT"}, "reason", "for the log and the report")
	flags.Var(&e.wait, "wait", "how long to try again while another rotation is under way, or PingOne asks to slow down")
	flags.BoolVar(&e.yes, "yes", false, "do not ask for the secret's name")
	return c
}

// An endingPrevious is what end-previous is asked to do. Its fields are flags.
type endingPrevious struct {
	*program
	lockOut bool
	reason  string
	wait    span
	yes     bool
}

func (e *endingPrevious) run(c *cobra.Command, secret string) error {
	a := rotation.Action{Action: rotation.ActionEnd, SecretID: secret, Reason: e.reason, LockOut: e.lockOut}
	if err := valid(a); err != nil {
		return misuse(c, "%v", err)
	}
	if !e.yes {
		if err := e.mayAsk(c); err != nil {
			return err
		}
	}
	ctx := c.Context()
	call, err := e.call(ctx)
	if err != nil {
		return err
	}
	raw, report, err := e.agree(c, call, a)
	if err == nil && report.Outcome != rotation.Skipped {
		// What was shown, and nothing that a rotation has replaced since.
		a.Previous, a.By = report.Preview.MustDie, e.by(ctx)
		raw, report, err = e.rotateOne(ctx, call, a, "ending the previous secret of", time.Duration(e.wait))
	}
	if err != nil {
		if e.json() && raw != nil && report.Error != "" { // of the preview, which says why not
			if failed := e.write(raw); failed != nil {
				return failed
			}
		}
		if isAbsent(report.Error) {
			return e.absent(ctx, "end-previous", secret)
		}
		return fmt.Errorf("end-previous %s: %w", secret, err)
	}
	if e.json() {
		err = e.write(raw)
	} else {
		err = tellReport(e.page(), secret, report)
	}
	if err == nil && bad(report.Outcome) {
		err = fmt.Errorf("end-previous %s: %s; the report says why", secret, headline(report))
	}
	return err
}

// agree shows what would end, and asks. It returns the preview, whose outcome is Skipped
// where there is nothing to end.
func (e *endingPrevious) agree(c *cobra.Command, call campaign.Call, a rotation.Action) (raw json.RawMessage, report rotation.Report, err error) {
	a.Preview = true
	ctx := c.Context()
	done := e.busy("looking at what would end")
	raw, err = call(ctx, a)
	done()
	if err == nil {
		report, err = readJSON[rotation.Report](raw)
	}
	refused := report.Error != "" && report.Outcome != rotation.Busy // which passes
	switch {
	case err != nil:
		return nil, report, err
	case report.Outcome == rotation.Skipped:
		return raw, report, nil
	case report.Preview == nil || len(report.Preview.Previous) == 0:
		return nil, report, errors.New(cmp.Or(report.Error, "the function's answer is no preview"))
	}
	if !e.yes || !e.quiet {
		about := &page{w: printable{e.err}, width: e.errWide}
		about.say("The early end of the previous secret of %s, in %s.", a.SecretID, e.where(ctx))
		tellLabelled(about, endsOf(report))
	}
	if refused {
		return raw, report, fmt.Errorf("nothing was ended: %s", report.Error)
	}
	question := fmt.Sprintf("This ends the previous secret of %s now. Consumers that still hold it fail until they read the secret again.", a.SecretID)
	return raw, report, e.confirm(c, question, a.SecretID, e.yes)
}

// endsOf says what a preview shows, line by line.
func endsOf(report rotation.Report) (lines []labelled) {
	p := report.Preview
	say := func(label, format string, args ...any) {
		lines = append(lines, labelled{label, fmt.Sprintf(format, args...)})
	}
	say("secret", "%s", report.SecretID)
	say("client", "%s", clientOf(p))
	for _, k := range p.Previous {
		used := "not used since it was replaced"
		if !k.LastUsed.IsZero() {
			used = "last used at " + k.LastUsed.UTC().Format(time.RFC3339)
		}
		of := ""
		if len(p.Previous) > 1 {
			of = " of " + k.Application
		}
		say("ends", "%s%s, which would work until %s; %s", k.Fingerprint, of, k.Until.UTC().Format(time.RFC3339), used)
	}
	if len(p.Holders) > 0 {
		say("also held", "by %s, which must hold the current secret", enumerated(p.Holders))
	}
	say("breaks", "consumers that still hold it, until they read the secret again; those that hold the current one not at all")
	for _, w := range report.Warnings {
		say("warning", "%s", w)
	}
	return lines
}
