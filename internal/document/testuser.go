package document

import (
	"errors"
	"strings"

	"pingrotate/internal/lazyregexp"
	"pingrotate/pingone"
)

// A TestUser is the user who signs on to an application to see whether its secret works:
// the contents of the secret that rotation.verify.userSecretId names.
type TestUser struct {
	Login         pingone.Login
	Attribute     string // a user attribute to change with the user's token; "" for none
	EnvironmentID string // the only environment to which the password is sent
	Email         string // to create the user with; "" for an address that gets no mail
}

// ParseTestUser decodes a test user. The writer of a managed secret chooses which secret is
// read as one, so an error names no fields but those of a test user.
func ParseTestUser(text string) (*TestUser, error) {
	if err := checkObject(text); err != nil {
		return nil, err
	}
	u := &TestUser{}
	err := object(keep, map[string]decoder{
		"username":      parsed(&u.Login.Username, parseText),
		"password":      parsed(&u.Login.Password, parseSecret),
		"redirectUri":   parsed(&u.Login.RedirectURI, parseText),
		"scope":         parsed(&u.Login.Scope, parseText),
		"attribute":     parsed(&u.Attribute, parseAttribute),
		"environmentId": parsed(&u.EnvironmentID, parseUUID),
		"email":         parsed(&u.Email, parseText),
	})(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, err
	case u.Login.Username == "":
		return nil, NewFieldError("username", "is missing")
	case u.Login.Password.IsZero():
		return nil, NewFieldError("password", "is missing")
	case u.Login.RedirectURI == "":
		return nil, NewFieldError("redirectUri", "is missing; it must be one of the application's redirectUris")
	case u.EnvironmentID == "":
		return nil, NewFieldError("environmentId", "is missing; it says to which environment the password may be sent")
	}
	return u, nil
}

var attributeName = lazyregexp.New(`^[A-Za-z][A-Za-z0-9]{0,59}$`)

func parseAttribute(s string) (string, error) {
	if !attributeName.MatchString(s) || s == "username" || s == "email" {
		return "", errors.New("must be the name of a user attribute that holds text and serves no other purpose, such as nickname")
	}
	return s, nil
}
