package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// A plan is a specification with the names resolved to what PingOne calls them. It
// is complete before anything is created: a name that does not exist, or a role
// that the admin may not give away, is found while nothing has happened yet.
type plan struct {
	spec   *Spec
	roles  []pingone.RoleAssignment
	grants []pingone.Grant

	// The custom resource, and what of it is missing. Its grant is added once its ids
	// are known.
	resource   *pingone.Resource
	attributes map[string]any
	scopes     []string
}

// marker is how the rotation recognises an application that it has created, in the
// description. It is the secret's own: another secret with the same specification
// does not take the application over.
func (s *step) marker() string {
	sum := sha256.Sum256([]byte(s.arn))
	return "[pingrotate " + hex.EncodeToString(sum[:8]) + "]"
}

// provision returns the application that the document wants, and creates it if
// there is none.
//
// Died after the application is created, or a reply lost: the next run finds it by
// its name and marker, and goes on from what it has. There is never a second one,
// and PingOne itself refuses two of one name.
func (s *step) provision(ctx context.Context, admin *pingone.Client, d *Document) (*pingone.Application, error) {
	spec := d.Rotation.Application
	p, err := s.resolve(ctx, admin, d)
	if err != nil {
		return nil, err
	}
	app, err := s.findOwn(ctx, admin, d)
	if err != nil {
		return nil, err
	}
	if app == nil {
		body := maps.Clone(spec.Fields)
		body["name"] = spec.Name
		body["description"] = strings.TrimSpace(spec.Description + " " + s.marker())
		body["protocol"] = "OPENID_CONNECT"
		body["enabled"] = true
		body["assignActorRoles"] = false // or a worker would inherit all that the admin may do
		if app, err = admin.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		s.note("created application " + app.ID)
	}
	return app, s.equip(ctx, admin, d.EnvironmentID, app.ID, p)
}

// verifySpec checks a document whose application does not exist yet: that all its
// specification names is there, and that no other application is in the way.
func (s *step) verifySpec(ctx context.Context, v *stored) error {
	if s.event.Step == FinishSecret {
		return fmt.Errorf("version %s has no clientId; it cannot be promoted", v.versionID)
	}
	admin, err := s.admin(ctx, v.Document)
	if err != nil {
		return err
	}
	s.decision = "verify the specification"
	if _, err = s.resolve(ctx, admin, v.Document); err != nil {
		return err
	}
	_, err = s.findOwn(ctx, admin, v.Document)
	return err
}

// findOwn returns the application of the specification's name, nil if there is none.
func (s *step) findOwn(ctx context.Context, admin *pingone.Client, d *Document) (*pingone.Application, error) {
	apps, err := admin.Applications(ctx, d.EnvironmentID)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		switch {
		case !strings.EqualFold(app.Name, d.Rotation.Application.Name):
		case strings.Contains(app.Description, s.marker()):
			return app, nil
		default:
			return nil, fmt.Errorf("application %s has the name that rotation.application asks for and was not created for this secret; "+
				"give rotation.application another name or, to rotate that application, set clientId to its id", app.ID)
		}
	}
	return nil, nil
}

// resolve turns names into ids, and only reads.
func (s *step) resolve(ctx context.Context, admin *pingone.Client, d *Document) (*plan, error) {
	p := &plan{spec: d.Rotation.Application}
	err := parallel(
		func() error { return s.resolveRoles(ctx, admin, d, p) },
		func() error { return s.resolveGrants(ctx, admin, d, p) },
	)
	return p, err
}

func (s *step) resolveRoles(ctx context.Context, admin *pingone.Client, d *Document, p *plan) error {
	if len(p.spec.Roles) == 0 {
		return nil
	}
	var roles []pingone.Role
	var held []pingone.RoleAssignment
	err := parallel(
		func() (err error) { roles, err = admin.Roles(ctx, d.EnvironmentID); return err },
		func() (err error) {
			held, err = admin.RoleAssignments(ctx, admin.Admin.Environment.ID, s.adminApplication)
			return err
		},
	)
	if err != nil {
		return err
	}
	for i, want := range p.spec.Roles {
		path := fmt.Sprintf("rotation.application.roles[%d]", i)
		at := slices.IndexFunc(roles, func(r pingone.Role) bool { return strings.EqualFold(r.Name, want.Role) })
		if at < 0 {
			return fieldError(path+".role", "names no role of PingOne's; the roles are "+roleNames(roles))
		}
		r := pingone.RoleAssignment{RoleID: roles[at].ID, ScopeType: want.ScopeType, ScopeID: want.ScopeID}
		if !mayAssign(roles, held, r, d.EnvironmentID) {
			return fieldError(path, "cannot be given by the admin application, which holds neither this role nor one that may assign it at this scope")
		}
		p.roles = append(p.roles, r)
	}
	return nil
}

func roleNames(roles []pingone.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, printable(r.Name))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// mayAssign reports whether somebody with the roles held may give a role to an
// application: they hold it, or one that may assign it, at its scope or above.
// See "Roles" in the PingOne platform API reference.
func mayAssign(roles []pingone.Role, held []pingone.RoleAssignment, r pingone.RoleAssignment, environmentID string) bool {
	name := func(id string) string {
		for _, role := range roles {
			if role.ID == id {
				return role.Name
			}
		}
		return ""
	}
	for _, h := range held {
		covers := h.ScopeType == "ORGANIZATION" || h.ScopeType == r.ScopeType && h.ScopeID == r.ScopeID ||
			h.ScopeType == "ENVIRONMENT" && h.ScopeID == environmentID && (r.ScopeType == "POPULATION" || r.ScopeType == "APPLICATION")
		assigns := h.RoleID == r.RoleID ||
			name(h.RoleID) == "Environment Admin" && name(r.RoleID) != "Organization Admin" ||
			name(h.RoleID) == "Organization Admin" && name(r.RoleID) == "Environment Admin"
		if covers && assigns {
			return true
		}
	}
	return false
}

func (s *step) resolveGrants(ctx context.Context, admin *pingone.Client, d *Document, p *plan) error {
	if len(p.spec.Grants) == 0 && p.spec.Resource == nil {
		return nil
	}
	resources, err := admin.Resources(ctx, d.EnvironmentID)
	if err != nil {
		return err
	}
	find := func(name string) *pingone.Resource {
		for i := range resources {
			if strings.EqualFold(resources[i].Name, name) {
				return &resources[i]
			}
		}
		return nil
	}
	for i, want := range p.spec.Grants {
		path := fmt.Sprintf("rotation.application.grants[%d]", i)
		r := find(want.Resource)
		if r == nil {
			return fieldError(path+".resource", "names no resource of the environment")
		}
		scopes, err := admin.Scopes(ctx, d.EnvironmentID, r.ID)
		if err != nil {
			return err
		}
		g := pingone.Grant{ResourceID: r.ID}
		for j, name := range want.Scopes {
			at := slices.IndexFunc(scopes, func(s pingone.Scope) bool { return s.Name == name })
			if at < 0 {
				return fieldError(fmt.Sprintf("%s.scopes[%d]", path, j), "names no scope of that resource")
			}
			g.ScopeIDs = append(g.ScopeIDs, scopes[at].ID)
		}
		p.grants = append(p.grants, g)
	}
	if want := p.spec.Resource; want != nil {
		return s.resolveResource(ctx, admin, d, p, find(want.Name))
	}
	return nil
}

// resolveResource finds out what is missing of the custom resource.
func (s *step) resolveResource(ctx context.Context, admin *pingone.Client, d *Document, p *plan, found *pingone.Resource) error {
	want := p.spec.Resource
	p.resource, p.attributes, p.scopes = found, maps.Clone(want.Attributes), want.Scopes
	if found == nil {
		return nil
	}
	if found.Type != "CUSTOM" {
		return fieldError("rotation.application.resource.name", "names a resource of PingOne's own; use grants for it")
	}
	var scopes []pingone.Scope
	var attributes []pingone.Attribute
	err := parallel(
		func() (err error) { scopes, err = admin.Scopes(ctx, d.EnvironmentID, found.ID); return err },
		func() (err error) { attributes, err = admin.Attributes(ctx, d.EnvironmentID, found.ID); return err },
	)
	if err != nil {
		return err
	}
	for _, a := range attributes {
		delete(p.attributes, a.Name)
	}
	p.scopes = slices.DeleteFunc(slices.Clone(want.Scopes), func(name string) bool {
		return slices.ContainsFunc(scopes, func(s pingone.Scope) bool { return s.Name == name })
	})
	return nil
}

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
