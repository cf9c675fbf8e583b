package document

import (
	"errors"
	"time"
)

// The strategies of a rotation.
//
// With [Alternating] there are two applications with the same configuration.
// Consumers use one; a rotation regenerates the other one's secret and points
// consumers there. What is in use is never touched, so that no crash, race or mistake
// in between can lock consumers out, and the way back is to move AWSCURRENT to
// AWSPREVIOUS.
const (
	Single      = "single"
	Alternating = "alternating"
)

// What a document's secret is of.
const (
	KindApplication = "application"
	KindResource    = "resource"
)

// A Policy is a document's member "rotation".
type Policy struct {
	AdminSecretID string // "" for the function's default
	Kind          string // "resource" for a custom resource, whose id ClientID then is; "" is "application"
	Strategy      string // "" is "single"
	Twin          string // with "alternating", the other application; written by the rotation
	Grace         time.Duration

	// RevokeWhenIdle lets an audit end a replaced secret before its grace does, once
	// consumers have let go of it.
	RevokeWhenIdle bool

	ApplicationID string // where it differs from the client id
	Names         Names  // of the members that consumers read, where they differ
	Verify        Verify
	Application   *Spec // what to create and to keep so; nil for an application that this secret does not configure
}

// Alternates reports whether the version after this one is of the other
// application. A document that holds no secret yet gets one as with "single".
func (d *Document) Alternates() bool {
	return d.Rotation.Strategy == Alternating && !d.ClientSecret.IsZero()
}

// Successor returns the document as the next version has it but for the secret: of
// the application with the client id given, where that may be another one.
func (d *Document) Successor(clientID string) *Document {
	if !d.Alternates() {
		return d.Of(clientID)
	}
	next := *d
	next.ClientID, next.Rotation.Twin = clientID, d.ClientID
	next.set("clientId", clientID)
	next.text = set(next.text, []string{"rotation", "twin"}, d.ClientID)
	return &next
}

// WithTwin returns the document as if it named the application as its twin, to ask
// whether that is allowed. It is not to be stored.
func (d *Document) WithTwin(id string) *Document {
	next := *d
	next.Rotation.Twin = id
	return &next
}

// MayFollow reports whether a version of the client with this id may come after the
// document.
func (d *Document) MayFollow(clientID string) bool {
	switch {
	case d.Alternates() && d.Rotation.Twin != "":
		return clientID == d.Rotation.Twin
	case d.Alternates():
		return clientID != d.ClientID
	}
	return d.ClientID == "" || clientID == d.ClientID
}

// ParseGrace reads how long a replaced secret shall live, such as "24h". PingOne
// keeps a replaced secret for at most 30 days, and the secret's fuse is a day longer than
// the grace.
func ParseGrace(s string) (time.Duration, error) {
	const shortest, longest = 2 * time.Minute, 695 * time.Hour
	d, err := time.ParseDuration(s)
	if err != nil || d < shortest || d > longest {
		return 0, errors.New(`must be a duration from "2m" to "695h", such as "24h"`)
	}
	return d, nil
}
