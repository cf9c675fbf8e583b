package rotation

import (
	"context"
	"errors"
	"fmt"
	"net"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/document"
)

// A SecretsManagerError is a failed call to Secrets Manager. It has fields of the reply,
// but never the reply itself.
type SecretsManagerError struct {
	Action    string // what was tried, such as "describe the secret"
	Code      string // Secrets Manager's, such as ResourceNotFoundException; empty if no reply arrived
	RequestID string // for AWS's support

	absent  string // the secret that there is none of, by the name that was asked for
	message string
	cause   error
}

// secretsManagerError wraps an error of the SDK.
func secretsManagerError(action string, err error) *SecretsManagerError {
	e := &SecretsManagerError{Action: action, cause: err}
	said, refused := awsclient.Refused(err)
	e.Code, e.message, e.RequestID = said.Code, said.Message, said.RequestID
	if refused && e.Code == "" {
		e.Code = noCode
	}
	return e
}

// noCode is the code of a refusal that does not have the form of AWS's errors. It came from
// a proxy, or from a server that repeats what it was sent.
const noCode = "UnknownError"

func (e *SecretsManagerError) Error() string {
	switch {
	case e.Code == "":
		return fmt.Sprintf("%s: no answer from Secrets Manager: %s", e.Action, transportWords(e.cause))
	case e.absent != "":
		return "there is no secret " + document.Printable(e.absent)
	}
	text := fmt.Sprintf("%s: Secrets Manager answered %s", e.Action, e.Code)
	if e.message != "" {
		text += ": " + e.message
	}
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// Remedy says what to do about the error. It is empty if Secrets Manager's own message says
// enough.
func (e *SecretsManagerError) Remedy() string {
	switch e.Code {
	case "ResourceNotFoundException":
		return "check its name and Region"
	case "DecryptionFailure", "EncryptionFailure":
		return "give the function's role kms:Decrypt and kms:GenerateDataKey on the secret's key"
	case "AccessDeniedException":
		return "allow it in the function's role and in the secret's policy"
	case "", noCode:
		return "try again; if it persists, check the function's network"
	}
	return ""
}

// Unwrap returns the SDK's error.
func (e *SecretsManagerError) Unwrap() error { return e.cause }

// refused reports whether Secrets Manager itself rejected the call, which therefore had no
// effect.
func (e *SecretsManagerError) refused() bool {
	switch e.Code {
	case "", noCode, "InternalServiceError", "InternalServiceErrorException", "ThrottlingException", "RequestTimeout", "ServiceUnavailable":
		return false
	}
	return true
}

// deleted reports whether a version could not be read because the secret is scheduled for
// deletion. Its consumers cannot read it either. See GetSecretValue in the reference of
// Secrets Manager's API.
func (e *SecretsManagerError) deleted() bool { return e.Code == "InvalidRequestException" }

// missing reports whether the secret, or the version that was asked for, does not exist.
func (e *SecretsManagerError) missing() bool { return e.Code == "ResourceNotFoundException" }

// denied reports whether the function lacks a permission: for the call to Secrets Manager,
// or for the KMS key.
func (e *SecretsManagerError) denied() bool {
	return e.Code == "AccessDeniedException" || e.Code == "EncryptionFailure" || e.Code == "DecryptionFailure"
}

// transportWords says why no answer arrived, without any words of a reply.
func transportWords(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the time for it was up"
	case errors.Is(err, context.Canceled):
		return "the invocation was ended"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return "cannot " + e.Op
	}
	return "the connection was closed, or what arrived cannot be read"
}
