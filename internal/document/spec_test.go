package document_test

import (
	"encoding/json"
	"errors"
	"testing"

	"pingrotate/internal/document"
)

// spec returns a document with this specification of an application, as JSON.
func spec(application string) string {
	return `{"environmentId":"` + envID + `","region":"NA","rotation":{"application":` + application + `}}`
}

func TestPresetsAreTheClientsOfTheDocuments(t *testing.T) {
	for _, c := range []struct{ name, application, want string }{
		{"non-interactive worker", `{"preset":"non-interactive-worker","name":"a"}`,
			`{"grantTypes":["CLIENT_CREDENTIALS"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC","type":"WORKER"}`},
		{"interactive worker", `{"preset":"interactive-worker","name":"a","redirectUris":["https://example.com"]}`,
			`{"grantTypes":["CLIENT_CREDENTIALS","AUTHORIZATION_CODE"],"pkceEnforcement":"OPTIONAL","redirectUris":["https://example.com"],"refreshTokenDuration":86400,"refreshTokenRollingDuration":86400,"responseTypes":["CODE"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC","type":"WORKER"}`},
		{"implicit", `{"preset":"interactive-worker","name":"a","redirectUris":["https://example.com"],"grantTypes":["CLIENT_CREDENTIALS","IMPLICIT"],"responseTypes":["ID_TOKEN"],"refreshTokenDuration":3600}`,
			`{"grantTypes":["CLIENT_CREDENTIALS","IMPLICIT"],"pkceEnforcement":"OPTIONAL","redirectUris":["https://example.com"],"refreshTokenDuration":3600,"refreshTokenRollingDuration":86400,"responseTypes":["ID_TOKEN"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC","type":"WORKER"}`},
		{"web application", `{"preset":"authorization-code-web-app","name":"a","redirectUris":["https://example.com"],"tokenEndpointAuthMethod":"CLIENT_SECRET_POST"}`,
			`{"grantTypes":["AUTHORIZATION_CODE"],"redirectUris":["https://example.com"],"responseTypes":["CODE"],"tokenEndpointAuthMethod":"CLIENT_SECRET_POST","type":"WEB_APP"}`},
		{"advanced services", `{"preset":"advanced-services-client","name":"a","resource":{"name":"p1as","attributes":{"groups":["dev-tls-admin"]},"scopes":["p1as"]}}`,
			`{"grantTypes":["CLIENT_CREDENTIALS"],"responseTypes":[],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC","type":"WEB_APP"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := document.Parse(spec(c.application))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(d.Rotation.Application.Fields)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("members:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

var badSpecs = []struct{ name, text, field string }{
	{"application a string", spec(`"worker"`), "rotation.application"},
	{"no preset", spec(`{"name":"a"}`), "rotation.application.preset"},
	{"unknown preset", spec(`{"preset":"worker","name":"a"}`), "rotation.application.preset"},
	{"no name", spec(`{"preset":"non-interactive-worker"}`), "rotation.application.name"},
	{"unknown member", spec(`{"preset":"non-interactive-worker","name":"a","color":"red"}`), "rotation.application.color"},
	{"another type", spec(`{"preset":"non-interactive-worker","name":"a","type":"WEB_APP"}`), "rotation.application.type"},
	{"unknown grant type", spec(`{"preset":"non-interactive-worker","name":"a","grantTypes":["PASSWORD"]}`), "rotation.application.grantTypes"},
	{"worker with another grant", spec(`{"preset":"non-interactive-worker","name":"a","grantTypes":["CLIENT_CREDENTIALS","IMPLICIT"]}`), "rotation.application.grantTypes"},
	{"IMPLICIT without a response type", spec(`{"preset":"interactive-worker","name":"a","redirectUris":["https://a.example"],"grantTypes":["CLIENT_CREDENTIALS","IMPLICIT"],"responseTypes":[]}`), "rotation.application.responseTypes"},
	{"code without its response type", spec(`{"preset":"authorization-code-web-app","name":"a","redirectUris":["https://a.example"],"responseTypes":["ID_TOKEN"]}`), "rotation.application.responseTypes"},
	{"code without redirect", spec(`{"preset":"authorization-code-web-app","name":"a"}`), "rotation.application.redirectUris"},
	{"redirect no URL", spec(`{"preset":"authorization-code-web-app","name":"a","redirectUris":["a"]}`), "rotation.application.redirectUris"},
	{"method without a secret", spec(`{"preset":"non-interactive-worker","name":"a","tokenEndpointAuthMethod":"NONE"}`), "rotation.application.tokenEndpointAuthMethod"},
	{"private key", spec(`{"preset":"non-interactive-worker","name":"a","tokenEndpointAuthMethod":"PRIVATE_KEY_JWT"}`), "rotation.application.tokenEndpointAuthMethod"},
	{"duration a string", spec(`{"preset":"interactive-worker","name":"a","redirectUris":["https://a.example"],"refreshTokenDuration":"1d"}`), "rotation.application.refreshTokenDuration"},
	{"role without scope", spec(`{"preset":"non-interactive-worker","name":"a","roles":[{"role":"Environment Admin"}]}`), "rotation.application.roles[0]"},
	{"role with unknown scope type", spec(`{"preset":"non-interactive-worker","name":"a","roles":[{"role":"Environment Admin","scope":{"type":"USER","id":"` + envID + `"}}]}`), "rotation.application.roles[0].scope.type"},
	{"grant without scopes", spec(`{"preset":"non-interactive-worker","name":"a","grants":[{"resource":"PingOne API"}]}`), "rotation.application.grants[0]"},
	{"advanced services without resource", spec(`{"preset":"advanced-services-client","name":"a"}`), "rotation.application.resource"},
	{"advanced services with response types", spec(`{"preset":"advanced-services-client","name":"a","responseTypes":["CODE"],"resource":{"name":"r","scopes":["s"]}}`), "rotation.application.responseTypes"},
	{"audience of PingOne's", spec(`{"preset":"advanced-services-client","name":"a","resource":{"name":"my-pingone","scopes":["s"]}}`), "rotation.application.resource.audience"},
	{"exact a string", spec(`{"preset":"non-interactive-worker","name":"a","exact":"yes"}`), "rotation.application.exact"},
}

func TestWrongSpecificationIsOneErrorThatNamesTheField(t *testing.T) {
	for _, c := range badSpecs {
		t.Run(c.name, func(t *testing.T) {
			_, err := document.Parse(c.text)
			if wrong, ok := errors.AsType[*document.FieldError](err); !ok || wrong.Field != c.field {
				t.Errorf("got %v, want an error of the field %s", err, c.field)
			}
		})
	}
}
