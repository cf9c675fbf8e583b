package document

import (
	"fmt"
	"slices"
	"strings"
)

// A Change is one thing that a specification creates or changes in PingOne.
type Change struct {
	Kind   ChangeKind
	Name   string   // of the member, role or resource; of the application if it is created
	Scope  string   // id of a role's scope
	Values []string // the URLs, if the member has URLs
	Own    bool     // the application or resource was, or is being, created for the secret
}

// A ChangeKind is the kind of a change.
type ChangeKind int

const (
	CreateApplication ChangeKind = iota + 1
	SetMember                    // of the application
	AssignRole
	RemoveRole
	GrantResource // to the application, some of its scopes
	RemoveGrant
	CreateResource
	ChangeResource // its attributes and scopes
)

// urlMembers are an application's members that are URLs.
var urlMembers = []string{"redirectUris", "postLogoutRedirectUris", "homePageUrl", "loginPageUrl"}

// String says what the change does.
func (c Change) String() string {
	name := Printable(c.Name)
	switch c.Kind {
	case CreateApplication:
		return fmt.Sprintf("creates the application %q", name)
	case SetMember:
		return "changes " + name
	case AssignRole:
		return fmt.Sprintf("assigns the role %s at %s", name, c.Scope)
	case RemoveRole:
		return fmt.Sprintf("removes the role %s at %s", name, c.Scope)
	case GrantResource:
		return fmt.Sprintf("grants scopes of the resource %q", name)
	case RemoveGrant:
		return fmt.Sprintf("removes the grant of the resource %q", name)
	case CreateResource:
		return fmt.Sprintf("creates the resource %q", name)
	default:
		return fmt.Sprintf("changes the resource %q", name)
	}
}

// entry returns what configure must list for the change.
func (c Change) entry() string {
	name := quote(Printable(c.Name))
	switch c.Kind {
	case CreateApplication:
		return `"create": true`
	case SetMember:
		if slices.Contains(urlMembers, c.Name) {
			return `"redirectUris" with the URLs of the document`
		}
		return fmt.Sprintf(`"members": [%s]`, name)
	case AssignRole, RemoveRole:
		return fmt.Sprintf(`"roles": [{"role": %s, "scope": %s}]`, name, quote(c.Scope))
	case GrantResource, RemoveGrant:
		return fmt.Sprintf(`"grants": [%s]`, name)
	default:
		return fmt.Sprintf(`"resources": [%s]`, name)
	}
}

// allows reports whether the change is listed. "create" also allows keeping what was
// created for the secret as it is specified, and nothing more.
func (c Configure) allows(change Change) bool {
	has := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, change.Name) })
	}
	own := change.Own && c.Create
	switch change.Kind {
	case CreateApplication:
		return c.Create
	case SetMember:
		if !slices.Contains(urlMembers, change.Name) {
			return own || slices.Contains(c.Members, change.Name)
		}
		unlisted := slices.ContainsFunc(change.Values, func(url string) bool { return !slices.Contains(c.RedirectURIs, url) })
		return !unlisted && (own || len(c.RedirectURIs) > 0)
	case AssignRole, RemoveRole:
		return change.Kind == RemoveRole && own || slices.ContainsFunc(c.Roles, func(r AllowedRole) bool {
			return strings.EqualFold(r.Role, change.Name) && r.Scope == change.Scope
		})
	case GrantResource:
		return has(c.Grants) || has(c.Resources)
	case RemoveGrant:
		return own || has(c.Grants) || has(c.Resources)
	case CreateResource:
		return has(c.Resources)
	case ChangeResource:
		return has(c.Resources) // [Permission.Allows] has checked that it was created for the secret
	}
	return false
}
