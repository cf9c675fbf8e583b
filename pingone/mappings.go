package pingone

import (
	"context"
	"encoding/json"
)

// An AttributeMapping says where the value of a claim about a user comes from, for one
// application. See "Application attribute mapping" in the PingOne platform API
// reference.
type AttributeMapping struct {
	ID   string // given by PingOne
	Name string // of the claim

	// Core means that PingOne made the mapping with the application, as it does for sub. It
	// can be replaced, but not created or removed.
	Core bool

	// Body has every member that PingOne sent, by its name. A copy for another
	// application takes those that PingOne does not set: see [AttributeMapping.Copy].
	Body map[string]json.RawMessage
}

const (
	mappingsPath = applicationPath + "/attributes"
	mappingPath  = mappingsPath + "/{}"

	// mappingLimit is more mappings than one application can plausibly have.
	mappingLimit = 1000
)

func decodeMapping(data json.RawMessage) (AttributeMapping, bool) {
	var known struct{ ID, Name, MappingType string }
	m := AttributeMapping{}
	if json.Unmarshal(data, &known) != nil || json.Unmarshal(data, &m.Body) != nil {
		return m, false
	}
	m.ID, m.Name, m.Core = known.ID, known.Name, known.MappingType == "CORE"
	return m, m.ID != "" && m.Name != ""
}

// Copy returns the body that creates such a mapping for another application of the
// environment, or replaces one there.
func (m AttributeMapping) Copy() map[string]any {
	body := make(map[string]any, len(m.Body))
	for name, value := range m.Body {
		switch name {
		case "_links", "id", "environment", "application", "mappingType", "createdAt", "updatedAt":
		default:
			body[name] = value
		}
	}
	return body
}

// AttributeMappings reads all attribute mappings of an application, with those that
// PingOne made.
func (c *Client) AttributeMappings(ctx context.Context, environmentID, applicationID string) ([]AttributeMapping, error) {
	from := collection{"list the attribute mappings", "attributes", mappingsPath, mappingLimit, true}
	return list(ctx, c, from, decodeMapping, environmentID, applicationID)
}

// CreateAttributeMapping gives an application a mapping, from a body as PingOne documents
// it. The request is sent once. If the name is taken, the error is [IsDuplicate].
func (c *Client) CreateAttributeMapping(ctx context.Context, environmentID, applicationID string, body map[string]any) (AttributeMapping, error) {
	return submit(ctx, c, post("create the attribute mapping"), body, decodeMapping, mappingsPath, environmentID, applicationID)
}

// ReplaceAttributeMapping gives the mapping with the id another body.
func (c *Client) ReplaceAttributeMapping(ctx context.Context, environmentID, applicationID, id string, body map[string]any) (AttributeMapping, error) {
	return submit(ctx, c, put("replace the attribute mapping"), body, decodeMapping, mappingPath, environmentID, applicationID, id)
}

// RemoveAttributeMapping removes a mapping from an application. It succeeds if the
// mapping is already gone.
func (c *Client) RemoveAttributeMapping(ctx context.Context, environmentID, applicationID, id string) error {
	return c.delete(ctx, "remove the attribute mapping", mappingPath, environmentID, applicationID, id)
}
