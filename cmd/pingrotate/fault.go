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
		return fmt.Errorf("%s: %s; your identity needs %s", action, said(api), permission)
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return fmt.Errorf("%s: %s; your AWS credentials are not valid, sign in again", action, said(api))
	}
	return fmt.Errorf("%s: %s", action, said(api))
}

// said returns what a service said. The errors of some operations have a type of their
// own and others have not, and each is written differently.
func said(err smithy.APIError) string { return err.ErrorCode() + ": " + err.ErrorMessage() }

// unanswered says why a call got no answer. The error wraps campaign.ErrUnreachable if
// the call was never sent.
func unanswered(action string, err error) error {
	const remedy = "look at the network, a proxy, and AWS_ENDPOINT_URL"
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", action, err)
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
