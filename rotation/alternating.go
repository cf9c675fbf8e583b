package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"pingrotate/pingone"
)

// With the strategy "alternating" there are two applications with the same
// configuration. Consumers use one; a rotation regenerates the other one's secret
// and points consumers there. What is in use is never touched, so that no crash,
// race or mistake in between can lock anybody out, and the way back is to move
// AWSCURRENT to AWSPREVIOUS.

const (
	single      = "single"
	alternating = "alternating"
)

// alternates reports whether the version after this one is of the other
// application. A document that holds no secret yet gets one as with "single".
func (d *Document) alternates() bool {
	return d.Rotation.Strategy == alternating && !d.ClientSecret.IsZero()
}

// successor returns the document as the next version has it but for the secret: of
// the application with the client id given, where that may be another one.
func (d *Document) successor(clientID string) *Document {
	if !d.alternates() {
		return d.Of(clientID)
	}
	next := *d
	next.ClientID, next.Rotation.Twin = clientID, d.ClientID
	next.text = setMember(d.text, "clientId", clientID)
	next.text = editMember(next.text, "rotation", func(rotation []byte) []byte { return setMember(rotation, "twin", d.ClientID) })
	return &next
}

// mayFollow reports whether a version of the client with this id may come after the
// document.
func (d *Document) mayFollow(clientID string) bool {
	switch {
	case d.alternates() && d.Rotation.Twin != "":
		return clientID == d.Rotation.Twin
	case d.alternates():
		return clientID != d.ClientID
	}
	return d.ClientID == "" || clientID == d.ClientID
}

// A subject is whose secret a rotation renews.
type subject struct {
	*Document                // the next version, but for the secret
	held      pingone.Secret // what is stored of its secret
	heldAt    time.Time      // since when consumers may have it
}

// subject finds out whose secret this rotation renews, and creates the application
// if there is none yet.
func (s *step) subject(ctx context.Context, admin *pingone.Client, current *stored) (*subject, error) {
	switch {
	case current.alternates():
		return s.idle(ctx, admin, current)
	case current.ClientID == "":
		app, err := s.provision(ctx, admin, current.Document)
		if err != nil {
			return nil, err
		}
		return &subject{Document: current.Of(app.ID)}, nil
	}
	return &subject{current.Document, current.ClientSecret, s.promoted(current)}, nil
}

// idle returns the twin that is not in use. Its secret, as far as it is stored, is
// that of AWSPREVIOUS.
func (s *step) idle(ctx context.Context, admin *pingone.Client, current *stored) (*subject, error) {
	active, err := admin.Application(ctx, current.EnvironmentID, current.ClientID)
	if err != nil {
		return nil, err
	}
	if current.Rotation.Twin == "" {
		twin, err := s.provisionTwin(ctx, admin, current.Document, active)
		if err != nil {
			return nil, err
		}
		return &subject{Document: current.successor(twin.ID)}, nil
	}
	twin, err := admin.Application(ctx, current.EnvironmentID, current.Rotation.Twin)
	if err != nil {
		return nil, err
	}
	if !s.twins(active, twin) {
		return nil, fieldError("rotation.twin", "names an application that this rotation has not created as the other one's twin; remove the field, and a twin is created")
	}
	sub := &subject{Document: current.successor(twin.ID)}
	id := s.holder(labelPrevious)
	if id == "" {
		return sub, nil
	}
	previous, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if previous != nil && previous.ClientID == twin.ID {
		sub.held, sub.heldAt = previous.ClientSecret, previous.created
	}
	return sub, nil
}

// twinMarker is how the rotation recognises the twin that it has created of an
// application, in the description.
func (s *step) twinMarker(of string) string {
	return strings.TrimSuffix(s.marker(), "]") + " twin of " + of + "]"
}

// twins reports whether one of the applications was created as the other's twin.
// Who writes the document cannot make it so.
func (s *step) twins(a, b *pingone.Application) bool {
	return strings.Contains(a.Description, s.twinMarker(b.ID)) || strings.Contains(b.Description, s.twinMarker(a.ID))
}

// provisionTwin returns the copy of an application that this rotation has made, and
// makes it if there is none. As with [step.provision], a crash at any point leads
// to the same application.
func (s *step) provisionTwin(ctx context.Context, admin *pingone.Client, d *Document, of *pingone.Application) (*pingone.Application, error) {
	name := of.Name + " (twin)"
	apps, err := admin.Applications(ctx, d.EnvironmentID)
	if err != nil {
		return nil, err
	}
	var twin *pingone.Application
	for _, app := range apps {
		switch {
		case !strings.EqualFold(app.Name, name):
		case strings.Contains(app.Description, s.twinMarker(of.ID)):
			twin = app
		default:
			return nil, fmt.Errorf("application %s has the name %q that the twin shall have and was not created by this rotation; rename it", app.ID, printable(name))
		}
	}
	if twin == nil {
		body := configuration(of)
		body["name"] = name
		body["description"] = s.twinMarker(of.ID)
		body["assignActorRoles"] = false
		if twin, err = admin.CreateApplication(ctx, d.EnvironmentID, body); err != nil {
			return nil, err
		}
		s.note("created application " + twin.ID)
	}
	return twin, s.copyAccess(ctx, admin, d.EnvironmentID, of.ID, twin.ID)
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

// align gives the idle twin the configuration, roles and grants of the active one.
func (s *step) align(ctx context.Context, admin *pingone.Client, d *Document, activeID, idleID string) error {
	var active, idle *pingone.Application
	err := parallel(
		func() (err error) { active, err = admin.Application(ctx, d.EnvironmentID, activeID); return err },
		func() (err error) { idle, err = admin.Application(ctx, d.EnvironmentID, idleID); return err },
	)
	if err != nil {
		return err
	}
	if !s.twins(active, idle) {
		return errDifferent
	}
	want, have := configuration(active), configuration(idle)
	delete(want, "assignActorRoles") // of the creation, and nothing to change later
	delete(have, "assignActorRoles")
	if !maps.EqualFunc(want, have, func(a, b any) bool { return sameJSON(a.(json.RawMessage), b.(json.RawMessage)) }) {
		body := maps.Clone(want)
		body["name"], body["description"] = idle.Name, idle.Description
		if _, err := admin.ReplaceApplication(ctx, d.EnvironmentID, idleID, body); err != nil {
			return err
		}
		s.note("aligned the twin")
	}
	return s.copyAccess(ctx, admin, d.EnvironmentID, activeID, idleID)
}

// copyAccess gives an application the roles and grants of another that it lacks.
func (s *step) copyAccess(ctx context.Context, admin *pingone.Client, environmentID, from, to string) error {
	p := &plan{spec: &Spec{}}
	err := parallel(
		func() (err error) { p.roles, err = admin.RoleAssignments(ctx, environmentID, from); return err },
		func() (err error) { p.grants, err = admin.Grants(ctx, environmentID, from); return err },
	)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equipRoles(ctx, admin, environmentID, to, p),
		s.equipGrants(ctx, admin, environmentID, to, p),
	)
}
