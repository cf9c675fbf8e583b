// Command rotator is the AWS Lambda function that AWS Secrets Manager calls to rotate the
// client secrets of PingOne applications. Package rotation does the work; this command
// reads the settings and makes the clients.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/quiet"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func main() {
	// Each line has the request id and the ARN by which the function was invoked.
	log := lambdacontext.NewLogger(lambdacontext.WithFunctionARN())
	slog.SetDefault(log) // also makes JSON of the errors and panics that the runtime reports through package log
	stdlog.SetOutput(&quiet.Writer{Next: stdlog.Writer(), Strict: true})
	rotator, err := newRotator(os.Getenv, log)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		var arn string // Invoke refuses an empty one
		if invocation, ok := lambdacontext.FromContext(ctx); ok {
			arn = invocation.InvokedFunctionArn
			ctx = rotation.WithRequestID(ctx, invocation.AwsRequestID)
		}
		return rotator.Invoke(ctx, arn, event)
	})
}

// pingOne is the client of PingOne, and also the function's clock, here the machine's. The
// scripts of cmd/pingrotate build the function with a file that sets another clock, so that
// waits take no time.
var pingOne = pingone.Client{Tokens: new(pingone.TokenCache)}

func newRotator(getenv func(string) string, log *slog.Logger) (*rotation.Rotator, error) {
	settings, err := rotation.ParseSettings(getenv)
	if err != nil {
		return nil, err
	}
	c, err := connect(getenv)
	if err != nil {
		return nil, err
	}
	return &rotation.Rotator{
		Secrets:  c.secretsManager(getenv(rotation.EndpointVariable)),
		Register: c.register(getenv(register.TableVariable), getenv(register.EndpointVariable)),
		Settings: settings,
		PingOne:  pingOne,
		Log:      log,
		Metrics:  os.Stdout,
	}, nil
}

// A connection is what both AWS services are called with: what Lambda sets for every
// function, but no profile and no metadata service. Without the SDK's general
// configuration, the program is a sixth smaller.
type connection struct {
	region      string
	credentials aws.CredentialsProvider
}

func connect(getenv func(string) string) (connection, error) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if getenv(name) == "" {
			return connection{}, fmt.Errorf("environment variable %s: is missing; Lambda sets it, and so does sam local", name)
		}
	}
	return connection{getenv("AWS_REGION"), credentials.NewStaticCredentialsProvider(
		getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"))}, nil
}

// secretsManager makes the client of Secrets Manager. An endpoint replaces the Region's,
// unless it is empty.
func (c connection) secretsManager(endpoint string) *secretsmanager.Client {
	o := secretsmanager.Options{
		Region:      c.region,
		Credentials: c.credentials,
		// Without a limit, one call that hangs would use up the invocation's time.
		HTTPClient: awsclient.Limited{HTTPClient: awshttp.NewBuildableClient(), Time: 5 * time.Second},
	}
	if endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return secretsmanager.New(o)
}

// register makes the register's table, which makes its client when it is first used. A
// missing name is no error here: what needs the register then says which setting is
// missing, and everything else works.
func (c connection) register(name, endpoint string) *register.Table {
	return &register.Table{Name: name, Connection: register.Connection{Region: c.region, Credentials: c.credentials, Endpoint: endpoint}}
}
