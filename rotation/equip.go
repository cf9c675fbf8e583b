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
	g := pingone.Grant{ResourceID: p.resource.ID}
	for _, scope := range scopes {
		if slices.Contains(want.Scopes, scope.Name) {
			g.ScopeIDs = append(g.ScopeIDs, scope.ID)
		}
	}
	p.grants = append(p.grants, g)
	return nil
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
	same := func(a, b pingone.RoleAssignment) bool {
		return a.RoleID == b.RoleID && a.ScopeType == b.ScopeType && a.ScopeID == b.ScopeID
	}
	for _, want := range p.roles {
		if !slices.ContainsFunc(held, func(h pingone.RoleAssignment) bool { return same(h, want) }) {
			if err := admin.AssignRole(ctx, environmentID, applicationID, want); err != nil {
				return err
			}
			s.note("assigned role " + want.RoleID)
		}
	}
	if !p.spec.Exact {
		return nil
	}
	for _, h := range held {
		if !slices.ContainsFunc(p.roles, func(want pingone.RoleAssignment) bool { return same(h, want) }) {
			if err := admin.RemoveRole(ctx, environmentID, applicationID, h.ID); err != nil {
				return err
			}
			s.note("removed role " + h.RoleID)
		}
	}
	return nil
}

func (s *step) equipGrants(ctx context.Context, admin *pingone.Client, environmentID, applicationID string, p *plan) error {
	if len(p.grants) == 0 && !p.spec.Exact {
		return nil
	}
	held, err := admin.Grants(ctx, environmentID, applicationID)
	if err != nil {
		return err
	}
	for _, want := range p.grants {
		at := slices.IndexFunc(held, func(h pingone.Grant) bool { return h.ResourceID == want.ResourceID })
		if at < 0 {
			if _, err := admin.CreateGrant(ctx, environmentID, applicationID, want); err != nil && !pingone.IsDuplicate(err) {
				return err
			}
			s.note("granted resource " + want.ResourceID)
			continue
		}
		have := held[at]
		all := slices.Clone(want.ScopeIDs)
		if !p.spec.Exact {
			all = append(all, have.ScopeIDs...)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if slices.Sort(have.ScopeIDs); slices.Equal(all, have.ScopeIDs) {
			continue
		}
		have.ScopeIDs = all
		if _, err := admin.ReplaceGrant(ctx, environmentID, applicationID, have); err != nil {
			return err
		}
		s.note("changed the grant of resource " + want.ResourceID)
	}
	if !p.spec.Exact {
		return nil
	}
	for _, h := range held {
		if !slices.ContainsFunc(p.grants, func(want pingone.Grant) bool { return want.ResourceID == h.ResourceID }) {
			if err := admin.RemoveGrant(ctx, environmentID, applicationID, h.ID); err != nil {
				return err
			}
			s.note("removed the grant of resource " + h.ResourceID)
		}
	}
	return nil
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
