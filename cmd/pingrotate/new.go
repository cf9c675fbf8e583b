package main

import (
	"errors"
	"fmt"
	"strings"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// A wanted is the application that new has created. Its fields are flags.
type wanted struct {
	preset        choice
	name          string
	redirects     []string
	roles, grants []string
}

func newNew(p *program) *cobra.Command {
	b := newBlueprint(p)
	w := wanted{preset: choice{of: rotation.Presets()}}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "new",
		Short:   "Make a managed secret with a new application, from a preset",
		Long: `Makes a managed secret with a new application, which the function creates in PingOne:
with the roles and grants that are given here and no other. An interrupted run continues
when it is repeated, and creates no second one. Prints the secret's ARN.

It needs --secret, --environment, --pingone-region, --preset and --name; or --secret and
--from-file.`,
		Example: `    pingrotate new --secret pingone/orders-api --preset non-interactive-worker --name orders-api \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --role 'Identity Data Admin'`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			policy := object{}
			if w.preset.value+w.name != "" {
				application, err := w.application(b.environment)
				if err != nil {
					return misuse(c, "%v", err)
				}
				policy["application"] = application
			}
			return b.make(c, object{}, policy, func(d *rotation.Document) error {
				switch {
				case d.Rotation.Application == nil:
					return errors.New("--preset and --name are missing")
				case d.ClientID != "":
					return errors.New("the document names an application already, in clientId; pingrotate adopt takes it over")
				}
				return nil
			})
		},
	}
	flags := c.Flags()
	flags.Var(&w.preset, "preset", "what kind of client it is, a `PRESET`: "+strings.Join(w.preset.of, ", "))
	flags.Var(text{&w.name, "NAME"}, "name", "the application's name in PingOne")
	flags.Var(list{&w.redirects, "URL"}, "redirect-uri", "where users are sent back to; may be repeated")
	flags.Var(list{&w.roles, "NAME"}, "role", "a role, for the environment; may be repeated")
	flags.Var(list{&w.grants, "RESOURCE=SCOPE,..."}, "grant", "access to scopes of a resource; may be repeated")
	b.declare(flags)
	return c
}

// application returns the member rotation.application.
func (w *wanted) application(environment string) (object, error) {
	application := object{}
	set(application, "preset", w.preset.value)
	set(application, "name", w.name)
	if len(w.redirects) > 0 {
		application["redirectUris"] = w.redirects
	}
	var roles, grants []object
	for _, role := range w.roles {
		roles = append(roles, object{"role": role, "scope": object{"type": "ENVIRONMENT", "id": environment}})
	}
	for _, grant := range w.grants {
		resource, scopes, ok := strings.Cut(grant, "=")
		if !ok {
			return nil, fmt.Errorf("--grant must be a resource and its scopes, such as 'PingOne API=p1:read:user', not %q", grant)
		}
		grants = append(grants, object{"resource": resource, "scopes": strings.Split(scopes, ",")})
	}
	if roles != nil {
		application["roles"] = roles
	}
	if grants != nil {
		application["grants"] = grants
	}
	return application, nil
}
