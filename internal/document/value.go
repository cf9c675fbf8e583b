package document

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

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

var visible = regexp.MustCompile(`^[!-~]{1,256}$`)

func parseClientID(s string) (string, error) {
	if !visible.MatchString(s) {
		return "", errors.New("must have 1 to 256 visible ASCII characters")
	}
	return s, nil
}

var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}$`)

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

// parseAnyMethod reads a method that an admin may have. That a target's has a secret
// is checked where the document is known to be a target's.
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
