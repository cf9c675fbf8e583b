package document

import (
	"fmt"
	"slices"
	"strings"
)

// AllowancesFor returns the entries of an admin's allow for the secret with these names, in
// any environment.
func (d *Document) AllowancesFor(names []string) (all []Allowance) {
	for _, a := range d.Allow {
		if slices.ContainsFunc(names, a.Secret.matches) {
			all = append(all, a)
		}
	}
	return all
}

// String says in one line what the allowance lets the writer of a secret do.
func (a Allowance) String() string {
	var whose []string
	if n := len(a.Applications.IDs); n > 0 {
		whose = append(whose, listing(a.Applications.IDs))
	}
	if a.Applications.Marked {
		whose = append(whose, "any application that PingOne has as this secret's")
	}
	if a.Applications.Any {
		whose = append(whose, "any application but admins")
	}
	if whose == nil {
		return "nothing, because the entry lists no applications"
	}
	text := fmt.Sprintf("get the client secret of %s in environment %s", strings.Join(whose, ", and of "), a.EnvironmentID)
	if configured := a.Configure.texts(); len(configured) > 0 {
		text += ", and " + strings.Join(configured, ", ")
	}
	return text
}

// texts returns what may be configured, in words.
func (c Configure) texts() (all []string) {
	add := func(what string, names []string) {
		if len(names) > 0 {
			all = append(all, what+" "+listing(names))
		}
	}
	if c.Create {
		all = append(all, "create an application")
	}
	add("set", c.Members)
	var roles []string
	for _, r := range c.Roles {
		roles = append(roles, r.Role+" at "+r.Scope)
	}
	add("assign or remove the roles", roles)
	add("grant scopes of", c.Grants)
	add("send users to", c.RedirectURIs)
	add("create, complete and grant the resources", c.Resources)
	return all
}

// listing returns the first few names, and how many more there are.
func listing(names []string) string {
	const most = 5
	printable := make([]string, 0, most+1)
	for _, name := range names[:min(len(names), most)] {
		printable = append(printable, Printable(name))
	}
	if more := len(names) - most; more > 0 {
		printable = append(printable, fmt.Sprintf("%d more", more))
	}
	return strings.Join(printable, ", ")
}
