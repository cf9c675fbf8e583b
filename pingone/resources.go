package pingone

import (
	"context"
	"encoding/json"
	"time"
)

// A Resource is what access tokens are for.
// See "Resources" in the PingOne platform API reference.
type Resource struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Type        string `json:"type"`     // OPENID_CONNECT, PINGONE_API or CUSTOM
	Audience    string `json:"audience"` // aud claim of its tokens

	// AccessTokenValidity is how long its tokens live; zero if PingOne does not say.
	AccessTokenValidity time.Duration `json:"-"`
}

// A Scope is a part of a resource that an application can be granted.
type Scope struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An Attribute of a resource is a claim of its tokens.
type Attribute struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"` // a constant, or an expression in ${}
}

const (
	resourcesPath  = "/v1/environments/{}/resources"
	scopesPath     = resourcesPath + "/{}/scopes"
	attributesPath = resourcesPath + "/{}/attributes"

	resourceLimit = 1000 // resources, and scopes or attributes of one
)

func decodeResource(data json.RawMessage) (Resource, bool) {
	var body struct {
		Resource
		Seconds int64 `json:"accessTokenValiditySeconds"`
	}
	err := json.Unmarshal(data, &body)
	r := body.Resource
	r.AccessTokenValidity = time.Duration(max(0, min(body.Seconds, longestToken))) * time.Second
	return r, err == nil && r.ID != "" && r.Type != ""
}

func decodeScope(data json.RawMessage) (Scope, bool) {
	var s Scope
	err := json.Unmarshal(data, &s)
	return s, err == nil && s.ID != "" && s.Name != ""
}

func decodeAttribute(data json.RawMessage) (Attribute, bool) {
	var a Attribute
	err := json.Unmarshal(data, &a)
	return a, err == nil && a.ID != "" && a.Name != ""
}

// Resources reads all resources of an environment, including the built-in ones.
func (c *Client) Resources(ctx context.Context, environmentID string) ([]Resource, error) {
	from := collection{"list the resources", "resources", resourcesPath, resourceLimit, false}
	return list(ctx, c, from, decodeResource, environmentID)
}

// CreateResource creates a custom resource. Its audience is its name if none is
// given. The request is sent once, as in [Client.CreateApplication].
func (c *Client) CreateResource(ctx context.Context, environmentID, name, description, audience string) (Resource, error) {
	body := named(name, description)
	if audience != "" {
		body["audience"] = audience
	}
	return submit(ctx, c, post("create the resource"), body, decodeResource, resourcesPath, environmentID)
}

// Scopes reads all scopes of a resource.
func (c *Client) Scopes(ctx context.Context, environmentID, resourceID string) ([]Scope, error) {
	from := collection{"list the scopes", "scopes", scopesPath, resourceLimit, false}
	return list(ctx, c, from, decodeScope, environmentID, resourceID)
}

// CreateScope adds a scope to a custom resource. The request is sent once.
func (c *Client) CreateScope(ctx context.Context, environmentID, resourceID, name, description string) (Scope, error) {
	return submit(ctx, c, post("create the scope"), named(name, description), decodeScope, scopesPath, environmentID, resourceID)
}

// Attributes reads all attributes of a resource.
func (c *Client) Attributes(ctx context.Context, environmentID, resourceID string) ([]Attribute, error) {
	from := collection{"list the attributes", "attributes", attributesPath, resourceLimit, false}
	return list(ctx, c, from, decodeAttribute, environmentID, resourceID)
}

// CreateAttribute adds an attribute to a custom resource. The request is sent once.
func (c *Client) CreateAttribute(ctx context.Context, environmentID, resourceID, name, value string) (Attribute, error) {
	body := map[string]string{"name": name, "value": value}
	return submit(ctx, c, post("create the attribute"), body, decodeAttribute, attributesPath, environmentID, resourceID)
}

func named(name, description string) map[string]string {
	body := map[string]string{"name": name}
	if description != "" {
		body["description"] = description
	}
	return body
}
