package pingone

import (
	"context"
	"encoding/json"
	"slices"
)

// A Role is a set of permissions that can be assigned. PingOne chooses the id, so a
// configuration names a role by its name. See "Roles" in the PingOne platform API reference.
type Role struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A RoleAssignment gives an application a role at a scope.
// See "Application role assignments" in the PingOne platform API reference.
type RoleAssignment struct {
	ID        string // given by PingOne
	RoleID    string
	ScopeType string // ORGANIZATION, ENVIRONMENT, POPULATION or APPLICATION
	ScopeID   string

	// ReadOnly says that the admin could not have made the assignment: it is the
	// application itself, or it neither holds nor can assign the role at the scope.
	// As long as there is one such assignment, PingOne keeps the application's
	// secret from the admin.
	ReadOnly bool
}

const (
	assignmentsPath = applicationPath + "/roleAssignments"

	// assignmentLimit is PingOne's limit for one worker application.
	assignmentLimit = 3500
	roleLimit       = 1000
)

func decodeRole(data json.RawMessage) (Role, bool) {
	var r Role
	err := json.Unmarshal(data, &r)
	return r, err == nil && r.ID != "" && r.Name != ""
}

// Roles reads the roles that every organization has, and the environment's custom ones.
func (c *Client) Roles(ctx context.Context, environmentID string) ([]Role, error) {
	all, err := list(ctx, c, collection{"list the roles", "roles", "/v1/roles", roleLimit, false}, decodeRole)
	if err != nil {
		return nil, err
	}
	custom, err := list(ctx, c, collection{"list the custom roles", "roles", "/v1/environments/{}/roles", roleLimit, false}, decodeRole, environmentID)
	if err != nil {
		return nil, err
	}
	for _, r := range custom {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all, nil
}

// reference is how the platform API's bodies name something.
type reference struct {
	ID   string `json:"id"`
	Type string `json:"type,omitempty"`
}

func decodeAssignment(data json.RawMessage) (RoleAssignment, bool) {
	var body struct {
		ID       string    `json:"id"`
		Role     reference `json:"role"`
		Scope    reference `json:"scope"`
		ReadOnly bool      `json:"readOnly"`
	}
	if json.Unmarshal(data, &body) != nil {
		return RoleAssignment{}, false
	}
	r := RoleAssignment{body.ID, body.Role.ID, body.Scope.Type, body.Scope.ID, body.ReadOnly}
	return r, r.ID != "" && r.RoleID != "" && r.ScopeType != "" && r.ScopeID != ""
}

// RoleAssignments reads all roles of an application, as the admin sees them. For an
// application that is not a worker PingOne answers 404, which means that it has none; it
// answers the same for an application that does not exist.
func (c *Client) RoleAssignments(ctx context.Context, environmentID, applicationID string) ([]RoleAssignment, error) {
	from := collection{"list the role assignments", "roleAssignments", assignmentsPath, assignmentLimit, true}
	all, err := list(ctx, c, from, decodeAssignment, environmentID, applicationID)
	if IsNotFound(err) {
		return nil, nil
	}
	return all, err
}

// AssignRole assigns a role to an application; it uses the role and the scope of r. It
// succeeds if the application already has the role there, or at a wider scope, and so
// can be repeated.
func (c *Client) AssignRole(ctx context.Context, environmentID, applicationID string, r RoleAssignment) error {
	req := post("assign the role")
	req.once = false
	body := map[string]reference{"role": {ID: r.RoleID}, "scope": {r.ScopeID, r.ScopeType}}
	_, err := submit(ctx, c, req, body, decodeAssignment, assignmentsPath, environmentID, applicationID)
	if IsDuplicate(err) {
		return nil
	}
	return err
}

// RemoveRole removes a role from an application. It succeeds if the assignment is
// already gone.
func (c *Client) RemoveRole(ctx context.Context, environmentID, applicationID, assignmentID string) error {
	return c.delete(ctx, "remove the role assignment", assignmentsPath+"/{}", environmentID, applicationID, assignmentID)
}
