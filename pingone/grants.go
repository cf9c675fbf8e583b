package pingone

import (
	"context"
	"encoding/json"
)

// A Grant lets an application ask for scopes of one resource.
// See "Application resource grants" in the PingOne platform API reference.
type Grant struct {
	ID         string // given by PingOne
	ResourceID string
	ScopeIDs   []string
}

const (
	grantsPath = applicationPath + "/grants"
	grantPath  = grantsPath + "/{}"
)

func decodeGrant(data json.RawMessage) (Grant, bool) {
	var body struct {
		ID       string      `json:"id"`
		Resource reference   `json:"resource"`
		Scopes   []reference `json:"scopes"`
	}
	if json.Unmarshal(data, &body) != nil {
		return Grant{}, false
	}
	g := Grant{ID: body.ID, ResourceID: body.Resource.ID}
	for _, s := range body.Scopes {
		g.ScopeIDs = append(g.ScopeIDs, s.ID)
	}
	return g, g.ID != "" && g.ResourceID != ""
}

func (g Grant) body() any {
	scopes := make([]reference, len(g.ScopeIDs))
	for i, id := range g.ScopeIDs {
		scopes[i].ID = id
	}
	return map[string]any{"resource": reference{ID: g.ResourceID}, "scopes": scopes}
}

// Grants reads all grants of an application, of which there is one per resource.
func (c *Client) Grants(ctx context.Context, environmentID, applicationID string) ([]Grant, error) {
	from := collection{"list the grants", "grants", grantsPath, resourceLimit, false}
	return list(ctx, c, from, decodeGrant, environmentID, applicationID)
}

// CreateGrant grants an application scopes of a resource for which it has no grant yet;
// it uses the resource and the scopes of g. The request is sent once.
func (c *Client) CreateGrant(ctx context.Context, environmentID, applicationID string, g Grant) (Grant, error) {
	return submit(ctx, c, post("create the grant"), g.body(), decodeGrant, grantsPath, environmentID, applicationID)
}

// ReplaceGrant replaces the scopes of the grant with the id of g by those of g.
func (c *Client) ReplaceGrant(ctx context.Context, environmentID, applicationID string, g Grant) (Grant, error) {
	return submit(ctx, c, put("replace the grant"), g.body(), decodeGrant, grantPath, environmentID, applicationID, g.ID)
}

// RemoveGrant removes a grant from an application. It succeeds if the grant is already
// gone.
func (c *Client) RemoveGrant(ctx context.Context, environmentID, applicationID, grantID string) error {
	return c.delete(ctx, "remove the grant", grantPath, environmentID, applicationID, grantID)
}
