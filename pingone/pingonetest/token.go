package pingonetest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// accessToken is what PingOne remembers about a token.
type accessToken struct {
	client   *application
	user     *user     // nil if the client acts for itself
	platform bool      // meant for the PingOne API
	resource *resource // the custom resource that it is for, if any
	scopes   []string
	claims   map[string]any
	expires  time.Time
	roles    []RoleAssignment
}

// CustomDomain makes the paths without an environment id belong to the environment.
func (s *Server) CustomDomain(environment string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.customDomain = environment
}

func (s *Server) tokenRoutes() {
	s.serveClients("/as/token", OpToken, "grant_type", s.token)
	s.serveClients("/as/introspect", OpIntrospect, "token", s.introspect)
	s.underEnvironment("GET", "/as/userinfo", s.serveUserInfo)
	s.underEnvironment("POST", "/as/userinfo", s.serveUserInfo)
	s.underEnvironment("GET", "/as/jwks", s.serveKeys)
	s.underEnvironment("GET", "/as/.well-known/openid-configuration", s.serveDiscovery)
}

// authority is an environment as its clients see it.
type authority struct {
	environment string
	issuer      string // URL
	api         string // URL of the platform API
}

// underEnvironment serves a path of an environment, with the environment's id and on its
// custom domain.
func (s *Server) underEnvironment(method, path string, serve func(http.ResponseWriter, *http.Request, authority)) {
	s.mux.HandleFunc(method+" /{env}"+path, func(w http.ResponseWriter, r *http.Request) {
		env, base := r.PathValue("env"), baseURL(r)
		serve(w, r, authority{env, base + "/" + env + "/as", base})
	})
	s.mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		env, base := s.customDomain, baseURL(r)
		s.mu.Unlock()
		if env == "" {
			s.unknown(w, r)
			return
		}
		serve(w, r, authority{env, base + "/as", base})
	})
}

// token judges a token request in PingOne's order: the client, its grant, its scopes, its
// roles.
func (s *Server) token(t *clientRequest) (any, *refusal) {
	a, no := s.authenticate(t)
	if no != nil {
		return nil, no
	}
	seen := s.viewApplication(a, t.lag)
	grant := t.form.Get("grant_type")
	switch {
	case grant == "authorization_code" && slices.Contains(seen.GrantTypes, grantAuthorizationCode):
		return s.redeem(a, t)
	case grant != "client_credentials" || !slices.Contains(seen.GrantTypes, grantClientCredentials):
		return nil, refuseClient(http.StatusBadRequest, "unauthorized_client", msgUnsupportedGrant+grant)
	}
	custom, scopes, no := s.machineScopes(seen, strings.Fields(t.form.Get("scope")))
	if no != nil {
		return nil, no
	}
	if custom == nil && len(seen.Roles) == 0 {
		return nil, refuseClient(http.StatusBadRequest, "access_denied", msgNoRoles)
	}
	return s.issueToken(ticket{client: a, authority: t.authority, custom: custom, scopes: scopes})
}
