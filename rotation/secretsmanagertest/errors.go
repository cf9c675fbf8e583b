package secretsmanagertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"pingrotate/internal/fault"
)

// ErrNoRotation means that a secret has no rotation that could be attempted: none was
// begun, it was completed, abandoned or cancelled, or its version lost the AWSPENDING
// label.
var ErrNoRotation = errors.New("no rotation is in progress")

// StepError says which step of a rotation failed.
type StepError struct {
	Step string // as in the event: "createSecret"
	Err  error  // what the rotation function returned, or the service's own complaint
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }

func (e *StepError) Unwrap() error { return e.Err }

// The service's messages, as recorded.
const (
	msgNoSecret      = "Secrets Manager can't find the specified secret."
	msgNoLabel       = "Secrets Manager can't find the specified secret value for staging label: %s"
	msgNoVersion     = "Secrets Manager can't find the specified secret value for VersionId: %s"
	msgMismatch      = "You provided a VersionStage that is not associated to the provided VersionId."
	msgTokenUsed     = "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s."
	msgRemoveEmpty   = "The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId."
	msgRemoveWrong   = "When you move staging label %[1]s, if you specify RemoveFromVersionId, it must be set to the version that currently has the staging label %[1]s."
	msgRemoveCurrent = "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed."
	msgNoValue       = "You must provide either SecretString or SecretBinary."
	msgTwoValues     = "You can't specify both a binary secret value and a string secret value in the same secret."
	msgNoToken       = "You must provide a ClientRequestToken value. We recommend a UUID-type value."
	msgTokenLength   = "ClientRequestToken must be 32-64 characters long."
	msgName          = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
	msgExists        = "The operation failed because the secret %s already exists."
	msgNameDeleted   = "You can't create this secret because a secret with this name is already scheduled for deletion."
	msgDeleted       = "You can't perform this operation on the secret because it was marked for deletion."
	msgQuota         = "The request failed because it would exceed one of the Secrets Manager quotas."
	msgNoFunction    = "No Lambda rotation function ARN is associated with this secret."
	msgCannotInvoke  = "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."
	msgIncomplete    = "A previous rotation isn't complete. That rotation will be reattempted."
	msgForeignWriter = "Pending secret version %s for Secret %s was not created by Lambda %s. Remove the AWSPENDING staging label and restart rotation"
	msgReplicated    = "Replication succeeded"
	msgReplicaFailed = "Secret with this name already exists in this region"
	msgStepFailed    = "Error when executing lambda %s during %s step"
)

var words = fault.Words{
	Throttled:   refusal(refuse("ThrottlingException", "Rate exceeded")),
	Unavailable: answer(http.StatusServiceUnavailable, wireError{"InternalServiceError", "An error occurred on the server side."}),
	Denied:      refusal(refuse("AccessDeniedException", "User is not authorized to perform this operation.")),
}

// wireError is a refusal as it goes over the wire.
type wireError struct {
	Type    string `json:"__type"`
	Message string
}

func (e *wireError) Error() string { return e.Type + ": " + e.Message }

func refuse(code, format string, args ...any) error {
	return &wireError{code, fmt.Sprintf(format, args...)}
}

// refusal returns the reply to a caller's mistake. The service answers every such error
// with status 400.
func refusal(err error) fault.Reply {
	return answer(http.StatusBadRequest, err)
}

func answer(status int, body any) fault.Reply {
	reply := fault.Reply{Status: status, Header: http.Header{
		"Content-Type":     {contentType},
		"X-Amzn-Requestid": {newID()},
	}}
	if body == nil { // TagResource has no output
		return reply
	}
	var err error
	if reply.Body, err = json.Marshal(body); err != nil {
		panic(err) // every output is a struct of strings, numbers and times
	}
	return reply
}

func required(field string, value *string) error {
	if value == nil {
		return refuse("ValidationException", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", field)
	}
	return nil
}

// length checks an optional parameter. An empty string is present, and too short.
func length(field string, value *string, least, most int) error {
	if value == nil {
		return nil
	}
	n := utf8.RuneCountInString(*value)
	switch {
	case n < least:
		return refuse("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", *value, field, least)
	case n > most:
		return refuse("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", *value, field, most)
	}
	return nil
}

// requestToken checks a ClientRequestToken, which every SDK fills in.
func requestToken(value *string) error {
	switch {
	case value == nil || *value == "":
		return refuse("InvalidRequestException", msgNoToken)
	case len(*value) < 32 || len(*value) > 64:
		return refuse("InvalidParameterException", msgTokenLength)
	}
	return nil
}
