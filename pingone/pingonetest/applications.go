package pingonetest

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

const openIDConnect = "OPENID_CONNECT"

// Application is a PingOne application, with what decides about its tokens.
// An empty field takes its default in [Server.AddApplication].
type Application struct {
	Environment             string // UUID; defaults to one that all such applications share
	ID                      string // UUID; defaults to a new one
	ClientID                string // defaults to ID; another value makes it an imported application
	Name                    string
	Type                    string // defaults to WORKER
	Protocol                string // defaults to OPENID_CONNECT
	TokenEndpointAuthMethod string // defaults to CLIENT_SECRET_BASIC
	Disabled                bool
	GrantTypes              []string // nil defaults to CLIENT_CREDENTIALS
	ResponseTypes           []string
	RedirectURIs            []string
	Secret                  string // current secret; defaults to a generated one
	Roles                   []RoleAssignment

	// A custom resource that the application was granted. With it, tokens are
	// for that resource; without it, they are for the PingOne API.
	Audience string
	Scopes   []string       // granted scopes of the resource, at least one
	Claims   map[string]any // attributes of the resource, such as groups
	TokenTTL time.Duration  // life of an access token, defaults to one hour
}

type appKey struct{ environment, id string }

// application is the state behind an Application; its Secret is the current one.
type application struct {
	Application
	created, updated time.Time
	regenerated      time.Time // zero if the secret was seeded
	previous         retained
	mints            int
}

// AddApplication creates an application without a call, and returns it as it is
// now, secret included.
func (s *Server) AddApplication(a Application) Application {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Environment = cmp.Or(a.Environment, s.environment)
	a.ID = cmp.Or(a.ID, newUUID())
	a.ClientID = cmp.Or(a.ClientID, a.ID)
	a.Name = cmp.Or(a.Name, "application "+a.ID)
	a.Type = cmp.Or(a.Type, "WORKER")
	a.Protocol = cmp.Or(a.Protocol, openIDConnect)
	if a.Protocol == openIDConnect {
		a.TokenEndpointAuthMethod = cmp.Or(a.TokenEndpointAuthMethod, methodBasic)
		a.Secret = cmp.Or(a.Secret, newSecret())
		a.TokenTTL = cmp.Or(a.TokenTTL, time.Hour)
		if a.GrantTypes == nil {
			a.GrantTypes = []string{grantClientCredentials}
		}
	}
	if !isUUID(a.Environment) || !isUUID(a.ID) {
		s.t.Fatalf("pingonetest: environment %q and application %q must be UUIDs", a.Environment, a.ID)
	}
	for _, other := range s.apps {
		if other.ID == a.ID || other.ClientID == a.ClientID {
			s.t.Fatalf("pingonetest: application %s (client %s) exists", a.ID, a.ClientID)
		}
	}
	s.check(&a)
	now := s.now()
	s.apps[appKey{a.Environment, a.ID}] = &application{Application: a, created: now, updated: now}
	if a.Secret != "" {
		s.issued = append(s.issued, a.Secret)
	}
	return a.clone()
}

// UpdateApplication changes an application as somebody at the console would.
// Its ids and its secret stay; [Server.Regenerate] changes the secret. The
// function runs under the server's lock and must not call it.
func (s *Server) UpdateApplication(env, id string, change func(*Application)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.application(env, id)
	changed := a.Application.clone()
	change(&changed)
	changed.Environment, changed.ID, changed.ClientID, changed.Secret = a.Environment, a.ID, a.ClientID, a.Secret
	s.check(&changed)
	a.Application, a.updated = changed, s.now()
}

// check refuses what no console would save, and lets go of the caller's memory.
func (s *Server) check(a *Application) {
	s.t.Helper()
	s.checkRoles(a)
	if (a.Audience == "") != (len(a.Scopes) == 0) {
		s.t.Fatalf("pingonetest: application %s needs an audience and scopes together", a.ID)
	}
	if _, err := json.Marshal(a.Claims); err != nil {
		s.t.Fatalf("pingonetest: claims of application %s: %v", a.ID, err)
	}
	*a = a.clone()
}

func (a Application) clone() Application {
	a.GrantTypes = slices.Clone(a.GrantTypes)
	a.ResponseTypes = slices.Clone(a.ResponseTypes)
	a.RedirectURIs = slices.Clone(a.RedirectURIs)
	a.Roles = slices.Clone(a.Roles)
	a.Scopes = slices.Clone(a.Scopes)
	a.Claims = maps.Clone(a.Claims)
	return a
}

// application returns an application that a test names; to name another is misuse.
func (s *Server) application(env, id string) *application {
	s.t.Helper()
	a := s.apps[appKey{env, id}]
	if a == nil {
		s.t.Fatalf("pingonetest: environment %s has no application %s", env, id)
	}
	return a
}

// Dump returns the whole state as text, sorted, with fingerprints for secrets.
func (s *Server) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	now := s.now()
	fmt.Fprintf(&b, "time %s\n", wireTime(now))
	byKey := func(x, y appKey) int {
		return cmp.Or(strings.Compare(x.environment, y.environment), strings.Compare(x.id, y.id))
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.apps), byKey) {
		a := s.apps[key]
		state := "enabled"
		if a.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(&b, "environment %s application %s client %s %q %s %s %s %s\n",
			a.Environment, a.ID, a.ClientID, a.Name, a.Type, a.Protocol, a.TokenEndpointAuthMethod, state)
		if a.Secret != "" {
			fmt.Fprintf(&b, "  secret %s minted %d times\n", fingerprint(a.Secret), a.mints)
		}
		if p := a.live(now); p.secret != "" {
			used := "never used"
			if !p.used.IsZero() {
				used = "used " + wireTime(p.used)
			}
			fmt.Fprintf(&b, "  previous %s until %s %s\n", fingerprint(p.secret), wireTime(p.expires), used)
		}
		for _, r := range a.Roles {
			fmt.Fprintf(&b, "  role %s at %s %s\n", r.Role, r.ScopeType, r.ScopeID)
		}
	}
	return b.String()
}

func (s *Server) applicationRoutes() {
	s.platform("GET /v1/environments/{env}/applications/{app}", OpReadApplication, s.readApplication)
}

// call is one call of the platform API, by a caller whose token is good.
type call struct {
	target appKey
	base   string // scheme and host under which the caller knows the server
	header http.Header
	body   []byte
	caller *application
	roles  []RoleAssignment // what the token conveys
}

// platform serves an operation of the platform API. Its function runs under the
// lock and returns what goes into the reply; nil makes it a 204.
func (s *Server) platform(pattern, operation string, apply func(*call) (any, *refusal)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // already in memory
		if r.Method == http.MethodPost && !isMediaType(r.Header, "application/json") {
			s.complain(r, "content type %q", r.Header.Get("Content-Type"))
		}
		c := &call{
			target: appKey{r.PathValue("env"), r.PathValue("app")},
			base:   "http://" + r.Host,
			header: r.Header,
			body:   body,
		}
		id := fault.Call{Operation: operation, Target: c.target.id, Trace: s.transactionID(r)}
		s.Answer(w, r, id, s.words(outranked()), func() fault.Reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			if no := s.admit(c); no != nil {
				return no.reply()
			}
			body, no := apply(c)
			if no != nil {
				return no.reply()
			}
			if body == nil {
				return fault.Reply{Status: http.StatusNoContent}
			}
			return jsonReply(http.StatusOK, body)
		})
	})
}

// admit counts the call and finds out who calls.
func (s *Server) admit(c *call) *refusal {
	now := s.now()
	if s.limit.exceeded(now) {
		return s.throttled()
	}
	bearer, ok := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	token, known := s.tokens[bearer]
	if !ok || !known || !token.platform || !now.Before(token.expires) || token.client.Disabled {
		return invalidToken()
	}
	c.caller = token.client
	for _, r := range token.roles {
		if slices.Contains(token.client.Roles, r) {
			c.roles = append(c.roles, r)
		}
	}
	return nil
}

// reach returns the application that a call is about, if the caller has the permission there.
func (s *Server) reach(c *call, permission string) (*application, *refusal) {
	if !s.permitted(c.roles, permission, c.target) {
		return nil, forbidden()
	}
	a := s.apps[c.target]
	if a == nil {
		return nil, notFound()
	}
	return a, nil
}

type href struct {
	Href string `json:"href"`
}

type reference struct {
	ID string `json:"id"`
}

func (s *Server) readApplication(c *call) (any, *refusal) {
	a, no := s.reach(c, permRead)
	if no != nil {
		return nil, no
	}
	environment := c.base + "/v1/environments/" + a.Environment
	self := environment + "/applications/" + a.ID
	imported := ""
	if a.ClientID != a.ID {
		imported = a.ClientID
	}
	return struct {
		Links                   map[string]href `json:"_links"`
		Environment             reference       `json:"environment"`
		ID                      string          `json:"id"`
		ClientID                string          `json:"clientId,omitempty"`
		Name                    string          `json:"name"`
		Enabled                 bool            `json:"enabled"`
		HiddenFromAppPortal     bool            `json:"hiddenFromAppPortal"`
		Type                    string          `json:"type"`
		Protocol                string          `json:"protocol"`
		CreatedAt               string          `json:"createdAt"`
		UpdatedAt               string          `json:"updatedAt"`
		ResponseTypes           []string        `json:"responseTypes,omitempty"`
		GrantTypes              []string        `json:"grantTypes,omitempty"`
		TokenEndpointAuthMethod string          `json:"tokenEndpointAuthMethod,omitempty"`
		RedirectURIs            []string        `json:"redirectUris,omitempty"`
	}{
		Links: map[string]href{
			"self": {self}, "environment": {environment}, "attributes": {self + "/attributes"},
			"secret": {self + "/secret"}, "grants": {self + "/grants"}, "roleAssignments": {self + "/roleAssignments"},
		},
		Environment: reference{a.Environment}, ID: a.ID, ClientID: imported, Name: a.Name,
		Enabled: !a.Disabled, Type: a.Type, Protocol: a.Protocol,
		CreatedAt: wireTime(a.created), UpdatedAt: wireTime(a.updated),
		ResponseTypes: a.ResponseTypes, GrantTypes: a.GrantTypes,
		TokenEndpointAuthMethod: a.TokenEndpointAuthMethod, RedirectURIs: a.RedirectURIs,
	}, nil
}

// wireTime formats an instant as PingOne does, to the millisecond.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func isUUID(id string) bool { return uuidPattern.MatchString(id) }

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
