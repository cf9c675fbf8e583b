package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"pingrotate/internal/conformance"
)

// runName is in the names of what a run creates. No other run has it.
func runName() string {
	return time.Now().UTC().Format("0102-150405-") + strings.ToLower(rand.Text()[:6])
}

// awsSuite returns what asks the account's services, without a function.
func (p *program) awsSuite() *conformance.AWS {
	return &conformance.AWS{
		Region: p.cfg.Region, Credentials: p.cfg.Credentials, HTTP: &http.Client{Timeout: callLimit}, Run: runName(),
		SecretsManager: p.endpoint("secretsmanager", "SECRETS_MANAGER"), DynamoDB: p.endpoint("dynamodb", "DYNAMODB"), Logs: p.endpoint("logs", "CLOUDWATCH_LOGS"),
	}
}

// endpoint returns where a service of AWS is: what the variables of the SDK say, or the
// Region's own.
func (p *program) endpoint(service, variable string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(p.cfg.Region, "cn-") {
		suffix += ".cn"
	}
	regional := fmt.Sprintf("https://%s.%s.%s", service, p.cfg.Region, suffix)
	return cmp.Or(os.Getenv("AWS_ENDPOINT_URL_"+variable), os.Getenv("AWS_ENDPOINT_URL"), regional)
}
