package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// fixed are members that a repair does not touch: they cannot be changed, or to
// change them would lock out the consumers of AWSCURRENT.
var fixed = []string{"type", "tokenEndpointAuthMethod"}

// readOnly are members that PingOne sends and does not take back.
var readOnly = []string{"_links", "id", "environment", "createdAt", "updatedAt"}

// Repair brings the application back to its specification. PUT replaces the whole
// application, so what PingOne sent goes back with it, and only what the
// specification mentions is changed.
func (p *Provisioner) Repair(ctx context.Context, d *document.Document, app *pingone.Application) error {
	spec := d.Rotation.Application
	a, err := p.Resolve(ctx, d)
	if err != nil {
		return err
	}
	if changed := differs(spec, app); len(changed) > 0 {
		body := map[string]any{}
		for name, value := range app.Body {
			body[name] = value
		}
		for _, name := range readOnly {
			delete(body, name)
		}
		for _, name := range changed {
			body[name] = spec.Fields[name]
		}
		// Died before or after: the next run compares again.
		if _, err := p.Client.ReplaceApplication(ctx, d.EnvironmentID, app.ID, body); err != nil {
			return err
		}
		p.note("repaired " + strings.Join(changed, ", "))
	}
	return p.equip(ctx, d.EnvironmentID, app.ID, a)
}

// differs lists the members in which the application is not as specified, sorted.
func differs(spec *document.Spec, app *pingone.Application) (names []string) {
	for name, want := range spec.Fields {
		if slices.Contains(fixed, name) {
			continue
		}
		raw, err := json.Marshal(want)
		if err != nil || !sameJSON(app.Body[name], raw) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// sameJSON reports whether two values mean the same. PingOne omits an empty list
// and keeps lists in an order of its own.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	json.Unmarshal(a, &x) // what does not parse is nil, and then differs from what does
	json.Unmarshal(b, &y)
	return reflect.DeepEqual(canonical(x), canonical(y))
}

func canonical(value any) any {
	all, ok := value.([]any)
	switch {
	case !ok:
		return value
	case len(all) == 0:
		return nil
	}
	var texts []string
	for _, one := range all {
		texts = append(texts, fmt.Sprint(one))
	}
	slices.Sort(texts)
	return texts
}
