package register

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"pingrotate/internal/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
	// TableVariable is the environment variable with the table's name.
	TableVariable = "REGISTER_TABLE"

	// EndpointVariable is the environment variable with a URL in place of DynamoDB's
	// own, as the AWS SDKs name it.
	EndpointVariable = "AWS_ENDPOINT_URL_DYNAMODB"
)

const (
	requestTime = 3 * time.Second  // of one request, its reply's body included
	attempts    = 3                // requests for one call: the SDK repeats after 25 ms, then 50 ms
	callTime    = 10 * time.Second // of one use of the register; it fits into [SendMargin]
	maxReply    = 4 << 20          // bytes; DynamoDB ends a page at 1 MB, before it is encoded
)

// A Connection says how DynamoDB is reached.
type Connection struct {
	Region      string
	Credentials aws.CredentialsProvider

	// Endpoint is a URL in place of the Region's own endpoint; see [EndpointVariable].
	Endpoint string

	// HTTPClient sends the requests, for tests without sockets. Nil means the SDK's.
	HTTPClient aws.HTTPClient
}

// client makes the client. It costs a few milliseconds, so it is made when first
// needed.
func (c Connection) client() *dynamodb.Client {
	sender := c.HTTPClient
	if sender == nil {
		sender = awshttp.NewBuildableClient()
	}
	o := dynamodb.Options{
		Region:           c.Region,
		Credentials:      c.Credentials,
		HTTPClient:       limited{sender},
		RetryMaxAttempts: attempts,
	}
	if c.Endpoint != "" {
		o.BaseEndpoint = &c.Endpoint
	}
	return dynamodb.New(o)
}

// limited gives each request a time limit, for the invocation's deadline alone would
// let one that hangs use it all up. It refuses a reply that no DynamoDB gives: one that
// switches protocols, whose body would not end at any deadline, and one that is too
// large.
type limited struct{ aws.HTTPClient }

func (l limited) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	r = r.WithContext(ctx)
	resp, err := awsclient.Whole{HTTPClient: l.HTTPClient}.Do(r)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode < http.StatusOK {
		resp.Body.Close()
		cancel()
		return nil, errors.New("a reply without an end")
	}
	resp.Body = &bounded{resp.Body, cancel, maxReply}
	return resp, nil
}

var errTooLong = errors.New("a reply that is too long")

// bounded is a body that fails after so many bytes, and whose end ends its request.
type bounded struct {
	io.ReadCloser
	cancel context.CancelFunc
	left   int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

func (b *bounded) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
