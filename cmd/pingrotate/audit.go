package main

import (
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newAudit(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "act",
		Use:     "audit",
		Short:   "Look at every secret, and complete what was interrupted",
		Long: `Looks at every secret that the function rotates, as status does, and completes what
interrupted runs have left: it ends leaked secrets and replaced ones past their grace,
and repairs AWSCURRENT where that is dead or about to end. It says what it did. The
function does the same on its schedule, and sends metrics.

Exit status 1 means that a secret fails, or could not be read.`,
		Example:           "    pingrotate audit",
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.audit(c, rotation.Action{Action: rotation.ActionAudit}, nil)
		},
	}
}
