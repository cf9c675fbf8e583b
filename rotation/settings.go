package rotation

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// Settings are the function's own configuration, which no document may override.
type Settings struct {
	AdminSecretID string // the admin secret for documents that name none; may be empty

	// AdminSecretIDs are the other secrets, by name or ARN, that documents may name as their
	// admin. No secret besides these and AdminSecretID is an admin of the function.
	AdminSecretIDs []string

	Grace       time.Duration   // how long a replaced secret lives if the document does not say; 0 means 24 hours
	AuthDomains []string        // custom domains that documents may name as authDomain
	Regions     pingone.Regions // regions that this release does not know
	APIURL      string          // replaces the region's API; empty outside tests
	AuthURL     string          // replaces the region's auth host and custom domains; empty outside tests
	AuditEvery  time.Duration   // the time between two audits; 0 means an hour
	Emulated    bool            // the function runs under sam local, which has no aliases: take actions without one
}

const (
	defaultGrace      = 24 * time.Hour
	defaultAuditEvery = time.Hour
)

// EndpointVariable is the AWS SDK's variable for an endpoint of Secrets Manager that
// replaces the Region's.
const EndpointVariable = "AWS_ENDPOINT_URL_SECRETS_MANAGER"

// AdminsVariable is the variable that lists the admins that documents may name.
const AdminsVariable = "PINGONE_ADMIN_SECRET_IDS"

// ParseSettings reads the function's settings from environment variables, which getenv
// looks up as os.Getenv does. Errors name the variable. It also checks the endpoints of
// Secrets Manager and the register, although others read them.
func ParseSettings(getenv func(string) string) (Settings, error) {
	sam := getenv("AWS_SAM_LOCAL") == "true"
	s := Settings{Emulated: sam}
	for _, v := range []struct {
		name string
		read func(string) error
	}{
		{"PINGONE_ADMIN_SECRET_ID", func(value string) (err error) { s.AdminSecretID, err = parseSecretID(value); return err }},
		{AdminsVariable, func(value string) (err error) { s.AdminSecretIDs, err = parseSecretIDs(value); return err }},
		{"ROTATION_GRACE", func(value string) (err error) { s.Grace, err = ParseGrace(value); return err }},
		{"AUDIT_EVERY_HOURS", func(value string) (err error) { s.AuditEvery, err = parseHours(value); return err }},
		{"PINGONE_AUTH_DOMAINS", func(value string) (err error) { s.AuthDomains, err = parseDomains(value); return err }},
		{"PINGONE_REGIONS", func(value string) (err error) { s.Regions, err = pingone.ParseRegions(value); return err }},
		{"PINGONE_API_URL", func(value string) (err error) { s.APIURL, err = parseBaseURL(value, sam); return err }},
		{"PINGONE_AUTH_URL", func(value string) (err error) { s.AuthURL, err = parseBaseURL(value, sam); return err }},
		{register.EndpointVariable, func(value string) error { _, err := parseBaseURL(value, sam); return err }},
		{EndpointVariable, func(value string) error { _, err := parseBaseURL(value, sam); return err }},
	} {
		if value := getenv(v.name); value != "" {
			if err := v.read(value); err != nil {
				return s, fmt.Errorf("environment variable %s: %w", v.name, err)
			}
		}
	}
	if (s.APIURL == "") != (s.AuthURL == "") {
		return s, errors.New("environment variables PINGONE_API_URL and PINGONE_AUTH_URL: set both or neither; otherwise tokens of one service go to the other")
	}
	return s, nil
}

func parseSecretIDs(list string) (ids []string, err error) {
	for _, value := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		id, err := parseSecretID(value)
		if err != nil {
			return nil, fmt.Errorf("separated by commas, each %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parseSecretID reads the name or the ARN of a secret. See CreateSecret in the Secrets
// Manager API reference.
func parseSecretID(value string) (string, error) {
	if !isSecretName(value) && !isSecretARN(value) {
		return "", errors.New("must be the name of a secret, or its full ARN with the six characters at the end")
	}
	return value, nil
}

var (
	secretName = lazyregexp.New(`^[A-Za-z0-9/_+=.@-]+$`)
	secretARN  = lazyregexp.New(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:([A-Za-z0-9/_+=.@-]+)-[A-Za-z0-9]{6}$`)
)

// maxSecretName is the longest name that a secret can have. See CreateSecret in the Secrets
// Manager API reference.
const maxSecretName = 512

func isSecretName(value string) bool {
	return len(value) <= maxSecretName && secretName.MatchString(value)
}

func isSecretARN(value string) bool {
	m := secretARN.FindStringSubmatch(value)
	return m != nil && len(m[1]) <= maxSecretName
}

// parseHours reads how often audits run. A day is the longest, because an interrupted
// emergency waits for the next audit.
func parseHours(value string) (time.Duration, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 24 {
		return 0, errors.New("must be a number of hours from 1 to 24")
	}
	return time.Duration(n) * time.Hour, nil
}

func parseDomains(list string) ([]string, error) {
	domains := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, d := range domains {
		if !IsDomain(d) {
			return nil, errors.New("must be host names in lower case, separated by commas, without scheme, port or path")
		}
	}
	return domains, nil
}

// parseBaseURL reads a URL that replaces a real service's. Credentials are sent there, so
// it must be https or stay on this machine. Under sam local, host.docker.internal is this
// machine.
func parseBaseURL(value string, sam bool) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("must be a URL of scheme, host and perhaps a path, such as https://proxy.example.com")
	}
	host := u.Hostname()
	local := host == "localhost" || net.ParseIP(host).IsLoopback() || sam && host == "host.docker.internal"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return "", errors.New("must be https; http is for a loopback host, or host.docker.internal under sam local")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// environment returns where the document's environment is served. Hosts come from the
// region or from the function's settings, never from the document: its writer must not be
// able to have a credential sent to a host of their choice.
func (s Settings) environment(d *document.Document) (pingone.Environment, error) {
	e, err := s.Regions.Environment(d.Region, d.EnvironmentID)
	if err != nil {
		return e, remedy.With(document.NewFieldError("region", err.Error()), "correct it, or add the region to PINGONE_REGIONS of the function")
	}
	if d.AuthDomain != "" {
		if !slices.Contains(s.AuthDomains, d.AuthDomain) {
			return e, document.NewFieldError("authDomain", "is not a domain that the function allows; add it to PINGONE_AUTH_DOMAINS")
		}
		e.Auth = "https://" + d.AuthDomain
	}
	if d.TokenEndpoint != "" && s.AuthURL == "" {
		u, err := url.Parse(d.TokenEndpoint)
		if err != nil || u.Scheme != "https" || !s.Regions.IsAuthHost(u.Host) && !slices.Contains(s.AuthDomains, u.Host) {
			return e, document.NewFieldError("tokenEndpoint", "names a host that is not PingOne's; remove the field, the rotation writes it")
		}
	}
	if s.APIURL != "" {
		e.API = s.APIURL
	}
	if s.AuthURL != "" {
		e.Auth = s.AuthURL
		if d.AuthDomain == "" {
			e.Auth += "/" + d.EnvironmentID
		}
	}
	return e, nil
}

// grace returns how long the document's replaced secrets live.
func (s Settings) grace(d *document.Document) time.Duration {
	switch {
	case d.Rotation.Grace != 0:
		return d.Rotation.Grace
	case s.Grace != 0:
		return s.Grace
	}
	return defaultGrace
}

// auditEvery returns the time between two audits.
func (s Settings) auditEvery() time.Duration {
	if s.AuditEvery != 0 {
		return s.AuditEvery
	}
	return defaultAuditEvery
}

// hosts returns every host at which the document's client can obtain tokens: the custom
// domain, if there is one, and the region's own.
func (s Settings) hosts(d *document.Document) ([]pingone.Environment, error) {
	e, err := s.environment(d)
	all := []pingone.Environment{e}
	if d.AuthDomain != "" && s.AuthURL == "" {
		own, _ := s.Regions.Environment(d.Region, d.EnvironmentID) // no new error: environment looked the region up too
		all = append(all, own)
	}
	return all, err
}
