package provision

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"pingrotate/pingone"
)

// equip gives the application what the plan has and it lacks. Each write may be
// repeated: what is there already is not added again.
func (p *Provisioner) equip(ctx context.Context, environmentID, applicationID string, a *Access) error {
	if err := p.completeResource(ctx, environmentID, a); err != nil {
		return err
	}
	return errors.Join(
		p.equipRoles(ctx, environmentID, applicationID, a),
		p.equipGrants(ctx, environmentID, applicationID, a),
	)
}

func (p *Provisioner) completeResource(ctx context.Context, environmentID string, a *Access) error {
	want := a.spec.Resource
	if want == nil {
		return nil
	}
	if a.resource == nil {
		r, err := p.Client.CreateResource(ctx, environmentID, want.Name, want.Description, want.Audience)
		if err != nil {
			return err
		}
		a.resource = &r
		p.note("created resource " + r.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(a.attributes)) {
		value, err := attributeValue(a.attributes[name])
		if err != nil {
			return err
		}
		if _, err := p.Client.CreateAttribute(ctx, environmentID, a.resource.ID, name, value); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
	}
	for _, name := range a.scopes {
		if _, err := p.Client.CreateScope(ctx, environmentID, a.resource.ID, name, ""); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
	}
	scopes, err := p.Client.Scopes(ctx, environmentID, a.resource.ID)
	if err != nil {
		return err
	}
	a.grants = append(a.grants, a.resourceGrant(scopes))
	return nil
}

// resourceGrant is the grant of the custom resource, with those of its scopes that
// the specification names.
func (a *Access) resourceGrant(scopes []pingone.Scope) pingone.Grant {
	g := pingone.Grant{ResourceID: a.resource.ID}
	for _, scope := range scopes {
		if slices.Contains(a.spec.Resource.Scopes, scope.Name) {
			g.ScopeIDs = append(g.ScopeIDs, scope.ID)
		}
	}
	return g
}

// attributeValue writes a static attribute as PingOne takes it: text as it is, and
// anything else as JSON.
func attributeValue(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	raw, err := json.Marshal(value)
	return string(raw), err
}

func (p *Provisioner) equipRoles(ctx context.Context, environmentID, applicationID string, a *Access) error {
	if len(a.roles) == 0 && !a.spec.Exact {
		return nil
	}
	held, err := p.Client.RoleAssignments(ctx, environmentID, applicationID)
	if err != nil {
		return err
	}
	missing, surplus := a.compareRoles(held)
	for _, want := range missing {
		if err := p.Client.AssignRole(ctx, environmentID, applicationID, want); err != nil {
			return err
		}
		p.note("assigned role " + want.RoleID)
	}
	for _, h := range surplus {
		if err := p.Client.RemoveRole(ctx, environmentID, applicationID, h.ID); err != nil {
			return err
		}
		p.note("removed role " + h.RoleID)
	}
	return nil
}

// compareRoles returns which roles of the plan an application lacks, and which it has
// too many if the plan is exact.
func (a *Access) compareRoles(held []pingone.RoleAssignment) (missing, surplus []pingone.RoleAssignment) {
	without := func(all, others []pingone.RoleAssignment) []pingone.RoleAssignment {
		return slices.DeleteFunc(slices.Clone(all), func(a pingone.RoleAssignment) bool {
			return slices.ContainsFunc(others, func(b pingone.RoleAssignment) bool {
				return a.RoleID == b.RoleID && a.ScopeType == b.ScopeType && a.ScopeID == b.ScopeID
			})
		})
	}
	if a.spec.Exact {
		surplus = without(held, a.roles)
	}
	return without(a.roles, held), surplus
}

func (p *Provisioner) equipGrants(ctx context.Context, environmentID, applicationID string, a *Access) error {
	if len(a.grants) == 0 && !a.spec.Exact {
		return nil
	}
	held, err := p.Client.Grants(ctx, environmentID, applicationID)
	if err != nil {
		return err
	}
	missing, changed, surplus := a.compareGrants(held)
	for _, g := range missing {
		if _, err := p.Client.CreateGrant(ctx, environmentID, applicationID, g); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
		p.note("granted resource " + g.ResourceID)
	}
	for _, g := range changed {
		if _, err := p.Client.ReplaceGrant(ctx, environmentID, applicationID, g); err != nil {
			return err
		}
		p.note("changed the grant of resource " + g.ResourceID)
	}
	for _, g := range surplus {
		if err := p.Client.RemoveGrant(ctx, environmentID, applicationID, g.ID); err != nil {
			return err
		}
		p.note("removed the grant of resource " + g.ResourceID)
	}
	return nil
}

// compareGrants returns which grants of the plan an application lacks, which of its
// grants need other scopes, and which it has too many if the plan is exact.
func (a *Access) compareGrants(held []pingone.Grant) (missing, changed, surplus []pingone.Grant) {
	of := func(all []pingone.Grant, resourceID string) int {
		return slices.IndexFunc(all, func(g pingone.Grant) bool { return g.ResourceID == resourceID })
	}
	for _, want := range a.grants {
		at := of(held, want.ResourceID)
		if at < 0 {
			missing = append(missing, want)
			continue
		}
		have := held[at]
		all := slices.Clone(want.ScopeIDs)
		if !a.spec.Exact {
			all = append(all, have.ScopeIDs...)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if !slices.Equal(all, slices.Sorted(slices.Values(have.ScopeIDs))) {
			have.ScopeIDs = all
			changed = append(changed, have)
		}
	}
	for _, h := range held {
		if a.spec.Exact && of(a.grants, h.ResourceID) < 0 {
			surplus = append(surplus, h)
		}
	}
	return missing, changed, surplus
}
