package document

import (
	"errors"
	"time"
)

// The strategies of a rotation.
//
// With [Alternating] there are two applications with the same configuration. Consumers use
// one; a rotation regenerates the other one's secret and points consumers there. The secret
// in use is never touched, so no crash, race or mistake in between can lock consumers out,
// and the way back is to move AWSCURRENT to AWSPREVIOUS.
const (
	Single      = "single"
	Alternating = "alternating"
)

// What a document's secret belongs to.
const (
	KindApplication = "application"
	KindResource    = "resource"
)

// A Policy is a document's member "rotation".
type Policy struct {
	AdminSecretID string // "" for the function's default
	Kind          string // "resource" for a custom resource, whose id is ClientID; "" means "application"
	Strategy      string // "" means "single"
	Twin          string // with "alternating", the other application's id; written by the rotation
	Grace         time.Duration

	// RevokeWhenIdle lets an audit end a replaced secret before its grace is over, once
	// consumers have stopped using it.
	RevokeWhenIdle bool

	ApplicationID string // if it differs from the client id
	Names         Names  // of the members that consumers read, if they differ
	Verify        Verify
	Application   *Spec // what to create and to keep as specified; nil for an application that this secret does not configure
}

// Alternates reports whether the next version is the other application's. A document
// without a secret gets its first one as with "single".
func (d *Document) Alternates() bool {
	return d.Rotation.Strategy == Alternating && !d.ClientSecret.IsZero()
}

// Successor returns the next version without its new secret: that of the application with
// this client id, which may be the twin.
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

// WithTwin returns the document as if it named the application as its twin, to ask whether
// that is allowed. It is not to be stored.
func (d *Document) WithTwin(id string) *Document {
	next := *d
	next.Rotation.Twin = id
	return &next
}

// MayFollow reports whether a version with this client id may come after the document.
func (d *Document) MayFollow(clientID string) bool {
	switch {
	case d.Alternates() && d.Rotation.Twin != "":
		return clientID == d.Rotation.Twin
	case d.Alternates():
		return clientID != d.ClientID
	}
	return d.ClientID == "" || clientID == d.ClientID
}

// ParseGrace reads how long a replaced secret is to keep working, such as "24h". PingOne
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
