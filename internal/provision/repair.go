package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/lazyregexp"
	"pingrotate/pingone"
)

// fixed are members that a repair does not touch: they cannot be changed, or a change would
// lock out the consumers of AWSCURRENT.
var fixed = []string{"type", "tokenEndpointAuthMethod"}

// readOnly are members that PingOne returns and does not accept.
var readOnly = []string{"_links", "id", "environment", "createdAt", "updatedAt"}

// Repair restores the application to its specification, and tells [Provisioner.Note] each
// change. PUT replaces the whole application, so what PingOne returned is sent back, and
// only what the specification mentions is changed. Nothing is changed if any of the changes
// is not permitted; the error is then a [*document.Refusal].
func (p *Provisioner) Repair(ctx context.Context, d *document.Document, app *pingone.Application) error {
	a, err := p.Resolve(ctx, d)
	if err != nil {
		return err
	}
	all, err := p.changes(ctx, d, a, app)
	if err == nil {
		err = p.permitted(all)
	}
	if err != nil {
		return err
	}
	return p.carryOut(ctx, all)
}

// Outstanding returns what [Provisioner.Repair] would change, and only reads. It returns
// nothing if the application is as the document specifies.
func (p *Provisioner) Outstanding(ctx context.Context, d *document.Document, app *pingone.Application) ([]string, error) {
	a, err := p.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	return p.Differences(ctx, d, a, app)
}

// Differences is [Provisioner.Outstanding] with names that are already resolved. The error
// is a [*document.Refusal] if any of the changes is not permitted.
func (p *Provisioner) Differences(ctx context.Context, d *document.Document, a *Access, app *pingone.Application) ([]string, error) {
	all, err := p.changes(ctx, d, a, app)
	if err == nil {
		err = p.permitted(all)
	}
	return texts(all), err
}

// changes returns the changes that make the application as specified.
func (p *Provisioner) changes(ctx context.Context, d *document.Document, a *Access, app *pingone.Application) ([]change, error) {
	own, err := p.created(ctx, d, app)
	if err != nil {
		return nil, err
	}
	access, err := p.accessChanges(ctx, a, recipient{d.EnvironmentID, app.ID, own})
	if err != nil {
		return nil, err
	}
	return append(p.memberChanges(d, a.spec, app, own), access...), nil
}

// created reports whether the application was created for the secret. A twin counts if its
// original was: what changes one of the two also changes the other.
func (p *Provisioner) created(ctx context.Context, d *document.Document, app *pingone.Application) (bool, error) {
	original := twinOf.FindStringSubmatch(app.Description)
	if original == nil || !p.Marker.isTwin(app, original[1]) {
		return p.Marker.Marks(app), nil
	}
	of, err := p.Client.Application(ctx, d.EnvironmentID, original[1])
	if pingone.IsNotFound(err) {
		return false, nil
	}
	return err == nil && p.Marker.Marks(of), err
}

var twinOf = lazyregexp.New(` twin of ([0-9a-f-]{36})\]`)

// memberChanges returns the one change that corrects the members in which the application
// is not as specified, if there are any.
func (p *Provisioner) memberChanges(d *document.Document, spec *document.Spec, app *pingone.Application, own bool) []change {
	changed := differs(spec, app)
	if len(changed) == 0 {
		return nil
	}
	c := change{text: "changes " + strings.Join(changed, ", ")}
	for _, name := range changed {
		c.of = append(c.of, document.Change{Kind: document.SetMember, Name: name, Values: document.Texts(spec.Fields[name]), Own: own})
	}
	c.apply = func(ctx context.Context) (string, error) {
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
		// After a crash before or after this, the next run compares again.
		_, err := p.Client.ReplaceApplication(ctx, d.EnvironmentID, app.ID, body)
		return "repaired " + strings.Join(changed, ", "), err
	}
	return []change{c}
}

// differs returns the names of the members in which the application is not as specified,
// sorted.
func differs(spec *document.Spec, app *pingone.Application) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(spec.Fields)) {
		if slices.Contains(fixed, name) {
			continue
		}
		raw, err := json.Marshal(spec.Fields[name])
		if err != nil || !sameJSON(app.Body[name], raw) {
			names = append(names, name)
		}
	}
	return names
}

// sameJSON reports whether two values mean the same. PingOne omits an empty list, and keeps
// lists in no particular order.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	json.Unmarshal(a, &x) // invalid JSON becomes nil, and so differs from valid JSON
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
