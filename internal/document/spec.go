package document

import (
	"fmt"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// A Spec is rotation.application: the application that a document wants. The first rotation
// creates it, and later ones keep it as specified.
type Spec struct {
	Preset      string
	Name        string
	Description string
	Fields      map[string]any // members of the application, as PingOne names them; from the preset if the document has none
	Roles       []RoleSpec
	Grants      []GrantSpec
	Resource    *ResourceSpec // a custom resource to create if it is missing
	Exact       bool          // remove roles and grants that are not listed
}

// A RoleSpec is a role that the application has, by its name.
type RoleSpec struct {
	Role      string
	ScopeType string // ORGANIZATION, ENVIRONMENT, POPULATION or APPLICATION
	ScopeID   string
}

// A GrantSpec is access to scopes of a resource, by their names.
type GrantSpec struct {
	Resource string
	Scopes   []string
}

// A ResourceSpec is a custom resource.
type ResourceSpec struct {
	Name        string
	Description string
	Audience    string // "" for the name
	Attributes  map[string]any
	Scopes      []string
}

// complete fills in the preset and checks the specification as a whole.
func (s *Spec) complete() error {
	if s.Preset == "" {
		return NewFieldError("preset", "is missing; it must be one of "+presetNames())
	}
	if s.Name == "" {
		return NewFieldError("name", "is missing")
	}
	for name, value := range presets[s.Preset] {
		if _, ok := s.Fields[name]; !ok {
			s.Fields[name] = value
		}
	}
	grants, responses := s.list("grantTypes"), s.list("responseTypes")
	has := func(all []string, one string) bool { return slices.Contains(all, one) }
	preset := presets[s.Preset]
	switch {
	case s.Fields["type"] != preset["type"]:
		return NewFieldError("type", fmt.Sprintf("must be %s for the preset %s", preset["type"], s.Preset))
	case !slices.ContainsFunc(preset["grantTypes"].([]string), func(g string) bool { return has(grants, g) }):
		return NewFieldError("grantTypes", fmt.Sprintf("must have one of %s for the preset %s", strings.Join(preset["grantTypes"].([]string), ", "), s.Preset))
	case s.Preset == "non-interactive-worker" && len(grants) != 1:
		return NewFieldError("grantTypes", "must be CLIENT_CREDENTIALS alone for the preset non-interactive-worker; use interactive-worker")
	case s.Preset == "advanced-services-client" && len(responses) != 0:
		return NewFieldError("responseTypes", "must be empty for the preset advanced-services-client")
	case s.Preset == "advanced-services-client" && s.Resource == nil && len(s.Grants) == 0:
		return NewFieldError("resource", "is missing; the preset advanced-services-client needs a custom resource with a scope")
	case has(grants, "IMPLICIT") && !has(responses, "TOKEN") && !has(responses, "ID_TOKEN"):
		return NewFieldError("responseTypes", "must have TOKEN or ID_TOKEN, because grantTypes has IMPLICIT")
	case has(grants, "AUTHORIZATION_CODE") && !has(responses, "CODE"):
		return NewFieldError("responseTypes", "must have CODE, because grantTypes has AUTHORIZATION_CODE")
	case (has(grants, "AUTHORIZATION_CODE") || has(grants, "IMPLICIT")) && len(s.list("redirectUris")) == 0:
		return NewFieldError("redirectUris", "is missing; users are sent back there")
	}
	return nil
}

// list returns a field that is a list of strings, from the preset or from JSON.
func (s *Spec) list(name string) []string { return Texts(s.Fields[name]) }

// Method returns how the application is to authenticate.
func (s *Spec) Method() pingone.AuthMethod {
	m, _ := s.Fields["tokenEndpointAuthMethod"].(string)
	return pingone.AuthMethod(m)
}
