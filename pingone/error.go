package pingone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pingrotate/internal/lazyregexp"
)

// An Error is a call to PingOne that failed. It carries what an operator or PingOne's
// support needs, copied field by field out of the reply: never a body, and never the
// service's free text. The functions of this file say what it means.
type Error struct {
	Op            string // the operation, such as "read the application secret"
	Status        int    // HTTP status; 0 when no reply arrived
	Code          string // PingOne's code, such as ACCESS_FAILED, or OAuth's, such as invalid_client
	Detail        string // code of the first detail, such as INSUFFICIENT_PERMISSIONS
	Target        string // the field that the first detail is about
	CorrelationID string // what PingOne's support asks for

	retryAfter  time.Duration
	wrongMethod bool   // the secret was not judged: the application uses another method
	unsettled   bool   // the refusal will pass without a change
	foreign     bool   // a reply arrived, but not one of PingOne's
	unsent      bool   // the request never left
	problem     string // what is wrong with a reply that PingOne meant as success, in this package's words
	cause       error
}

// Error says in one line what happened. [Error.Remedy] says what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	switch {
	case e.Status == 0:
		fmt.Fprintf(&b, ": no reply: %v", e.cause)
	case e.problem != "":
		b.WriteString(": " + e.problem)
	case IsIntercepted(e):
		fmt.Fprintf(&b, ": something between here and PingOne refuses it with status %d", e.Status)
	case e.foreign:
		fmt.Fprintf(&b, ": the reply, with status %d, is not in PingOne's form", e.Status)
	default:
		fmt.Fprintf(&b, ": PingOne answered %d", e.Status)
		for _, word := range []string{e.Code, e.Detail, e.Target} {
			if word != "" {
				b.WriteString(" " + word)
			}
		}
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.CorrelationID)
	}
	return b.String()
}

// Remedy says in one line what to do about the error; empty if the error says enough.
// [Remedy] finds it in an error that wraps this one.
func (e *Error) Remedy() string {
	switch {
	case IsIntercepted(e):
		return "a proxy, gateway or firewall does not let the request through; check the network path to PingOne; repeating the request does not help"
	case IsWrongMethod(e):
		return "the application's tokenEndpointAuthMethod does not match the one that was used"
	case IsRejected(e):
		return "the client id or the secret is wrong, or they belong to another environment"
	case IsForbidden(e):
		return "the admin application needs a role that permits this, such as Client Application Developer or, for users, Identity Data Admin, and for a secret or a role " +
			"also each role of the target application at the same scope; no application can manage its own secret"
	case IsNotFound(e):
		return "check environmentId and the id; only OPENID_CONNECT applications and CUSTOM resources have a secret"
	case e.Status == http.StatusTooManyRequests:
		return "the licence's rate limit is used up; spread the rotation schedules"
	case e.Code == "invalid_scope":
		return "grant the application the scope, or name one that it has"
	case e.Code == "access_denied":
		return "give the worker application a role"
	case e.Code == "unauthorized_client":
		return "let the application use the grant type"
	case e.Code == "INVALID_DATA":
		return "PingOne does not accept the value of the field; correct it where it is configured"
	case e.is(http.StatusUnauthorized):
		return "check that the admin application is enabled and belongs to the region"
	case IsTemporary(e):
		return "this may pass; try again"
	}
	return ""
}

// Remedy says what to do about an error of this package that err is or wraps; empty if
// there is nothing to say.
func Remedy(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return ""
	}
	return e.Remedy()
}

// Unwrap returns the transport's error when no reply arrived.
func (e *Error) Unwrap() error { return e.cause }

// as finds the *Error in err; without one it returns an empty error, for which every
// question has the answer no.
func as(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{}
}

// is reports whether PingOne itself answered with the status.
func (e *Error) is(status int) bool { return e.Status == status && !e.foreign }

// IsRejected reports whether the token endpoint judged the credential and found
// it wrong.
func IsRejected(err error) bool {
	e := as(err)
	return e.is(http.StatusUnauthorized) && e.Code == "invalid_client" && !e.wrongMethod
}

// IsWrongMethod reports whether the token endpoint refused the method by which the
// credential was presented. That says nothing about the secret.
func IsWrongMethod(err error) bool { return as(err).wrongMethod }

// ProvesCredential reports whether the token endpoint accepted the credential
// but granted no token: no such grant or scope, or a worker application
// without roles.
func ProvesCredential(err error) bool {
	e := as(err)
	switch e.Code {
	case "invalid_scope", "unauthorized_client", "unsupported_grant_type", "access_denied":
		return e.Status >= 400 && e.Status < 500
	}
	return false
}

// IsForbidden reports whether PingOne knows the admin and refuses it the operation.
func IsForbidden(err error) bool { return as(err).is(http.StatusForbidden) }

// IsNotFound reports whether the object does not exist, or has no secret.
func IsNotFound(err error) bool { return as(err).is(http.StatusNotFound) }

// IsIntercepted reports whether the request was refused by something between this
// client and PingOne, such as a gateway or a proxy: the reply is a refusal without a
// PingOne code. PingOne has then not judged the request, and will not.
func IsIntercepted(err error) bool {
	e := as(err)
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired, http.StatusUnsupportedMediaType:
		return e.foreign
	}
	return false
}

// IsDuplicate reports whether PingOne refused to create something that already exists.
func IsDuplicate(err error) bool {
	e := as(err)
	return e.is(http.StatusBadRequest) && e.Detail == "UNIQUENESS_VIOLATION"
}

// RateLimit reports whether PingOne asked to slow down, and for how long. If it did not
// say, that is a minute, because the licence's limit counts calls in a minute.
func RateLimit(err error) (wait time.Duration, ok bool) {
	e := as(err)
	return e.retryAfter, e.Status == http.StatusTooManyRequests
}

// IsTemporary reports whether the same call may succeed later although nothing is
// changed: no reply, a reply of something in between, a rate limit, or a fault of the
// service. See "Retry best practices" in "Working with PingOne APIs".
func IsTemporary(err error) bool {
	e := as(err)
	switch e.Status {
	case 0:
		return e.Op != "" && !errors.Is(e.cause, context.Canceled)
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return e.foreign && !IsIntercepted(e) || e.unsettled || e.Status >= 500
}

// refused reports whether the error proves that PingOne did not carry the call
// out: the request never left, or PingOne itself refused it.
func (e *Error) refused() bool {
	return e.unsent || !e.foreign && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout
}

// The forms of what may be copied out of a reply. They leave no room for a secret, if a
// reply ever echoes one.
var (
	code   = lazyregexp.New(`^([A-Z_]{1,40}|[a-z_]{1,40})$`)
	target = lazyregexp.New(`^[A-Za-z.]{1,40}$`)
	uuid   = lazyregexp.New(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// refusal turns a reply with an unwanted status into an *Error.
func refusal(op string, r *reply) *Error {
	e := &Error{Op: op, Status: r.status, retryAfter: r.retryAfter}
	if r.status == http.StatusTooManyRequests && !r.saysWhen {
		e.retryAfter = time.Minute
	}
	var body struct {
		ID          string `json:"id"`
		Code        string `json:"code"`
		Message     string `json:"message"`
		OAuth       string `json:"error"`
		Description string `json:"error_description"`
		Details     []struct {
			Code   string `json:"code"`
			Target string `json:"target"`
		} `json:"details"`
	}
	if json.Unmarshal(r.body, &body) != nil || body.Code == "" && body.OAuth == "" {
		e.foreign = true
		return e
	}
	e.Code = code.FindString(body.Code + body.OAuth)
	e.CorrelationID = uuid.FindString(body.ID + body.Description)
	if len(body.Details) > 0 {
		e.Detail = code.FindString(body.Details[0].Code)
		e.Target = target.FindString(body.Details[0].Target)
	}
	// PingOne says this of an assignment that was just made, until it is known everywhere.
	e.unsettled = strings.Contains(body.Message, "cannot be deleted as it is read only")
	e.wrongMethod = r.status == http.StatusUnauthorized && e.Code == "invalid_client" &&
		strings.Contains(body.Description, "Unsupported authentication method")
	return e
}

// malformed describes a reply with the right status and wrong contents.
func malformed(op string, r *reply) *Error {
	return &Error{Op: op, Status: r.status, foreign: true}
}

// unexpected describes a reply of PingOne that this client cannot use. The problem must
// be in this package's words.
func unexpected(op string, r *reply, format string, args ...any) *Error {
	return &Error{Op: op, Status: r.status, problem: fmt.Sprintf(format, args...)}
}

// unanswered describes a call that got no whole reply. The transport's error
// loses its URL, which says no more than the operation.
func unanswered(op string, sent bool, err error) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{Op: op, unsent: !sent, cause: err}
}
