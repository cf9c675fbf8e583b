package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// A caller asks the function for an action and returns its report as JSON. What
// became of the action is in the report; an error says that there is none. An error
// that wraps errUnknown leaves open whether the action was carried out.
type caller func(ctx context.Context, a rotation.Action) (json.RawMessage, error)

// errUnknown is in the error of an invocation whose answer was lost. Each action may
// be repeated: a rotation with its ClientRequestToken, the others as they are.
var errUnknown = errors.New("it is not known what became of it")

// errAtLimit is in the error of an invocation that did not begin, because too many
// others run.
var errAtLimit = errors.New("too many invocations run at once")

// invocationLimit is longer than any function may take, which is 900 s. See
// "Timeout" in the Lambda quotas.
const invocationLimit = 910 * time.Second

// deployed returns the caller of the function that is deployed under the name or ARN.
// The SDK repeats nothing: an answer that was lost must not start the action again
// behind the caller's back.
func deployed(cfg aws.Config, function string) caller {
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.HTTPClient = within(o.HTTPClient, invocationLimit)
		o.Retryer = aws.NopRetryer{}
	})
	return func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
		event, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode the action: %w", err)
		}
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: event})
		if err != nil {
			return nil, invokeError(function, cfg.Region, err)
		}
		if out.FunctionError != nil {
			return nil, functionError(out.Payload)
		}
		return out.Payload, nil
	}
}

// inProcess returns the caller that carries actions out here, as the function would,
// with the credentials and the settings of this process. The log lines that the
// function would leave in CloudWatch go to standard error: there is no other record.
func inProcess(cfg aws.Config, functionARN string) (caller, error) {
	rotator, err := newRotator(cfg, functionARN)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
		if a.Action == rotation.ActionRotate || a.Action == rotation.ActionRollback {
			// As with the deployed function, Ctrl-C does not end what has begun: between a
			// mint and its store that would leave work for the next run.
			ctx = context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, invocationLimit)
		defer cancel()
		event, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode the action: %w", err)
		}
		report, err := rotator.Handle(ctx, event)
		if err != nil {
			return nil, err
		}
		return json.Marshal(report)
	}, nil
}

func newRotator(cfg aws.Config, functionARN string) (*rotation.Rotator, error) {
	settings, err := rotation.ParseSettings(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &rotation.Rotator{
		Secrets: secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) {
			o.HTTPClient = within(o.HTTPClient, 5*time.Second) // as the function does
		}),
		Settings:    settings,
		PingOne:     pingone.Client{Tokens: new(pingone.TokenCache)},
		FunctionARN: functionARN,
		Log:         slog.New(slog.NewJSONHandler(printable{log.Writer()}, nil)),
	}, nil
}

// within returns the client with another limit on the time of a call.
func within(c aws.HTTPClient, limit time.Duration) aws.HTTPClient {
	if b, ok := c.(*awshttp.BuildableClient); ok { // it may trust authorities of its own, by AWS_CA_BUNDLE
		return b.WithTimeout(limit)
	}
	return c
}

// invokeError says what to do about an invocation that Lambda did not carry out, or
// of which nothing came back.
func invokeError(function, region string, err error) error {
	action := "invoke the function " + function
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok:
		return advise(action, "lambda:InvokeFunction", fmt.Errorf("%w (%w)", err, errUnknown))
	case api.ErrorCode() == "ResourceNotFoundException":
		return fmt.Errorf("%s: there is no such function in %s; deploy it with make deploy, or name it with --function and --region", action, region)
	case api.ErrorCode() == "TooManyRequestsException":
		return fmt.Errorf("%s: %s (%w); try again in a minute", action, said(api), errAtLimit)
	case api.ErrorFault() == smithy.FaultServer:
		return fmt.Errorf("%s: %s (%w); try again", action, said(api), errUnknown)
	}
	return advise(action, "lambda:InvokeFunction", err)
}

// functionError returns the error that the function itself, or Lambda in its place,
// has answered with.
func functionError(payload []byte) error {
	var answer struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	switch err := json.Unmarshal(payload, &answer); {
	case err != nil || answer.Message == "":
		return fmt.Errorf("the function failed without a message (%w); look at its log", errUnknown)
	case strings.Contains(answer.Message, "Task timed out"):
		return fmt.Errorf("the function: %s (%w); raise its timeout, and repeat the command", answer.Message, errUnknown)
	case strings.HasPrefix(answer.Type, "Runtime."):
		return fmt.Errorf("the function: %s: %s (%w); look at its log", answer.Type, answer.Message, errUnknown)
	}
	return fmt.Errorf("the function: %s", answer.Message)
}
