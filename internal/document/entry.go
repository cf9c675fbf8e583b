package document

import (
	"bytes"
	"encoding/json"
	"slices"
)

// EntryFor returns the entry that a secret with this document needs in an admin's allow, as
// JSON for the admin's owner to review: the application, with its twin, or "marked" if a
// rotation creates it, the test user, and all that rotation.application asks for.
func EntryFor(secretName string, d *Document) string {
	type role struct {
		Role  string `json:"role"`
		Scope string `json:"scope"`
	}
	type configure struct {
		Create       bool     `json:"create,omitempty"`
		Members      []string `json:"members,omitempty"`
		Roles        []role   `json:"roles,omitempty"`
		Grants       []string `json:"grants,omitempty"`
		RedirectURIs []string `json:"redirectUris,omitempty"`
		Resources    []string `json:"resources,omitempty"`
	}
	entry := struct {
		Secret        string     `json:"secret"`
		EnvironmentID string     `json:"environmentId"`
		Applications  []string   `json:"applications"`
		TestUsers     []string   `json:"testUsers,omitempty"`
		Configure     *configure `json:"configure,omitempty"`
	}{Secret: secretName, EnvironmentID: d.EnvironmentID}
	for _, id := range []string{d.ApplicationID(), d.Rotation.Twin} {
		if id != "" {
			entry.Applications = append(entry.Applications, id)
		}
	}
	if entry.Applications == nil {
		entry.Applications = []string{"marked"}
	}
	if user := d.Rotation.Verify.UserSecretID; user != "" {
		entry.TestUsers = []string{user}
	}
	if spec := d.Rotation.Application; spec != nil {
		c := &configure{Create: d.ClientID == ""}
		for name, value := range spec.Fields {
			switch {
			case slices.Contains(urlMembers, name):
				c.RedirectURIs = append(c.RedirectURIs, Texts(value)...)
			case !c.Create && slices.Contains(changeable, name):
				c.Members = append(c.Members, name)
			}
		}
		for _, r := range spec.Roles {
			c.Roles = append(c.Roles, role{r.Role, r.ScopeID})
		}
		for _, g := range spec.Grants {
			c.Grants = append(c.Grants, g.Resource)
		}
		if spec.Resource != nil {
			c.Resources = []string{spec.Resource.Name}
		}
		for _, all := range []*[]string{&c.Members, &c.RedirectURIs} {
			slices.Sort(*all)
			*all = slices.Compact(*all)
		}
		entry.Configure = c
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	enc.Encode(entry) // strings always encode
	return b.String()
}

// Texts returns the strings in a member of a specification: one, or those of a list.
func Texts(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []string:
		return value
	case []any:
		for _, one := range value {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
	}
	return all
}
