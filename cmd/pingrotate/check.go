package main

import "github.com/spf13/cobra"

func newCheck(p *program) *cobra.Command {
	createTestUser := false
	c := &cobra.Command{
		GroupID: "look",
		Use:     "check SECRET...",
		Short:   "Whether a rotation would succeed now, point by point",
		Long: `Says whether a rotation of each secret would succeed now, and why; then point by
point what was checked, and what to do about each problem. It changes nothing.

Exit status 0 means that every one would rotate, 1 that at least one would not. A warning
does not change that, so that check can be a gate in a pipeline. In JSON the same answer
is in wouldRotate and because.`,
		Example: `    pingrotate check pingone/orders-api
    pingrotate check pingone/orders-api -o json | jq '.findings[] | select(.state != "ok")'`,
		Args:              takes(1, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE: func(c *cobra.Command, secrets []string) error {
			return p.check(c, secrets, createTestUser, false)
		},
	}
	c.Flags().BoolVar(&createTestUser, "create-test-user", false, "create the user that rotation.verify.userSecretId names in PingOne, if there is none: the only thing that check ever changes")
	return c
}
