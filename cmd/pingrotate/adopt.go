package main

import (
	"errors"
	"fmt"
	"strings"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// An adoption is the application, or custom resource, that adopt takes over. Its fields
// are flags.
type adoption struct {
	*blueprint
	clientID, inPlace string
	kind              choice
}

func newAdopt(p *program) *cobra.Command {
	a := adoption{blueprint: newBlueprint(p), kind: choice{of: []string{"application", "resource"}}}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "adopt",
		Short:   "Make a managed secret from an application that exists",
		Long: `Makes a managed secret from an application that exists in PingOne. The secret that it
has is stored unchanged, so that it continues to work. The function reads it from PingOne;
it does not pass through here. Prints the secret's ARN.

First the function checks everything: that its admin may serve this secret and reaches the
application, and that no other managed secret holds the client. If something is wrong,
nothing is made. After a failure, run the command again, with other flags if these were
wrong: it continues with what is there.

It needs --secret, --environment, --pingone-region and --client-id; or --secret and
--from-file.

With --in-place it takes over a secret that applications read already: it adds the members
environmentId, region and rotation, and changes no other. The members with the client id
and the client secret are found by their names, or named by --names. This command then
reads and stores the document, with your own rights.`,
		Example: `    pingrotate adopt --secret pingone/orders-api --client-id ae72e133-0935-4935-a84c-4dcf7b5e8b71 \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --schedule 'rate(30 days)'
    pingrotate adopt --in-place shop/oauth --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 \
        --pingone-region EU --names clientSecret=CLIENT_SECRET --names clientId=CLIENT_ID --dry-run`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			a.clientID = lowerUUID(a.clientID)
			if a.inPlace != "" {
				return a.place(c)
			}
			return a.run(c)
		},
	}
	flags := c.Flags()
	flags.Var(text{&a.clientID, "UUID"}, "client-id", "the application; with --kind resource, the custom resource")
	flags.Var(&a.kind, "kind", "what the secret is of, an application or a custom resource; application by default")
	flags.BoolVar(&a.mark, "mark", false, "mark the application as this secret's in PingOne, in its description, for an admin whose allow says marked")
	flags.Var(text{&a.inPlace, "SECRET"}, "in-place", "take over this secret, which applications read already")
	a.declare(flags)
	return c
}

// run makes a new secret.
func (a *adoption) run(c *cobra.Command) error {
	members, policy := object{}, object{}
	set(members, "clientId", a.clientID)
	set(policy, "kind", a.kind.value)
	if a.file == "" {
		if err := a.missing(c.Flags(), "secret", "environment", "pingone-region", "client-id"); err != nil && !(a.show && a.secret == "" && a.clientID != "" && a.environment != "" && a.blueprint.region != "") {
			if cleaned := a.clean(); cleaned != nil {
				err = cleaned
			}
			return misuse(c, "%v", err)
		}
	}
	if a.clientID != "" && !pingone.IsUUID(a.clientID) {
		return misuse(c, "--client-id must be a UUID, not %q; of an application whose client id is another, give a document with rotation.applicationId by --from-file", first(a.clientID, 80))
	}
	return a.make(c, members, policy, func(d *rotation.Document) error {
		if d.ClientID == "" {
			return errors.New("--client-id is missing; pingrotate new creates an application")
		}
		return nil
	})
}

// place takes over a secret that is there.
func (a *adoption) place(c *cobra.Command) error {
	err := a.clean()
	switch {
	case err != nil:
	case isSecret("--in-place", a.inPlace) != nil:
		err = isSecret("--in-place", a.inPlace)
	case a.secret != "":
		err = errors.New("--secret and --in-place do not go together: a secret is made, or taken over")
	case a.file != "":
		err = errors.New("--from-file and --in-place do not go together: the document is the one that is there")
	case a.kmsKey != "":
		err = errors.New("--kms-key and --in-place do not go together: the secret keeps its key")
	case a.show:
		err = errors.New("--print and --in-place do not go together: the document holds a secret; --dry-run says what would be added")
	default:
		if err = a.missing(c.Flags(), "environment", "pingone-region"); err != nil {
			err = fmt.Errorf("%s", strings.TrimSuffix(err.Error(), "; or give a document by --from-file"))
		}
	}
	policy := object{}
	if err == nil {
		set(policy, "kind", a.kind.value)
		err = a.setPolicy(policy)
	}
	taken := &takenOver{environment: a.environment, region: a.blueprint.region, clientID: a.clientID, policy: policy}
	if err == nil {
		taken.names, err = parseNames(a.names)
	}
	if err == nil {
		err = a.checkRest()
	}
	if err != nil {
		return misuse(c, "%v", err)
	}
	a.secret, a.taken = a.inPlace, taken
	return a.attach(c.Context())
}
