package main

import (
	"time"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newRotate(p *program) *cobra.Command {
	r := &rotating{
		program:   p,
		emergency: choice{of: []string{string(rotation.Swift), string(rotation.Contain)}},
		wait:      span(5 * time.Minute),
	}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "rotate [SECRET...]",
		Short:   "Rotate secrets now; with --emergency, end the ones that leaked",
		Long: `Rotates secrets now, and reports what was minted, promoted and verified. SECRET is a
name or an ARN. Many are rotated at once, as fast as PingOne allows. After a new secret
was refused, or a rotation has failed, no other rotation begins. A detached secret is
rotated only if you name it.

--emergency is for a secret that has leaked, and ends it:

    swift            the new secret is promoted first, then the leaked one ends
    contain          the leaked one ends first; consumers are locked out until
                     they read the new one

The report then says what was asked of PingOne to see that the leaked secret is
refused, what is still open, and until when. An emergency may be repeated: it continues
where it was interrupted.

A campaign, of more than one secret, says at its beginning how to resume it; the same
command with --resume continues the last one of these secrets that did not end well. Ctrl-C
lets the rotations that are under way finish; a second one leaves them to the function.

With --detach the stack's state machine carries the campaign out, if the template has
made one, and the command prints its id: see pingrotate campaign --help. After the
canaries it waits for campaign approve, or for the time of --soak.

Exit status 1 means that a secret was not rotated, or that a leaked one may still work.
A secret that was skipped because it is new enough does not count.`,
		Example: `    pingrotate rotate pingone/orders-api
    pingrotate rotate pingone/orders-api --emergency swift --reason "INC-1234, in a log"
    pingrotate rotate --tag team=payments --canary 2 --reason "CHG-5678"
    pingrotate rotate --all --yes -o json >rotations.jsonl
    pingrotate rotate --all --detach --canary 2 --soak 4h --reason "CHG-5679"`,
		Args:              takes(0, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE: func(c *cobra.Command, secrets []string) error {
			secrets = r.fleet.takeTime(secrets)
			if r.dryRun {
				return r.foretell(c, secrets)
			}
			if r.targets {
				return r.withTargets(c, secrets)
			}
			if len(secrets) == 0 || r.fleet.wanted(secrets) {
				return r.campaign(c, secrets)
			}
			return r.one(c, secrets[0])
		},
	}
	flags := c.Flags()
	flags.Var(&r.emergency, "emergency", "end the secret, which has leaked; asks for its name, or wants --yes")
	flags.BoolVar(&r.targets, "with-targets", false, "after an emergency of an admin, the same for each secret that it could read; repeat the command, or --resume it, after an interruption")
	flags.Var(text{&r.reason, "TEXT"}, "reason", "for the log and the report")
	flags.Var(&r.wait, "wait", "how long to try again while another rotation of the one secret is under way, or PingOne asks to slow down")
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	flags.BoolVar(&r.dryRun, "dry-run", false, "rotate nothing, and say of each secret what check says; of several, only what is not ok")
	r.fleet.declare(flags)
	return c
}
