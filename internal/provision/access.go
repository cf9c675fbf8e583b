package provision

import (
	"encoding/json"
	"fmt"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// Access is a specification whose names are resolved to PingOne's ids. It is complete
// before anything is created: a name that does not exist, or a role that the admin may not
// give, is found before anything has happened.
type Access struct {
	spec   *document.Spec
	roles  []pingone.RoleAssignment
	grants []pingone.Grant

	// The custom resource, and what it lacks. Its grant has the scopes that exist; it is
	// completed once the others are made.
	resource   *pingone.Resource
	own        bool // the resource was created for the secret
	attributes map[string]any
	scopes     []string
	made       []pingone.Scope // created for it in this run

	// All that there are, to look up names.
	allRoles     []pingone.Role
	allResources []pingone.Resource
}

// Summary says what a new application would get.
func (a *Access) Summary() (all []string) {
	if a.spec.Resource != nil && a.resource == nil {
		all = append(all, fmt.Sprintf("the resource %q", document.Printable(a.spec.Resource.Name)))
	}
	if n := len(a.roles); n > 0 {
		all = append(all, counted(n, "role"))
	}
	if n := len(a.grants); n > 0 {
		all = append(all, counted(n, "grant"))
	}
	return all
}

// counted writes a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// resourceGrant returns the grant of the custom resource, with those of the scopes that the
// specification names.
func (a *Access) resourceGrant(scopes []pingone.Scope) pingone.Grant {
	g := pingone.Grant{ResourceID: a.resource.ID}
	for _, scope := range scopes {
		if slices.Contains(a.spec.Resource.Scopes, scope.Name) {
			g.ScopeIDs = append(g.ScopeIDs, scope.ID)
		}
	}
	return g
}

// resourceName returns the name of the resource with the id, or the id if there is
// none.
func (a *Access) resourceName(id string) string {
	for _, r := range a.allResources {
		if r.ID == id {
			return r.Name
		}
	}
	return id
}

// attributeValue returns a static attribute as PingOne takes it: a string as it is, and
// anything else as JSON.
func attributeValue(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	raw, err := json.Marshal(value)
	return string(raw), err
}

// compareRoles returns the wanted roles that are not held, and the held roles that are not
// wanted.
func compareRoles(wanted, held []pingone.RoleAssignment) (missing, surplus []pingone.RoleAssignment) {
	without := func(all, others []pingone.RoleAssignment) []pingone.RoleAssignment {
		return slices.DeleteFunc(slices.Clone(all), func(a pingone.RoleAssignment) bool {
			return slices.ContainsFunc(others, func(b pingone.RoleAssignment) bool {
				return a.RoleID == b.RoleID && a.ScopeType == b.ScopeType && a.ScopeID == b.ScopeID
			})
		})
	}
	return without(wanted, held), without(held, wanted)
}

// compareGrants returns the wanted grants that are not held, the held ones that need other
// scopes, and the held ones that are not wanted. Unless it is exact, a grant keeps the
// scopes that it has.
func compareGrants(wanted, held []pingone.Grant, exact bool) (missing, changed, surplus []pingone.Grant) {
	of := func(all []pingone.Grant, resourceID string) int {
		return slices.IndexFunc(all, func(g pingone.Grant) bool { return g.ResourceID == resourceID })
	}
	for _, want := range wanted {
		at := of(held, want.ResourceID)
		if at < 0 {
			missing = append(missing, want)
			continue
		}
		have := held[at]
		all := slices.Clone(want.ScopeIDs)
		if !exact {
			all = append(all, have.ScopeIDs...)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if !slices.Equal(all, slices.Sorted(slices.Values(have.ScopeIDs))) {
			have.ScopeIDs = all
			changed = append(changed, have)
		}
	}
	for _, h := range held {
		if of(wanted, h.ResourceID) < 0 {
			surplus = append(surplus, h)
		}
	}
	return missing, changed, surplus
}
