package pingonetest

import (
	"net/http"
	"slices"
)

// deleteScope removes a scope of a custom resource, unless an application has a grant
// for it.
func (s *Server) deleteScope(c *call) (any, *refusal) {
	r, no := s.reachCustom(c)
	if no != nil {
		return nil, no
	}
	i := slices.IndexFunc(r.scopes, func(scope *resourceScope) bool { return scope.id == c.path("scope") })
	if i < 0 {
		return nil, notFound()
	}
	for _, a := range s.apps {
		if slices.ContainsFunc(a.grants, func(g *grant) bool { return slices.Contains(g.scopes, r.scopes[i]) }) {
			return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
		}
	}
	s.changingResource(r)
	r.scopes = slices.Delete(slices.Clone(r.scopes), i, i+1)
	return nil, nil
}

// deleteAttribute removes an attribute of a custom resource, but not its subject.
func (s *Server) deleteAttribute(c *call) (any, *refusal) {
	r, no := s.reachCustom(c)
	if no != nil {
		return nil, no
	}
	i := slices.IndexFunc(r.attributes, func(a *resourceAttribute) bool { return a.id == c.path("attribute") })
	switch {
	case i < 0:
		return nil, notFound()
	case r.attributes[i].kind == mappingCore:
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	s.changingResource(r)
	r.attributes = slices.Delete(slices.Clone(r.attributes), i, i+1)
	return nil, nil
}

// reachCustom returns the resource that a call changes, which must be a custom one.
func (s *Server) reachCustom(c *call) (*resource, *refusal) {
	r, no := s.reachResource(c, permUpdateResource)
	if no != nil {
		return nil, no
	}
	if r.kind != resourceCustom {
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	return r, nil
}
