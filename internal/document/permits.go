package document

import (
	"errors"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// Permits checks that the admin credential is meant for the target. The writer
// of a managed secret chooses the target and the admin in it, so the admin's own
// document has the last word. The names are the target secret's name and ARN.
//
// It is what was asked before [Permit], which takes its place.
func (admin *Document) Permits(target *Document, names ...string) error {
	if err := admin.mayServe(target); err != nil || admin.Allow == nil {
		return err
	}
	for _, a := range admin.Allow {
		if slices.ContainsFunc(names, func(name string) bool { return matches(string(a.Secret), name) }) &&
			a.EnvironmentID == target.EnvironmentID &&
			(a.Applications.None() || a.Applications.Any || slices.Contains(a.Applications.IDs, target.ApplicationID()) &&
				(target.Rotation.Twin == "" || slices.Contains(a.Applications.IDs, target.Rotation.Twin))) {
			return nil
		}
	}
	return errors.New("does not allow this target; its owner can add the secret, environment and application to its field allow")
}

// mayServe checks that the admin's credential can be used for the target at all.
func (admin *Document) mayServe(target *Document) error {
	switch {
	case admin.AuthMethod == pingone.PrivateKeyJWT && admin.PrivateKey.IsZero():
		return NewFieldError("privateKey", "is missing; with PRIVATE_KEY_JWT it must be the application's RSA key, in PEM")
	case admin.AuthMethod != pingone.PrivateKeyJWT && admin.ClientSecret.IsZero():
		return NewFieldError("clientSecret", "is empty")
	case admin.Region != target.Region:
		return NewFieldError("region", "does not match the target's; a credential is not sent across regions")
	case admin.EnvironmentID == target.EnvironmentID && (admin.ApplicationID() == target.ApplicationID() || admin.ApplicationID() == target.Rotation.Twin):
		return errors.New("is of the target application itself; no application can read or regenerate its own secret, use another admin application")
	}
	return nil
}

// matches reports whether the name fits the pattern, in which * stands for any
// characters.
func matches(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return name == pattern
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, last)
}
