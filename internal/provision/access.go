package provision

import (
	"fmt"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// Access is a specification with the names resolved to what PingOne calls them. It
// is complete before anything is created: a name that does not exist, or a role
// that the admin may not give away, is found while nothing has happened yet.
type Access struct {
	spec   *document.Spec
	roles  []pingone.RoleAssignment
	grants []pingone.Grant

	// The custom resource, and what of it is missing. Its grant is added once its ids
	// are known.
	resource   *pingone.Resource
	attributes map[string]any
	scopes     []string
}

// Summary says what a new application would get.
func (a *Access) Summary() (all []string) {
	if a.spec.Resource != nil && a.resource == nil {
		all = append(all, fmt.Sprintf("the resource %q", document.Printable(a.spec.Resource.Name)))
	}
	if n := len(a.roles); n > 0 {
		all = append(all, fmt.Sprintf("%d roles", n))
	}
	if n := len(a.grants); n > 0 {
		all = append(all, fmt.Sprintf("%d grants", n))
	}
	return all
}
