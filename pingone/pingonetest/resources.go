package pingonetest

import (
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// The kinds of resource. Every environment has one of each of the first two.
const (
	resourceOpenID  = "OPENID_CONNECT"
	resourcePingOne = "PINGONE_API"
	resourceCustom  = "CUSTOM"
)

// resource is a protected endpoint that applications ask tokens for.
type resource struct {
	keeper           // a custom resource authenticates at the introspection endpoint
	id, kind         string
	name             string
	description      string
	audience         string
	introspection    string        // introspectEndpointAuthMethod
	validity         time.Duration // of access tokens
	scopes           []*resourceScope
	attributes       []*resourceAttribute
	created, updated time.Time
}

type resourceScope struct {
	id, name, description string
	resource              *resource
}

// resourceAttribute becomes a claim of the resource's tokens.
type resourceAttribute struct{ id, name, value, kind string }

// builtInResources returns the resources that no caller makes.
func (s *Server) builtInResources() []*resource {
	builtIn := func(kind, name string, scopes ...string) *resource {
		r := &resource{id: newUUID(), kind: kind, name: name, validity: time.Hour, created: s.Now(), updated: s.Now()}
		for _, scope := range scopes {
			r.scopes = append(r.scopes, &resourceScope{newUUID(), scope, "", r})
		}
		return r
	}
	return []*resource{
		builtIn(resourceOpenID, "openid", "openid", "profile", "email", "address", "phone"),
		builtIn(resourcePingOne, "PingOne API", "p1:read:user", "p1:update:user", "p1:reset:userPassword", "p1:read:sessions", "p1:delete:sessions"),
	}
}

func (s *Server) resourceRoutes() {
	const all = "/v1/environments/{env}/resources"
	s.platform("GET "+all, OpListResources, s.listResources)
	s.platform("POST "+all, OpCreateResource, s.createResource)
	s.platform("GET "+all+"/{resource}", OpReadResource, s.readResource)
	s.platform("DELETE "+all+"/{resource}", OpDeleteResource, s.deleteResource)
	s.platform("GET "+all+"/{resource}/scopes/{scope}", OpReadScope, s.readScope)
	s.platform("DELETE "+all+"/{resource}/scopes/{scope}", OpDeleteScope, s.deleteScope)
	s.platform("GET "+all+"/{resource}/attributes/{attribute}", OpReadAttribute, s.readAttribute)
	s.platform("DELETE "+all+"/{resource}/attributes/{attribute}", OpDeleteAttribute, s.deleteAttribute)
	s.platform("GET "+all+"/{resource}/scopes", OpListScopes, s.listScopes)
	s.platform("POST "+all+"/{resource}/scopes", OpCreateScope, s.createScope)
	s.platform("GET "+all+"/{resource}/attributes", OpListAttributes, s.listAttributes)
	s.platform("POST "+all+"/{resource}/attributes", OpCreateAttribute, s.createAttribute)

	const secret = all + "/{resource}/secret"
	s.platform("GET "+secret, OpReadResourceSecret, s.readSecret(s.resourceKeeper(permReadResourceSecret)))
	s.platform("POST "+secret, OpRegenerateResourceSecret, s.regenerateSecret(s.resourceKeeper(permUpdateResourceSecret)))
	s.platform("DELETE "+secret, OpDeletePreviousOfResource, s.deletePrevious(s.resourceKeeper(permDeleteResourceSecret)))
}

// reachResource returns the resource that a call is about, if the caller has the permission there.
func (s *Server) reachResource(c *call, permission string) (*resource, *refusal) {
	return s.reachResourceSeen(c, permission, c.lag)
}

func (s *Server) reachResourceSeen(c *call, permission string, lag fault.Lag) (*resource, *refusal) {
	e, no := s.enter(c, permission)
	if no != nil {
		return nil, no
	}
	var r *resource
	if i := slices.IndexFunc(e.resources, func(r *resource) bool { return r.id == c.path("resource") }); i >= 0 {
		r = e.resources[i]
	}
	seen := s.pastSources.view(c.path("resource"), r, s.Now(), lag)
	switch {
	case seen == nil || r == nil && !c.reads:
		return nil, notFound()
	case c.reads:
		return seen, nil
	}
	return r, nil
}

// changingResource must be called before a resource changes, or anything that PingOne keeps
// under its id except the secret.
func (s *Server) changingResource(r *resource) {
	was := *r
	was.scopes, was.attributes = slices.Clone(r.scopes), slices.Clone(r.attributes)
	s.pastSources.changing(r.id, &was, s.Now())
}

func (s *Server) resourceKeeper(permission string) finder {
	return func(c *call) (*keeper, string, *refusal) {
		r, no := s.reachResourceSeen(c, permission, fault.Lag{Age: c.lag.Age})
		if no != nil {
			return nil, "", no
		}
		if r.kind != resourceCustom {
			return nil, "", notFound()
		}
		if now := s.customResource(c.target.environment, r.id); now != nil {
			r = now // its secrets lag by themselves
		}
		return &r.keeper, "resource", nil
	}
}

func (s *Server) listResources(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadResource)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, r := range e.resources {
		if seen := s.pastSources.view(r.id, r, s.Now(), c.lag); seen != nil {
			items = append(items, item{r.id, func() any { return resourceBody(c, seen) }})
		}
	}
	return c.page("resources", items)
}

func (s *Server) readResource(c *call) (any, *refusal) {
	r, no := s.reachResource(c, permReadResource)
	if no != nil {
		return nil, no
	}
	return resourceBody(c, r), nil
}

func (s *Server) createResource(c *call) (any, *refusal) {
	e, no := s.enter(c, permCreateResource)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	r := &resource{
		id:            newUUID(),
		kind:          resourceCustom,
		name:          f.require("name"),
		description:   f.text("description"),
		audience:      f.text("audience"),
		introspection: f.choose("introspectEndpointAuthMethod", f.text("introspectEndpointAuthMethod"), "NONE", methodBasic, methodPost),
		validity:      time.Hour,
		attributes:    []*resourceAttribute{{newUUID(), "sub", "${user.id}", mappingCore}},
		created:       s.Now(),
		updated:       s.Now(),
	}
	f.choose("type", f.text("type"), resourceCustom)
	if r.audience == "" {
		r.audience = r.name
	}
	if r.introspection == "" {
		r.introspection = methodBasic
	}
	if _, given := f.rest["accessTokenValiditySeconds"]; given {
		seconds := take[float64](f, "accessTokenValiditySeconds", "a number")
		r.validity = time.Duration(seconds) * time.Second
		if seconds < 300 || seconds > 2592000 {
			f.problem("OUT_OF_RANGE", "accessTokenValiditySeconds", "must be between 300 and 2592000")
		}
	}
	for _, reserved := range []string{"pingone", "pingidentity"} {
		if strings.Contains(strings.ToLower(r.audience), reserved) {
			f.problem("INVALID_VALUE", "audience", "must not contain "+reserved)
		}
	}
	if slices.ContainsFunc(e.resources, func(other *resource) bool { return other.name == r.name }) {
		f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	r.secret = newSecret()
	s.issued = append(s.issued, r.secret)
	s.pastSources.changing(r.id, nil, s.Now())
	e.resources = append(e.resources, r)
	return created{resourceBody(c, r)}, nil
}

// deleteResource removes a custom resource, and with it each grant for it.
func (s *Server) deleteResource(c *call) (any, *refusal) {
	r, no := s.reachCustom(c)
	if no != nil {
		return nil, no
	}
	s.changingResource(r)
	e := s.environments[c.target.environment]
	e.resources = slices.DeleteFunc(slices.Clone(e.resources), func(other *resource) bool { return other == r })
	for _, a := range s.apps {
		if slices.ContainsFunc(a.grants, func(g *grant) bool { return g.resource == r }) {
			s.changingApplication(a)
			a.grants = slices.DeleteFunc(slices.Clone(a.grants), func(g *grant) bool { return g.resource == r })
		}
	}
	return nil, nil
}

func (s *Server) readScope(c *call) (any, *refusal) {
	r, no := s.reachResource(c, permReadResource)
	if no != nil {
		return nil, no
	}
	for _, scope := range r.scopes {
		if scope.id == c.path("scope") {
			return scopeBody(c, scope), nil
		}
	}
	return nil, notFound()
}

func (s *Server) readAttribute(c *call) (any, *refusal) {
	r, no := s.reachResource(c, permReadResource)
	if no != nil {
		return nil, no
	}
	for _, a := range r.attributes {
		if a.id == c.path("attribute") {
			return attributeBody(c, r, a), nil
		}
	}
	return nil, notFound()
}

func resourceBody(c *call, r *resource) any {
	self, audience := c.environmentURL()+"/resources/"+r.id, r.audience
	if r.kind == resourcePingOne {
		audience = c.base
	}
	var permissions map[string]bool
	if r.kind == resourceCustom {
		permissions = map[string]bool{"claimEnabled": false}
	}
	return struct {
		Links         map[string]href `json:"_links"`
		Environment   reference       `json:"environment"`
		ID            string          `json:"id"`
		Name          string          `json:"name"`
		Description   string          `json:"description,omitempty"`
		Type          string          `json:"type"`
		Audience      string          `json:"audience,omitempty"`
		Validity      int64           `json:"accessTokenValiditySeconds"`
		Introspection string          `json:"introspectEndpointAuthMethod,omitempty"`
		Permissions   map[string]bool `json:"applicationPermissionsSettings,omitempty"`
		CreatedAt     string          `json:"createdAt"`
		UpdatedAt     string          `json:"updatedAt"`
	}{
		Links: map[string]href{
			"self": {self}, "environment": {c.environmentURL()}, "scopes": {self + "/scopes"}, "attributes": {self + "/attributes"},
		},
		Environment: reference{c.target.environment}, ID: r.id, Name: r.name, Description: r.description, Type: r.kind,
		Audience: audience, Validity: int64(r.validity / time.Second), Introspection: r.introspection, Permissions: permissions,
		CreatedAt: wireTime(r.created), UpdatedAt: wireTime(r.updated),
	}
}

func (s *Server) listScopes(c *call) (any, *refusal) {
	r, no := s.reachResource(c, permReadResource)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, scope := range r.scopes {
		items = append(items, item{scope.id, func() any { return scopeBody(c, scope) }})
	}
	return c.page("scopes", items)
}

func (s *Server) createScope(c *call) (any, *refusal) {
	r, f, no := s.extendResource(c)
	if no != nil {
		return nil, no
	}
	scope := &resourceScope{newUUID(), f.require("name"), f.text("description"), r}
	// The characters of a scope token in RFC 6749, section 3.3.
	if strings.ContainsFunc(scope.name, func(c rune) bool { return c <= ' ' || c == '"' || c == '\\' || c > '~' }) {
		f.problem("INVALID_VALUE", "name", "must be a scope token")
	}
	if slices.ContainsFunc(r.scopes, func(other *resourceScope) bool { return other.name == scope.name }) {
		f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingResource(r)
	r.scopes = append(r.scopes, scope)
	return created{scopeBody(c, scope)}, nil
}

func scopeBody(c *call, scope *resourceScope) any {
	body := map[string]any{"name": scope.name}
	if scope.description != "" {
		body["description"] = scope.description
	}
	return part(c, scope.resource, "scopes", scope.id, body)
}

func (s *Server) listAttributes(c *call) (any, *refusal) {
	r, no := s.reachResource(c, permReadResource)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, a := range r.attributes {
		items = append(items, item{a.id, func() any { return attributeBody(c, r, a) }})
	}
	return c.page("attributes", items)
}

// claimsOfPingOne are the claims that no attribute can set.
var claimsOfPingOne = []string{"acr", "amr", "at_hash", "aud", "auth_time", "azp", "client_id", "env", "exp", "iat", "iss", "jti", "nbf", "nonce", "org", "scope", "sid", "sub"}

func (s *Server) createAttribute(c *call) (any, *refusal) {
	r, f, no := s.extendResource(c)
	if no != nil {
		return nil, no
	}
	a := &resourceAttribute{newUUID(), f.require("name"), f.require("value"), resourceCustom}
	if slices.Contains(claimsOfPingOne, a.name) || strings.HasPrefix(a.name, "p1.") {
		f.problem("INVALID_VALUE", "name", "is reserved")
	}
	if slices.ContainsFunc(r.attributes, func(other *resourceAttribute) bool { return other.name == a.name }) {
		f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingResource(r)
	r.attributes = append(r.attributes, a)
	return created{attributeBody(c, r, a)}, nil
}

func attributeBody(c *call, r *resource, a *resourceAttribute) any {
	return part(c, r, "attributes", a.id, map[string]any{"name": a.name, "value": a.value, "type": a.kind})
}

// extendResource begins a call that adds something to a resource, which must be a custom
// one.
func (s *Server) extendResource(c *call) (*resource, *fields, *refusal) {
	r, no := s.reachCustom(c)
	if no != nil {
		return nil, nil, no
	}
	f, no := readFields(c.body)
	return r, f, no
}

// part completes the body of something that belongs to a resource.
func part(c *call, r *resource, collection, id string, body map[string]any) map[string]any {
	self := c.environmentURL() + "/resources/" + r.id
	body["_links"] = map[string]href{"self": {self + "/" + collection + "/" + id}, "resource": {self}}
	body["id"], body["environment"], body["resource"] = id, reference{c.target.environment}, reference{r.id}
	return body
}
