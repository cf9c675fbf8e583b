package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// ErrNotTwins means that neither of two applications was created as the other's twin.
var ErrNotTwins = errors.New("neither application was created as the twin of the other")

// Twin returns this rotation's copy of an application, and creates it if there is none. The
// copy has all that PingOne keeps for the application under its own id: configuration,
// roles, grants, attribute mappings and policy assignments. If something cannot be copied,
// the error is a [*CopyError], and nothing is created. As with [Provisioner.Provision], a
// crash at any point leads to the same application.
func (p *Provisioner) Twin(ctx context.Context, d *document.Document, of *pingone.Application) (*pingone.Application, error) {
	original, twin, err := p.twinable(ctx, d, of)
	if err != nil {
		return nil, err
	}
	if twin == nil {
		body := configuration(original.app)
		body["name"] = twinName(of)
		body["description"] = p.Marker.TwinOf(of.ID)
		body["assignActorRoles"] = false
		if twin, err = p.Client.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		p.made("application " + twin.ID)
	}
	copied, err := p.kept(ctx, d.EnvironmentID, twin.ID)
	if err != nil {
		return nil, err
	}
	return twin, p.carryOut(ctx, p.alignment(original, copied, d.EnvironmentID))
}

// Twinable checks that an application can have a twin, and only reads. The error says what
// cannot be copied, or which application is in the way.
func (p *Provisioner) Twinable(ctx context.Context, d *document.Document, of *pingone.Application) error {
	_, _, err := p.twinable(ctx, d, of)
	return err
}

func (p *Provisioner) twinable(ctx context.Context, d *document.Document, of *pingone.Application) (original *kept, twin *pingone.Application, err error) {
	var roles []pingone.Role
	err = parallel.Do(
		func() (err error) { original, err = p.kept(ctx, d.EnvironmentID, of.ID); return err },
		func() (err error) { twin, err = p.FindTwin(ctx, d, of); return err },
		func() error { roles, _ = p.Client.Roles(ctx, d.EnvironmentID); return nil }, // for their names
	)
	if err == nil {
		err = original.copyable(roles)
	}
	return original, twin, err
}

func twinName(of *pingone.Application) string { return of.Name + " (twin)" }

// A NameError means that an application which this rotation did not create has the name
// that the twin needs. PingOne accepts each name only once, so there can be no such twin.
type NameError struct{ ID, Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("application %s has the name %q that the twin needs, and was not created by this rotation; rename it", e.ID, document.Printable(e.Name))
}

// FindTwin returns this rotation's copy of an application, or nil if no application has the
// copy's name. The error is a [*NameError] if another application has it.
func (p *Provisioner) FindTwin(ctx context.Context, d *document.Document, of *pingone.Application) (*pingone.Application, error) {
	name := twinName(of)
	apps, err := p.Client.Applications(ctx, d.EnvironmentID)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		switch {
		case !strings.EqualFold(app.Name, name):
		case p.Marker.isTwin(app, of.ID):
			return app, nil
		default:
			return nil, &NameError{app.ID, name}
		}
	}
	return nil, nil
}

// Align makes the idle twin the same as the active one, as [Provisioner.Twin] does, and
// tells [Provisioner.Note] each change.
func (p *Provisioner) Align(ctx context.Context, d *document.Document, activeID, idleID string) error {
	all, err := p.misalignment(ctx, d, activeID, idleID)
	if err != nil {
		return err
	}
	return p.carryOut(ctx, all)
}

// Misaligned returns what [Provisioner.Align] would change, and only reads. It returns
// nothing if the two are the same.
func (p *Provisioner) Misaligned(ctx context.Context, d *document.Document, activeID, idleID string) ([]string, error) {
	all, err := p.misalignment(ctx, d, activeID, idleID)
	return texts(all), err
}

func (p *Provisioner) misalignment(ctx context.Context, d *document.Document, activeID, idleID string) ([]change, error) {
	var active, idle *kept
	var roles []pingone.Role
	err := parallel.Do(
		func() (err error) { active, err = p.kept(ctx, d.EnvironmentID, activeID); return err },
		func() (err error) { idle, err = p.kept(ctx, d.EnvironmentID, idleID); return err },
		func() error { roles, _ = p.Client.Roles(ctx, d.EnvironmentID); return nil }, // for their names
	)
	if err == nil && !p.Marker.Twins(active.app, idle.app) {
		err = ErrNotTwins
	}
	if err == nil {
		err = active.copyable(roles)
	}
	if err != nil {
		return nil, err
	}
	return p.alignment(active, idle, d.EnvironmentID), nil
}
