package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pingrotate/internal/lazyregexp"
	"pingrotate/pingone"
)

// The values of single fields, from their text.

func parseText(s string) (string, error) { return s, nil }

func parseSecret(s string) (pingone.Secret, error) { return pingone.NewSecret(s), nil }

func parseUUID(s string) (string, error) {
	if !pingone.IsUUID(s) {
		return "", errors.New("must be a UUID in lower case")
	}
	return s, nil
}

// RFC 6749, appendices A.1 and A.2: both consist of visible characters and spaces.
var (
	clientID = lazyregexp.New(`^[ -~]+$`)
	control  = lazyregexp.New(`[\x00-\x1f\x7f]`)
)

// maxClientID is the most bytes of a client id.
const maxClientID = 256

func parseClientID(s string) (string, error) {
	if len(s) > maxClientID || !clientID.MatchString(s) {
		return "", errors.New("must have 1 to 256 visible ASCII characters or spaces")
	}
	return s, nil
}

func parseClientSecret(s string) (pingone.Secret, error) {
	if control.MatchString(s) {
		return pingone.Secret{}, errors.New("has a line break or another control character; store the secret without it")
	}
	return pingone.NewSecret(s), nil
}

var hostname = lazyregexp.New(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}$`)

func parseDomain(s string) (string, error) {
	if !IsDomain(s) {
		return "", errors.New("must be a host name in lower case, without scheme, port or path")
	}
	return s, nil
}

// IsDomain reports whether s is a host name in lower case, and nothing more.
func IsDomain(s string) bool { return len(s) <= 253 && hostname.MatchString(s) }

func parseMethod(s string) (pingone.AuthMethod, error) {
	m := pingone.AuthMethod(s)
	if !m.Supported() {
		return "", fmt.Errorf("must be one of %v", pingone.AuthMethods())
	}
	return m, nil
}

// parseAnyMethod reads a method that an admin may have. A target's method is checked to
// have a secret once the document is known to be a target's.
func parseAnyMethod(s string) (pingone.AuthMethod, error) {
	m := pingone.AuthMethod(s)
	if !slices.Contains(pingone.AdminAuthMethods(), m) {
		return "", fmt.Errorf("must be one of %v, or in an admin's secret %s", pingone.AuthMethods(), pingone.PrivateKeyJWT)
	}
	return m, nil
}

func parseKind(s string) (string, error) {
	if s != KindApplication && s != KindResource {
		return "", errors.New(`must be "application" or "resource"`)
	}
	return s, nil
}

func parseStrategy(s string) (string, error) {
	if s != Single && s != Alternating {
		return "", errors.New(`must be "single" or "alternating"`)
	}
	return s, nil
}

func parseURL(s string) (string, error) { return s, oneURL(s) }

// parseMember reads the name of a member that a specification may change.
func parseMember(s string) (string, error) {
	if !slices.Contains(changeable, s) {
		return "", fmt.Errorf("must be one of %s", strings.Join(changeable, ", "))
	}
	return s, nil
}

// changeable are the members that a specification may change in an application that it did
// not create, except for URLs.
var changeable = []string{"grantTypes", "responseTypes", "pkceEnforcement", "refreshTokenDuration", "refreshTokenRollingDuration"}
