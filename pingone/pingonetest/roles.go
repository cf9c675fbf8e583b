package pingonetest

import (
	"cmp"
	"slices"
)

// The kinds of scope that a role assignment can have.
const (
	scopeOrganization = "ORGANIZATION"
	scopeEnvironment  = "ENVIRONMENT"
	scopeApplication  = "APPLICATION"
)

// RoleAssignment gives an application the permissions of a role at a scope.
type RoleAssignment struct {
	Role      string // a built-in role by name: "Environment Admin", or a [CustomRole]
	ScopeType string // ORGANIZATION, ENVIRONMENT (default) or APPLICATION
	ScopeID   string // defaults to the organization, or to the application's own environment
}

// CustomRole is a role that belongs to an environment.
type CustomRole struct {
	Environment     string   // UUID; defaults as in [Application]
	Name            string   // no other role of the organization has it
	Permissions     []string // "applications:read:secret"
	ApplicableTo    []string // kinds of scope; nil defaults to ENVIRONMENT
	CanBeAssignedBy []string // names of the roles whose holders may assign it; if empty, no one may
}

// AddRole creates a custom role without a call.
func (s *Server) AddRole(r CustomRole) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Environment = cmp.Or(r.Environment, s.home)
	if r.Name == "" || !isUUID(r.Environment) || s.roles[r.Name] != nil {
		s.t.Fatalf("pingonetest: role %q of environment %q needs a unique name and a UUID", r.Name, r.Environment)
	}
	if r.ApplicableTo == nil {
		r.ApplicableTo = []string{scopeEnvironment}
	}
	for _, by := range r.CanBeAssignedBy {
		if s.roles[by] == nil {
			s.t.Fatalf("pingonetest: there is no role %q to assign %s", by, r.Name)
		}
		s.roles[by].assigns = append(s.roles[by].assigns, r.Name)
	}
	s.environment(r.Environment)
	s.roles[r.Name] = &role{slices.Clone(r.Permissions), nil, slices.Clone(r.ApplicableTo), r.Environment}
}

// The permissions that this server asks for.
const (
	permCreateApplication = "applications:create:application"
	permReadApplication   = "applications:read:application"
	permUpdateApplication = "applications:update:application"
	permDeleteApplication = "applications:delete:application"

	permReadSecret   = "applications:read:secret"
	permUpdateSecret = "applications:update:secret"
	permDeleteSecret = "applications:delete:secret"

	permCreateGrant = "applications:create:grant"
	permReadGrant   = "applications:read:grant"
	permUpdateGrant = "applications:update:grant"
	permDeleteGrant = "applications:delete:grant"

	permCreateResource       = "resources:create:resource"
	permReadResource         = "resources:read:resource"
	permUpdateResource       = "resources:update:resource"
	permReadResourceSecret   = "resources:read:secret"
	permUpdateResourceSecret = "resources:update:secret"
	permDeleteResourceSecret = "resources:delete:secret"

	permCreatePopulation = "dir:create:population"
	permReadPopulation   = "dir:read:population"
	permDeletePopulation = "dir:delete:population"
	permCreateUser       = "dir:create:user"
	permReadUser         = "dir:read:user"
	permUpdateUser       = "dir:update:user"
	permDeleteUser       = "dir:delete:user"
	permReadPassword     = "dir:read:userPassword"
	permSetPassword      = "dir:update:userPassword"

	permReadAssignments   = "permissions:read:applicationRoleAssignments"
	permUpdateAssignments = "permissions:update:applicationRoleAssignments"
)

type role struct {
	permissions  []string
	assigns      []string // names of the roles that its holders may give to others
	applicableTo []string
	environment  string // "" for a built-in role
}

const (
	organizationAdmin    = "Organization Admin"
	environmentAdmin     = "Environment Admin"
	applicationDeveloper = "Client Application Developer"
	applicationOwner     = "Application Owner"
	identityDataAdmin    = "Identity Data Admin"
	configReadOnly       = "Configuration Read Only"
)

// builtInRoles returns the roles that every organization has.
func builtInRoles() map[string]*role {
	wide := []string{scopeOrganization, scopeEnvironment}
	secrets := []string{permReadSecret, permUpdateSecret, permDeleteSecret}
	applications := []string{
		permCreateApplication, permReadApplication, permUpdateApplication, permDeleteApplication,
		permCreateGrant, permReadGrant, permUpdateGrant, permDeleteGrant,
		permCreateResource, permReadResource, permUpdateResource,
		permReadResourceSecret, permUpdateResourceSecret, permDeleteResourceSecret,
	}
	assignments := []string{permReadAssignments, permUpdateAssignments}
	users := []string{
		permCreatePopulation, permReadPopulation, permDeletePopulation,
		permCreateUser, permReadUser, permUpdateUser, permDeleteUser, permReadPassword, permSetPassword,
	}
	reading := []string{permReadApplication, permReadAssignments, permReadGrant, permReadResource}
	return map[string]*role{
		organizationAdmin: {slices.Concat(assignments, []string{permCreatePopulation, permReadPopulation, permCreateUser, permReadUser}), []string{environmentAdmin}, []string{scopeOrganization}, ""},
		environmentAdmin: {
			slices.Concat(applications, secrets, assignments),
			[]string{applicationDeveloper, applicationOwner, identityDataAdmin, configReadOnly}, wide, "",
		},
		applicationDeveloper: {slices.Concat(applications, secrets, []string{permReadAssignments}), nil, wide, ""},
		applicationOwner:     {[]string{permReadApplication, permReadSecret}, nil, []string{scopeApplication}, ""},
		identityDataAdmin:    {users, nil, wide, ""},
		configReadOnly:       {reading, nil, wide, ""},
	}
}

// permitted reports whether one of the roles gives the permission on an application, which
// need not exist, or, if the target names none, on an environment.
func (s *Server) permitted(roles []RoleAssignment, permission string, target appKey) bool {
	return slices.ContainsFunc(roles, func(held RoleAssignment) bool {
		if !slices.Contains(s.roles[held.Role].permissions, permission) {
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

// readOnly returns the property of that name that a caller sees on a role assignment of the
// target: whether the caller could not have made it.
func (s *Server) readOnly(c *call, target *application, assignment RoleAssignment) bool {
	if c.caller.ID == target.ID {
		return true
	}
	return !slices.ContainsFunc(c.roles, func(held RoleAssignment) bool {
		able := held.Role == assignment.Role || slices.Contains(s.roles[held.Role].assigns, assignment.Role)
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

// checkRoles completes the assignments of an application, and refuses those that PingOne
// could not have.
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
		if s.roles[r.Role] == nil {
			s.t.Fatalf("pingonetest: there is no role %q", r.Role)
		}
		if !slices.Contains([]string{scopeOrganization, scopeEnvironment, scopeApplication}, r.ScopeType) || !isUUID(r.ScopeID) {
			s.t.Fatalf("pingonetest: role %s has no scope %q %q", r.Role, r.ScopeType, r.ScopeID)
		}
	}
}
