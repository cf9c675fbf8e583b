package pingonetest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// population is a group of users, each of whom belongs to one.
type population struct{ id, name, description string }

// user is a person who signs on to applications.
type user struct {
	id, username     string
	population       string // id
	disabled         bool
	password         string
	mustChange       bool           // the password, before the next sign-on
	attributes       map[string]any // all that this server only shows, and the email
	created, updated time.Time
}

func (s *Server) userRoutes() {
	const users = "/v1/environments/{env}/users"
	const setPassword = "application/vnd.pingidentity.password.set+json"
	s.platform("GET /v1/environments/{env}/populations", OpListPopulations, s.listPopulations)
	s.platform("GET /v1/environments/{env}", OpReadEnvironment, s.readEnvironment)
	s.platform("GET /v1/environments/{env}/populations/{population}", OpReadPopulation, s.readPopulation)
	s.platform("POST /v1/environments/{env}/populations", OpCreatePopulation, s.createPopulation)
	s.platform("DELETE /v1/environments/{env}/populations/{population}", OpDeletePopulation, s.deletePopulation)
	s.platform("GET "+users, OpListUsers, s.listUsers)
	s.platform("POST "+users, OpCreateUser, s.createUser)
	s.platform("GET "+users+"/{user}", OpReadUser, s.readUser)
	s.platform("PATCH "+users+"/{user}", OpUpdateUser, s.updateUser)
	s.platform("DELETE "+users+"/{user}", OpDeleteUser, s.deleteUser)
	s.platform("GET "+users+"/{user}/password", OpReadPassword, s.readPassword)
	s.platform("POST "+users+"/{user}/password", OpSetPassword, s.setPassword, setPassword)
	s.platform("PUT "+users+"/{user}/password", OpSetPassword, s.setPassword, setPassword)
}

func (s *Server) createPopulation(c *call) (any, *refusal) {
	e, no := s.enter(c, permCreatePopulation)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	p := &population{newUUID(), f.require("name"), f.text("description")}
	if slices.ContainsFunc(e.populations, func(other *population) bool { return other.name == p.name }) {
		f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.pastGroups.changing(p.id, nil, s.Now())
	e.populations = append(e.populations, p)
	return created{populationBody(c, p)}, nil
}

func populationBody(c *call, p *population) any {
	return struct {
		Links       map[string]href `json:"_links"`
		Environment reference       `json:"environment"`
		ID          string          `json:"id"`
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
	}{
		map[string]href{"self": {c.environmentURL() + "/populations/" + p.id}, "environment": {c.environmentURL()}},
		reference{c.target.environment}, p.id, p.name, p.description,
	}
}

func (s *Server) listPopulations(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadPopulation)
	if no != nil {
		return nil, no
	}
	name, filtered, no := c.filter("name")
	if no != nil {
		return nil, no
	}
	var items []item
	for _, p := range e.populations {
		if p := s.pastGroups.view(p.id, p, s.Now(), c.lag); p != nil && (!filtered || p.name == name) {
			items = append(items, item{p.id, func() any { return populationBody(c, p) }})
		}
	}
	return c.page("populations", items)
}

func (s *Server) readPopulation(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadPopulation)
	if no != nil {
		return nil, no
	}
	for _, p := range e.populations {
		if seen := s.pastGroups.view(p.id, p, s.Now(), c.lag); seen != nil && seen.id == c.path("population") {
			return populationBody(c, seen), nil
		}
	}
	return nil, notFound()
}

// deletePopulation removes a population without users.
func (s *Server) deletePopulation(c *call) (any, *refusal) {
	e, no := s.enter(c, permDeletePopulation)
	if no != nil {
		return nil, no
	}
	i := slices.IndexFunc(e.populations, func(p *population) bool { return p.id == c.path("population") })
	switch {
	case i < 0:
		return nil, notFound()
	case slices.ContainsFunc(e.users, func(u *user) bool { return u.population == e.populations[i].id }):
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	was := *e.populations[i]
	s.pastGroups.changing(was.id, &was, s.Now())
	e.populations = slices.Delete(slices.Clone(e.populations), i, i+1)
	return nil, nil
}

// deleteUser removes a user, and so ends the user's tokens.
func (s *Server) deleteUser(c *call) (any, *refusal) {
	e, u, no := s.reachUser(c, permDeleteUser, "")
	if no != nil {
		return nil, no
	}
	s.changingUser(u)
	e.users = slices.DeleteFunc(slices.Clone(e.users), func(other *user) bool { return other == u })
	for text, token := range s.tokens {
		if token.user == u {
			delete(s.tokens, text)
		}
	}
	return nil, nil
}

// readEnvironment shows an environment to every caller who may read its applications.
func (s *Server) readEnvironment(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	return map[string]any{
		"_links": map[string]href{"self": {c.environmentURL()}, "applications": {c.environmentURL() + "/applications"}},
		"id":     e.id, "name": "environment " + e.id, "type": "SANDBOX", "region": "EU",
		"organization": reference{s.organization},
	}, nil
}

func (s *Server) listUsers(c *call) (any, *refusal) {
	e, no := s.enter(c, permReadUser)
	if no != nil {
		return nil, no
	}
	attribute := "username"
	if strings.HasPrefix(c.url.Query().Get("filter"), "population.id ") {
		attribute = "population.id"
	}
	wanted, filtered, no := c.filter(attribute)
	if no != nil {
		return nil, no
	}
	passes := func(u *user) bool {
		return !filtered || attribute == "username" && u.username == wanted || attribute == "population.id" && u.population == wanted
	}
	var items []item
	for _, u := range e.users {
		if u := s.pastUsers.view(u.id, u, s.Now(), c.lag); u != nil && passes(u) {
			items = append(items, item{u.id, func() any { return userBody(c, u) }})
		}
	}
	return c.page("users", items)
}

func (s *Server) createUser(c *call) (any, *refusal) {
	e, no := s.enter(c, permCreateUser)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	u := &user{id: newUUID(), disabled: !f.flag("enabled", true), created: s.Now(), updated: s.Now()}
	u.username = e.freeUsername(f, f.require("username"), nil)
	email := f.require("email")
	u.population = f.reference("population")
	if u.population != "" && !slices.ContainsFunc(e.populations, func(p *population) bool { return p.id == u.population }) {
		f.problem("INVALID_VALUE", "population.id", "is not a population of the environment")
	}
	f.drop(readOnlyOfUsers...)
	if no := f.refusal(); no != nil {
		return nil, no
	}
	u.attributes = f.rest
	u.attributes["email"] = email
	s.pastUsers.changing(u.id, nil, s.Now())
	e.users = append(e.users, u)
	return created{userBody(c, u)}, nil
}

var readOnlyOfUsers = []string{"_links", "id", "environment", "population", "enabled", "lifecycle", "createdAt", "updatedAt", "password"}

// freeUsername refuses a username that another user has, in any case.
func (e *environment) freeUsername(f *fields, name string, self *user) string {
	if slices.ContainsFunc(e.users, func(other *user) bool { return other != self && strings.EqualFold(other.username, name) }) {
		f.problem("UNIQUENESS_VIOLATION", "username", "is already in use")
	}
	return name
}

// reachUser returns the user that a call is about, if the caller has the
// permission there or is that user, with a token of the scope.
func (s *Server) reachUser(c *call, permission, scope string) (*environment, *user, *refusal) {
	id, env := c.path("user"), c.target.environment
	self := c.user != nil && c.user.id == id && c.caller.Environment == env && slices.Contains(c.scopes, scope)
	if !self && !s.permitted(c.roles, permission, c.target) {
		return nil, nil, forbidden()
	}
	if e := s.environments[env]; e != nil {
		for _, u := range e.users {
			if u.id != id {
				continue
			}
			switch seen := s.pastUsers.view(id, u, s.Now(), c.lag); {
			case seen == nil:
				return nil, nil, notFound()
			case c.reads:
				return e, seen, nil
			}
			return e, u, nil
		}
	}
	return nil, nil, notFound()
}

// changingUser must be called before a user changes.
func (s *Server) changingUser(u *user) {
	was := *u
	was.attributes = maps.Clone(u.attributes)
	s.pastUsers.changing(u.id, &was, s.Now())
}

func (s *Server) readUser(c *call) (any, *refusal) {
	_, u, no := s.reachUser(c, permReadUser, "p1:read:user")
	if no != nil {
		return nil, no
	}
	return userBody(c, u), nil
}

// updateUser changes the attributes that the request names, and removes those
// that it names with null.
func (s *Server) updateUser(c *call) (any, *refusal) {
	e, u, no := s.reachUser(c, permUpdateUser, "p1:update:user")
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	username := u.username
	if _, given := f.rest["username"]; given {
		username = e.freeUsername(f, f.require("username"), u)
	}
	if _, given := f.rest["email"]; given {
		f.rest["email"] = f.require("email")
	}
	for _, name := range f.nulls {
		if name == "username" || name == "email" {
			f.problem("REQUIRED_VALUE", name, "must not be empty")
		}
	}
	f.drop(readOnlyOfUsers...)
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingUser(u)
	u.username, u.updated = username, s.Now()
	maps.Copy(u.attributes, f.rest)
	for _, name := range f.nulls {
		delete(u.attributes, name)
	}
	return userBody(c, u), nil
}

// minPassword is the least length in any password policy of PingOne.
const minPassword = 8

func (s *Server) setPassword(c *call) (any, *refusal) {
	_, u, no := s.reachUser(c, permSetPassword, "")
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	password, mustChange := f.require("value"), f.flag("forceChange", false)
	if f.problems == nil && len(password) < minPassword {
		f.problem("CONSTRAINT_VIOLATION", "value", "does not satisfy the password policy")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingUser(u)
	u.password, u.mustChange = password, mustChange
	s.issued = append(s.issued, password)
	return passwordBody(c, u), nil
}

func (s *Server) readPassword(c *call) (any, *refusal) {
	_, u, no := s.reachUser(c, permReadPassword, "")
	if no != nil {
		return nil, no
	}
	return passwordBody(c, u), nil
}

// passwordBody says whether a password can be used, and does not show it.
func passwordBody(c *call, u *user) any {
	status := "OK"
	switch {
	case u.password == "":
		status = "NO_PASSWORD"
	case u.mustChange:
		status = mustChangePassword
	}
	return struct {
		Environment reference `json:"environment"`
		User        reference `json:"user"`
		Status      string    `json:"status"`
	}{reference{c.target.environment}, reference{u.id}, status}
}

func userBody(c *call, u *user) any {
	body := maps.Clone(u.attributes)
	maps.Copy(body, map[string]any{
		"_links": map[string]href{
			"self": {c.environmentURL() + "/users/" + u.id}, "environment": {c.environmentURL()},
			"population": {c.environmentURL() + "/populations/" + u.population},
			"password":   {c.environmentURL() + "/users/" + u.id + "/password"},
		},
		"id": u.id, "environment": reference{c.target.environment}, "population": reference{u.population},
		"username": u.username, "enabled": !u.disabled, "lifecycle": map[string]string{"status": "ACCOUNT_OK"},
		"createdAt": wireTime(u.created), "updatedAt": wireTime(u.updated),
	})
	return body
}
