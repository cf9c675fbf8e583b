// Package provision creates and maintains what a stored document wants in PingOne:
// the application, its roles and grants, its twin, a custom resource, and a test user.
package provision

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// A Provisioner creates applications as documents want them and keeps them so. What
// it does in PingOne it does as the admin application; it touches nothing else.
type Provisioner struct {
	Client           *pingone.Client // acts as the admin application
	AdminApplication string          // the id of the admin's own application, in the client's environment
	Marker           Marker          // of the secret for which it acts

	// Note is told of each change that was made, such as "created application …". Nil
	// means nobody.
	Note func(change string)
}

func (p *Provisioner) note(change string) {
	if p.Note != nil {
		p.Note(change)
	}
}

// Provision returns the application that the document wants, and creates it if
// there is none.
//
// Died after the application is created, or a reply lost: the next run finds it by
// its name and marker, and goes on from what it has. There is never a second one,
// and PingOne itself refuses two of one name.
func (p *Provisioner) Provision(ctx context.Context, d *document.Document) (*pingone.Application, error) {
	spec := d.Rotation.Application
	a, err := p.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	app, err := p.FindOwn(ctx, d)
	if err != nil {
		return nil, err
	}
	if app == nil {
		body := maps.Clone(spec.Fields)
		body["name"] = spec.Name
		body["description"] = strings.TrimSpace(spec.Description + " " + p.Marker.String())
		body["protocol"] = "OPENID_CONNECT"
		body["enabled"] = true
		body["assignActorRoles"] = false // or a worker would inherit all that the admin may do
		if app, err = p.Client.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		p.note("created application " + app.ID)
	}
	return app, p.equip(ctx, d.EnvironmentID, app.ID, a)
}

// FindOwn returns the application of the specification's name that was created for
// this secret, nil if there is none of that name. It is an error if another has it.
func (p *Provisioner) FindOwn(ctx context.Context, d *document.Document) (*pingone.Application, error) {
	apps, err := p.Client.Applications(ctx, d.EnvironmentID)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		switch {
		case !strings.EqualFold(app.Name, d.Rotation.Application.Name):
		case p.Marker.Marks(app):
			return app, nil
		default:
			return nil, fmt.Errorf("application %s has the name that rotation.application asks for and was not created for this secret; "+
				"give rotation.application another name or, to rotate that application, set clientId to its id", app.ID)
		}
	}
	return nil, nil
}
