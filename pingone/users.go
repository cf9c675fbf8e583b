package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	populationsPath = "/v1/environments/{}/populations"
	usersPath       = "/v1/environments/{}/users"
	userPath        = usersPath + "/{}"
)

func decodeID(data json.RawMessage) (string, bool) {
	var body reference
	err := json.Unmarshal(data, &body)
	return body.ID, err == nil && body.ID != ""
}

// A User signs on to applications. See "Users" in the PingOne
// platform API reference.
type User struct {
	ID           string
	Username     string
	PopulationID string
}

// findLimit is how many things a search by a unique name may find. More of them
// mean that PingOne has ignored the filter.
const findLimit = 100

// equals returns the SCIM filter for an attribute that equals a value (RFC 7644, section
// 3.4.2.2). It refuses a value that could end its quotation, because no page says how
// PingOne reads an escaped one.
func equals(attribute, value string) (string, error) {
	if strings.ContainsFunc(value, func(r rune) bool { return r == '"' || r == '\\' || !unicode.IsPrint(r) }) {
		return "", fmt.Errorf("search by %s: a name with a quotation mark, a backslash or a control character cannot be searched for; choose another", attribute)
	}
	return attribute + ` eq "` + value + `"`, nil
}

// find reads the objects of a collection whose attribute has the value. It leaves out
// those to which the decoder gives another name, because PingOne ignores a filter that a
// collection does not support.
func find[T any](ctx context.Context, c *Client, from collection, attribute, value string, decode decoder[T], name func(T) string, ids ...string) ([]T, error) {
	filter, err := equals(attribute, value)
	if err != nil {
		return nil, err
	}
	from.path += "?filter=" + url.QueryEscape(filter)
	all, err := list(ctx, c, from, decode, ids...)
	return slices.DeleteFunc(all, func(v T) bool { return !strings.EqualFold(name(v), value) }), err
}

// FindPopulation returns the id of the population with the name, "" if there is
// none. See "Populations" in the PingOne platform API reference.
func (c *Client) FindPopulation(ctx context.Context, environmentID, name string) (id string, err error) {
	type population struct{ ID, Name string }
	from := collection{"find the population", "populations", populationsPath, findLimit, false}
	all, err := find(ctx, c, from, "name", name, func(data json.RawMessage) (p population, ok bool) {
		err := json.Unmarshal(data, &p)
		return p, err == nil && p.ID != "" && p.Name != ""
	}, func(p population) string { return p.Name }, environmentID)
	switch {
	case err != nil || len(all) == 0:
		return "", err
	case len(all) > 1:
		return "", fmt.Errorf("find the population: %d have the name; remove all but one", len(all))
	}
	return all[0].ID, nil
}

func decodeUser(data json.RawMessage) (User, bool) {
	var body struct {
		ID, Username string
		Population   reference
	}
	err := json.Unmarshal(data, &body)
	u := User{body.ID, body.Username, body.Population.ID}
	return u, err == nil && u.ID != "" && u.Username != "" && u.PopulationID != ""
}

// FindUser returns the user with the username, regardless of case, or nil if there is
// none. See "Users" in the PingOne platform API reference.
func (c *Client) FindUser(ctx context.Context, environmentID, username string) (*User, error) {
	from := collection{"find the user", "users", usersPath, findLimit, false}
	all, err := find(ctx, c, from, "username", username, decodeUser, func(u User) string { return u.Username }, environmentID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil // usernames are unique in PingOne
}

// HasPassword reports whether a user has a password.
// See "User passwords" in the PingOne platform API reference.
func (c *Client) HasPassword(ctx context.Context, environmentID, userID string) (bool, error) {
	status, err := fetch(ctx, c, get("read the state of the user's password"), func(data json.RawMessage) (string, bool) {
		var body struct{ Status string }
		err := json.Unmarshal(data, &body)
		return body.Status, err == nil && body.Status != ""
	}, userPath+"/password", environmentID, userID)
	return status != "NO_PASSWORD", err
}

// CreatePopulation creates a population and returns its id. The request is sent once. See
// "Populations" in the PingOne platform API reference.
func (c *Client) CreatePopulation(ctx context.Context, environmentID, name string) (id string, err error) {
	return submit(ctx, c, post("create the population"), map[string]string{"name": name}, decodeID, populationsPath, environmentID)
}

// CreateUser creates a user without a password and returns the id. The request is
// sent once. See "Users" in the PingOne platform API reference.
func (c *Client) CreateUser(ctx context.Context, environmentID, populationID, username, email string) (id string, err error) {
	body := map[string]any{"username": username, "email": email, "population": reference{ID: populationID}}
	return submit(ctx, c, post("create the user"), body, decodeID, usersPath, environmentID)
}

// SetPassword gives a user a password, which the user need not change.
// See "User passwords" in the PingOne platform API reference.
func (c *Client) SetPassword(ctx context.Context, environmentID, userID string, password Secret) error {
	r, err := put("set the user's password").withJSON(map[string]any{"value": password.Reveal(), "forceChange": false})
	if err != nil {
		return err
	}
	r.contentType = "application/vnd.pingidentity.password.set+json"
	_, err = c.call(ctx, r, userPath+"/password", environmentID, userID)
	return err
}

// UpdateUser sets attributes of a user, and removes those whose value is nil. It uses
// only the token, which is the user's with the scope p1:update:user, and does not act as
// the admin.
func (c *Client) UpdateUser(ctx context.Context, environmentID, userID string, token Secret, attributes map[string]any) error {
	path, err := expand(userPath, environmentID, userID)
	if err != nil {
		return err
	}
	r := request{
		op:       "update the user",
		method:   http.MethodPatch,
		url:      c.Admin.Environment.API + path,
		auth:     "Bearer " + token.Reveal(),
		success:  http.StatusOK,
		platform: true,
	}
	if r, err = r.withJSON(attributes); err != nil {
		return err
	}
	_, err = c.do(ctx, r)
	return err
}
