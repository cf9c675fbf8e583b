package playground

import (
	"pingrotate/internal/register"
	"pingrotate/rotation"
)

// Endpoints are the URLs of the services of a world and a sandbox.
type Endpoints struct {
	SecretsManager string `json:"secretsManager"`
	PingOne        string `json:"pingOne"`
	Register       string `json:"dynamodb"`
	Cloud          string `json:"cloud,omitempty"` // Lambda, CloudWatch Logs and STS
}

// A Variable is an environment variable.
type Variable struct{ Name, Value string }

// Function returns the settings of a function that uses the services.
func (e Endpoints) Function() []Variable {
	return []Variable{
		{"PINGONE_ADMIN_SECRET_ID", AdminSecret},
		{"PINGONE_API_URL", e.PingOne},
		{"PINGONE_AUTH_URL", e.PingOne},
		{rotation.EndpointVariable, e.SecretsManager},
		{register.EndpointVariable, e.Register},
		{register.TableVariable, RegisterTable},
	}
}

// Operator returns the settings with which the operator's command and aws reach a sandbox.
// They include those of the function, for --local.
func (e Endpoints) Operator() []Variable {
	return append(e.Function(),
		Variable{"AWS_ENDPOINT_URL_LAMBDA", e.Cloud},
		Variable{"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", e.Cloud},
		Variable{"AWS_ENDPOINT_URL_STS", e.Cloud},
		Variable{"AWS_ENDPOINT_URL_SFN", e.Cloud},
		Variable{"AWS_ACCESS_KEY_ID", "sandbox"},
		Variable{"AWS_SECRET_ACCESS_KEY", "sandbox"},
		Variable{"AWS_DEFAULT_REGION", "us-east-1"},
	)
}
