package pingonetest

import (
	"encoding/json"
	"net/http"
	"time"

	"pingrotate/internal/fault"
)

// PingOne's messages.
const (
	msgNotFound       = "The request could not be completed. The requested resource was not found."
	msgNoAccess       = "The request could not be completed. You do not have access to this resource."
	msgNotAuthorized  = "The actor attempting to perform the request is not authorized."
	msgWorkerSecrets  = "Actor does not have permissions to access worker application client secrets"
	msgInvalidData    = "The request could not be completed. One or more validation errors were in the request."
	msgInvalidRequest = "The request could not be completed. The request was invalid."
	msgLimited        = "The request could not be completed. The request limit has been exceeded."
	msgUnexpected     = "The request could not be completed. An unexpected error occurred."
	msgBroaderRole    = "Must have role at the same or broader scope"
	msgReadOnlyRole   = "Role assignment %s cannot be deleted as it is read only"
	msgDuplicateRole  = "May not assign duplicate Role"
	msgGateway        = "Invalid key=value pair (missing equal-sign) in Authorization header"

	msgBadCredentials    = "Request denied: Invalid client credentials"
	msgUnsupportedMethod = "Request denied: Unsupported authentication method"
	msgUnsupportedGrant  = "Unsupported grant type: "
	msgNoRoles           = "Application does not have any role assignments"
	msgNoScope           = "At least one scope must be granted"
	msgBadCode           = "The authorization code is invalid, expired or not for this request"
	msgManyResources     = "May not request scopes for multiple resources"
)

// refusal is a reply that refuses a call.
type refusal struct {
	status int
	header http.Header
	body   any
}

// detail is a part of the platform API's error body.
type detail struct {
	Code    string `json:"code"`
	Target  string `json:"target,omitempty"`
	Message string `json:"message"`
}

// refuse makes an error of the platform API.
func refuse(status int, code, message string, details ...detail) *refusal {
	return &refusal{status: status, body: struct {
		ID      string   `json:"id"`
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Details []detail `json:"details,omitempty"`
	}{newUUID(), code, message, details}}
}

func notFound() *refusal { return refuse(http.StatusNotFound, "NOT_FOUND", msgNotFound) }

func invalidToken() *refusal {
	return refuse(http.StatusUnauthorized, "ACCESS_FAILED", msgNoAccess,
		detail{Code: "INVALID_TOKEN", Message: "The access token is missing, invalid or expired."})
}

// forbidden is the reply to a caller who lacks a permission.
func forbidden() *refusal { return refuse(http.StatusForbidden, "ACCESS_FAILED", msgNotAuthorized) }

// outranked is the reply to a caller who has the permission, but to whom a role of the
// target is read-only.
func outranked() *refusal {
	return refuse(http.StatusForbidden, "ACCESS_FAILED", msgNoAccess,
		detail{Code: "INSUFFICIENT_PERMISSIONS", Message: msgWorkerSecrets})
}

func invalidData(code, target, message string) *refusal {
	return refuse(http.StatusBadRequest, "INVALID_DATA", msgInvalidData, detail{code, target, message})
}

// refuseClient makes an error of the token endpoint.
func refuseClient(status int, code, description string) *refusal {
	return &refusal{status: status, header: http.Header{"Cache-Control": {"no-store"}}, body: struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description + " (Correlation ID: " + newUUID() + ")"}}
}

func invalidClient(description string) *refusal {
	return refuseClient(http.StatusUnauthorized, "invalid_client", description)
}

func (r *refusal) reply() fault.Reply {
	reply := jsonReply(r.status, r.body)
	for name, values := range r.header {
		reply.Header[name] = values
	}
	return reply
}

func jsonReply(status int, body any) fault.Reply {
	b, _ := json.Marshal(body) // nothing but strings and numbers, which cannot fail
	return fault.Reply{Status: status, Header: http.Header{"Content-Type": {"application/json;charset=utf-8"}}, Body: b}
}

// words returns what a fault on a call says, given this endpoint's refusal.
func (s *Server) words(denied *refusal) fault.Words {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fault.Words{
		Throttled:   s.throttled().reply(),
		Unavailable: refuse(http.StatusServiceUnavailable, "UNEXPECTED_ERROR", msgUnexpected).reply(),
		Denied:      denied.reply(),
	}
}

func (s *Server) throttled() *refusal {
	no := refuse(http.StatusTooManyRequests, "REQUEST_LIMITED", msgLimited,
		detail{Code: "LIMIT_EXCEEDED", Message: "The rate limit has been exceeded."})
	if s.retryAfter != "" {
		no.header = http.Header{"Retry-After": {s.retryAfter}}
	}
	return no
}

// RetryAfter sets the Retry-After header of every 429, whether from [fault.Throttled] or
// from [Server.RateLimit]: seconds, an HTTP date, or "" for no header. It is "1" at first.
func (s *Server) RetryAfter(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAfter = value
}

// rateLimit counts calls in fixed windows of one minute.
type rateLimit struct {
	perMinute int
	window    time.Time
	calls     int
}

// RateLimit lets the platform API serve n calls in each minute of the server's
// clock and refuse the others with 429; 0 lifts the limit.
func (s *Server) RateLimit(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = rateLimit{perMinute: perMinute}
}

// exceeded counts one call, and reports whether it exceeds the limit.
func (l *rateLimit) exceeded(now time.Time) bool {
	if window := now.Truncate(time.Minute); !window.Equal(l.window) {
		l.window, l.calls = window, 0
	}
	l.calls++
	return l.perMinute > 0 && l.calls > l.perMinute
}
