package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"

	"github.com/aws/smithy-go"
)

// lookAtNetwork is what to do about an answer that did not come, or not from AWS.
const lookAtNetwork = "look at the network, a proxy, and AWS_ENDPOINT_URL"

// noCode is the SDK's code for an answer that has none.
const noCode = "UnknownError"

// advise says what to do about an error of AWS. The permission is the one that the
// call needs.
func advise(action, permission string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return unanswered(action, err)
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return remedy.Errorf("your identity needs "+permission, "%s: %s", action, said(err))
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return remedy.Errorf("your AWS credentials are not valid, sign in again", "%s: %s", action, said(err))
	}
	if api.ErrorCode() == noCode {
		return remedy.Errorf(lookAtNetwork, "%s: %s", action, said(err))
	}
	return fmt.Errorf("%s: %s", action, said(err))
}

// said returns what a service said. The errors of some operations have a type of their
// own and others have not, and each is written differently. An answer without words of
// AWS's is of something in between, such as a proxy.
func said(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if ok && api.ErrorCode() != noCode {
		return awsclient.Masked(api.ErrorCode() + ": " + api.ErrorMessage())
	}
	if status := statusOf(err); status > 0 {
		return fmt.Sprintf("an answer %d that is not of AWS", status)
	}
	return broken
}

// broken is what is known of an answer that cannot be read. What net/http and the SDK say
// about one quotes it.
const broken = "the connection was closed, or what arrived cannot be read"

// unanswered says why a call got no answer. The error wraps campaign.ErrUnreachable if
// the call was never sent.
func unanswered(action string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", action, err)
	}
	if statusOf(err) > 0 {
		return remedy.Errorf(lookAtNetwork, "%s: %s", action, said(err))
	}
	host, why := "", broken
	call, sent := errors.AsType[*url.Error](err)
	if sent {
		if to, bad := url.Parse(call.URL); bad == nil {
			host = to.Host + ": "
		}
	}
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		why = "the time for it was up"
	case sent && unreached(err):
		why = call.Err.Error()
	case unreached(err):
		why = err.Error()
	}
	why = host + why
	if unreached(err) {
		return remedy.Errorf(lookAtNetwork, "%s: %w to %s", action, campaign.ErrUnreachable, why)
	}
	return remedy.Errorf(lookAtNetwork, "%s: %s", action, why)
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
