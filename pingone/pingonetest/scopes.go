package pingonetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// entitlement is what an application may ask a token for: scopes of one resource.
type entitlement struct {
	kind       string
	resource   *resource // nil for the resource that a test gave the application directly
	resourceID string
	audience   string
	scopes     []string
	claims     map[string]any
	life       time.Duration
}

func (s *Server) entitlements(a *application) []entitlement {
	var all []entitlement
	if a.Audience != "" {
		id := derivedUUID(s.organization, "resource", a.Audience)
		all = append(all, entitlement{resourceCustom, nil, id, a.Audience, a.Scopes, a.Claims, a.TokenTTL})
	}
	for _, g := range a.grants {
		e := entitlement{kind: g.resource.kind, resource: g.resource, resourceID: g.resource.id, audience: g.resource.audience, life: g.resource.validity}
		for _, scope := range g.scopes {
			e.scopes = append(e.scopes, scope.name)
		}
		e.claims = make(map[string]any)
		for _, attribute := range g.resource.attributes {
			if claim := attribute.claim(s.assumed.ArrayClaims); claim != nil {
				e.claims[attribute.name] = claim
			}
		}
		all = append(all, e)
	}
	return all
}

// claim returns the attribute's value in a token: its text; with arrays, an array if the
// text is one in JSON; and nil if it is an expression, which needs a user to evaluate.
func (a *resourceAttribute) claim(arrays bool) any {
	if strings.Contains(a.value, "${") {
		return nil
	}
	var list []any
	if arrays && json.Unmarshal([]byte(a.value), &list) == nil && list != nil {
		return list
	}
	return a.value
}

// machineScopes decides about a token without a user: it returns the custom resource that
// the token is for, nil for the PingOne API, and its scopes. A worker without a custom
// resource gets a token for the PingOne API, which goes by roles and not by scopes.
func (s *Server) machineScopes(a *application, asked []string) (*entitlement, []string, *refusal) {
	custom := slices.DeleteFunc(s.entitlements(a), func(e entitlement) bool { return e.kind != resourceCustom })
	if len(asked) > 0 {
		one, problem := oneCustom(custom, asked)
		if problem != "" {
			return nil, nil, invalidScope(problem)
		}
		return one, asked, nil
	}
	switch {
	case len(custom) == 1:
		return &custom[0], custom[0].scopes, nil
	case len(custom) > 1:
		return nil, nil, invalidScope(msgManyResources)
	case a.Type == typeWorker:
		return nil, nil, nil
	}
	return nil, nil, invalidScope(msgNoScope)
}

// oneCustom returns the custom resource that the scopes belong to, nil if they belong to
// none, and what is wrong with the scopes.
func oneCustom(all []entitlement, asked []string) (one *entitlement, problem string) {
	var seen []int
	for _, scope := range asked {
		i := slices.IndexFunc(all, func(e entitlement) bool { return slices.Contains(e.scopes, scope) })
		switch {
		case i < 0:
			return nil, msgNoScope
		case all[i].kind != resourceOpenID && !slices.Contains(seen, i):
			seen = append(seen, i)
		}
	}
	switch {
	case len(seen) > 1:
		return nil, msgManyResources
	case len(seen) == 1 && all[seen[0]].kind == resourceCustom:
		return &all[seen[0]], ""
	}
	return nil, ""
}

func invalidScope(description string) *refusal {
	return refuseClient(http.StatusBadRequest, "invalid_scope", description)
}
