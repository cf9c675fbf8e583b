package main

import (
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newStatus(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "look",
		Use:     "status [SECRET...]",
		Short:   "Every secret in a table: age, next rotation, labels, health",
		Long: `Shows every secret that the function rotates, or those that are named: its
application, strategy, age, next rotation, staging labels, until when the secret
before is accepted and when it was last used, and how it is. It changes nothing and
shows no value. What is not well stands below the table, with what to do.

Exit status 1 says that a secret fails, or could not be looked at.`,
		Example: `    pingrotate status
    pingrotate status -o json | jq -r 'select(.state != "ok") | .name'`,
		Args:              takes(0, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE: func(c *cobra.Command, secrets []string) error {
			return p.audit(c, rotation.Action{Action: rotation.ActionAudit, ReadOnly: true}, secrets)
		},
	}
}
