package rotation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// specificationHolds shows in what the application differs from what the document
// says of it, and applies nothing.
func (c *checkup) specificationHolds(ctx context.Context, admin *pingone.Client, current *stored) {
	d := current.Document
	if d.Rotation.Application == nil {
		return
	}
	p, err := c.resolve(ctx, admin, d)
	if c.failed("specification", err) {
		return
	}
	if d.ClientID == "" {
		app, err := c.findOwn(ctx, admin, d)
		switch {
		case c.failed("specification", err):
		case app != nil:
			c.ok("specification", "application %s has been created for it; the first rotation completes it and takes its secret over", app.ID)
		default:
			c.ok("specification", "the first rotation creates the application %q%s", printable(p.spec.Name), introduce(", with ", p.wanted()))
		}
		return
	}
	app, err := admin.Application(ctx, d.EnvironmentID, d.ApplicationID())
	if err != nil {
		return // which is a point of its own
	}
	if method := p.spec.method(); method != app.TokenEndpointAuthMethod {
		c.fail("specification", "correct rotation.application.tokenEndpointAuthMethod: to change the application's would lock out the consumers of AWSCURRENT",
			"asks for %s, and the application uses %s", method, app.TokenEndpointAuthMethod)
		return
	}
	differences, err := p.differences(ctx, admin, d, app)
	switch {
	case c.failed("specification", err):
	case len(differences) > 0:
		c.warn("specification", "nothing to do: the next rotation changes it", "the application differs: %s", strings.Join(differences, "; "))
	default:
		c.ok("specification", "the application is as rotation.application says")
	}
}

// wanted says what a new application would get.
func (p *plan) wanted() (all []string) {
	if p.spec.Resource != nil && p.resource == nil {
		all = append(all, fmt.Sprintf("the resource %q", printable(p.spec.Resource.Name)))
	}
	if n := len(p.roles); n > 0 {
		all = append(all, fmt.Sprintf("%d roles", n))
	}
	if n := len(p.grants); n > 0 {
		all = append(all, fmt.Sprintf("%d grants", n))
	}
	return all
}

// differences says what [step.repair] would change.
func (p *plan) differences(ctx context.Context, admin *pingone.Client, d *Document, app *pingone.Application) (all []string, err error) {
	if changed := p.spec.differs(app); len(changed) > 0 {
		all = append(all, "changes "+strings.Join(changed, ", "))
	}
	if want := p.spec.Resource; want != nil {
		if p.resource == nil {
			all = append(all, fmt.Sprintf("creates the resource %q", printable(want.Name)))
		}
		for _, missing := range []struct {
			what  string
			names []string
		}{{"attributes", slices.Sorted(maps.Keys(p.attributes))}, {"scopes", p.scopes}} {
			if len(missing.names) > 0 {
				all = append(all, fmt.Sprintf("adds the %s %s", missing.what, printable(strings.Join(missing.names, ", "))))
			}
		}
	}
	var roles []pingone.RoleAssignment
	var grants []pingone.Grant
	err = parallel(
		func() (err error) {
			if len(p.roles) > 0 || p.spec.Exact {
				roles, err = admin.RoleAssignments(ctx, d.EnvironmentID, app.ID)
			}
			return err
		},
		func() (err error) { grants, err = admin.Grants(ctx, d.EnvironmentID, app.ID); return err },
	)
	if err != nil {
		return nil, err
	}
	missingRoles, surplusRoles := p.compareRoles(roles)
	for _, r := range missingRoles {
		all = append(all, fmt.Sprintf("assigns role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID))
	}
	for _, r := range surplusRoles {
		all = append(all, fmt.Sprintf("removes role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID))
	}
	if p.spec.Resource != nil && p.resource == nil {
		return all, nil // and its grant with it
	}
	missing, changed, surplus := p.withResourceGrant(ctx, admin, d).compareGrants(grants)
	for _, g := range missing {
		all = append(all, "grants resource "+g.ResourceID)
	}
	for _, g := range changed {
		all = append(all, "changes the grant of resource "+g.ResourceID)
	}
	for _, g := range surplus {
		all = append(all, "removes the grant of resource "+g.ResourceID)
	}
	return all, nil
}

// withResourceGrant returns the plan with the grant of its custom resource, as far
// as the resource's scopes exist.
func (p *plan) withResourceGrant(ctx context.Context, admin *pingone.Client, d *Document) *plan {
	if p.spec.Resource == nil || p.resource == nil {
		return p
	}
	scopes, err := admin.Scopes(ctx, d.EnvironmentID, p.resource.ID)
	if err != nil {
		return p
	}
	next := *p
	next.grants = append(slices.Clone(p.grants), p.resourceGrant(scopes))
	return &next
}

// introduce joins words behind an introduction; no words need none.
func introduce(introduction string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return introduction + strings.Join(words, ", ")
}
