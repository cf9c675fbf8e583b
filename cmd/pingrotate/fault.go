package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"pingrotate/internal/campaign"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// advise says what to do about an error of AWS. The permission is the one that the
// call needs.
func advise(action, permission string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return unanswered(action, err)
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return fmt.Errorf("%s: %s; your identity needs %s", action, said(err), permission)
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return fmt.Errorf("%s: %s; your AWS credentials are not valid, sign in again", action, said(err))
	}
	return fmt.Errorf("%s: %s", action, said(err))
}

// said returns what a service said. The errors of some operations have a type of their
// own and others have not, and each is written differently. An answer without words of
// AWS's is of something in between, such as a proxy.
func said(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if ok && api.ErrorCode() != "UnknownError" {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return fmt.Sprintf("an answer %d that is not of AWS; look at the network, a proxy, and AWS_ENDPOINT_URL", answer.HTTPStatusCode())
	}
	return err.Error()
}

// unanswered says why a call got no answer. The error wraps campaign.ErrUnreachable if
// the call was never sent.
func unanswered(action string, err error) error {
	const remedy = "look at the network, a proxy, and AWS_ENDPOINT_URL"
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", action, err)
	}
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok && answer.HTTPStatusCode() > 0 {
		return fmt.Errorf("%s: %s", action, said(err))
	}
	why := err.Error()
	if call, ok := errors.AsType[*url.Error](err); ok {
		why = call.Err.Error()
		if to, bad := url.Parse(call.URL); bad == nil {
			why = to.Host + ": " + why
		}
	}
	if unreached(err) {
		return fmt.Errorf("%s: %w to %s; %s", action, campaign.ErrUnreachable, why, remedy)
	}
	return fmt.Errorf("%s: %s; %s", action, why, remedy)
}

// unreached reports whether no connection was made, so that nothing was sent.
func unreached(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	return errors.Is(err, http.ErrSchemeMismatch)
}
