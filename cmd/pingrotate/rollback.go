package main

import (
	"fmt"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newRollback(p *program) *cobra.Command {
	var reason string
	var yes bool
	c := &cobra.Command{
		GroupID: "act",
		Use:     "rollback SECRET",
		Short:   "Go back to the secret before, with the strategy alternating",
		Long: `Moves AWSCURRENT back to the version before, which works with the strategy
"alternating": there both applications have a secret that is good. With "single" the
report says why there is no way back, and what there is instead.`,
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
	question := fmt.Sprintf("This gives consumers of %s the secret before the one that they hold.", a.SecretID)
	if err := p.confirm(c, question, a.SecretID, yes); err != nil {
		return err
	}
	ctx := c.Context()
	call, err := p.call(ctx)
	if err != nil {
		return err
	}
	a.By = p.by(ctx)
	done := p.busy("rolling back " + a.SecretID)
	raw, err := call(ctx, a)
	done()
	if err != nil {
		return fmt.Errorf("roll back %s: %w", a.SecretID, err)
	}
	report, err := readJSON[rotation.Report](raw)
	if err != nil {
		return err
	}
	if p.json() {
		err = p.write(raw)
	} else {
		err = tellReport(p.page(), a.SecretID, report)
	}
	if err == nil && bad(report.Outcome) {
		err = fmt.Errorf("rollback: %s is as it was; the report says why", a.SecretID)
	}
	return err
}
