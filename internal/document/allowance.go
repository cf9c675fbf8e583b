package document

import (
	"errors"
	"slices"

	"pingrotate/pingone"
)

// An Allowance lets an admin credential serve some targets: those whose secret's
// name or ARN matches the pattern and whose applications are listed.
type Allowance struct {
	Secret        string // a pattern in which * stands for any characters
	EnvironmentID string
	Applications  []string // application ids; nil for all of the environment
}

// Permits checks that the admin credential is meant for the target. Who may write
// a managed secret names the target and the admin in it, so the admin's own
// document has the last word. The names are the target secret's name and ARN.
func (admin *Document) Permits(target *Document, names ...string) error {
	switch {
	case admin.AuthMethod == pingone.PrivateKeyJWT && admin.PrivateKey.IsZero():
		return NewFieldError("privateKey", "is missing; with PRIVATE_KEY_JWT it must be the application's RSA key, in PEM")
	case admin.AuthMethod != pingone.PrivateKeyJWT && admin.ClientSecret.IsZero():
		return NewFieldError("clientSecret", "is empty")
	case admin.Region != target.Region:
		return NewFieldError("region", "is another than the target's; a credential is not sent across regions")
	case admin.EnvironmentID == target.EnvironmentID && admin.ApplicationID() == target.ApplicationID():
		return errors.New("is of the target application itself; no application can read or regenerate its own secret, use another admin application")
	case admin.Allow == nil:
		return nil
	}
	for _, a := range admin.Allow {
		if slices.ContainsFunc(names, func(name string) bool { return matches(a.Secret, name) }) &&
			a.EnvironmentID == target.EnvironmentID &&
			(a.Applications == nil || slices.Contains(a.Applications, target.ApplicationID()) &&
				(target.Rotation.Twin == "" || slices.Contains(a.Applications, target.Rotation.Twin))) {
			return nil
		}
	}
	return errors.New("does not allow this target; its owner can add the secret, environment and application to its field allow")
}

// matches reports whether the name fits the pattern, in which * stands for any
// characters.
func matches(pattern, name string) bool {
	for i := range len(pattern) {
		if pattern[i] == '*' {
			rest := pattern[i+1:]
			for j := i; j <= len(name); j++ {
				if matches(rest, name[j:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) || pattern[i] != name[i] {
			return false
		}
	}
	return len(pattern) == len(name)
}
