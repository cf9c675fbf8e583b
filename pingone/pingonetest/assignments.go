package pingonetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) assignmentRoutes() {
	const path = "/v1/environments/{env}/applications/{app}/roleAssignments"
	s.platform("GET /v1/roles", OpListRoles, s.listRoles)
	s.platform("GET /v1/environments/{env}/roles", OpListCustomRoles, s.listCustomRoles)
	s.platform("GET "+path, OpListAssignments, s.listAssignments)
	s.platform("POST "+path, OpAssignRole, s.assignRole)
	s.platform("GET "+path+"/{assignment}", OpReadAssignment, s.readAssignment)
	s.platform("DELETE "+path+"/{assignment}", OpDeleteAssignment, s.deleteAssignment)
}

// roleID returns the id of a role, which differs between organizations, so that no client
// can know it without asking.
func (s *Server) roleID(name string) string { return derivedUUID(s.organization, "role", name) }

func (s *Server) listRoles(c *call) (any, *refusal) {
	if c.user != nil {
		return nil, forbidden()
	}
	return c.page("roles", s.roleItems(""))
}

func (s *Server) listCustomRoles(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadAssignments)
	if no != nil {
		return nil, no
	}
	return c.page("roles", s.roleItems(e.id))
}

// roleItems returns the custom roles of an environment, or the built-in ones.
func (s *Server) roleItems(environment string) []item {
	type permission struct {
		ID         string `json:"id"`
		Classifier string `json:"classifier"`
	}
	var items []item
	for name, r := range s.roles {
		if r.environment != environment {
			continue
		}
		body := struct {
			ID           string       `json:"id"`
			Name         string       `json:"name"`
			Environment  *reference   `json:"environment,omitempty"`
			Permissions  []permission `json:"permissions"`
			ApplicableTo []string     `json:"applicableTo"`
		}{ID: s.roleID(name), Name: name, Permissions: []permission{}, ApplicableTo: r.applicableTo}
		if environment != "" {
			body.Environment = &reference{environment}
		}
		for _, p := range r.permissions {
			body.Permissions = append(body.Permissions, permission{p, p[strings.LastIndex(p, ":")+1:]})
		}
		items = append(items, item{body.ID, func() any { return body }})
	}
	return items
}

// assignmentID returns the id of an assignment. No two of an application's assignments are
// equal.
func assignmentID(a *application, r RoleAssignment) string {
	return derivedUUID(a.ID, r.Role, r.ScopeType, r.ScopeID)
}

func (s *Server) assignmentBody(c *call, a *application, r RoleAssignment) any {
	application := c.environmentURL() + "/applications/" + a.ID
	return struct {
		Links       map[string]href `json:"_links"`
		ID          string          `json:"id"`
		Environment reference       `json:"environment"`
		Role        reference       `json:"role"`
		Scope       scopeReference  `json:"scope"`
		ReadOnly    bool            `json:"readOnly"`
	}{
		Links:       map[string]href{"self": {application + "/roleAssignments/" + assignmentID(a, r)}, "application": {application}},
		ID:          assignmentID(a, r),
		Environment: reference{a.Environment},
		Role:        reference{s.roleID(r.Role)},
		Scope:       scopeReference{r.ScopeID, r.ScopeType},
		ReadOnly:    s.readOnly(c, a, r),
	}
}

type scopeReference struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// reachHolder is reach for an application that can hold roles. For any other kind, PingOne
// has no such path.
func (s *Server) reachHolder(c *call, permission string) (*application, *refusal) {
	a, no := s.reach(c, permission)
	if no == nil && !s.holdsRoles(a) {
		return nil, notFound()
	}
	return a, no
}

func (s *Server) holdsRoles(a *application) bool {
	return a.Type == typeWorker || s.assumed.AllHaveRoles
}

func (s *Server) listAssignments(c *call) (any, *refusal) {
	a, no := s.reachHolder(c, permReadAssignments)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, r := range a.Roles {
		items = append(items, item{assignmentID(a, r), func() any { return s.assignmentBody(c, a, r) }})
	}
	return c.page("roleAssignments", items)
}

// assignRole gives a role. The caller must be able to: otherwise a worker could give itself
// what it does not have.
func (s *Server) assignRole(c *call) (any, *refusal) {
	a, no := s.reachHolder(c, permUpdateAssignments)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	roleID := f.reference("role")
	scope := &fields{rest: take[map[string]any](f, "scope", "an object")}
	r := RoleAssignment{ScopeType: scope.require("type"), ScopeID: scope.require("id")}
	for _, p := range scope.problems {
		f.problem(p.Code, "scope."+p.Target, p.Message)
	}
	for name, candidate := range s.roles {
		if s.roleID(name) == roleID && (candidate.environment == "" || candidate.environment == a.Environment) {
			r.Role = name
		}
	}
	switch {
	case f.problems != nil:
	case r.Role == "":
		f.problem("INVALID_VALUE", "role.id", "is not a role")
	case !slices.Contains(s.roles[r.Role].applicableTo, r.ScopeType):
		f.problem("INVALID_VALUE", "scope.type", "is not one that the role applies to")
	case !s.scopeExists(r):
		f.problem("INVALID_VALUE", "scope.id", "is not a scope of this type")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	if s.readOnly(c, a, r) {
		problem := detail{Code: "INVALID_VALUE", Target: "scope", Message: msgBroaderRole}
		if s.assumed.RoleRefusedAsInvalid {
			return nil, refuse(http.StatusBadRequest, "INVALID_DATA", msgInvalidData, problem)
		}
		return nil, refuse(http.StatusForbidden, "ACCESS_FAILED", msgNotAuthorized, problem)
	}
	for _, held := range a.Roles {
		if held.Role == r.Role && s.reaches(held, r) {
			return nil, invalidData("UNIQUENESS_VIOLATION", "role", msgDuplicateRole)
		}
	}
	s.changingApplication(a)
	a.Roles = append(slices.Clone(a.Roles), r)
	return created{s.assignmentBody(c, a, r)}, nil
}

func (s *Server) scopeExists(r RoleAssignment) bool {
	switch r.ScopeType {
	case scopeOrganization:
		return r.ScopeID == s.organization
	case scopeEnvironment:
		return s.environments[r.ScopeID] != nil
	}
	return s.ids[r.ScopeID] != nil
}

// reachAssignment returns the assignment that a call is about, by its position.
func (s *Server) reachAssignment(c *call, permission string) (*application, int, *refusal) {
	a, no := s.reachHolder(c, permission)
	if no != nil {
		return nil, 0, no
	}
	i := slices.IndexFunc(a.Roles, func(r RoleAssignment) bool { return assignmentID(a, r) == c.path("assignment") })
	if i < 0 {
		return nil, 0, notFound()
	}
	return a, i, nil
}

func (s *Server) readAssignment(c *call) (any, *refusal) {
	a, i, no := s.reachAssignment(c, permReadAssignments)
	if no != nil {
		return nil, no
	}
	return s.assignmentBody(c, a, a.Roles[i]), nil
}

func (s *Server) deleteAssignment(c *call) (any, *refusal) {
	a, i, no := s.reachAssignment(c, permUpdateAssignments)
	if no != nil {
		return nil, no
	}
	if s.readOnly(c, a, a.Roles[i]) {
		return nil, refuse(http.StatusForbidden, "ACCESS_FAILED", fmt.Sprintf(msgReadOnlyRole, c.path("assignment")))
	}
	s.changingApplication(a)
	a.Roles = slices.Delete(slices.Clone(a.Roles), i, i+1)
	return nil, nil
}
