package pingonetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"pingrotate/internal/fault"
)

// TB is the part of [testing.TB] that [Run] needs.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// maxBody is the most bytes of a request's body. PingOne's own limit is not published; no
// call of this size makes sense.
const maxBody = 64 << 10

// Server is one PingOne organization with any number of environments. It is
// safe for use by several goroutines. Hooks of the embedded Line may call any of
// its methods but Close.
type Server struct {
	*fault.Line
	*fault.Clock

	t        TB
	listener net.Listener
	http     *http.Server
	mux      *http.ServeMux

	// serving is held for reading by each request and for writing by Close, which therefore
	// outlasts them all: a log line after the test's end would panic.
	serving sync.RWMutex
	closed  bool

	mu           sync.Mutex // guards what follows
	organization string
	home         string // environment of applications that name none
	customDomain string // environment
	environments map[string]*environment
	roles        map[string]*role // by name
	apps         map[appKey]*application
	known        map[appKey]bool         // applications that exist or existed
	ids          map[string]*application // the same by id
	clients      map[string]*application // the same by client id
	tokens       map[string]accessToken
	flows        map[string]*flow
	codes        map[string]*flow     // by authorization code
	assertions   map[string]time.Time // used ones by client and id, until when they could be used again
	issued       []string
	nodes        []Node
	turn         int // of the nodes
	route        func(fault.Call) int
	pastApps     timeline[application]
	pastSources  timeline[resource]
	pastUsers    timeline[user]
	pastGroups   timeline[population]
	assumed      Assumptions
	retryAfter   string
	limit        rateLimit
}

// Run starts a server on a free loopback port and closes it when the test ends.
// Every call is logged with secrets replaced by fingerprints. A call that no
// client should ever send (an unknown path, another content type, credentials in
// two places) fails the test besides being refused.
func Run(t TB) *Server {
	t.Helper()
	s, err := start("127.0.0.1:0", t)
	if err != nil {
		t.Fatalf("starting PingOne: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server on a TCP address, outside a test; port 0 takes a free one. The
// caller closes it. It logs only what [Run] would fail a test for, and misuse of its
// methods ends the process.
func Start(addr string) (*Server, error) {
	return start(addr, noTest{})
}

func start(addr string, t TB) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for PingOne calls: %w", err)
	}
	s := &Server{
		Line:         &fault.Line{Service: "pingone"},
		Clock:        fault.NewClock(),
		t:            t,
		listener:     l,
		mux:          http.NewServeMux(),
		organization: newUUID(),
		home:         newUUID(),
		environments: make(map[string]*environment),
		roles:        builtInRoles(),
		apps:         make(map[appKey]*application),
		known:        make(map[appKey]bool),
		ids:          make(map[string]*application),
		clients:      make(map[string]*application),
		tokens:       make(map[string]accessToken),
		flows:        make(map[string]*flow),
		codes:        make(map[string]*flow),
		assertions:   make(map[string]time.Time),
		pastApps:     make(timeline[application]),
		pastSources:  make(timeline[resource]),
		pastUsers:    make(timeline[user]),
		pastGroups:   make(timeline[population]),
		retryAfter:   "1",
	}
	s.applicationRoutes()
	s.assignmentRoutes()
	s.secretRoutes()
	s.resourceRoutes()
	s.grantRoutes()
	s.mappingRoutes()
	s.policyRoutes()
	s.userRoutes()
	s.flowRoutes()
	s.tokenRoutes()
	s.mux.HandleFunc("/", s.unknown)

	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	// Go's client silently repeats a GET whose reused connection breaks, which would hide
	// an injected fault. On a new connection it reports it.
	s.http.SetKeepAlivesEnabled(false)
	go s.http.Serve(l)
	return s, nil
}

// URL returns the base URL of both the platform API and the token endpoints,
// without a slash at the end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops the server, cuts off clients that still wait for a reply, and returns
// when the last call has ended. Closing twice does nothing.
func (s *Server) Close() {
	s.http.Close()
	s.serving.Lock()
	defer s.serving.Unlock()
	s.closed = true
}

// Issued returns every secret, password, authorization code and token that was
// ever seeded, set or issued, oldest first. A test searches logs and errors for them.
func (s *Server) Issued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.issued...)
}

// TransactionIDs returns the X-Ping-External-Transaction-ID of each call as
// PingOne would record it, "" for a call without one, in the order of Calls.
func (s *Server) TransactionIDs() []string {
	var ids []string
	for _, c := range s.Calls() {
		ids = append(ids, c.Trace)
	}
	return ids
}

// ServeHTTP answers one request. The listener calls it; so may a test that wants no
// sockets between client and service, such as one in a synctest bubble.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	if s.closed {
		panic(http.ErrAbortHandler)
	}
	reply := &transcript{ResponseWriter: w, now: s.Now}
	complete := false
	defer func() {
		s.t.Logf("pingone: %s %s: %s", r.Method, r.URL.Path, reply.summary(complete))
	}()

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		s.complain(r, "a body of more than %d bytes", maxBody)
		reply.send(refuse(http.StatusRequestEntityTooLarge, "INVALID_REQUEST", msgInvalidRequest))
	} else if err != nil {
		panic(http.ErrAbortHandler)
	} else {
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mux.ServeHTTP(reply, r)
	}
	complete = true
}

// unknown refuses what no client should send. A path that has other verbs never gets
// past PingOne's gateway, which has its own form of error.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); method != r.Method && pattern != "/" {
			s.complain(r, "no such verb here")
			w.(*transcript).send(&refusal{status: http.StatusForbidden, body: struct {
				Message string `json:"message"`
			}{msgGateway}})
			return
		}
	}
	s.complain(r, "no such endpoint")
	w.(*transcript).send(notFound())
}

// complain fails the test for a call that is the client's mistake.
func (s *Server) complain(r *http.Request, format string, args ...any) {
	s.t.Errorf("pingonetest: %s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(format, args...))
}

// transactionID returns the id by which the caller can find this call in the audit log.
func (s *Server) transactionID(r *http.Request) string {
	id := r.Header.Get("X-Ping-External-Transaction-ID")
	if len(id) > 100 {
		s.complain(r, "a transaction id of more than 100 characters")
	}
	return strings.Map(func(c rune) rune {
		if unicode.In(c, unicode.L, unicode.M, unicode.Nd) || strings.ContainsRune("._-/@=#+", c) {
			return c
		}
		return '_'
	}, id)
}

// transcript passes a reply on under the server's date and remembers it for the log.
type transcript struct {
	http.ResponseWriter
	now    func() time.Time
	status int
	body   []byte
}

func (t *transcript) WriteHeader(status int) {
	t.status = status
	t.Header().Set("Date", t.now().Format(http.TimeFormat))
	t.ResponseWriter.WriteHeader(status)
}

func (t *transcript) Write(b []byte) (int, error) {
	t.body = append(t.body, b...)
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *transcript) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *transcript) send(no *refusal) {
	r := no.reply()
	for name, values := range r.Header {
		t.Header()[name] = values
	}
	t.WriteHeader(r.Status)
	t.Write(r.Body)
}

func (t *transcript) summary(complete bool) string {
	if t.status == 0 {
		return "no reply"
	}
	line := fmt.Sprint(t.status)
	if !complete {
		line += ", cut off"
	}
	var body struct {
		Code, Error string
		Secret      string
		Previous    struct{ Secret string }
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(t.body, &body) != nil {
		return line
	}
	for _, word := range []string{body.Code, body.Error} {
		if word != "" {
			line += " " + word
		}
	}
	for _, secret := range []struct{ name, value string }{
		{"secret", body.Secret}, {"previous", body.Previous.Secret}, {"token", body.AccessToken},
	} {
		if secret.value != "" {
			line += " " + secret.name + " " + fingerprint(secret.value)
		}
	}
	return line
}

// noTest takes the place of a test for a server that has none.
type noTest struct{}

func (noTest) Helper()                           {}
func (noTest) Cleanup(func())                    {}
func (noTest) Logf(string, ...any)               {}
func (noTest) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (noTest) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
