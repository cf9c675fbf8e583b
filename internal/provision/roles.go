package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

func (p *Provisioner) resolveRoles(ctx context.Context, d *document.Document, a *Access) error {
	if len(a.spec.Roles) == 0 && !a.spec.Exact {
		return nil
	}
	var roles []pingone.Role
	var held []pingone.RoleAssignment
	err := parallel.Do(
		func() (err error) { roles, err = p.Client.Roles(ctx, d.EnvironmentID); return err },
		func() (err error) {
			if len(a.spec.Roles) == 0 {
				return nil
			}
			held, err = p.Client.RoleAssignments(ctx, p.Client.Admin.Environment.ID, p.AdminApplication)
			return err
		},
	)
	if err != nil {
		return err
	}
	a.allRoles = roles
	for i, want := range a.spec.Roles {
		path := fmt.Sprintf("rotation.application.roles[%d]", i)
		at := slices.IndexFunc(roles, func(r pingone.Role) bool { return strings.EqualFold(r.Name, want.Role) })
		if at < 0 {
			return document.NewFieldError(path+".role", "names no role of PingOne's; the roles are "+roleNames(roles))
		}
		r := pingone.RoleAssignment{RoleID: roles[at].ID, ScopeType: want.ScopeType, ScopeID: want.ScopeID}
		if !mayAssign(roles, held, r, d.EnvironmentID) {
			return document.NewFieldError(path, "cannot be given by the admin application, which needs this role, or one that may assign it, at this scope, and a role that assigns roles at all, such as Environment Admin")
		}
		a.roles = append(a.roles, r)
	}
	return nil
}

func roleNames(roles []pingone.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, document.Printable(r.Name))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// RoleName returns the name of the role with this id, or "" if it is not among the roles.
func RoleName(roles []pingone.Role, id string) string {
	for _, r := range roles {
		if r.ID == id {
			return r.Name
		}
	}
	return ""
}

// assignNothing are the built-in roles that do not permit assigning roles. Whether a custom
// role does, only PingOne knows.
var assignNothing = []string{"Client Application Developer", "Application Owner", "Identity Data Admin", "Identity Data Read Only", "Configuration Read Only"}

// mayAssign reports whether the holder of these roles may give a role to an application:
// they hold it, or one that may assign it, at its scope or above, and may assign roles at
// all. See "Roles" in the PingOne platform API reference.
func mayAssign(roles []pingone.Role, held []pingone.RoleAssignment, r pingone.RoleAssignment, environmentID string) bool {
	if !slices.ContainsFunc(held, func(h pingone.RoleAssignment) bool { return !slices.Contains(assignNothing, RoleName(roles, h.RoleID)) }) {
		return false
	}
	for _, h := range held {
		covers := h.ScopeType == "ORGANIZATION" || h.ScopeType == r.ScopeType && h.ScopeID == r.ScopeID ||
			h.ScopeType == "ENVIRONMENT" && h.ScopeID == environmentID && (r.ScopeType == "POPULATION" || r.ScopeType == "APPLICATION")
		assigns := h.RoleID == r.RoleID ||
			RoleName(roles, h.RoleID) == "Environment Admin" && RoleName(roles, r.RoleID) != "Organization Admin" ||
			RoleName(roles, h.RoleID) == "Organization Admin" && RoleName(roles, r.RoleID) == "Environment Admin"
		if covers && assigns {
			return true
		}
	}
	return false
}
