package main

import (
	"errors"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newAdopt(p *program) *cobra.Command {
	b := newBlueprint(p)
	var clientID string
	c := &cobra.Command{
		GroupID: "act",
		Use:     "adopt",
		Short:   "Make a managed secret from an application that exists",
		Long: `Makes a managed secret from an application that exists. PingOne's secret is taken over
as it is: it continues to work, and consumers need not be told before. The function does
that; no secret passes through here. An interrupted run continues when it is repeated.
Prints the secret's ARN.

It needs --secret, --environment, --pingone-region and --client-id; or --secret and
--from-file.`,
		Example: `    pingrotate adopt --secret pingone/orders-api --client-id ae72e133-0935-4935-a84c-4dcf7b5e8b71 \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --schedule 'rate(30 days)'`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			members := object{}
			set(members, "clientId", clientID)
			return b.make(c, members, object{}, func(d *rotation.Document) error {
				if d.ClientID == "" {
					return errors.New("--client-id is missing; pingrotate new creates an application")
				}
				return nil
			})
		},
	}
	c.Flags().Var(text{&clientID, "UUID"}, "client-id", "the application")
	b.declare(c.Flags())
	return c
}
