package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pingrotate/internal/document"
	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// Permit is [document.Permit], and reads the descriptions in PingOne that the answer
// depends on; it reads nothing else about an application before it is allowed. The names
// are the secret's name and ARN. Admins is called only if the answer depends on it, and
// returns the ids of the applications that are admins of the function.
func (p *Provisioner) Permit(ctx context.Context, admin *document.Document, names []string, target *document.Document,
	admins func(context.Context) ([]string, error)) (*document.Permission, error) {
	facts := document.Facts{Targets: map[string]document.Mark{}, TwinMarker: p.Marker.TwinOf}
	for {
		permission, err := document.Permit(admin, names, target, facts)
		unread, ok := errors.AsType[*document.Unread](err)
		switch {
		case !ok:
			return permission, err
		case unread.Admins:
			ids, err := admins(ctx)
			if err != nil {
				return nil, err
			}
			facts.Admins = append([]string{}, ids...) // never nil, so it is not asked for again
		default:
			marks, err := p.marks(ctx, target, unread.IDs)
			if err != nil {
				return nil, err
			}
			maps.Copy(facts.Targets, marks) // has each of the ids, so none is asked for again
		}
	}
}

// marks returns which of the secret's markers the descriptions have. An application that
// does not exist has none.
func (p *Provisioner) marks(ctx context.Context, d *document.Document, ids []string) (map[string]document.Mark, error) {
	marks := map[string]document.Mark{}
	if d.IsResource() {
		resources, err := p.Client.Resources(ctx, d.EnvironmentID)
		for _, id := range ids {
			at := slices.IndexFunc(resources, func(r pingone.Resource) bool { return r.ID == id })
			marks[id] = document.Mark{Marked: at >= 0 && p.Marker.in(resources[at].Description)}
		}
		return marks, err
	}
	pair := []string{d.ApplicationID(), d.Rotation.Twin}
	found := make([]document.Mark, len(ids))
	reads := make([]func() error, len(ids))
	for i, id := range ids {
		reads[i] = func() error {
			app, err := p.Client.Application(ctx, d.EnvironmentID, id)
			switch {
			case pingone.IsNotFound(err):
				return nil
			case err != nil:
				return err
			}
			found[i].Marked = p.Marker.Marks(app) || id == p.Supposed
			for _, other := range pair {
				if other != "" && other != id && p.Marker.isTwin(app, other) {
					found[i].TwinOf = other
				}
			}
			return nil
		}
	}
	err := parallel.Do(reads...)
	for i, id := range ids {
		marks[id] = found[i]
	}
	return marks, err
}

// others matches the marker of any secret.
var others = lazyregexp.New(`\[pingrotate [0-9a-f]{16}\]`)

// Mark marks an existing application as the secret's, for an operator who adopts it, so
// that "marked" allows it. It reports whether it had to add the mark.
func (p *Provisioner) Mark(ctx context.Context, environmentID, id string) (bool, error) {
	app, err := p.Client.Application(ctx, environmentID, id)
	if err != nil || p.Marker.Marks(app) {
		return false, err
	}
	if others.MatchString(app.Description) {
		return false, fmt.Errorf("application %s is marked as another secret's; take that mark out of its description in PingOne first", id)
	}
	body := map[string]any{}
	for name, value := range app.Body {
		body[name] = value
	}
	for _, name := range readOnly {
		delete(body, name)
	}
	body["description"] = p.Marker.added(app.Description)
	if _, err := p.Client.ReplaceApplication(ctx, environmentID, id, body); err != nil {
		return false, err
	}
	p.note("marked application " + id)
	return true, nil
}
