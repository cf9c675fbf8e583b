package pingone

import (
	"context"
	"encoding/json"
	"net/http"
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

// CreatePopulation creates a group for users and returns its id. The request is sent
// once. See "Populations" in the PingOne platform API reference.
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

// UpdateUser sets attributes of a user, and removes those whose value is nil. It acts
// by the token alone, which is the user's own with the scope p1:update:user, and not
// as the admin.
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
