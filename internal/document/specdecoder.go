package document

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// values are the values that PingOne accepts for members with a fixed set. See
// "Applications" in the PingOne platform API reference.
var values = map[string][]string{
	"type":            {"WEB_APP", "NATIVE_APP", "SINGLE_PAGE_APP", "WORKER", "SERVICE", "CUSTOM_APP"},
	"grantTypes":      {"AUTHORIZATION_CODE", "IMPLICIT", "REFRESH_TOKEN", "CLIENT_CREDENTIALS", "DEVICE_CODE", "TOKEN_EXCHANGE", "CIBA"},
	"responseTypes":   {"TOKEN", "ID_TOKEN", "CODE"},
	"pkceEnforcement": {"OPTIONAL", "REQUIRED", "S256_REQUIRED"},
	"scopeType":       {"ORGANIZATION", "ENVIRONMENT", "POPULATION", "APPLICATION"},
}

// specDecoder decodes rotation.application.
func specDecoder(into **Spec) decoder {
	return func(raw string) error {
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
		for name, check := range map[string]func(any) error{
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
			fields[name] = func(raw string) error {
				var value any
				if err := json.Unmarshal([]byte(raw), &value); err != nil {
					return wrong("must be JSON")
				}
				if err := check(value); err != nil {
					return err
				}
				s.Fields[name] = value
				return nil
			}
		}
		if err := object(refuse, fields)(raw); err != nil {
			return err
		}
		*into = s
		return s.complete()
	}
}

func roleDecoder(r *RoleSpec) decoder {
	return func(raw string) error {
		err := object(refuse, map[string]decoder{
			"role": parsed(&r.Role, parseName),
			"scope": object(refuse, map[string]decoder{
				"type": parsed(&r.ScopeType, func(s string) (string, error) { return s, oneOf("scopeType")(s) }),
				"id":   parsed(&r.ScopeID, parseUUID),
			}),
		})(raw)
		if err == nil && (r.Role == "" || r.ScopeType == "" || r.ScopeID == "") {
			err = wrong("must have role, and scope with type and id")
		}
		return err
	}
}

func grantDecoder(g *GrantSpec) decoder {
	return func(raw string) error {
		err := object(refuse, map[string]decoder{
			"resource": parsed(&g.Resource, parseName),
			"scopes":   list(&g.Scopes, func(s *string) decoder { return parsed(s, parseName) }),
		})(raw)
		if err == nil && (g.Resource == "" || len(g.Scopes) == 0) {
			err = wrong("must have resource and scopes")
		}
		return err
	}
}

func resourceDecoder(into **ResourceSpec) decoder {
	return func(raw string) error {
		r := &ResourceSpec{}
		err := object(refuse, map[string]decoder{
			"name":        parsed(&r.Name, parseName),
			"description": parsed(&r.Description, parseText),
			"audience":    parsed(&r.Audience, parseText),
			"attributes":  anyObject(&r.Attributes),
			"scopes":      list(&r.Scopes, func(s *string) decoder { return parsed(s, parseName) }),
		})(raw)
		switch lower := strings.ToLower(r.Name + r.Audience); {
		case err != nil:
			return err
		case r.Name == "" || len(r.Scopes) == 0:
			return wrong("must have name and scopes")
		case strings.Contains(lower, "pingone") || strings.Contains(lower, "pingidentity"):
			return NewFieldError("audience", "must not contain pingone or pingidentity")
		}
		*into = r
		return nil
	}
}

// The checks of single members.

func oneOf(set string) func(any) error {
	return func(value any) error {
		if s, ok := value.(string); !ok || !slices.Contains(values[set], s) {
			return errors.New("must be one of " + strings.Join(values[set], ", "))
		}
		return nil
	}
}

func manyOf(set string) func(any) error {
	return func(value any) error {
		all, ok := value.([]any)
		if !ok {
			return errors.New("must be an array")
		}
		for _, one := range all {
			if err := oneOf(set)(one); err != nil {
				return err
			}
		}
		return nil
	}
}

func checkMethod(value any) error {
	s, _ := value.(string)
	_, err := parseMethod(s)
	return err
}

func urls(value any) error {
	all, ok := value.([]any)
	if !ok {
		return errors.New("must be an array of URLs")
	}
	for _, one := range all {
		if err := oneURL(one); err != nil {
			return err
		}
	}
	return nil
}

func oneURL(value any) error {
	s, _ := value.(string)
	if u, err := url.Parse(s); err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" {
		return errors.New("must be a URL with its scheme")
	}
	return nil
}

func seconds(value any) error {
	if n, ok := value.(float64); !ok || n < 60 || n > 2147483647 || n != float64(int64(n)) {
		return errors.New("must be a number of seconds, 60 or more")
	}
	return nil
}

func parseName(s string) (string, error) {
	if s == "" || len(s) > 256 || strings.TrimSpace(s) != s {
		return "", errors.New("must have 1 to 256 characters, without space at its ends")
	}
	return s, nil
}
