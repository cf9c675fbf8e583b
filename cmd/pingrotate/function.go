package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// invocationLimit is longer than any function may take, which is 900 s. See "Timeout"
// in the Lambda quotas.
const invocationLimit = 910 * time.Second

// deployed returns what asks the function that is deployed under the name or ARN, through
// the alias by which alone it takes actions. The SDK repeats nothing: an answer that was lost must not start the action again behind
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
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Qualifier: aws.String(rotation.OperateAlias), Payload: event})
		if err != nil {
			return nil, invokeError(function, cfg.Region, err)
		}
		if out.FunctionError != nil {
			return nil, functionError(out.Payload)
		}
		return out.Payload, nil
	}
}

// functionSettings returns the variables in the environment of the deployed function.
func functionSettings(ctx context.Context, cfg aws.Config, function string) (map[string]string, error) {
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	action := "read the settings of the function " + function
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ResourceNotFoundException" {
		return nil, remedy.Errorf("name it with --function and --region", "%s: there is no such function in %s", action, cfg.Region)
	}
	if err != nil {
		return nil, advise(action, "lambda:GetFunctionConfiguration", err)
	}
	if out.Environment == nil {
		return nil, nil
	}
	if out.Environment.Error != nil {
		return nil, remedy.Errorf("your identity needs kms:Decrypt for the key of its environment", "%s: %s", action, aws.ToString(out.Environment.Error.ErrorCode))
	}
	return out.Environment.Variables, nil
}

// within returns the client with another limit on the time of a call.
func within(c aws.HTTPClient, limit time.Duration) aws.HTTPClient {
	if whole, ok := c.(awsclient.Whole); ok {
		return awsclient.Whole{HTTPClient: within(whole.HTTPClient, limit)}
	}
	if b, ok := c.(*awshttp.BuildableClient); ok { // AWS_CA_BUNDLE may have given it authorities
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
	case !ok && (unreached(err) || statusOf(err) > 0 && !gateway(err)):
		return unanswered(action, err)
	case !ok:
		return remedy.Errorf(lookAtNetwork, "%w (%w)", unanswered(action, err), campaign.ErrUnknown)
	case api.ErrorCode() == "ResourceNotFoundException":
		// Lambda's answer does not say which of the two is missing.
		return remedy.Errorf("deploy it with make deploy, which also upgrades a function that is too old for the alias; or name another with --function and --region",
			"%s: there is no such function in %s, or it has no alias %s", action, region, rotation.OperateAlias)
	case api.ErrorCode() == "TooManyRequestsException":
		return remedy.Errorf("try again in a minute", "%s: %s (%w)", action, said(err), campaign.ErrAtLimit)
	case api.ErrorFault() == smithy.FaultServer || gateway(err):
		return remedy.Errorf("try again", "%s: %s (%w)", action, said(err), campaign.ErrUnknown)
	}
	return advise(action, "lambda:InvokeFunction on its alias, "+function+":"+rotation.OperateAlias, err)
}

// gateway reports whether something in between gave up on an answer.
func gateway(err error) bool { return statusOf(err) >= 500 }

// statusOf returns the status of an answer that was an error; 0 if there was none.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return answer.HTTPStatusCode()
	}
	return 0
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
		return remedy.Errorf("look at its log", "the function failed without a message (%w)", campaign.ErrUnknown)
	case strings.Contains(answer.Message, "Task timed out"):
		return remedy.Errorf("raise its timeout, and repeat the command", "the function: %s (%w)", answer.Message, campaign.ErrUnknown)
	case strings.HasPrefix(answer.Type, "Runtime."):
		return remedy.Errorf("look at its log", "the function: %s: %s (%w)", answer.Type, answer.Message, campaign.ErrUnknown)
	}
	if isOlder(answer.Message) {
		return remedy.Errorf("the function is older than this command: deploy it anew, with make deploy", "the function: %s", answer.Message)
	}
	return fmt.Errorf("the function: %s", answer.Message)
}

// isOlder reports whether the function does not know an action, or a field of one, that this
// command does.
func isOlder(message string) bool {
	text, ok := strings.CutPrefix(message, "read the event: ")
	return ok && (strings.HasPrefix(text, "field action: must be ") || strings.HasSuffix(text, " is unknown") || strings.Contains(text, "does not belong to the action"))
}
