// Package provision creates and maintains what a stored document wants in PingOne:
// the application, its roles and grants, its twin, a custom resource, and a test user.
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

// A Provisioner creates applications as documents want them and keeps them so. What
// it does in PingOne it does as the admin application; it touches nothing else.
type Provisioner struct {
	Client           *pingone.Client // acts as the admin application
	AdminApplication string          // the id of the admin's own application, in the client's environment
	Marker           Marker          // of the secret for which it acts

	// Supposed is the id of an application that counts as marked, because an operator is
	// about to have it marked. It may be empty.
	Supposed string

	// Permission says what of the document's specification may be carried out. Nil is
	// [document.Everything].
	Permission *document.Permission

	// Note is told of each change that was made, such as "created application …". It
	// may be nil.
	Note func(change string)
}

func (p *Provisioner) note(change string) {
	if p.Note != nil {
		p.Note(change)
	}
}

// Settle is for how long PingOne may not know yet what it has just created.
const Settle = 30 * time.Second

// made notes that something was created. From then on a 404 may be about that, and is
// not believed at once.
func (p *Provisioner) made(what string) {
	p.Client.Settle = Settle
	p.note("created " + what)
}

// Provision returns the application that the document wants, and creates it if
// there is none.
//
// Died after the application is created, or a reply lost: the next run finds it by
// its name and marker, and continues from what it has. There is never a second one,
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
	to := recipient{environmentID: d.EnvironmentID, own: true}
	if app == nil {
		wanted, err := p.accessChanges(ctx, a, to)
		if err == nil {
			err = p.permitted(append(wanted, creation(spec)))
		}
		if err != nil {
			return nil, err
		}
		body := maps.Clone(spec.Fields)
		body["name"] = spec.Name
		body["description"] = p.Marker.added(spec.Description)
		body["protocol"] = "OPENID_CONNECT"
		body["enabled"] = true
		body["assignActorRoles"] = false // or a worker would inherit all that the admin may do
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

// creation is what must be permitted of an application that is created: that it is, and
// each URL that it is created with.
func creation(spec *document.Spec) change {
	c := change{of: []document.Change{{Kind: document.CreateApplication, Name: spec.Name, Own: true}}}
	for name, value := range spec.Fields {
		c.of = append(c.of, document.Change{Kind: document.SetMember, Name: name, Values: document.Texts(value), Own: true})
	}
	return c
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
