package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
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
			return fieldError(path, "cannot be given by the admin application, which needs this role, or one that may assign it, at this scope, and a role that assigns roles at all, such as Environment Admin")
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

// roleName returns the name of the role with the id, "" if it is none of these.
func roleName(roles []pingone.Role, id string) string {
	for _, r := range roles {
		if r.ID == id {
			return r.Name
		}
	}
	return ""
}

// assignNothing are the built-in roles that have no permission to assign roles. Of a
// custom role only PingOne knows.
var assignNothing = []string{"Client Application Developer", "Application Owner", "Identity Data Admin", "Identity Data Read Only", "Configuration Read Only"}

// mayAssign reports whether somebody with the roles held may give a role to an
// application: they hold it, or one that may assign it, at its scope or above, and
// may assign roles at all. See "Roles" in the PingOne platform API reference.
func mayAssign(roles []pingone.Role, held []pingone.RoleAssignment, r pingone.RoleAssignment, environmentID string) bool {
	if !slices.ContainsFunc(held, func(h pingone.RoleAssignment) bool { return !slices.Contains(assignNothing, roleName(roles, h.RoleID)) }) {
		return false
	}
	for _, h := range held {
		covers := h.ScopeType == "ORGANIZATION" || h.ScopeType == r.ScopeType && h.ScopeID == r.ScopeID ||
			h.ScopeType == "ENVIRONMENT" && h.ScopeID == environmentID && (r.ScopeType == "POPULATION" || r.ScopeType == "APPLICATION")
		assigns := h.RoleID == r.RoleID ||
			roleName(roles, h.RoleID) == "Environment Admin" && roleName(roles, r.RoleID) != "Organization Admin" ||
			roleName(roles, h.RoleID) == "Organization Admin" && roleName(roles, r.RoleID) == "Environment Admin"
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
