package pingonetest

import (
	"slices"
	"time"
)

// grant lets an application ask for scopes of one resource.
type grant struct {
	id               string
	resource         *resource
	scopes           []*resourceScope
	created, updated time.Time
}

func (s *Server) grantRoutes() {
	const all = "/v1/environments/{env}/applications/{app}/grants"
	s.platform("GET "+all, OpListGrants, s.listGrants)
	s.platform("POST "+all, OpCreateGrant, s.createGrant)
	s.platform("GET "+all+"/{grant}", OpReadGrant, s.readGrant)
	s.platform("PUT "+all+"/{grant}", OpReplaceGrant, s.replaceGrant)
	s.platform("DELETE "+all+"/{grant}", OpDeleteGrant, s.deleteGrant)
}

func (s *Server) listGrants(c *call) (any, *refusal) {
	a, no := s.reach(c, permReadGrant)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, g := range a.grants {
		items = append(items, item{g.id, func() any { return grantBody(c, g) }})
	}
	return c.page("grants", items)
}

func (s *Server) createGrant(c *call) (any, *refusal) {
	a, no := s.reach(c, permCreateGrant)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	g := &grant{id: newUUID(), created: s.Now(), updated: s.Now()}
	id := f.reference("resource")
	for _, r := range s.environments[a.Environment].resources {
		if r.id == id {
			g.resource = r
		}
	}
	switch {
	case f.problems != nil:
	case g.resource == nil:
		f.problem("INVALID_VALUE", "resource.id", "is not a resource of the environment")
	case s.assumed.WorkersAreAlone && a.Type == typeWorker && g.resource.kind == resourceCustom:
		f.problem("INVALID_VALUE", "resource.id", "is not for workers")
	case slices.ContainsFunc(a.grants, func(other *grant) bool { return other.resource == g.resource }):
		f.problem("UNIQUENESS_VIOLATION", "resource.id", "has a grant already")
	default:
		g.scopes = a.grantable(f, g.id, g.resource)
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingApplication(a)
	a.grants = append(a.grants, g)
	return created{grantBody(c, g)}, nil
}

// grantable reads the scopes that a grant of the application is to have.
func (a *application) grantable(f *fields, id string, r *resource) []*resourceScope {
	var scopes []*resourceScope
	for _, ref := range f.references("scopes") {
		i := slices.IndexFunc(r.scopes, func(s *resourceScope) bool { return s.id == ref })
		if i < 0 {
			f.problem("INVALID_VALUE", "scopes.id", "is not a scope of the resource")
			return nil
		}
		scope := r.scopes[i]
		if slices.Contains(scopes, scope) || slices.ContainsFunc(a.grants, func(g *grant) bool {
			return g.id != id && slices.ContainsFunc(g.scopes, func(s *resourceScope) bool { return s.name == scope.name })
		}) {
			f.problem("UNIQUENESS_VIOLATION", "scopes", "names a scope twice")
		}
		scopes = append(scopes, scope)
	}
	switch {
	case f.problems != nil:
	case len(scopes) == 0:
		f.problem("REQUIRED_VALUE", "scopes", "must not be empty")
	case r.kind == resourceOpenID && a.Type == typeWorker && slices.Contains(a.GrantTypes, grantClientCredentials):
		f.problem("INVALID_VALUE", "scopes", "are not for workers with client credentials")
	}
	return scopes
}

// reachGrant returns the grant that a call is about, by its position.
func (s *Server) reachGrant(c *call, permission string) (*application, int, *refusal) {
	a, no := s.reach(c, permission)
	if no != nil {
		return nil, 0, no
	}
	i := slices.IndexFunc(a.grants, func(g *grant) bool { return g.id == c.path("grant") })
	if i < 0 {
		return nil, 0, notFound()
	}
	return a, i, nil
}

func (s *Server) readGrant(c *call) (any, *refusal) {
	a, i, no := s.reachGrant(c, permReadGrant)
	if no != nil {
		return nil, no
	}
	return grantBody(c, a.grants[i]), nil
}

// replaceGrant changes the scopes; a grant's resource cannot change.
func (s *Server) replaceGrant(c *call) (any, *refusal) {
	a, i, no := s.reachGrant(c, permUpdateGrant)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	g := a.grants[i]
	scopes := a.grantable(f, g.id, g.resource)
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingApplication(a)
	g.scopes, g.updated = scopes, s.Now()
	return grantBody(c, g), nil
}

func (s *Server) deleteGrant(c *call) (any, *refusal) {
	a, i, no := s.reachGrant(c, permDeleteGrant)
	if no != nil {
		return nil, no
	}
	s.changingApplication(a)
	a.grants = slices.Delete(a.grants, i, i+1)
	return nil, nil
}

func grantBody(c *call, g *grant) any {
	application := c.environmentURL() + "/applications/" + c.target.id
	scopes := make([]reference, len(g.scopes))
	for i, scope := range g.scopes {
		scopes[i] = reference{scope.id}
	}
	return struct {
		Links       map[string]href `json:"_links"`
		Environment reference       `json:"environment"`
		Application reference       `json:"application"`
		ID          string          `json:"id"`
		Resource    reference       `json:"resource"`
		Scopes      []reference     `json:"scopes"`
		CreatedAt   string          `json:"createdAt"`
		UpdatedAt   string          `json:"updatedAt"`
	}{
		Links: map[string]href{
			"self": {application + "/grants/" + g.id}, "application": {application}, "environment": {c.environmentURL()},
			"resource": {c.environmentURL() + "/resources/" + g.resource.id},
		},
		Environment: reference{c.target.environment}, Application: reference{c.target.id}, ID: g.id,
		Resource: reference{g.resource.id}, Scopes: scopes, CreatedAt: wireTime(g.created), UpdatedAt: wireTime(g.updated),
	}
}
