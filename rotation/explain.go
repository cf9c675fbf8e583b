package rotation

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"pingrotate/pingone"
)

// explain says which roles keep a secret from the admin. PingOne itself says only
// that it may not read the secret, and that happens to admins that could until
// yesterday: a target which is given a role, or creates an environment and is its
// administrator from then on, is out of reach for whoever lacks that role.
func (s *step) explain(ctx context.Context, admin *pingone.Client, d *Document, refused error) error {
	if d.isResource() {
		return refused
	}
	held, err := admin.RoleAssignments(ctx, d.EnvironmentID, d.ApplicationID())
	if err != nil {
		return refused
	}
	roles, err := admin.Roles(ctx, d.EnvironmentID)
	if err != nil {
		roles = nil // then the role's id has to do
	}
	lacking := outOfReach(held, roles)
	if len(lacking) == 0 {
		return refused
	}
	return fmt.Errorf("application %s has roles that the admin lacks: %s; give the admin the same, or rotate with another admin: %w",
		d.ApplicationID(), strings.Join(lacking, ", "), refused)
}

// outOfReach names the roles of a target that the admin neither holds nor may assign.
func outOfReach(held []pingone.RoleAssignment, roles []pingone.Role) (lacking []string) {
	for _, h := range held {
		if h.ReadOnly {
			lacking = append(lacking, describeRole(h, roles))
		}
	}
	return lacking
}

// describeRole names a role and its scope.
func describeRole(a pingone.RoleAssignment, roles []pingone.Role) string {
	name := cmp.Or(printable(roleName(roles, a.RoleID)), "the role "+a.RoleID)
	return fmt.Sprintf("%s at %s %s", name, printable(a.ScopeType), printable(a.ScopeID))
}
