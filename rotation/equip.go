package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// equip gives the application what the plan has and it lacks. Each write may be
// repeated: what is there already is not added again.
func (s *step) equip(ctx context.Context, admin *pingone.Client, environmentID, applicationID string, p *plan) error {
	if err := s.completeResource(ctx, admin, environmentID, p); err != nil {
		return err
	}
	return errors.Join(
		s.equipRoles(ctx, admin, environmentID, applicationID, p),
		s.equipGrants(ctx, admin, environmentID, applicationID, p),
	)
}

func (s *step) completeResource(ctx context.Context, admin *pingone.Client, environmentID string, p *plan) error {
	want := p.spec.Resource
	if want == nil {
		return nil
	}
	if p.resource == nil {
		r, err := admin.CreateResource(ctx, environmentID, want.Name, want.Description, want.Audience)
		if err != nil {
			return err
		}
		p.resource = &r
		s.note("created resource " + r.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(p.attributes)) {
		value, err := attributeValue(p.attributes[name])
		if err != nil {
			return err
		}
		if _, err := admin.CreateAttribute(ctx, environmentID, p.resource.ID, name, value); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
	}
	for _, name := range p.scopes {
		if _, err := admin.CreateScope(ctx, environmentID, p.resource.ID, name, ""); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
	}
	scopes, err := admin.Scopes(ctx, environmentID, p.resource.ID)
	if err != nil {
		return err
	}
	p.grants = append(p.grants, p.resourceGrant(scopes))
	return nil
}

// resourceGrant is the grant of the custom resource, with those of its scopes that
// the specification names.
func (p *plan) resourceGrant(scopes []pingone.Scope) pingone.Grant {
	g := pingone.Grant{ResourceID: p.resource.ID}
	for _, scope := range scopes {
		if slices.Contains(p.spec.Resource.Scopes, scope.Name) {
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

func (s *step) equipRoles(ctx context.Context, admin *pingone.Client, environmentID, applicationID string, p *plan) error {
	if len(p.roles) == 0 && !p.spec.Exact {
		return nil
	}
	held, err := admin.RoleAssignments(ctx, environmentID, applicationID)
	if err != nil {
		return err
	}
	missing, surplus := p.compareRoles(held)
	for _, want := range missing {
		if err := admin.AssignRole(ctx, environmentID, applicationID, want); err != nil {
			return err
		}
		s.note("assigned role " + want.RoleID)
	}
	for _, h := range surplus {
		if err := admin.RemoveRole(ctx, environmentID, applicationID, h.ID); err != nil {
			return err
		}
		s.note("removed role " + h.RoleID)
	}
	return nil
}

// compareRoles returns which roles of the plan an application lacks, and which it has
// too many if the plan is exact.
func (p *plan) compareRoles(held []pingone.RoleAssignment) (missing, surplus []pingone.RoleAssignment) {
	without := func(all, others []pingone.RoleAssignment) []pingone.RoleAssignment {
		return slices.DeleteFunc(slices.Clone(all), func(a pingone.RoleAssignment) bool {
			return slices.ContainsFunc(others, func(b pingone.RoleAssignment) bool {
				return a.RoleID == b.RoleID && a.ScopeType == b.ScopeType && a.ScopeID == b.ScopeID
			})
		})
	}
	if p.spec.Exact {
		surplus = without(held, p.roles)
	}
	return without(p.roles, held), surplus
}

func (s *step) equipGrants(ctx context.Context, admin *pingone.Client, environmentID, applicationID string, p *plan) error {
	if len(p.grants) == 0 && !p.spec.Exact {
		return nil
	}
	held, err := admin.Grants(ctx, environmentID, applicationID)
	if err != nil {
		return err
	}
	missing, changed, surplus := p.compareGrants(held)
	for _, g := range missing {
		if _, err := admin.CreateGrant(ctx, environmentID, applicationID, g); err != nil && !pingone.IsDuplicate(err) {
			return err
		}
		s.note("granted resource " + g.ResourceID)
	}
	for _, g := range changed {
		if _, err := admin.ReplaceGrant(ctx, environmentID, applicationID, g); err != nil {
			return err
		}
		s.note("changed the grant of resource " + g.ResourceID)
	}
	for _, g := range surplus {
		if err := admin.RemoveGrant(ctx, environmentID, applicationID, g.ID); err != nil {
			return err
		}
		s.note("removed the grant of resource " + g.ResourceID)
	}
	return nil
}

// compareGrants returns which grants of the plan an application lacks, which of its
// grants need other scopes, and which it has too many if the plan is exact.
func (p *plan) compareGrants(held []pingone.Grant) (missing, changed, surplus []pingone.Grant) {
	of := func(all []pingone.Grant, resourceID string) int {
		return slices.IndexFunc(all, func(g pingone.Grant) bool { return g.ResourceID == resourceID })
	}
	for _, want := range p.grants {
		at := of(held, want.ResourceID)
		if at < 0 {
			missing = append(missing, want)
			continue
		}
		have := held[at]
		all := slices.Clone(want.ScopeIDs)
		if !p.spec.Exact {
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
		if p.spec.Exact && of(p.grants, h.ResourceID) < 0 {
			surplus = append(surplus, h)
		}
	}
	return missing, changed, surplus
}

// fixed are members that a repair does not touch: they cannot be changed, or to
// change them would lock out the consumers of AWSCURRENT.
var fixed = []string{"type", "tokenEndpointAuthMethod"}

// readOnly are members that PingOne sends and does not take back.
var readOnly = []string{"_links", "id", "environment", "createdAt", "updatedAt"}

// repair brings the application back to its specification. PUT replaces the whole
// application, so what PingOne sent goes back with it, and only what the
// specification mentions is changed.
func (s *step) repair(ctx context.Context, admin *pingone.Client, d *Document, app *pingone.Application) error {
	spec := d.Rotation.Application
	p, err := s.resolve(ctx, admin, d)
	if err != nil {
		return err
	}
	if changed := spec.differs(app); len(changed) > 0 {
		body := map[string]any{}
		for name, value := range app.Body {
			body[name] = value
		}
		for _, name := range readOnly {
			delete(body, name)
		}
		for _, name := range changed {
			body[name] = spec.Fields[name]
		}
		// Died before or after: the next run compares again.
		if _, err := admin.ReplaceApplication(ctx, d.EnvironmentID, app.ID, body); err != nil {
			return err
		}
		s.note("repaired " + strings.Join(changed, ", "))
	}
	return s.equip(ctx, admin, d.EnvironmentID, app.ID, p)
}

// differs lists the members in which the application is not as specified, sorted.
func (spec *Spec) differs(app *pingone.Application) (names []string) {
	for name, want := range spec.Fields {
		if slices.Contains(fixed, name) {
			continue
		}
		raw, err := json.Marshal(want)
		if err != nil || !sameJSON(app.Body[name], raw) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// sameJSON reports whether two values mean the same. PingOne omits an empty list
// and keeps lists in an order of its own.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	json.Unmarshal(a, &x) // what does not parse is nil, and then differs from what does
	json.Unmarshal(b, &y)
	return reflect.DeepEqual(canonical(x), canonical(y))
}

func canonical(value any) any {
	all, ok := value.([]any)
	switch {
	case !ok:
		return value
	case len(all) == 0:
		return nil
	}
	var texts []string
	for _, one := range all {
		texts = append(texts, fmt.Sprint(one))
	}
	slices.Sort(texts)
	return texts
}
