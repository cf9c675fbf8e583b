package awsclient

import (
	"errors"
	"strings"

	"pingrotate/internal/lazyregexp"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// A Refusal is what an AWS service said about a call that it did not carry out. The fields
// are copied from the reply one by one, and only if they have the form that AWS's have: a
// broken peer, or something in between, may repeat what it was sent.
type Refusal struct {
	Code      string // such as ResourceNotFoundException; "" if there is none
	Message   string // without a full stop; "" if it is not in plain words
	RequestID string // what AWS's support asks for
	Fault     smithy.ErrorFault
}

var (
	code      = lazyregexp.New(`^[A-Z][A-Za-z]{1,47}(\.[A-Za-z]{1,40})?$`)
	plain     = lazyregexp.New(`^[A-Za-z0-9 .,:;'()/_-]+$`)
	requestID = lazyregexp.New(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z0-9]{52})$`)

	// long matches a word as long as a secret. No name of AWS's, such as an action's, and
	// no version's id is that long.
	long = lazyregexp.New(`[A-Za-z0-9._~-]{40,}`)
)

// longestMessage is the most bytes of a message that is repeated.
const longestMessage = 400

// Refused returns what a service said, from an error of the SDK. It returns false if no
// reply in a service's form arrived; a request id may be set even then.
func Refused(err error) (Refusal, bool) {
	var r Refusal
	if reply, ok := errors.AsType[*awshttp.ResponseError](err); ok && requestID.MatchString(reply.ServiceRequestID()) {
		r.RequestID = reply.ServiceRequestID()
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return r, false
	}
	r.Fault = api.ErrorFault()
	if code.MatchString(api.ErrorCode()) {
		r.Code = api.ErrorCode()
	}
	if m := strings.TrimSuffix(api.ErrorMessage(), "."); len(m) <= longestMessage && plain.MatchString(m) {
		r.Message = Masked(m)
	}
	return r, true
}

// Masked returns the text with every word as long as a secret replaced by "…".
func Masked(text string) string { return long.ReplaceAllString(text, "…") }
