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
application, strategy, age, next rotation, staging labels, when the previous secret
ends and when it was last used, and its health. It changes nothing and shows no value.
Problems are listed below the table, with what to do.

Exit status 1 means that a secret fails, or could not be read.`,
		Example: `    pingrotate status
    pingrotate status -o json | jq -r 'select(.state != "ok") | .name'`,
		Args:              takes(0, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE: func(c *cobra.Command, secrets []string) error {
			return p.audit(c, rotation.Action{Action: rotation.ActionAudit, ReadOnly: true}, secrets)
		},
	}
}
