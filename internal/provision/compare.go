package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// A recipient is the application that changes are made for.
type recipient struct {
	environmentID, id string
	own               bool // it was created for the secret
}

// accessChanges returns the changes that give the application its access. If the id is
// empty, the application is about to be created and has nothing.
func (p *Provisioner) accessChanges(ctx context.Context, a *Access, to recipient) ([]change, error) {
	var roles []pingone.RoleAssignment
	var grants []pingone.Grant
	if to.id != "" {
		err := parallel.Do(
			func() (err error) {
				if len(a.roles) > 0 || a.spec.Exact {
					roles, err = p.Client.RoleAssignments(ctx, to.environmentID, to.id)
				}
				return err
			},
			func() (err error) {
				if len(a.grants) > 0 || a.spec.Resource != nil || a.spec.Exact {
					grants, err = p.Client.Grants(ctx, to.environmentID, to.id)
				}
				return err
			},
		)
		if err != nil {
			return nil, err
		}
	}
	missing, surplus := compareRoles(a.roles, roles)
	if !a.spec.Exact {
		surplus = nil
	}
	return slices.Concat(
		p.resourceChanges(a, to),
		p.roleChanges(to, missing, surplus, a.allRoles),
		p.grantChanges(a, to, grants),
	), nil
}

// resourceChanges returns the changes that make the custom resource what the specification
// says.
func (p *Provisioner) resourceChanges(a *Access, to recipient) (all []change) {
	want := a.spec.Resource
	if want == nil {
		return nil
	}
	own := a.own || a.resource == nil
	if a.resource == nil {
		all = append(all, change{
			text: fmt.Sprintf("creates the resource %q", document.Printable(want.Name)),
			of:   []document.Change{{Kind: document.CreateResource, Name: want.Name, Own: true}},
			apply: func(ctx context.Context) (string, error) {
				r, err := p.Client.CreateResource(ctx, to.environmentID, want.Name, p.Marker.added(want.Description), want.Audience)
				if err != nil {
					return "", err
				}
				a.resource = &r
				p.Client.Settle = Settle
				return "created resource " + r.ID, nil
			},
		})
	}
	of := []document.Change{{Kind: document.ChangeResource, Name: want.Name, Own: own}}
	if names := slices.Sorted(maps.Keys(a.attributes)); len(names) > 0 {
		all = append(all, change{text: "adds the attributes " + joined(names), of: of, apply: func(ctx context.Context) (string, error) {
			for _, name := range names {
				value, err := attributeValue(a.attributes[name])
				if err == nil {
					_, err = p.Client.CreateAttribute(ctx, to.environmentID, a.resource.ID, name, value)
				}
				if err != nil && !pingone.IsDuplicate(err) {
					return "", err
				}
			}
			return "added the attributes " + joined(names) + " to resource " + a.resource.ID, nil
		}})
	}
	if len(a.scopes) > 0 {
		all = append(all, change{text: "adds the scopes " + joined(a.scopes), of: of, apply: func(ctx context.Context) (string, error) {
			for _, name := range a.scopes {
				made, err := p.Client.CreateScope(ctx, to.environmentID, a.resource.ID, name, "")
				switch {
				case err == nil:
					a.made = append(a.made, made)
				case !pingone.IsDuplicate(err):
					return "", err
				}
			}
			return "added the scopes " + joined(a.scopes) + " to resource " + a.resource.ID, nil
		}})
	}
	return all
}

// roleChanges returns the changes that assign and remove roles.
func (p *Provisioner) roleChanges(to recipient, missing, surplus []pingone.RoleAssignment, roles []pingone.Role) (all []change) {
	for _, r := range missing {
		all = append(all, change{
			text: fmt.Sprintf("assigns role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID),
			of:   []document.Change{{Kind: document.AssignRole, Name: RoleName(roles, r.RoleID), Scope: r.ScopeID, Own: to.own}},
			apply: func(ctx context.Context) (string, error) {
				return "assigned role " + r.RoleID, p.Client.AssignRole(ctx, to.environmentID, to.id, r)
			},
		})
	}
	for _, r := range surplus {
		all = append(all, change{
			text: fmt.Sprintf("removes role %s at %s %s", r.RoleID, r.ScopeType, r.ScopeID),
			of:   []document.Change{{Kind: document.RemoveRole, Name: RoleName(roles, r.RoleID), Scope: r.ScopeID, Own: to.own}},
			apply: func(ctx context.Context) (string, error) {
				return "removed role " + r.RoleID, p.Client.RemoveRole(ctx, to.environmentID, to.id, r.ID)
			},
		})
	}
	return all
}

// grantChanges returns the changes that give the application its grants. That of the custom
// resource comes last, as its scopes may be among the changes.
func (p *Provisioner) grantChanges(a *Access, to recipient, held []pingone.Grant) (all []change) {
	missing, changed, surplus := compareGrants(a.grants, held, a.spec.Exact)
	if !a.spec.Exact {
		surplus = nil
	}
	late := a.spec.Resource != nil && (a.resource == nil || len(a.scopes) > 0)
	if late && a.resource != nil { // it is granted below, with all its scopes
		other := func(g pingone.Grant) bool { return g.ResourceID == a.resource.ID }
		missing, changed = slices.DeleteFunc(missing, other), slices.DeleteFunc(changed, other)
	}
	of := func(kind document.ChangeKind, id string) []document.Change {
		return []document.Change{{Kind: kind, Name: a.resourceName(id), Own: to.own}}
	}
	all = p.grant(to, missing, changed, func(id string) []document.Change { return of(document.GrantResource, id) })
	for _, g := range surplus {
		all = append(all, change{
			text: "removes the grant of resource " + g.ResourceID, of: of(document.RemoveGrant, g.ResourceID),
			apply: func(ctx context.Context) (string, error) {
				return "removed the grant of resource " + g.ResourceID, p.Client.RemoveGrant(ctx, to.environmentID, to.id, g.ID)
			},
		})
	}
	if !late {
		return all
	}
	last := change{of: []document.Change{{Kind: document.GrantResource, Name: a.spec.Resource.Name, Own: to.own}}}
	if a.resource != nil {
		last.text = "changes the grant of resource " + a.resource.ID
	}
	last.apply = func(ctx context.Context) (string, error) {
		scopes, err := p.Client.Scopes(ctx, to.environmentID, a.resource.ID)
		if err != nil {
			return "", err
		}
		for _, s := range a.made { // the list may not show them yet
			if !slices.ContainsFunc(scopes, func(o pingone.Scope) bool { return o.ID == s.ID }) {
				scopes = append(scopes, s)
			}
		}
		held, err := p.Client.Grants(ctx, to.environmentID, to.id)
		if err != nil {
			return "", err
		}
		missing, changed, _ := compareGrants([]pingone.Grant{a.resourceGrant(scopes)}, held, a.spec.Exact)
		return "", p.carryOut(ctx, p.grant(to, missing, changed, func(string) []document.Change { return nil }))
	}
	return append(all, last)
}

// grant returns the changes that create the missing grants and replace the changed ones.
func (p *Provisioner) grant(to recipient, missing, changed []pingone.Grant, of func(resourceID string) []document.Change) (all []change) {
	for _, g := range missing {
		all = append(all, change{
			text: "grants resource " + g.ResourceID, of: of(g.ResourceID),
			apply: func(ctx context.Context) (string, error) {
				if _, err := p.Client.CreateGrant(ctx, to.environmentID, to.id, g); err != nil && !pingone.IsDuplicate(err) {
					return "", err
				}
				return "granted resource " + g.ResourceID, nil
			},
		})
	}
	for _, g := range changed {
		all = append(all, change{
			text: "changes the grant of resource " + g.ResourceID, of: of(g.ResourceID),
			apply: func(ctx context.Context) (string, error) {
				_, err := p.Client.ReplaceGrant(ctx, to.environmentID, to.id, g)
				return "changed the grant of resource " + g.ResourceID, err
			},
		})
	}
	return all
}
