package pingonetest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// attributeMapping says what a claim about a user is made of, for one application.
// It is replaced as a whole and never changed.
type attributeMapping struct {
	id, kind          string
	name, value       string
	required          bool
	scopes            []string // ids; if not empty, the claim is only for tokens with one of these
	idToken, userInfo bool     // where the claim is found
}

// The kinds of attribute mapping.
const (
	mappingCore   = "CORE" // that of sub, which every OpenID Connect application has
	mappingCustom = "CUSTOM"
)

func (s *Server) mappingRoutes() {
	const all = "/v1/environments/{env}/applications/{app}/attributes"
	s.platform("GET "+all, OpListMappings, s.listMappings)
	s.platform("POST "+all, OpCreateMapping, s.createMapping)
	s.platform("GET "+all+"/{mapping}", OpReadMapping, s.readMapping)
	s.platform("PUT "+all+"/{mapping}", OpReplaceMapping, s.replaceMapping)
	s.platform("DELETE "+all+"/{mapping}", OpDeleteMapping, s.deleteMapping)
}

// coreMappings returns the mappings of a new application.
func coreMappings(a Application) []*attributeMapping {
	if a.Protocol != openIDConnect {
		return nil
	}
	return []*attributeMapping{{id: newUUID(), kind: mappingCore, name: "sub", value: "${user.id}", required: true, idToken: true, userInfo: true}}
}

func (s *Server) listMappings(c *call) (any, *refusal) {
	a, no := s.reach(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, m := range a.mappings {
		items = append(items, item{m.id, func() any { return mappingBody(c, m) }})
	}
	return c.page("attributes", items)
}

// reachMapping returns the mapping that a call is about, by its position.
func (s *Server) reachMapping(c *call, permission string) (*application, int, *refusal) {
	a, no := s.reach(c, permission)
	if no != nil {
		return nil, 0, no
	}
	i := slices.IndexFunc(a.mappings, func(m *attributeMapping) bool { return m.id == c.path("mapping") })
	if i < 0 {
		return nil, 0, notFound()
	}
	return a, i, nil
}

func (s *Server) readMapping(c *call) (any, *refusal) {
	a, i, no := s.reachMapping(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	return mappingBody(c, a.mappings[i]), nil
}

func (s *Server) createMapping(c *call) (any, *refusal) {
	a, no := s.reach(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	m := &attributeMapping{id: newUUID(), kind: mappingCustom}
	if no := s.fillMapping(c, a, m); no != nil {
		return nil, no
	}
	s.changingApplication(a)
	a.mappings = append(slices.Clone(a.mappings), m)
	return created{mappingBody(c, m)}, nil
}

func (s *Server) replaceMapping(c *call) (any, *refusal) {
	a, i, no := s.reachMapping(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	was := a.mappings[i]
	m := &attributeMapping{id: was.id, kind: was.kind}
	if no := s.fillMapping(c, a, m); no != nil {
		return nil, no
	}
	if was.kind == mappingCore && m.name != was.name {
		return nil, invalidData("INVALID_VALUE", "name", "cannot be changed")
	}
	s.changingApplication(a)
	a.mappings = slices.Clone(a.mappings)
	a.mappings[i] = m
	return mappingBody(c, m), nil
}

func (s *Server) deleteMapping(c *call) (any, *refusal) {
	a, i, no := s.reachMapping(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	if a.mappings[i].kind == mappingCore {
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	s.changingApplication(a)
	a.mappings = slices.Delete(slices.Clone(a.mappings), i, i+1)
	return nil, nil
}

// fillMapping reads the mapping that the caller wants.
func (s *Server) fillMapping(c *call, a *application, m *attributeMapping) *refusal {
	f, no := readFields(c.body)
	if no != nil {
		return no
	}
	m.name, m.value = f.require("name"), f.require("value")
	m.required = f.flag("required", false)
	m.idToken, m.userInfo = f.flag("idToken", true), f.flag("userInfo", true)
	m.scopes = f.texts("oidcScopes")
	if m.kind == mappingCustom && slices.Contains(claimsOfPingOne, m.name) {
		f.problem("INVALID_VALUE", "name", "is reserved")
	}
	if slices.ContainsFunc(a.mappings, func(other *attributeMapping) bool { return other.id != m.id && other.name == m.name }) {
		f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
	}
	for _, id := range m.scopes {
		if !slices.ContainsFunc(a.grants, func(g *grant) bool {
			return slices.ContainsFunc(g.scopes, func(scope *resourceScope) bool { return scope.id == id })
		}) {
			f.problem("INVALID_VALUE", "oidcScopes", "is not granted")
		}
	}
	return f.refusal()
}

func mappingBody(c *call, m *attributeMapping) any {
	application := c.environmentURL() + "/applications/" + c.target.id
	body := map[string]any{
		"_links":      map[string]href{"self": {application + "/attributes/" + m.id}, "application": {application}},
		"environment": reference{c.target.environment}, "application": reference{c.target.id},
		"id": m.id, "name": m.name, "value": m.value, "required": m.required, "mappingType": m.kind,
		"idToken": m.idToken, "userInfo": m.userInfo,
	}
	if len(m.scopes) > 0 {
		body["oidcScopes"] = m.scopes
	}
	return body
}

var userExpression = regexp.MustCompile(`^\$\{user\.([A-Za-z.]+)\}$`)

// of returns the mapping's value for a user, or nil if the user has none.
func (m *attributeMapping) of(u *user) any {
	expression := userExpression.FindStringSubmatch(m.value)
	switch {
	case expression == nil:
		return m.value
	case expression[1] == "id":
		return u.id
	case expression[1] == "username":
		return u.username
	}
	return u.attributes[expression[1]]
}

// mapClaims adds to the claims of an ID token or of userinfo what the application's
// mappings say about a user who signed on with these scopes.
func (a *application) mapClaims(claims map[string]any, u *user, scopes []string, wanted func(*attributeMapping) bool) {
	for _, m := range a.mappings {
		granted := len(m.scopes) == 0
		for _, g := range a.grants {
			for _, scope := range g.scopes {
				granted = granted || slices.Contains(m.scopes, scope.id) && slices.Contains(scopes, scope.name)
			}
		}
		if value := m.of(u); granted && wanted(m) && value != nil {
			claims[m.name] = value
		}
	}
}

// Mappings returns the attribute mappings of an application as "name=value", without a call.
func (s *Server) Mappings(env, id string) []string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, m := range s.application(env, id).mappings {
		all = append(all, fmt.Sprintf("%s=%s", m.name, m.value))
	}
	slices.Sort(all)
	return all
}
