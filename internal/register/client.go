package register

import (
	"time"

	"pingrotate/internal/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
	// TableVariable is the environment variable with the table's name.
	TableVariable = "REGISTER_TABLE"

	// EndpointVariable is the environment variable with a URL to use instead of DynamoDB's
	// own, as the AWS SDKs name it.
	EndpointVariable = "AWS_ENDPOINT_URL_DYNAMODB"
)

const (
	requestTime = 3 * time.Second  // of one request, its reply's body included
	attempts    = 3                // requests for one call: the SDK repeats after 25 ms, then 50 ms
	callTime    = 10 * time.Second // of one use of the register; fits into [SendMargin]
)

// A Connection says how DynamoDB is reached.
type Connection struct {
	Region      string
	Credentials aws.CredentialsProvider

	// Endpoint is a URL to use instead of the Region's own endpoint; see
	// [EndpointVariable].
	Endpoint string

	// HTTPClient sends the requests, for tests without sockets. Nil means the SDK's.
	HTTPClient aws.HTTPClient
}

// client returns a new client. That takes a few milliseconds, so call it only when one is
// first needed.
func (c Connection) client() *dynamodb.Client {
	sender := c.HTTPClient
	if sender == nil {
		sender = awshttp.NewBuildableClient()
	}
	o := dynamodb.Options{
		Region:           c.Region,
		Credentials:      c.Credentials,
		HTTPClient:       awsclient.Limited{HTTPClient: sender, Time: requestTime},
		RetryMaxAttempts: attempts,
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return dynamodb.New(o)
}
