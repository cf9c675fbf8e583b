package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newRollback(p *program) *cobra.Command {
	var reason string
	var yes bool
	c := &cobra.Command{
		GroupID: "act",
		Use:     "rollback SECRET",
		Short:   "Return to the previous secret, with the strategy alternating",
		Long: `Moves AWSCURRENT back to the previous version, which works with the strategy
"alternating": there both applications have a secret that works. With "single" there is
no way back; the report says why, and what to do instead. Without --yes the command says
so before it asks.`,
		Example:           `    pingrotate rollback pingone/orders-api --reason "the new client lacks a grant"`,
		Args:              takes(1, 1, "SECRET"),
		ValidArgsFunction: p.completeSecret,
		RunE: func(c *cobra.Command, args []string) error {
			return p.rollback(c, rotation.Action{Action: rotation.ActionRollback, SecretID: args[0], Reason: reason}, yes)
		},
	}
	c.Flags().Var(text{&reason, "TEXT"}, "reason", "for the log and the report")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask for the secret's name")
	return c
}

func (p *program) rollback(c *cobra.Command, a rotation.Action, yes bool) error {
	if err := valid(a); err != nil {
		return misuse(c, "%v", err)
	}
	if !yes {
		if err := p.mayAsk(c); err != nil {
			return err
		}
	}
	ctx := c.Context()
	call, err := p.call(ctx)
	if err != nil {
		return err
	}
	if !yes {
		// Whether there is a way back at all is said before anything is asked.
		if raw, report, err := p.wayBack(c, call, a); err != nil || bad(report.Outcome) && report.Outcome != rotation.Previewed {
			return p.tellRollback(ctx, a.SecretID, raw, report, err)
		}
	}
	a.By = p.by(ctx)
	done := p.busy("rolling back " + a.SecretID)
	raw, err := call(ctx, a)
	done()
	var report rotation.Report
	if err == nil {
		report, err = readJSON[rotation.Report](raw)
	}
	return p.tellRollback(ctx, a.SecretID, raw, report, err)
}

// wayBack shows what a rollback would do, and asks. The report is the preview's: where there
// is no way back it says why, and nothing was asked.
func (p *program) wayBack(c *cobra.Command, call campaign.Call, a rotation.Action) (raw json.RawMessage, report rotation.Report, err error) {
	a.Preview = true
	done := p.busy("looking whether there is a way back")
	raw, err = call(c.Context(), a)
	done()
	if err == nil {
		report, err = readJSON[rotation.Report](raw)
	}
	if err != nil || report.Preview == nil {
		return raw, report, err
	}
	v := report.Preview
	for _, line := range []string{
		fmt.Sprintf("A rollback of %s, in %s.", a.SecretID, p.where(c.Context())),
		"  secret     " + report.SecretID,
		fmt.Sprintf("  goes back  from %s of client %s to %s of client %s", v.From, v.ClientID, v.To, v.ToClient),
	} {
		fmt.Fprintln(printable{p.err}, line)
	}
	question := fmt.Sprintf("This gives consumers of %s the previous secret again.", a.SecretID)
	return raw, report, p.confirm(c, question, a.SecretID, false)
}

// tellRollback writes how a rollback ended, or why there is none.
func (p *program) tellRollback(ctx context.Context, secret string, raw json.RawMessage, report rotation.Report, err error) error {
	switch {
	case errors.Is(err, errNotConfirmed):
		return err
	case err != nil:
		return fmt.Errorf("roll back %s: %w", secret, err)
	case p.json():
		err = p.write(raw)
	default:
		err = tellReport(p.page(), secret, report)
	}
	if err == nil && bad(report.Outcome) {
		p.suggest(ctx, secret, report.Error)
		err = fmt.Errorf("rollback: %s is as it was; the report says why", secret)
	}
	return err
}
