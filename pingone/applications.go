package pingone

import (
	"context"
	"encoding/json"
)

// An Application is what a rotation needs to know about an application. See "Applications"
// in the PingOne platform API reference.
type Application struct {
	ID                      string     `json:"id"`
	Name                    string     `json:"name"`
	Description             string     `json:"description"`
	Type                    string     `json:"type"`
	Protocol                string     `json:"protocol"`
	Enabled                 bool       `json:"enabled"`
	TokenEndpointAuthMethod AuthMethod `json:"tokenEndpointAuthMethod"`
	GrantTypes              []string   `json:"grantTypes"`

	// Body has every member that PingOne sent, by its name. A replacement of
	// the application must send back everything that is to stay.
	Body map[string]json.RawMessage `json:"-"`
}

const (
	applicationsPath = "/v1/environments/{}/applications"
	applicationPath  = applicationsPath + "/{}"

	// applicationLimit is PingOne's limit for one environment.
	applicationLimit = 1000
)

func decodeApplication(data json.RawMessage) (*Application, bool) {
	var app Application
	if json.Unmarshal(data, &app) != nil || json.Unmarshal(data, &app.Body) != nil {
		return nil, false
	}
	return &app, app.ID != "" && app.Protocol != ""
}

// A list includes PingOne's built-in applications, which may have no protocol.
func decodeListed(data json.RawMessage) (*Application, bool) {
	app, _ := decodeApplication(data)
	return app, app != nil && app.ID != ""
}

// Application reads an application.
func (c *Client) Application(ctx context.Context, environmentID, applicationID string) (*Application, error) {
	return fetch(ctx, c, get("read the application"), decodeApplication, applicationPath, environmentID, applicationID)
}

// Applications reads all applications of an environment. PingOne cannot search
// among them, so this is the way to find one by its name.
func (c *Client) Applications(ctx context.Context, environmentID string) ([]*Application, error) {
	from := collection{"list the applications", "applications", applicationsPath, applicationLimit, false}
	return list(ctx, c, from, decodeListed, environmentID)
}

// CreateApplication creates an application from a body as PingOne documents it. The request
// is sent once: after an error that is not PingOne's refusal the application may exist;
// [Client.Applications] shows whether it does. If the name is taken, the error is
// [IsDuplicate].
func (c *Client) CreateApplication(ctx context.Context, environmentID string, body map[string]any) (*Application, error) {
	return submit(ctx, c, post("create the application"), body, decodeApplication, applicationsPath, environmentID)
}

// ReplaceApplication gives an application a new configuration. Members that
// the body omits return to their defaults.
func (c *Client) ReplaceApplication(ctx context.Context, environmentID, applicationID string, body map[string]any) (*Application, error) {
	return submit(ctx, c, put("replace the application"), body, decodeApplication, applicationPath, environmentID, applicationID)
}
