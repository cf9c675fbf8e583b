package rotation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// A Spec says what application a document wants: rotation.application. The first
// rotation creates it, later ones keep it so.
type Spec struct {
	Preset      string
	Name        string
	Description string
	Fields      map[string]any // members of the application, as PingOne names them; of the preset where the document has none
	Roles       []RoleSpec
	Grants      []GrantSpec
	Resource    *ResourceSpec // a custom resource to create where it is missing
	Exact       bool          // remove roles and grants that are not listed
}

// A RoleSpec is a role that the application has, by the role's name.
type RoleSpec struct {
	Role      string
	ScopeType string // ORGANIZATION, ENVIRONMENT, POPULATION or APPLICATION
	ScopeID   string
}

// A GrantSpec is access to a resource's scopes, by their names.
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

// presets are the clients that PingOne's documents describe, each with the members
// that make it one.
var presets = map[string]map[string]any{
	// "Configure a Non-Interactive Worker Application"
	"non-interactive-worker": {
		"type": "WORKER", "grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
	// "Create a worker application", of the activity for interactive workers
	"interactive-worker": {
		"type": "WORKER", "grantTypes": []string{"CLIENT_CREDENTIALS", "AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC", "pkceEnforcement": "OPTIONAL",
		"refreshTokenDuration": 86400, "refreshTokenRollingDuration": 86400,
	},
	// "Configure an Application with an Authorization Code Grant"
	"authorization-code-web-app": {
		"type": "WEB_APP", "grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
	// "Authenticate using a client credentials flow", of PingOne Advanced Services
	"advanced-services-client": {
		"type": "WEB_APP", "grantTypes": []string{"CLIENT_CREDENTIALS"}, "responseTypes": []string{},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
}

// values are what PingOne takes for the members that have a fixed set.
// See "Applications" in the PingOne platform API reference.
var values = map[string][]string{
	"type":            {"WEB_APP", "NATIVE_APP", "SINGLE_PAGE_APP", "WORKER", "SERVICE", "CUSTOM_APP"},
	"grantTypes":      {"AUTHORIZATION_CODE", "IMPLICIT", "REFRESH_TOKEN", "CLIENT_CREDENTIALS", "DEVICE_CODE", "TOKEN_EXCHANGE", "CIBA"},
	"responseTypes":   {"TOKEN", "ID_TOKEN", "CODE"},
	"pkceEnforcement": {"OPTIONAL", "REQUIRED", "S256_REQUIRED"},
	"scopeType":       {"ORGANIZATION", "ENVIRONMENT", "POPULATION", "APPLICATION"},
}

// specDecoder decodes rotation.application.
func specDecoder(into **Spec) decoder {
	return func(path string, raw json.RawMessage) error {
		s := &Spec{Fields: map[string]any{}}
		fields := map[string]decoder{
			"preset":      parsed(&s.Preset, parsePreset),
			"name":        parsed(&s.Name, parseName),
			"description": parsed(&s.Description, parseText),
			"exact":       boolean(&s.Exact),
			"roles":       list(&s.Roles, roleDecoder),
			"grants":      list(&s.Grants, grantDecoder),
			"resource":    resourceDecoder(&s.Resource),
		}
		for name, check := range map[string]func(string, any) error{
			"type":                        oneOf("type"),
			"grantTypes":                  manyOf("grantTypes"),
			"responseTypes":               manyOf("responseTypes"),
			"tokenEndpointAuthMethod":     checkMethod,
			"redirectUris":                urls,
			"postLogoutRedirectUris":      urls,
			"homePageUrl":                 oneURL,
			"loginPageUrl":                oneURL,
			"pkceEnforcement":             oneOf("pkceEnforcement"),
			"refreshTokenDuration":        seconds,
			"refreshTokenRollingDuration": seconds,
		} {
			fields[name] = func(path string, raw json.RawMessage) error {
				var value any
				if err := json.Unmarshal(raw, &value); err != nil {
					return fieldError(path, "must be JSON")
				}
				if err := check(path, value); err != nil {
					return err
				}
				s.Fields[name] = value
				return nil
			}
		}
		if err := object(refuse, fields)(path, raw); err != nil {
			return err
		}
		*into = s
		return s.complete(path)
	}
}

// complete fills in the preset and checks what the documents demand of the whole.
func (s *Spec) complete(path string) error {
	if s.Preset == "" {
		return fieldError(path+".preset", "is missing; it must be one of "+presetNames())
	}
	if s.Name == "" {
		return fieldError(path+".name", "is missing")
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
		return fieldError(path+".type", fmt.Sprintf("must be %s for the preset %s", preset["type"], s.Preset))
	case !slices.ContainsFunc(preset["grantTypes"].([]string), func(g string) bool { return has(grants, g) }):
		return fieldError(path+".grantTypes", fmt.Sprintf("must have one of %s for the preset %s", strings.Join(preset["grantTypes"].([]string), ", "), s.Preset))
	case s.Preset == "non-interactive-worker" && len(grants) != 1:
		return fieldError(path+".grantTypes", "must be CLIENT_CREDENTIALS alone for the preset non-interactive-worker; use interactive-worker")
	case s.Preset == "advanced-services-client" && len(responses) != 0:
		return fieldError(path+".responseTypes", "must be empty for the preset advanced-services-client")
	case s.Preset == "advanced-services-client" && s.Resource == nil && len(s.Grants) == 0:
		return fieldError(path+".resource", "is missing; the preset advanced-services-client needs a custom resource with a scope")
	case has(grants, "IMPLICIT") && !has(responses, "TOKEN") && !has(responses, "ID_TOKEN"):
		return fieldError(path+".responseTypes", "must have TOKEN or ID_TOKEN, because grantTypes has IMPLICIT")
	case has(grants, "AUTHORIZATION_CODE") && !has(responses, "CODE"):
		return fieldError(path+".responseTypes", "must have CODE, because grantTypes has AUTHORIZATION_CODE")
	case (has(grants, "AUTHORIZATION_CODE") || has(grants, "IMPLICIT")) && len(s.list("redirectUris")) == 0:
		return fieldError(path+".redirectUris", "is missing; users are sent back there")
	}
	return nil
}

// list returns a field that is a list of strings, from the preset or from JSON.
func (s *Spec) list(name string) []string {
	switch all := s.Fields[name].(type) {
	case []string:
		return all
	case []any:
		var list []string
		for _, one := range all {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

func (s *Spec) method() pingone.AuthMethod {
	m, _ := s.Fields["tokenEndpointAuthMethod"].(string)
	return pingone.AuthMethod(m)
}

// Presets returns the names that rotation.application.preset may have, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

func presetNames() string { return strings.Join(Presets(), ", ") }

func parsePreset(s string) (string, error) {
	if presets[s] == nil {
		return "", errors.New("must be one of " + presetNames())
	}
	return s, nil
}

func parseName(s string) (string, error) {
	if s == "" || len(s) > 256 || strings.TrimSpace(s) != s {
		return "", errors.New("must have 1 to 256 characters, without space at its ends")
	}
	return s, nil
}

func boolean(into *bool) decoder {
	return func(path string, raw json.RawMessage) error {
		var value *bool
		if json.Unmarshal(raw, &value) != nil || value == nil {
			return fieldError(path, "must be true or false")
		}
		*into = *value
		return nil
	}
}

func roleDecoder(r *RoleSpec) decoder {
	return func(path string, raw json.RawMessage) error {
		err := object(refuse, map[string]decoder{
			"role": parsed(&r.Role, parseName),
			"scope": object(refuse, map[string]decoder{
				"type": parsed(&r.ScopeType, func(s string) (string, error) { return s, oneOf("scopeType")("", s) }),
				"id":   parsed(&r.ScopeID, parseUUID),
			}),
		})(path, raw)
		if err == nil && (r.Role == "" || r.ScopeType == "" || r.ScopeID == "") {
			err = fieldError(path, "must have role, and scope with type and id")
		}
		return err
	}
}

func grantDecoder(g *GrantSpec) decoder {
	return func(path string, raw json.RawMessage) error {
		err := object(refuse, map[string]decoder{
			"resource": parsed(&g.Resource, parseName),
			"scopes":   list(&g.Scopes, func(s *string) decoder { return parsed(s, parseName) }),
		})(path, raw)
		if err == nil && (g.Resource == "" || len(g.Scopes) == 0) {
			err = fieldError(path, "must have resource and scopes")
		}
		return err
	}
}

func resourceDecoder(into **ResourceSpec) decoder {
	return func(path string, raw json.RawMessage) error {
		r := &ResourceSpec{}
		err := object(refuse, map[string]decoder{
			"name":        parsed(&r.Name, parseName),
			"description": parsed(&r.Description, parseText),
			"audience":    parsed(&r.Audience, parseText),
			"attributes":  anyObject(&r.Attributes),
			"scopes":      list(&r.Scopes, func(s *string) decoder { return parsed(s, parseName) }),
		})(path, raw)
		switch lower := strings.ToLower(r.Name + r.Audience); {
		case err != nil:
			return err
		case r.Name == "" || len(r.Scopes) == 0:
			return fieldError(path, "must have name and scopes")
		case strings.Contains(lower, "pingone") || strings.Contains(lower, "pingidentity"):
			return fieldError(path+".audience", "must not contain pingone or pingidentity")
		}
		*into = r
		return nil
	}
}

// The checks of single fields.

func oneOf(set string) func(string, any) error {
	return func(path string, value any) error {
		if s, ok := value.(string); !ok || !slices.Contains(values[set], s) {
			return problem(path, "must be one of "+strings.Join(values[set], ", "))
		}
		return nil
	}
}

func manyOf(set string) func(string, any) error {
	return func(path string, value any) error {
		all, ok := value.([]any)
		if !ok {
			return problem(path, "must be an array")
		}
		for _, one := range all {
			if err := oneOf(set)(path, one); err != nil {
				return err
			}
		}
		return nil
	}
}

func checkMethod(path string, value any) error {
	s, _ := value.(string)
	if _, err := parseMethod(s); err != nil {
		return problem(path, err.Error())
	}
	return nil
}

func urls(path string, value any) error {
	all, ok := value.([]any)
	if !ok {
		return problem(path, "must be an array of URLs")
	}
	for _, one := range all {
		if err := oneURL(path, one); err != nil {
			return err
		}
	}
	return nil
}

func oneURL(path string, value any) error {
	s, _ := value.(string)
	if u, err := url.Parse(s); err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" {
		return problem(path, "must be a URL with its scheme")
	}
	return nil
}

func seconds(path string, value any) error {
	if n, ok := value.(float64); !ok || n < 60 || n > 2147483647 || n != float64(int64(n)) {
		return problem(path, "must be a number of seconds from 60 on")
	}
	return nil
}

func problem(path, text string) error {
	if path == "" {
		return errors.New(text)
	}
	return fieldError(path, text)
}
