package document

import (
	"fmt"
	"slices"
)

// An Allowance is an entry of allow in an admin's document: what the admin does for the
// secrets that match. The writer of a managed secret chooses what to ask for, so the
// admin's own document decides what is done.
type Allowance struct {
	Secret        pattern
	EnvironmentID string
	Applications  Applications
	TestUsers     []string // the secrets of test users that may sign on, as rotation.verify.userSecretId names them
	Configure     Configure
}

// Applications says whose client secrets an admin serves.
type Applications struct {
	IDs    []string // of applications or custom resources
	Marked bool     // "marked": those whose description in PingOne has the secret's marker
	Any    bool     // "*": all in the environment except admins of this function
}

// None reports whether there are none, as when the document does not list any.
func (a Applications) None() bool { return len(a.IDs) == 0 && !a.Marked && !a.Any }

// Configure lists all that rotation.application may create or change.
type Configure struct {
	Create       bool          // the application, which is then kept as specified
	Members      []string      // members of an application that was not created for the secret, such as "grantTypes"
	Roles        []AllowedRole // to assign, or to remove
	Grants       []string      // names of resources whose scopes may be granted, or their grants removed
	RedirectURIs []string      // exact values of redirectUris, and of every other member that is a URL
	Resources    []string      // names of custom resources: to create, to complete if created for the secret, and to grant
}

// An AllowedRole is a role's name and the id of its scope.
type AllowedRole struct{ Role, Scope string }

func allowanceDecoder(a *Allowance) decoder {
	return func(raw string) error {
		err := object(refuse, map[string]decoder{
			"secret":        parsed(&a.Secret, parsePattern),
			"environmentId": parsed(&a.EnvironmentID, parseUUID),
			"applications":  applicationsDecoder(&a.Applications),
			"testUsers":     list(&a.TestUsers, func(s *string) decoder { return parsed(s, parseText) }),
			"configure":     func(raw string) error { return configureDecoder(&a.Configure)(raw) }, // made only when needed, as most entries lack it
		})(raw)
		if err == nil && (a.Secret == "" || a.EnvironmentID == "") {
			err = wrong("must have secret and environmentId")
		}
		return err
	}
}

func configureDecoder(c *Configure) decoder {
	return object(refuse, map[string]decoder{
		"create":       boolean(&c.Create),
		"members":      list(&c.Members, func(s *string) decoder { return parsed(s, parseMember) }),
		"roles":        list(&c.Roles, allowedRoleDecoder),
		"grants":       list(&c.Grants, func(s *string) decoder { return parsed(s, parseName) }),
		"redirectUris": list(&c.RedirectURIs, func(s *string) decoder { return parsed(s, parseURL) }),
		"resources":    list(&c.Resources, func(s *string) decoder { return parsed(s, parseName) }),
	})
}

// applicationsDecoder decodes an id, "marked" or "*", or an array of them.
func applicationsDecoder(into *Applications) decoder {
	one := func(raw string) error {
		var s string
		if err := parsed(&s, parseText)(raw); err != nil {
			return err
		}
		switch s {
		case "marked":
			into.Marked = true
		case "*":
			into.Any = true
		default:
			id, err := parseUUID(s)
			if err != nil {
				return wrong(`must be the id of an application, "marked" or "*"`)
			}
			into.IDs = append(into.IDs, id)
		}
		return nil
	}
	return func(raw string) error {
		all, ok := elements(raw, span{0, len(raw)})
		if !ok {
			return one(raw)
		}
		for i, at := range all {
			if err := one(raw[at.start:at.end]); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
		}
		return nil
	}
}

func allowedRoleDecoder(r *AllowedRole) decoder {
	return func(raw string) error {
		err := object(refuse, map[string]decoder{
			"role":  parsed(&r.Role, parseName),
			"scope": parsed(&r.Scope, parseUUID),
		})(raw)
		if err == nil && (r.Role == "" || r.Scope == "") {
			err = wrong("must have role, and scope with the id of its scope")
		}
		return err
	}
}

// matches reports whether the allowance applies to a secret with these names, in the
// environment.
func (a Allowance) matches(names []string, environmentID string) bool {
	return a.EnvironmentID == environmentID && slices.ContainsFunc(names, a.Secret.matches)
}

// nearMiss returns an error for a member that was probably meant to be allow. Unknown
// members are kept, so a misspelled allow would go unnoticed until it refuses a rotation.
func nearMiss(name string) error {
	const meant = "allow"
	if name == meant {
		return nil
	}
	letters := make([]byte, 0, len(meant)+1)
	for _, c := range []byte(name) {
		if c |= ' '; c < 'a' || c > 'z' {
			continue // such as an underscore
		}
		if letters = append(letters, c); len(letters) > len(meant)+1 {
			return nil
		}
	}
	if string(letters) == meant || oneOff(string(letters), meant) {
		return wrong("is unknown, and nearly allow; correct its spelling or give it another name")
	}
	return nil
}

// oneOff reports whether the words differ only by one letter too many or too few, or by two
// letters that have changed places. A replaced letter makes a different word.
func oneOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	switch len(b) - len(a) {
	case 0: // two letters have changed places
		for i := range len(a) - 1 {
			if a[:i]+a[i+1:i+2]+a[i:i+1]+a[i+2:] == b {
				return true
			}
		}
	case 1:
		for i := range len(b) {
			if b[:i]+b[i+1:] == a {
				return true
			}
		}
	}
	return false
}
