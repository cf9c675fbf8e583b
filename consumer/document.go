package consumer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// maxDocument is the most bytes that Secrets Manager stores.
const maxDocument = 65536

// decode reads what a consumer needs from the document: members of its top level, by exact
// names, or where rotation.names says. The rest belongs to the function, which may be newer
// than this program. An error names the field and quotes no value.
func (s *Source) decode(text string) (pingone.Credential, error) {
	var none pingone.Credential
	var all members
	if len(text) > maxDocument {
		return none, fmt.Errorf("it has %d bytes, and Secrets Manager stores %d at most", len(text), maxDocument)
	}
	if json.Unmarshal([]byte(text), &all) != nil || all == nil {
		return none, errors.New("it is not a JSON object; store the document that pingrotate rotates")
	}
	names := all.names()
	var id, region, domain, clientID, secret, method string
	for _, m := range []struct {
		name  string
		value *string
		must  string // what to do where it is missing
	}{
		{"environmentId", &id, "store it"},
		{"region", &region, "store it"},
		{"authDomain", &domain, ""},
		{"clientId", &clientID, "the first rotation writes it"},
		{"clientSecret", &secret, "the first rotation writes it"},
		{"tokenEndpointAuthMethod", &method, ""},
	} {
		field, name := m.name, cmp.Or(names[m.name], m.name)
		if name != field {
			field += fmt.Sprintf(" (by rotation.names %.60q)", name)
		}
		raw, ok := all.at(name)
		if ok && json.Unmarshal(raw, m.value) != nil {
			return none, fmt.Errorf("field %s: must be a string", field)
		}
		if *m.value == "" && m.must != "" {
			return none, fmt.Errorf("field %s: is missing; %s", field, m.must)
		}
	}
	if !pingone.IsUUID(id) {
		return none, errors.New("field environmentId: must be a UUID in lower case")
	}
	env, err := s.Regions.Environment(pingone.Region(region), id)
	if err != nil {
		return none, fmt.Errorf("field region: %w", err)
	}
	if domain != "" {
		if !slices.Contains(s.AuthDomains, domain) {
			return none, errors.New("field authDomain: is not a domain that this program allows; add it to AuthDomains")
		}
		env.Auth = "https://" + domain
	}
	if s.AuthURL != "" {
		if env.Auth, err = checkURL(s.AuthURL); err != nil {
			return none, fmt.Errorf("AuthURL: %w", err)
		}
		if domain == "" {
			env.Auth += "/" + id
		}
	}
	c := pingone.Credential{
		Environment: env,
		ClientID:    clientID,
		Secret:      pingone.NewSecret(secret),
		Method:      pingone.AuthMethod(cmp.Or(method, string(pingone.ClientSecretBasic))), // PingOne's default for a worker application
	}
	if !c.Method.Supported() {
		return none, fmt.Errorf("field tokenEndpointAuthMethod: must be one of %v; a client with a key has no secret to rotate", pingone.AuthMethods())
	}
	return c, nil
}

// checkURL returns the URL without a slash at its end. The secret goes there, so it must
// be https or stay on this machine.
func checkURL(value string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("must be a URL of scheme, host and perhaps a path, such as https://proxy.example.com")
	}
	if !private(u) {
		return "", errors.New("must be https; http is for a loopback host")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}
