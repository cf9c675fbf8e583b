package awsclient

import (
	"errors"
	"strings"

	"pingrotate/internal/lazyregexp"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// A Refusal is what a service of AWS said about a call that it did not carry out. Its
// fields are copied out of the reply one by one, and only where they have the form that
// AWS's have: a broken peer, or something in between, may repeat what it was sent.
type Refusal struct {
	Code      string // such as ResourceNotFoundException; empty where there is none
	Message   string // without a full stop; empty where it is not of plain words
	RequestID string // what AWS's support asks for
	Fault     smithy.ErrorFault
}

var (
	code      = lazyregexp.New(`^[A-Z][A-Za-z]{1,47}(\.[A-Za-z]{1,40})?$`)
	plain     = lazyregexp.New(`^[A-Za-z0-9 .,:;'()/_-]+$`)
	requestID = lazyregexp.New(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z0-9]{52})$`)

	// long is a word of the length of a secret. Neither a name of AWS's, such as that of an
	// action, nor the id of a version is as long.
	long = lazyregexp.New(`[A-Za-z0-9._~-]{40,}`)
)

// longestMessage is how many bytes a message that is repeated may have.
const longestMessage = 400

// Refused returns what a service said, from an error of the SDK; false where no reply of a
// service's form arrived.
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

// Masked returns the text without words of the length of a secret.
func Masked(text string) string { return long.ReplaceAllString(text, "…") }
