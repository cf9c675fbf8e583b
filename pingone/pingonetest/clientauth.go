package pingonetest

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"pingrotate/internal/fault"
)

// How an application may authenticate at the token endpoint.
const (
	methodBasic         = "CLIENT_SECRET_BASIC"
	methodPost          = "CLIENT_SECRET_POST"
	methodSecretJWT     = "CLIENT_SECRET_JWT"
	methodPrivateKeyJWT = "PRIVATE_KEY_JWT"
)

// clientRequest is the request of a client that says who it is, before its credential is
// judged.
type clientRequest struct {
	authority
	endpoint   string // URL
	form       url.Values
	clientID   string
	secret     string
	assertion  *assertion
	method     string // "" for one that PingOne does not know
	unreadable string // why the request makes no sense

	node Node // that answers it
	lag  fault.Lag
}

// serveClients serves a form that only clients may send. Apply runs under the lock.
func (s *Server) serveClients(path, operation, required string, apply func(*clientRequest) (any, *refusal)) {
	s.underEnvironment("POST", path, func(w http.ResponseWriter, r *http.Request, at authority) {
		t := readClientRequest(r, required)
		t.authority, t.endpoint = at, strings.TrimSuffix(at.issuer, "/as")+path
		if t.unreadable != "" {
			s.complain(r, "%s", t.unreadable)
		}
		call := fault.Call{Operation: operation, Target: t.clientID, Trace: s.transactionID(r)}
		s.Serve(w, r, call, s.words(invalidClient(msgBadCredentials)), func(c fault.Call) fault.Reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			t := *t
			t.node, t.lag = s.node(c), c.Lag
			if t.unreadable != "" {
				return refuseClient(http.StatusBadRequest, "invalid_request", "Request denied: "+t.unreadable).reply()
			}
			body, no := apply(&t)
			if no != nil {
				return no.reply()
			}
			reply := jsonReply(http.StatusOK, body)
			reply.Header.Set("Cache-Control", "no-store")
			return reply
		})
	})
}

func readClientRequest(r *http.Request, required string) *clientRequest {
	t := &clientRequest{method: methodPost}
	body, _ := io.ReadAll(r.Body) // already in memory
	form, err := url.ParseQuery(string(body))
	t.form, t.clientID, t.secret = form, form.Get("client_id"), form.Get("client_secret")
	id, secret, basic := r.BasicAuth()
	if basic {
		t.method, t.clientID, t.secret = methodBasic, formDecode(id), formDecode(secret)
	}
	switch {
	case !isMediaType(r.Header, "application/x-www-form-urlencoded"):
		t.unreadable = "content type is not application/x-www-form-urlencoded"
	case err != nil:
		t.unreadable = "body is not form-encoded"
	case r.URL.RawQuery != "":
		t.unreadable = "parameters in the URL, where they end up in logs"
	case basic && (form.Has("client_id") || form.Has("client_secret")):
		t.unreadable = "credentials in both the header and the body"
	case form.Has("client_assertion") || form.Has("client_assertion_type"):
		t.unreadable = t.readAssertion(basic)
	}
	if t.unreadable == "" && !form.Has(required) {
		t.unreadable = required + " is missing"
	}
	for name, values := range form {
		if len(values) > 1 {
			t.unreadable = "parameter " + name + " is repeated"
		}
	}
	return t
}

// formDecode undoes the encoding of RFC 6749 section 2.3.1. What cannot be decoded is no
// client's credential.
func formDecode(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return ""
	}
	return decoded
}

// client returns the application with a client id, or nil if the environment has none.
func (s *Server) client(env, clientID string) *application {
	a := s.clients[clientID]
	if a == nil || a.Environment != env || a.Protocol != openIDConnect {
		return nil
	}
	return a
}

// authenticate returns the application that sends the request.
func (s *Server) authenticate(t *clientRequest) (*application, *refusal) {
	a := s.client(t.environment, t.clientID)
	if a == nil {
		return nil, invalidClient(msgBadCredentials)
	}
	seen := s.viewApplication(a, t.lag)
	if seen == nil || seen.Disabled {
		return nil, invalidClient(msgBadCredentials)
	}
	if seen.TokenEndpointAuthMethod != t.method {
		return nil, invalidClient(msgUnsupportedMethod)
	}
	var good, previous bool
	switch t.method {
	case methodBasic, methodPost:
		good, previous = s.accepts(&a.keeper, t.bySecret(), t.node, t.lag)
	case methodSecretJWT:
		signed := proof{fits: t.assertion.signedBySecret, currentOnly: !s.assumed.PreviousSigns}
		good, previous = s.accepts(&a.keeper, signed, t.node, t.lag)
	case methodPrivateKeyJWT:
		good = t.assertion.signedByKeyOf(seen.JWKS)
	}
	if !good || t.assertion != nil && !s.acceptable(t) {
		return nil, invalidClient(msgBadCredentials)
	}
	if previous {
		s.use(&a.keeper)
	}
	return a, nil
}

// bySecret returns the proof of a client that sends its secret as it is.
func (t *clientRequest) bySecret() proof {
	return proof{fits: func(secret string) bool { return secret == t.secret }}
}
