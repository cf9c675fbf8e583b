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

// Reach says what the allowances let the writer of a secret bring about: short clauses, one
// text for each environment.
func Reach(all []Allowance) (texts []string) {
	add := func(to *[]string, what ...string) {
		for _, one := range what {
			if !slices.Contains(*to, one) {
				*to = append(*to, one)
			}
		}
	}
	var environments []string
	for _, a := range all {
		add(&environments, a.EnvironmentID)
	}
	for _, id := range environments {
		var whose, clauses []string
		for _, a := range all {
			if a.EnvironmentID == id && !a.Applications.None() {
				add(&whose, a.Applications.whose()...)
				if len(a.TestUsers) > 0 {
					add(&clauses, "sign on as the test user "+listing(a.TestUsers))
				}
				add(&clauses, a.Configure.clauses(id)...)
			}
		}
		text := "in environment " + id + " anyone who can write this secret can "
		if whose == nil {
			texts = append(texts, text+"do nothing, because the entry lists no applications")
			continue
		}
		texts = append(texts, text+strings.Join(append([]string{"read the client secret of " + strings.Join(whose, ", ")}, clauses...), "; "))
	}
	return texts
}

// whose names the applications in words.
func (a Applications) whose() (all []string) {
	if len(a.IDs) > 0 {
		all = append(all, listing(a.IDs))
	}
	if a.Marked {
		all = append(all, "each application marked for it")
	}
	if a.Any {
		all = append(all, "any application but admins")
	}
	return all
}

// clauses says what may be configured.
func (c Configure) clauses(environmentID string) (all []string) {
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
		if r.Scope != environmentID {
			r.Role += " at " + r.Scope
		}
		roles = append(roles, r.Role)
	}
	add("assign and remove the role", roles)
	add("grant scopes of", c.Grants)
	add("send users to", c.RedirectURIs)
	add("create, complete and grant the resource", c.Resources)
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
