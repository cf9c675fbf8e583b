package document

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// presets are the clients that PingOne's documents describe, each with the members
// that make it one.
var presets = map[string]map[string]any{
	// "Configure a Non-Interactive Worker Application"
	"non-interactive-worker": {
		"type": "WORKER", "grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
	},
	// "Create a worker application", of the activity for interactive workers
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

// Presets returns the names that rotation.application.preset may have, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

func presetNames() string { return strings.Join(Presets(), ", ") }

func parsePreset(s string) (string, error) {
	if presets[s] == nil {
		return "", errors.New("must be one of " + presetNames())
	}
	return s, nil
}
