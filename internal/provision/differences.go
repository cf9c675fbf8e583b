package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// Differences says what [Provisioner.Repair] would change, and only reads.
func (p *Provisioner) Differences(ctx context.Context, d *document.Document, a *Access, app *pingone.Application) (all []string, err error) {
	if changed := differs(a.spec, app); len(changed) > 0 {
		all = append(all, "changes "+strings.Join(changed, ", "))
	}
	if want := a.spec.Resource; want != nil {
		if a.resource == nil {
			all = append(all, fmt.Sprintf("creates the resource %q", document.Printable(want.Name)))
		}
		for _, missing := range []struct {
			what  string
			names []string
		}{{"attributes", slices.Sorted(maps.Keys(a.attributes))}, {"scopes", a.scopes}} {
			if len(missing.names) > 0 {
				all = append(all, fmt.Sprintf("adds the %s %s", missing.what, document.Printable(strings.Join(missing.names, ", "))))
			}
		}
	}
	var roles []pingone.RoleAssignment
	var grants []pingone.Grant
	err = parallel(
		func() (err error) {
			if len(a.roles) > 0 || a.spec.Exact {
				roles, err = p.Client.RoleAssignments(ctx, d.EnvironmentID, app.ID)
			}
			return err
		},
		func() (err error) { grants, err = p.Client.Grants(ctx, d.EnvironmentID, app.ID); return err },
	)
	if err != nil {
		return nil, err
	}
	missingRoles, surplusRoles := a.compareRoles(roles)
	for _, r := range missingRoles {
		all = append(all, fmt.Sprintf("assigns role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID))
	}
	for _, r := range surplusRoles {
		all = append(all, fmt.Sprintf("removes role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID))
	}
	if a.spec.Resource != nil && a.resource == nil {
		return all, nil // and its grant with it
	}
	missing, changed, surplus := p.withResourceGrant(ctx, d, a).compareGrants(grants)
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

// withResourceGrant returns the access with the grant of its custom resource, as far
// as the resource's scopes exist.
func (p *Provisioner) withResourceGrant(ctx context.Context, d *document.Document, a *Access) *Access {
	if a.spec.Resource == nil || a.resource == nil {
		return a
	}
	scopes, err := p.Client.Scopes(ctx, d.EnvironmentID, a.resource.ID)
	if err != nil {
		return a
	}
	next := *a
	next.grants = append(slices.Clone(a.grants), a.resourceGrant(scopes))
	return &next
}
