// Command rotator is the AWS Lambda function that AWS Secrets Manager calls to
// rotate the client secrets of PingOne applications. What it does is in package
// rotation; here are its settings and its clients.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func main() {
	log := lambdacontext.NewLogger()
	slog.SetDefault(log) // the runtime reports errors and panics by package log; now they are JSON as well
	rotator, err := newRotator(context.Background(), os.Getenv, log)
	if err != nil {
		log.Error("start the function", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) error {
		return rotator.Handle(ctx, event)
	})
}

func newRotator(ctx context.Context, getenv func(string) string, log *slog.Logger) (*rotation.Rotator, error) {
	settings, err := readSettings(getenv)
	if err != nil {
		return nil, err
	}
	// The invocation's deadline alone would let one call that hangs use it all up.
	client := awshttp.NewBuildableClient().WithTimeout(5 * time.Second)
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return &rotation.Rotator{
		Secrets:  secretsmanager.NewFromConfig(cfg),
		Settings: settings,
		PingOne:  pingone.Client{Tokens: new(pingone.TokenCache)},
		Log:      log,
	}, nil
}
