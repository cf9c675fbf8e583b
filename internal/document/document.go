// Package document reads and edits the stored form of a credential. It does no I/O.
package document

import (
	"fmt"
	"strings"

	"pingrotate/pingone"
)

const (
	// maxDocument is the most bytes that Secrets Manager stores.
	maxDocument = 65536

	// growth is the room for what a rotation writes: a secret of up to 1,024 characters,
	// the token endpoint and the authentication method. A document that could outgrow the
	// limit is refused before PingOne makes a secret for it.
	growth = 2048
)

// A Document is the stored form of a credential: a JSON object whose top level is for
// consumers and whose member "rotation" is for the function. Members that the function does
// not know stay as they are, byte for byte and in order.
type Document struct {
	EnvironmentID string
	Region        pingone.Region
	AuthDomain    string // a custom domain instead of the region's auth host
	ClientID      string
	ClientSecret  pingone.Secret
	AuthMethod    pingone.AuthMethod // "" if no rotation has written it yet
	TokenEndpoint string             // for consumers; never followed
	PrivateKey    pingone.Secret     // in an admin's document, instead of a secret
	KeyID         string             // the key's kid, which may be empty
	Rotation      Policy
	Allow         []Allowance // in an admin's document; nil allows every target

	text string
}

// Parse decodes a document. An error wraps a [*FieldError], which names the wrong field and
// quotes no value. A null field counts as absent.
func Parse(text string) (*Document, error) {
	d := &Document{text: text}
	err := readable(text)
	if err == nil {
		err = d.decode()
	}
	if err == nil {
		err = d.complete()
	}
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	return d, nil
}

// readable checks that the text is a JSON object that Secrets Manager can still store with
// another secret in it.
func readable(text string) error {
	switch n := len(text); {
	case n == 0:
		return NewFieldError("", "is empty; store a JSON object with environmentId, region and clientId")
	case n > maxDocument-growth:
		return NewFieldError("", fmt.Sprintf("has %d bytes, and with another secret in it might exceed the %d that Secrets Manager stores; remove what consumers do not need", n, maxDocument))
	}
	return checkObject(text)
}

// decode reads the fields, including those that consumers find through rotation.names.
func (d *Document) decode() error {
	top := whole(d.text)
	all, err := members(d.text, top)
	if err != nil {
		return wrong(err.Error())
	}
	fields := d.fields()
	value := func(at span) string { return d.text[at.start:at.end] }
	for _, m := range all {
		if err := nearMiss(m.name); err != nil {
			return within(Printable(m.name), err)
		}
		if m.name == "rotation" && value(m.value) != "null" {
			if err := fields["rotation"](value(m.value)); err != nil {
				return within("rotation", err)
			}
		}
	}
	delete(fields, "rotation")
	names := d.Rotation.Names
	for _, m := range all {
		if name, ok := names[m.name]; ok && name != m.name {
			return NewFieldError(m.name, "is there, and rotation.names gives it another name; remove one of the two, or it holds a copy that no rotation renews")
		}
		decode, ok := fields[m.name]
		if !ok || value(m.value) == "null" {
			continue
		}
		if err := decode(value(m.value)); err != nil {
			return within(Printable(m.name), err)
		}
	}
	places := names.places()
	if len(places) == 0 {
		return nil
	}
	locate(d.text, top.start, 0, places, make([]string, 0, strings.Count(d.text, ",")+len(consumers)))
	for _, p := range places {
		if p.err == nil && p.value.end > 0 && value(p.value) != "null" {
			p.err = fields[p.member](value(p.value))
		}
		if p.err != nil {
			return within(Printable(p.name), p.err)
		}
	}
	return nil
}

// fields returns the decoders of the document's fields.
func (d *Document) fields() map[string]decoder {
	p, v := &d.Rotation, &d.Rotation.Verify
	return map[string]decoder{
		"environmentId":           parsed(&d.EnvironmentID, parseUUID),
		"region":                  parsed(&d.Region, pingone.ParseRegionCode),
		"authDomain":              parsed(&d.AuthDomain, parseDomain),
		"clientId":                parsed(&d.ClientID, parseClientID),
		"clientSecret":            parsed(&d.ClientSecret, parseClientSecret),
		"tokenEndpointAuthMethod": parsed(&d.AuthMethod, parseAnyMethod),
		"tokenEndpoint":           parsed(&d.TokenEndpoint, parseText),
		"privateKey":              parsed(&d.PrivateKey, parseSecret),
		"keyId":                   parsed(&d.KeyID, parseText),
		"allow":                   list(&d.Allow, allowanceDecoder),
		"rotation": object(refuse, map[string]decoder{
			"adminSecretId":  parsed(&p.AdminSecretID, parseText),
			"kind":           parsed(&p.Kind, parseKind),
			"strategy":       parsed(&p.Strategy, parseStrategy),
			"twin":           parsed(&p.Twin, parseUUID),
			"grace":          parsed(&p.Grace, ParseGrace),
			"revokeWhenIdle": boolean(&p.RevokeWhenIdle),
			"applicationId":  parsed(&p.ApplicationID, parseUUID),
			"names":          namesDecoder(&p.Names),
			"verify": object(refuse, map[string]decoder{
				"userSecretId": parsed(&v.UserSecretID, parseText),
				"scope":        parsed(&v.Scope, parseText),
				"audience":     parsed(&v.Audience, parseText),
				"claims":       anyObject(&v.Claims),
			}),
			"application": specDecoder(&p.Application),
		}),
	}
}

// complete checks that what must be there is there.
func (d *Document) complete() error {
	switch {
	case d.EnvironmentID == "":
		return NewFieldError("environmentId", "is missing")
	case d.Region == "":
		return NewFieldError("region", "is missing; it must be one of NA, CA, EU, AU, SG, AP")
	case d.IsResource():
		if err := d.checkResource(); err != nil {
			return err
		}
	case d.ClientID == "" && d.Rotation.Application == nil:
		return NewFieldError("clientId", "is missing; without it, rotation.application must say what application to create")
	case d.ClientID == "" && !d.ClientSecret.IsZero():
		return NewFieldError("clientId", "is missing, but there is a clientSecret")
	case d.ClientID == "":
	case !pingone.IsUUID(d.ApplicationID()):
		return NewFieldError("rotation.applicationId", "is missing; it is needed because clientId is not the application's id")
	}
	if p := d.Rotation; p.Strategy == Alternating && p.ApplicationID != "" {
		return NewFieldError("rotation.strategy", "cannot be \"alternating\" for an imported application")
	}
	return nil
}

// ApplicationID returns the application's id in the platform API.
func (d *Document) ApplicationID() string {
	if d.Rotation.ApplicationID != "" {
		return d.Rotation.ApplicationID
	}
	return d.ClientID
}

// Reveal returns the document as it is stored, with the secret in it.
func (d *Document) Reveal() string { return d.text }

// With returns the document's next version: the same text except for the members that a
// rotation writes. It depends on nothing else, so a repeated step writes the same bytes,
// and PutSecretValue recognizes the repetition.
func (d *Document) With(secret pingone.Secret, method pingone.AuthMethod, tokenEndpoint string) *Document {
	next := *d
	next.ClientSecret, next.AuthMethod, next.TokenEndpoint = secret, method, tokenEndpoint
	next.set("clientSecret", secret.Reveal())
	next.set("tokenEndpointAuthMethod", string(method))
	next.set("tokenEndpoint", tokenEndpoint)
	return &next
}

// Of returns the document with the client id of the application that was created for it. A
// document that already has a client id stays as it is.
func (d *Document) Of(clientID string) *Document {
	if d.ClientID != "" {
		return d
	}
	next := *d
	next.ClientID = clientID
	next.set("clientId", clientID)
	return &next
}

// set writes a member that consumers read.
func (d *Document) set(member, value string) { d.text = set(d.text, d.path(member), value) }

// Follows reports whether the document differs from the current one only in what a rotation
// writes.
func (d *Document) Follows(current *Document) bool {
	return d.Reveal() == current.Successor(d.ClientID).With(d.ClientSecret, d.AuthMethod, d.TokenEndpoint).Reveal()
}

// IsResource reports whether the secret is a custom resource's.
//
// A custom resource has a client secret too, with which a service introspects the tokens
// that it receives. PingOne regenerates it like an application's, by the same protocol. But
// a resource gets no tokens, has no roles, and is not created here.
func (d *Document) IsResource() bool { return d.Rotation.Kind == KindResource }

// Target returns the application or resource whose secret the document holds.
func (d *Document) Target() pingone.Target {
	kind := pingone.ApplicationKind
	if d.IsResource() {
		kind = pingone.ResourceKind
	}
	return pingone.Target{Kind: kind, EnvironmentID: d.EnvironmentID, ID: d.ApplicationID()}
}

// checkResource checks that a resource's document asks for nothing that only an application
// has.
func (d *Document) checkResource() error {
	p := d.Rotation
	path := ""
	switch {
	case !pingone.IsUUID(d.ClientID):
		return NewFieldError("clientId", "must be the id of the custom resource")
	case p.Strategy == Alternating:
		path = "rotation.strategy"
	case p.ApplicationID != "":
		path = "rotation.applicationId"
	case p.Application != nil:
		path = "rotation.application"
	case p.Verify.UserSecretID != "" || !p.Verify.DemandsNothing():
		path = "rotation.verify"
	default:
		return nil
	}
	return NewFieldError(path, `is for applications, but rotation.kind is "resource"; remove it`)
}
