package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"pingrotate/rotation"
)

const rollbackUsage = `Usage:
    pingrotate rollback SECRET [--reason TEXT] [--yes] [-o text|json]

Moves AWSCURRENT back to the version before, which works with the strategy
"alternating": there both applications have a secret that is good. With "single" the
report says why there is no way back, and what there is instead.

    --reason TEXT    for the log and the report
    --yes            do not ask for the secret's name
` + outputUsage + localUsage + accountUsage + `
Example:
    pingrotate rollback pingone/orders-api --reason "the new client lacks a grant"
`

func rollbackFlags(flags *flag.FlagSet) runner {
	var a account
	a.declareLocal(flags)
	output := outputFlag(flags)
	reason := flags.String("reason", "", "")
	yes := flags.Bool("yes", false, "")
	return func(ctx context.Context, args []string, stdout io.Writer) error {
		return rollback(ctx, &a, rotation.Action{Action: rotation.ActionRollback, SecretID: args[0], Reason: *reason}, *yes, output, stdout)
	}
}

func rollback(ctx context.Context, account *account, a rotation.Action, yes bool, output *choice, stdout io.Writer) error {
	if err := valid(a); err != nil {
		return usageError{"rollback", err.Error()}
	}
	question := fmt.Sprintf("This gives consumers of %s the secret before the one that they hold.", a.SecretID)
	if err := confirm(ctx, "rollback", question, a.SecretID, yes); err != nil {
		return err
	}
	if err := account.open(ctx); err != nil {
		return err
	}
	call, err := account.caller(ctx)
	if err != nil {
		return err
	}
	a.By = account.by(ctx)
	done := busy("rolling back " + a.SecretID)
	raw, err := call(ctx, a)
	done()
	if err != nil {
		return fmt.Errorf("roll back %s: %w", a.SecretID, err)
	}
	report, err := readJSON[rotation.Report](raw)
	if err != nil {
		return err
	}
	if output.value == "json" {
		err = writeJSON(stdout, raw)
	} else {
		err = tellReport(stdout, a.SecretID, report)
	}
	if err == nil && bad(report.Outcome) {
		err = fmt.Errorf("rollback: %s is as it was; the report says why", a.SecretID)
	}
	return err
}
