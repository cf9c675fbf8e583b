package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// ErrNotTwins means that neither of two applications was created as the other's twin.
var ErrNotTwins = errors.New("neither application was created as the other one's twin")

// Twin returns the copy of an application that this rotation has made, and makes it
// if there is none. As with [Provisioner.Provision], a crash at any point leads to the
// same application.
func (p *Provisioner) Twin(ctx context.Context, d *document.Document, of *pingone.Application) (*pingone.Application, error) {
	twin, err := p.FindTwin(ctx, d, of)
	if err != nil {
		return nil, err
	}
	if twin == nil {
		body := configuration(of)
		body["name"] = twinName(of)
		body["description"] = p.Marker.TwinOf(of.ID)
		body["assignActorRoles"] = false
		if twin, err = p.Client.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		p.note("created application " + twin.ID)
	}
	return twin, p.copyAccess(ctx, d.EnvironmentID, of.ID, twin.ID)
}

func twinName(of *pingone.Application) string { return of.Name + " (twin)" }

// FindTwin returns the copy of an application that this rotation has made, nil if
// nothing has the copy's name. It is an error if another application has it.
func (p *Provisioner) FindTwin(ctx context.Context, d *document.Document, of *pingone.Application) (*pingone.Application, error) {
	name := twinName(of)
	apps, err := p.Client.Applications(ctx, d.EnvironmentID)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		switch {
		case !strings.EqualFold(app.Name, name):
		case strings.Contains(app.Description, p.Marker.TwinOf(of.ID)):
			return app, nil
		default:
			return nil, fmt.Errorf("application %s has the name %q that the twin shall have and was not created by this rotation; rename it", app.ID, document.Printable(name))
		}
	}
	return nil, nil
}

// configuration returns the members of an application that another one can have
// just so.
func configuration(app *pingone.Application) map[string]any {
	body := map[string]any{}
	for name, value := range app.Body {
		body[name] = value
	}
	for _, own := range append([]string{"name", "description", "clientId"}, readOnly...) {
		delete(body, own)
	}
	return body
}

// Align gives the idle twin the configuration, roles and grants of the active one.
func (p *Provisioner) Align(ctx context.Context, d *document.Document, activeID, idleID string) error {
	var active, idle *pingone.Application
	err := parallel(
		func() (err error) { active, err = p.Client.Application(ctx, d.EnvironmentID, activeID); return err },
		func() (err error) { idle, err = p.Client.Application(ctx, d.EnvironmentID, idleID); return err },
	)
	if err != nil {
		return err
	}
	if !p.Marker.Twins(active, idle) {
		return ErrNotTwins
	}
	want, have := configuration(active), configuration(idle)
	delete(want, "assignActorRoles") // of the creation, and nothing to change later
	delete(have, "assignActorRoles")
	if !maps.EqualFunc(want, have, func(a, b any) bool { return sameJSON(a.(json.RawMessage), b.(json.RawMessage)) }) {
		body := maps.Clone(want)
		body["name"], body["description"] = idle.Name, idle.Description
		if _, err := p.Client.ReplaceApplication(ctx, d.EnvironmentID, idleID, body); err != nil {
			return err
		}
		p.note("aligned the twin")
	}
	return p.copyAccess(ctx, d.EnvironmentID, activeID, idleID)
}

// copyAccess gives an application the roles and grants of another that it lacks.
func (p *Provisioner) copyAccess(ctx context.Context, environmentID, from, to string) error {
	a := &Access{spec: &document.Spec{}}
	err := parallel(
		func() (err error) { a.roles, err = p.Client.RoleAssignments(ctx, environmentID, from); return err },
		func() (err error) { a.grants, err = p.Client.Grants(ctx, environmentID, from); return err },
	)
	if err != nil {
		return err
	}
	return errors.Join(
		p.equipRoles(ctx, environmentID, to, a),
		p.equipGrants(ctx, environmentID, to, a),
	)
}
