// Package provision creates and maintains what a stored document asks for in PingOne: the
// application, its roles and grants, its twin, a custom resource, and a test user.
package provision

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// A Provisioner creates applications as documents specify them, and keeps them so. It acts
// as the admin application, and touches nothing else.
type Provisioner struct {
	Client           *pingone.Client // acts as the admin application
	AdminApplication string          // the id of the admin's own application, in the client's environment
	Marker           Marker          // the marker of the secret that it acts for

	// Supposed is the id of an application that counts as marked because an operator is
	// about to have it marked. It may be empty.
	Supposed string

	// Permission says which parts of the document's specification may be carried out. Nil
	// means [document.Everything].
	Permission *document.Permission

	// Note is called for each change that was made, such as "created application …". It may
	// be nil.
	Note func(change string)
}

func (p *Provisioner) note(change string) {
	if p.Note != nil {
		p.Note(change)
	}
}

// Settle is how long PingOne may not yet know what it has just created.
const Settle = 30 * time.Second

// made notes that something was created. From then on, a 404 may concern that, and is not
// believed at once.
func (p *Provisioner) made(what string) {
	p.Client.Settle = Settle
	p.note("created " + what)
}

// Provision returns the application that the document wants, and creates it if there is
// none.
//
// After a crash, or if a reply was lost, the next run finds the application by its name and
// marker, and continues from what it has. There is never a second one, and PingOne itself
// refuses two of the same name.
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
	to := recipient{environmentID: d.EnvironmentID, own: true}
	if app == nil {
		if err := p.mayCreate(ctx, d, a); err != nil {
			return nil, err
		}
		body := maps.Clone(spec.Fields)
		body["name"] = spec.Name
		body["description"] = p.Marker.added(spec.Description)
		body["protocol"] = "OPENID_CONNECT"
		body["enabled"] = true
		body["assignActorRoles"] = false // otherwise a worker would inherit all that the admin may do
		if app, err = p.Client.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		p.made("application " + app.ID)
	}
	to.id = app.ID
	all, err := p.accessChanges(ctx, a, to)
	if err == nil {
		err = p.permitted(all)
	}
	if err == nil {
		err = p.carryOut(ctx, all)
	}
	return app, err
}

// mayCreate checks whether an application may be created as the document specifies it,
// with its access. It changes nothing.
func (p *Provisioner) mayCreate(ctx context.Context, d *document.Document, a *Access) error {
	wanted, err := p.accessChanges(ctx, a, recipient{environmentID: d.EnvironmentID, own: true})
	if err != nil {
		return err
	}
	return p.permitted(append(wanted, creation(d.Rotation.Application)))
}

// MayProvision checks whether [Provisioner.Provision] would be permitted all that it has to
// change: of the application that an earlier run created, or of none. It changes nothing.
func (p *Provisioner) MayProvision(ctx context.Context, d *document.Document, a *Access, app *pingone.Application) error {
	if app == nil {
		return p.mayCreate(ctx, d, a)
	}
	left, err := p.accessChanges(ctx, a, recipient{environmentID: d.EnvironmentID, id: app.ID, own: true})
	if err != nil {
		return err
	}
	return p.permitted(left)
}

// creation returns what must be permitted to create an application: the creation itself,
// and each URL that the application gets.
func creation(spec *document.Spec) change {
	c := change{of: []document.Change{{Kind: document.CreateApplication, Name: spec.Name, Own: true}}}
	for name, value := range spec.Fields {
		c.of = append(c.of, document.Change{Kind: document.SetMember, Name: name, Values: document.Texts(value), Own: true})
	}
	return c
}

// FindOwn returns the application with the specification's name that was created for this
// secret, or nil if no application has that name. It is an error if an application that was
// not created for the secret has it.
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
