package pingonetest

import "slices"

// The kinds of scope that a role assignment can have.
const (
	scopeOrganization = "ORGANIZATION"
	scopeEnvironment  = "ENVIRONMENT"
	scopeApplication  = "APPLICATION"
)

// RoleAssignment gives an application the permissions of a role at a scope.
type RoleAssignment struct {
	Role      string // a built-in role by name: "Environment Admin"
	ScopeType string // ORGANIZATION, ENVIRONMENT (default) or APPLICATION
	ScopeID   string // defaults to the organization, or to the application's own environment
}

// The permissions that this server asks for.
const (
	permRead         = "applications:read"
	permReadSecret   = "applications:read:secret"
	permUpdateSecret = "applications:update:secret"
	permDeleteSecret = "applications:delete:secret"
)

type role struct {
	permissions []string
	assigns     []string // names of the roles that its holders may give to others
}

const (
	organizationAdmin    = "Organization Admin"
	environmentAdmin     = "Environment Admin"
	applicationDeveloper = "Client Application Developer"
	applicationOwner     = "Application Owner"
	identityDataAdmin    = "Identity Data Admin"
	configReadOnly       = "Configuration Read Only"
)

var builtInRoles = map[string]role{
	organizationAdmin: {assigns: []string{environmentAdmin}},
	environmentAdmin: {
		permissions: []string{permRead, permReadSecret, permUpdateSecret, permDeleteSecret},
		assigns:     []string{applicationDeveloper, applicationOwner, identityDataAdmin, configReadOnly},
	},
	applicationDeveloper: {permissions: []string{permRead, permReadSecret, permUpdateSecret, permDeleteSecret}},
	applicationOwner:     {permissions: []string{permRead, permReadSecret}},
	identityDataAdmin:    {},
	configReadOnly:       {permissions: []string{permRead}},
}

// permitted reports whether one of the roles gives the permission on an
// application, which need not exist.
func (s *Server) permitted(roles []RoleAssignment, permission string, target appKey) bool {
	return slices.ContainsFunc(roles, func(held RoleAssignment) bool {
		if !slices.Contains(builtInRoles[held.Role].permissions, permission) {
			return false
		}
		switch held.ScopeType {
		case scopeOrganization:
			return held.ScopeID == s.organization
		case scopeEnvironment:
			return held.ScopeID == target.environment
		}
		return held.ScopeID == target.id
	})
}

// readOnly is the property of that name that a caller sees on a role assignment
// of the target: whether the caller could not have made it.
func (s *Server) readOnly(c *call, target *application, assignment RoleAssignment) bool {
	if c.caller == target {
		return true
	}
	return !slices.ContainsFunc(c.roles, func(held RoleAssignment) bool {
		able := held.Role == assignment.Role || slices.Contains(builtInRoles[held.Role].assigns, assignment.Role)
		return able && s.reaches(held, assignment)
	})
}

// reaches reports whether the held role's scope is the other's or an ancestor of it.
func (s *Server) reaches(held, other RoleAssignment) bool {
	if held.ScopeType == other.ScopeType {
		return held.ScopeID == other.ScopeID
	}
	switch held.ScopeType {
	case scopeOrganization:
		return held.ScopeID == s.organization
	case scopeEnvironment:
		return other.ScopeType == scopeApplication && s.apps[appKey{held.ScopeID, other.ScopeID}] != nil
	}
	return false
}

// checkRoles completes the assignments of an application and refuses those that
// PingOne could not hold.
func (s *Server) checkRoles(a *Application) {
	s.t.Helper()
	a.Roles = slices.Clone(a.Roles)
	for i := range a.Roles {
		r := &a.Roles[i]
		if r.ScopeType == "" {
			r.ScopeType = scopeEnvironment
		}
		if r.ScopeID == "" {
			switch r.ScopeType {
			case scopeOrganization:
				r.ScopeID = s.organization
			case scopeEnvironment:
				r.ScopeID = a.Environment
			}
		}
		if _, known := builtInRoles[r.Role]; !known {
			s.t.Fatalf("pingonetest: there is no role %q", r.Role)
		}
		if !slices.Contains([]string{scopeOrganization, scopeEnvironment, scopeApplication}, r.ScopeType) || !isUUID(r.ScopeID) {
			s.t.Fatalf("pingonetest: role %s has no scope %q %q", r.Role, r.ScopeType, r.ScopeID)
		}
	}
}
