package pingonetest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"pingrotate/internal/fault"
)

// Application is a PingOne application, with what determines its tokens. An empty field
// takes its default in [Server.AddApplication].
type Application struct {
	Environment             string // UUID; defaults to one that all such applications share
	ID                      string // UUID; defaults to a new one
	ClientID                string // defaults to ID; another value makes it an imported application
	Name                    string
	Description             string // for one that was created by a call, only [Server.UpdateApplication] shows it
	Type                    string // defaults to WORKER
	Protocol                string // defaults to OPENID_CONNECT
	TokenEndpointAuthMethod string // defaults to CLIENT_SECRET_BASIC
	Disabled                bool
	GrantTypes              []string // nil defaults to CLIENT_CREDENTIALS
	ResponseTypes           []string
	RedirectURIs            []string
	JWKS                    string // the client's public keys, a JSON Web Key Set (RFC 7517)
	Secret                  string // current secret; defaults to a generated one
	Roles                   []RoleAssignment

	// A custom resource that was granted to the application, without the calls for that.
	// With it, tokens are for that resource; without it and without other grants, they are
	// for the PingOne API.
	Audience string
	Scopes   []string       // granted scopes of the resource, at least one
	Claims   map[string]any // attributes of the resource, such as groups
	TokenTTL time.Duration  // life of an access token, defaults to one hour
}

type appKey struct{ environment, id string }

func (k appKey) String() string { return k.environment + "/" + k.id }

// application is the state behind an Application, whose Secret is not kept up to
// date: the keeper has it.
type application struct {
	Application
	keeper
	settings         map[string]any // configuration that this server only shows
	grants           []*grant
	mappings         []*attributeMapping
	signOnPolicies   []*policyAssignment
	flowPolicies     []*policyAssignment
	created, updated time.Time
}

// AddApplication creates an application without a call, and returns it as it is
// now, secret included.
func (s *Server) AddApplication(a Application) Application {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Environment = cmp.Or(a.Environment, s.home)
	a.ID = cmp.Or(a.ID, newUUID())
	a.ClientID = cmp.Or(a.ClientID, a.ID)
	a.Name = cmp.Or(a.Name, "application "+a.ID)
	a.Type = cmp.Or(a.Type, typeWorker)
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
	if s.ids[a.ID] != nil || s.clients[a.ClientID] != nil {
		s.t.Fatalf("pingonetest: application %s (client %s) exists", a.ID, a.ClientID)
	}
	s.check(&a)
	s.store(a, described(defaultSettings(a), a.Description))
	return a.clone()
}

// store makes the application exist.
func (s *Server) store(a Application, settings map[string]any) *application {
	now := s.Now()
	stored := &application{Application: a, keeper: keeper{secretState: secretState{secret: a.Secret}}, settings: settings, mappings: coreMappings(a), created: now, updated: now}
	s.apps[appKey{a.Environment, a.ID}], s.ids[a.ID], s.clients[a.ClientID] = stored, stored, stored
	s.known[appKey{a.Environment, a.ID}] = true
	s.environment(a.Environment)
	if a.Secret != "" {
		s.issued = append(s.issued, a.Secret)
	}
	return stored
}

// changingApplication must be called before an application changes, or anything that
// PingOne keeps under its id except the secret.
func (s *Server) changingApplication(a *application) {
	was := *a
	was.grants = make([]*grant, len(a.grants))
	for i, g := range a.grants {
		copied := *g
		was.grants[i] = &copied
	}
	s.pastApps.changing(appKey{a.Environment, a.ID}.String(), &was, s.Now())
}

// viewApplication returns the application as a client's call with the lag sees it. The
// number of changes that the call misses counts changes of the secret.
func (s *Server) viewApplication(a *application, lag fault.Lag) *application {
	return s.pastApps.view(appKey{a.Environment, a.ID}.String(), a, s.Now(), fault.Lag{Age: lag.Age})
}

// UpdateApplication changes an application as a person at the console would.
// Its ids and its secret stay; [Server.Regenerate] changes the secret. The
// function runs under the server's lock and must not call it.
func (s *Server) UpdateApplication(env, id string, change func(*Application)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.application(env, id)
	changed := a.Application.clone()
	changed.Secret = a.secret
	changed.Description, _ = a.settings["description"].(string)
	change(&changed)
	changed.Environment, changed.ID, changed.ClientID = a.Environment, a.ID, a.ClientID
	s.check(&changed)
	s.changingApplication(a)
	a.Application, a.settings, a.updated = changed, described(a.settings, changed.Description), s.Now()
}

// described returns the settings with another description.
func described(settings map[string]any, description string) map[string]any {
	settings = maps.Clone(settings)
	if settings["description"] = description; description == "" {
		delete(settings, "description")
	}
	return settings
}

// check refuses what no console would save, and keeps nothing that the caller can change.
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

// application returns an application that a test names; naming one that does not exist is
// misuse.
func (s *Server) application(env, id string) *application {
	s.t.Helper()
	a := s.apps[appKey{env, id}]
	if a == nil {
		s.t.Fatalf("pingonetest: environment %s has no application %s", env, id)
	}
	return a
}
