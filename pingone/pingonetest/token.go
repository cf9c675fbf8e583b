package pingonetest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// How an application may authenticate at the token endpoint.
const (
	methodBasic = "CLIENT_SECRET_BASIC"
	methodPost  = "CLIENT_SECRET_POST"
	methodJWT   = "CLIENT_SECRET_JWT"
)

const grantClientCredentials = "CLIENT_CREDENTIALS"

// accessToken is what the platform API remembers of a token.
type accessToken struct {
	client   *application
	platform bool // meant for the PingOne API
	expires  time.Time
	roles    []RoleAssignment
}

// Authenticates reports whether the token endpoint would accept the secret from
// this client now, in the application's own authentication method. It is neither
// a call nor a use of the secret.
func (s *Server) Authenticates(env, clientID, secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.client(env, clientID)
	if a == nil || a.Disabled || !slices.Contains([]string{methodBasic, methodPost, methodJWT}, a.TokenEndpointAuthMethod) {
		return false
	}
	ok, _ := s.accepts(a, secret)
	return ok
}

// CustomDomain makes the paths without an environment id belong to the environment.
func (s *Server) CustomDomain(environment string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.customDomain = environment
}

// client returns the application of a client id, nil if the environment has none.
func (s *Server) client(env, clientID string) *application {
	for _, a := range s.apps {
		if a.Environment == env && a.ClientID == clientID && a.Protocol == openIDConnect {
			return a
		}
	}
	return nil
}

// accepts reports whether a secret is good now, and whether it is the previous one.
func (s *Server) accepts(a *application, secret string) (ok, previous bool) {
	now := s.now()
	if secret == "" {
		return false, false
	}
	if secret == a.live(now).secret {
		return true, true
	}
	active := a.regenerated.IsZero() || !now.Before(a.regenerated.Add(s.propagation))
	return secret == a.Secret && active, false
}

func (s *Server) tokenRoutes() {
	s.issuer("POST", "/token", s.serveToken)
	s.issuer("GET", "/jwks", s.serveKeys)
	s.issuer("GET", "/.well-known/openid-configuration", s.serveDiscovery)
}

// authority is an environment as its clients see it.
type authority struct {
	environment string
	issuer      string // URL
	api         string // URL of the platform API
}

// issuer serves a path below an environment's issuer, under both of its names.
func (s *Server) issuer(method, path string, serve func(http.ResponseWriter, *http.Request, authority)) {
	s.mux.HandleFunc(method+" /{env}/as"+path, func(w http.ResponseWriter, r *http.Request) {
		env, base := r.PathValue("env"), "http://"+r.Host
		serve(w, r, authority{env, base + "/" + env + "/as", base})
	})
	s.mux.HandleFunc(method+" /as"+path, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		env, base := s.customDomain, "http://"+r.Host
		s.mu.Unlock()
		if env == "" {
			s.unknown(w, r)
			return
		}
		serve(w, r, authority{env, base + "/as", base})
	})
}

// tokenRequest is a token request before anybody has judged it.
type tokenRequest struct {
	authority
	form       url.Values
	clientID   string
	secret     string
	method     string
	unreadable string // why the request makes no sense
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, at authority) {
	t := readTokenRequest(r)
	t.authority = at
	if t.unreadable != "" {
		s.complain(r, "%s", t.unreadable)
	}
	call := fault.Call{Operation: OpToken, Target: t.clientID, Trace: s.transactionID(r)}
	s.Answer(w, r, call, s.words(invalidClient(msgBadCredentials)), func() fault.Reply {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, no := s.token(t)
		if no != nil {
			return no.reply()
		}
		reply := jsonReply(http.StatusOK, body)
		reply.Header.Set("Cache-Control", "no-store")
		return reply
	})
}

func readTokenRequest(r *http.Request) tokenRequest {
	t := tokenRequest{method: methodPost}
	body, _ := io.ReadAll(r.Body) // already in memory
	form, err := url.ParseQuery(string(body))
	t.form, t.clientID, t.secret = form, form.Get("client_id"), form.Get("client_secret")
	id, secret, basic := r.BasicAuth()
	if basic {
		t.method, t.clientID, t.secret = methodBasic, formDecode(id), formDecode(secret)
	}
	switch {
	case !isMediaType(r.Header, "application/x-www-form-urlencoded"):
		t.unreadable = "content type is not application/x-www-form-urlencoded"
	case err != nil:
		t.unreadable = "body is not form-encoded"
	case r.URL.RawQuery != "":
		t.unreadable = "parameters in the URL, where they end up in logs"
	case basic && (form.Has("client_id") || form.Has("client_secret")):
		t.unreadable = "credentials in both the header and the body"
	case form.Has("client_assertion"):
		t.unreadable = "client assertions are not understood here"
	case !form.Has("grant_type"):
		t.unreadable = "grant_type is missing"
	}
	for name, values := range form {
		if len(values) > 1 {
			t.unreadable = "parameter " + name + " is repeated"
		}
	}
	return t
}

// formDecode undoes the encoding of RFC 6749 section 2.3.1. What cannot be
// decoded is no credential of anybody.
func formDecode(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return ""
	}
	return decoded
}

// token judges a token request in the order in which PingOne does: the client,
// its grant, its scopes, its roles.
func (s *Server) token(t tokenRequest) (any, *refusal) {
	if t.unreadable != "" {
		return nil, refuseClient(http.StatusBadRequest, "invalid_request", "Request denied: "+t.unreadable)
	}
	a := s.client(t.environment, t.clientID)
	if a == nil || a.Disabled {
		return nil, invalidClient(msgBadCredentials)
	}
	if a.TokenEndpointAuthMethod != t.method {
		return nil, invalidClient(msgUnsupportedMethod)
	}
	ok, previous := s.accepts(a, t.secret)
	if !ok {
		return nil, invalidClient(msgBadCredentials)
	}
	if previous {
		a.previous.used = s.now()
	}
	if grant := t.form.Get("grant_type"); grant != "client_credentials" || !slices.Contains(a.GrantTypes, grantClientCredentials) {
		return nil, refuseClient(http.StatusBadRequest, "unauthorized_client", msgUnsupportedGrant+grant)
	}
	scopes, no := grantedScopes(a, strings.Fields(t.form.Get("scope")))
	if no != nil {
		return nil, no
	}
	if a.Audience == "" && len(a.Roles) == 0 {
		return nil, refuseClient(http.StatusBadRequest, "access_denied", msgNoRoles)
	}
	return s.issueToken(a, t.authority, strings.Join(scopes, " "))
}

// grantedScopes returns the scopes of the token: those asked for, or all. A
// worker without a custom resource gets a token for the PingOne API, which goes
// by roles and not by scopes.
func grantedScopes(a *application, asked []string) ([]string, *refusal) {
	for _, scope := range asked {
		if !slices.Contains(a.Scopes, scope) {
			return nil, refuseClient(http.StatusBadRequest, "invalid_scope", msgNoScope)
		}
	}
	if len(asked) > 0 {
		return asked, nil
	}
	if len(a.Scopes) == 0 && a.Type != "WORKER" {
		return nil, refuseClient(http.StatusBadRequest, "invalid_scope", msgNoScope)
	}
	return a.Scopes, nil
}
