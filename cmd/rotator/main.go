// Command rotator is the AWS Lambda function that AWS Secrets Manager calls to
// rotate the client secrets of PingOne applications. What it does is in package
// rotation; here are its settings and its clients.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"strings"
	"time"

	"pingrotate/internal/quiet"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func main() {
	log := lambdacontext.NewLogger()
	slog.SetDefault(log) // the runtime reports errors and panics by package log; now they are JSON as well
	stdlog.SetOutput(&quiet.Writer{Next: stdlog.Writer(), Strict: true})
	rotator, err := newRotator(os.Getenv, log)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		r := *rotator
		if invocation, ok := lambdacontext.FromContext(ctx); ok {
			r.FunctionARN = unqualified(invocation.InvokedFunctionArn)
		}
		return r.Handle(ctx, event)
	})
}

// unqualified returns the function's ARN without a version or alias: secrets name it
// so, and nothing else would match the condition in the function's role.
func unqualified(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) == 8 {
		return strings.Join(parts[:7], ":")
	}
	return arn
}

func newRotator(getenv func(string) string, log *slog.Logger) (*rotation.Rotator, error) {
	settings, err := rotation.ParseSettings(getenv)
	if err != nil {
		return nil, err
	}
	secrets, err := secretsManager(getenv)
	if err != nil {
		return nil, err
	}
	return &rotation.Rotator{
		Secrets:  secrets,
		Settings: settings,
		PingOne:  pingone.Client{Tokens: new(pingone.TokenCache)},
		Log:      log,
		Metrics:  os.Stdout,
	}, nil
}

// secretsManager makes the client from what Lambda sets for every function, and
// from nothing else: no profile, no metadata service. That also makes the program a
// sixth smaller than the SDK's general configuration does.
func secretsManager(getenv func(string) string) (*secretsmanager.Client, error) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if getenv(name) == "" {
			return nil, fmt.Errorf("environment variable %s: is missing; Lambda sets it, and so does sam local", name)
		}
	}
	o := secretsmanager.Options{
		Region: getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
		// The invocation's deadline alone would let one call that hangs use it all up.
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(5 * time.Second),
	}
	if url := getenv(rotation.EndpointVariable); url != "" {
		o.BaseEndpoint = &url
	}
	return secretsmanager.New(o), nil
}
