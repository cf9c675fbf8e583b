package rotation

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// EndpointVariable is the SDK's own name for the variable that holds the endpoint of
// Secrets Manager, where it is not the Region's.
const EndpointVariable = "AWS_ENDPOINT_URL_SECRETS_MANAGER"

// ParseSettings reads the function's settings from its variables, which getenv looks
// up as os.Getenv does. The error names the variable. It also checks the endpoint of
// Secrets Manager, which is the SDK's to read.
func ParseSettings(getenv func(string) string) (Settings, error) {
	s := Settings{AdminSecretID: getenv("PINGONE_ADMIN_SECRET_ID")}
	sam := getenv("AWS_SAM_LOCAL") == "true"
	for _, v := range []struct {
		name string
		read func(string) error
	}{
		{"ROTATION_GRACE", func(value string) (err error) { s.Grace, err = ParseGrace(value); return err }},
		{"PINGONE_AUTH_DOMAINS", func(value string) (err error) { s.AuthDomains, err = parseDomains(value); return err }},
		{"PINGONE_API_URL", func(value string) (err error) { s.APIURL, err = parseBaseURL(value, sam); return err }},
		{"PINGONE_AUTH_URL", func(value string) (err error) { s.AuthURL, err = parseBaseURL(value, sam); return err }},
		{EndpointVariable, func(value string) error { _, err := parseBaseURL(value, sam); return err }},
	} {
		if value := getenv(v.name); value != "" {
			if err := v.read(value); err != nil {
				return s, fmt.Errorf("environment variable %s: %w", v.name, err)
			}
		}
	}
	if (s.APIURL == "") != (s.AuthURL == "") {
		return s, errors.New("environment variables PINGONE_API_URL and PINGONE_AUTH_URL: set both or neither, or tokens of one service go to the other")
	}
	return s, nil
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

// parseBaseURL reads a URL that takes the place of a real service's. Credentials
// go there, so it must be https or stay on this machine; under sam local, that
// machine is host.docker.internal.
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
