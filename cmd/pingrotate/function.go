package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// invocationLimit is longer than any function may take, which is 900 s. See "Timeout"
// in the Lambda quotas.
const invocationLimit = 910 * time.Second

// deployed returns what asks the function that is deployed under the name or ARN. The
// SDK repeats nothing: an answer that was lost must not start the action again behind
// the caller's back.
func deployed(cfg aws.Config, function string) campaign.Call {
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

// within returns the client with another limit on the time of a call.
func within(c aws.HTTPClient, limit time.Duration) aws.HTTPClient {
	if b, ok := c.(*awshttp.BuildableClient); ok { // it may trust authorities of its own, by AWS_CA_BUNDLE
		return b.WithTimeout(limit)
	}
	return c
}

// invokeError says what to do about an invocation that Lambda did not carry out, or
// that was not answered.
func invokeError(function, region string, err error) error {
	action := "invoke the function " + function
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok && unreached(err):
		return unanswered(action, err)
	case !ok:
		return fmt.Errorf("%w (%w)", unanswered(action, err), campaign.ErrUnknown)
	case api.ErrorCode() == "ResourceNotFoundException":
		return fmt.Errorf("%s: there is no such function in %s; deploy it with make deploy, or name it with --function and --region", action, region)
	case api.ErrorCode() == "TooManyRequestsException":
		return fmt.Errorf("%s: %s (%w); try again in a minute", action, said(err), campaign.ErrAtLimit)
	case api.ErrorFault() == smithy.FaultServer || gateway(err):
		return fmt.Errorf("%s: %s (%w); try again", action, said(err), campaign.ErrUnknown)
	}
	return advise(action, "lambda:InvokeFunction", err)
}

// gateway reports whether something in between gave up on an answer.
func gateway(err error) bool {
	answer, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() >= 500
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
		return fmt.Errorf("the function failed without a message (%w); look at its log", campaign.ErrUnknown)
	case strings.Contains(answer.Message, "Task timed out"):
		return fmt.Errorf("the function: %s (%w); raise its timeout, and repeat the command", answer.Message, campaign.ErrUnknown)
	case strings.HasPrefix(answer.Type, "Runtime."):
		return fmt.Errorf("the function: %s: %s (%w); look at its log", answer.Type, answer.Message, campaign.ErrUnknown)
	}
	return fmt.Errorf("the function: %s", answer.Message)
}
