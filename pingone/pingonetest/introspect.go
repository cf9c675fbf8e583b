package pingonetest

import (
	"maps"
	"slices"
)

// introspect shows what is in a token (RFC 7662) to the application that it was issued to,
// or to the custom resource that it is for. To all others, a token is inactive.
func (s *Server) introspect(t *clientRequest) (any, *refusal) {
	r := s.introspector(t)
	var a *application
	var no *refusal
	if r != nil {
		no = s.authenticateResource(t, r)
	} else {
		a, no = s.authenticate(t)
	}
	if no != nil {
		return nil, no
	}
	token, known := s.tokens[t.form.Get("token")]
	own := known && (a != nil && token.client == a || r != nil && token.resource == r)
	if !own || !s.live(token) || token.client.Environment != t.environment {
		return map[string]any{"active": false}, nil
	}
	body := maps.Clone(token.claims)
	body["active"], body["token_type"] = true, "Bearer"
	return body, nil
}

// introspector returns the custom resource that the request claims to come from, or nil if
// it names none.
func (s *Server) introspector(t *clientRequest) *resource {
	return s.customResource(t.environment, t.clientID)
}

func (s *Server) customResource(env, id string) *resource {
	e := s.environments[env]
	if e == nil {
		return nil
	}
	i := slices.IndexFunc(e.resources, func(r *resource) bool { return r.id == id && r.kind == resourceCustom })
	if i < 0 {
		return nil
	}
	return e.resources[i]
}

func (s *Server) authenticateResource(t *clientRequest, r *resource) *refusal {
	if r.introspection != t.method {
		return invalidClient(msgUnsupportedMethod)
	}
	good, previous := s.accepts(&r.keeper, t.bySecret(), t.node, t.lag)
	if !good {
		return invalidClient(msgBadCredentials)
	}
	if previous {
		s.use(&r.keeper)
	}
	return nil
}
