package provision

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// Explain turns PingOne's refusal to let the admin read a secret into a [*ReachError] that
// names the roles that cause it, if there are any. PingOne itself does not name them, and
// it can refuse an admin that could read the secret yesterday: a target that is given a
// role, or that creates an environment and so becomes its administrator, is out of reach of
// an admin without that role.
func (p *Provisioner) Explain(ctx context.Context, d *document.Document, refused error) error {
	if d.IsResource() {
		return refused
	}
	held, err := p.Client.RoleAssignments(ctx, d.EnvironmentID, d.ApplicationID())
	if err != nil {
		return refused
	}
	roles, err := p.Client.Roles(ctx, d.EnvironmentID)
	if err != nil {
		roles = nil // then the roles' ids must do
	}
	lacking := OutOfReach(held, roles)
	if len(lacking) == 0 {
		return refused
	}
	return &ReachError{Application: d.ApplicationID(), Lacking: lacking, refused: refused}
}

// A ReachError means that PingOne keeps an application's secret from the admin because the
// application has roles that the admin lacks.
type ReachError struct {
	Application string   // its id
	Lacking     []string // roles with their scopes

	refused error
}

func (e *ReachError) Error() string {
	return fmt.Sprintf("application %s has roles that the admin lacks: %s: %v", e.Application, strings.Join(e.Lacking, ", "), e.refused)
}

// Remedy says what to do.
func (e *ReachError) Remedy() string {
	return "give the admin these roles, or rotate with another admin"
}

// Unwrap returns PingOne's refusal.
func (e *ReachError) Unwrap() error { return e.refused }

// OutOfReach returns the roles of a target that the admin neither holds nor may assign, in
// words.
func OutOfReach(held []pingone.RoleAssignment, roles []pingone.Role) (lacking []string) {
	for _, h := range held {
		if h.ReadOnly {
			lacking = append(lacking, DescribeRole(h, roles))
		}
	}
	return lacking
}

// DescribeRole returns the name of a role and its scope.
func DescribeRole(a pingone.RoleAssignment, roles []pingone.Role) string {
	name := cmp.Or(document.Printable(RoleName(roles, a.RoleID)), "the role "+a.RoleID)
	return fmt.Sprintf("%s at %s %s", name, document.Printable(a.ScopeType), document.Printable(a.ScopeID))
}
