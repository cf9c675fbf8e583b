package consumer

import (
	"encoding/json"
	"strings"
)

// members are the members of a JSON object, by their exact names.
type members map[string]json.RawMessage

// names returns rotation.names: the names under which the document holds what consumers
// read. If part of it has another form, the function refuses to rotate, and the usual names
// count here.
func (m members) names() map[string]string {
	var rotation, raw members
	json.Unmarshal(m["rotation"], &rotation)
	json.Unmarshal(rotation["names"], &raw)
	names := map[string]string{}
	for member, value := range raw {
		var name string
		if json.Unmarshal(value, &name) == nil && name != "" {
			names[member] = name
		}
	}
	return names
}

// at returns the value with the name: if it begins with "/", a JSON Pointer (RFC 6901)
// through objects, otherwise a name at the top level.
func (m members) at(name string) (value json.RawMessage, ok bool) {
	pointer, nested := strings.CutPrefix(name, "/")
	if !nested {
		value, ok = m[name]
		return value, ok
	}
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		value, ok = m[strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")]
		if i == len(parts)-1 {
			return value, ok
		}
		m = nil
		if !ok || json.Unmarshal(value, &m) != nil {
			return nil, false
		}
	}
	return nil, false
}
