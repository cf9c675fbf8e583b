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

	// Of the custom resource.
	resource, audience string
	scopes, attributes []string
}

func newNew(p *program) *cobra.Command {
	b := newBlueprint(p)
	w := wanted{preset: choice{of: rotation.Presets()}}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "new",
		Short:   "Make a managed secret with a new application, from a preset",
		Long: `Makes a managed secret with a new application, which the function creates in PingOne:
with the roles and grants that are given here and no other. Prints the secret's ARN.

First the function checks everything: that its admin may create this, that each role and
scope exists, and that the name is free. If something is wrong, nothing is made. After a
failure, run the command again, with other flags if these were wrong: it continues with
what is there, and creates no second application.

It needs --secret, --environment, --pingone-region, --preset and --name; or --secret and
--from-file. The preset advanced-services-client also needs --resource and --scope.`,
		Example: `    pingrotate new --secret pingone/orders-api --preset non-interactive-worker --name orders-api \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --role 'Identity Data Admin'
    pingrotate new --secret pingone/console --preset advanced-services-client --name console \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region NA \
        --resource p1as-platform --scope p1as --attribute groups=dev-tls-admin,prod-tls-audit`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			policy := object{}
			b.environment = lowerUUID(b.environment)
			if b.file == "" {
				needed := []string{"secret", "environment", "pingone-region", "preset", "name"}
				if b.show {
					needed = needed[1:]
				}
				if err := b.missing(c.Flags(), needed...); err != nil {
					if cleaned := b.clean(); cleaned != nil {
						err = cleaned
					}
					return misuse(c, "%v", err)
				}
			}
			if w.preset.value+w.name != "" {
				application, err := w.application(b.environment)
				if err != nil {
					return misuse(c, "%v", err)
				}
				policy["application"] = application
				if len(w.scopes) > 0 {
					verify := object{"scope": w.scopes[0]}
					set(verify, "audience", w.audience)
					policy["verify"] = verify
				}
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
	flags.Var(text{&w.resource, "NAME"}, "resource", "a custom resource that the application is granted; created if there is none")
	flags.Var(text{&w.audience, "TEXT"}, "audience", "the audience of the resource's tokens, where it is not the resource's name")
	flags.Var(list{&w.scopes, "NAME"}, "scope", "a scope of the resource; may be repeated; each new secret must obtain a token with the first")
	flags.Var(list{&w.attributes, "NAME=VALUE,..."}, "attribute", "an attribute of the resource's tokens, such as groups=a,b; may be repeated")
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
	if err := w.addResource(application); err != nil {
		return nil, err
	}
	if roles != nil {
		application["roles"] = roles
	}
	if grants != nil {
		application["grants"] = grants
	}
	return application, nil
}

// addResource adds the custom resource. The attribute groups, which PingOne Advanced
// Services reads, is a list even of one.
func (w *wanted) addResource(application object) error {
	if w.resource == "" {
		if w.audience != "" || len(w.scopes)+len(w.attributes) > 0 {
			return errors.New("--audience, --scope and --attribute are of a custom resource; name it with --resource")
		}
		return nil
	}
	if len(w.scopes) == 0 {
		return errors.New("--scope is missing: a scope of the resource, for which tokens are requested")
	}
	resource := object{"name": w.resource, "scopes": w.scopes}
	set(resource, "audience", w.audience)
	attributes := object{}
	for _, pair := range w.attributes {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || value == "" {
			return fmt.Errorf("--attribute must be a name and its value, such as groups=a,b, not %q", pair)
		}
		attributes[name] = value
		if all := strings.Split(value, ","); len(all) > 1 || name == "groups" {
			attributes[name] = all
		}
	}
	if len(attributes) > 0 {
		resource["attributes"] = attributes
	}
	application["resource"] = resource
	return nil
}
