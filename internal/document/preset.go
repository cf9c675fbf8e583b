package document

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// presets are the kinds of client that PingOne's documentation describes, with the members
// that define each.
var presets = map[string]map[string]any{
	// "Configure a Non-Interactive Worker Application"
	"non-interactive-worker": {
		"type": "WORKER", "grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
	// "Create a worker application", in the activity for interactive workers
	"interactive-worker": {
		"type": "WORKER", "grantTypes": []string{"CLIENT_CREDENTIALS", "AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC", "pkceEnforcement": "OPTIONAL",
		"refreshTokenDuration": 86400, "refreshTokenRollingDuration": 86400,
	},
	// "Configure an Application with an Authorization Code Grant"
	"authorization-code-web-app": {
		"type": "WEB_APP", "grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
	// "Authenticate using a client credentials flow", of PingOne Advanced Services
	"advanced-services-client": {
		"type": "WEB_APP", "grantTypes": []string{"CLIENT_CREDENTIALS"}, "responseTypes": []string{},
		"tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
}

// Presets returns the values of rotation.application.preset, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

func presetNames() string { return strings.Join(Presets(), ", ") }

func parsePreset(s string) (string, error) {
	if presets[s] == nil {
		return "", errors.New("must be one of " + presetNames())
	}
	return s, nil
}
