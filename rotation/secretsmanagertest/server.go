package secretsmanagertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"pingrotate/internal/awsjson"
	"pingrotate/internal/fault"
)

const contentType = "application/x-amz-json-1.1"

// protocol is the service's protocol.
var protocol = awsjson.Protocol{
	Service: "secretsmanager", Prefix: "secretsmanager.", ContentType: contentType, Unsigned: "Missing Authentication Token",
	Refuse: refuse,
}

// TB is what the stand-in needs of a *testing.T.
type TB = fault.TB

// Server is one account's Secrets Manager. Its hooks and counters are those of
// [fault.Line], where Call.Operation is the API action ("GetSecretValue"),
// Call.Target the name of the secret and Call.Trace the caller's access key id.
// All methods may be called from several goroutines, and from within hooks.
//
// The methods that look a secret up take its name or its ARN. Naming a secret that does not
// exist is the test's mistake: it ends the test, or panics on a server of [Start], which
// has no test.
type Server struct {
	*fault.Line
	*fault.Clock

	http     *http.Server
	listener net.Listener
	life     context.Context // of rotations started over the wire; ends with Close
	stop     context.CancelFunc
	running  sync.WaitGroup // rotations started over the wire

	journal fault.Journal

	mu           sync.Mutex
	secrets      map[string]*secret
	functions    map[string]Invoke
	past         map[string]*fault.Past[*secret] // by name
	lag          int
	replicaLag   time.Duration
	keepPending  bool
	tokenNeeded  bool // the RotationToken, see RequireRotationToken
	repeatable   bool // see RepeatLabels
	emptyRefuses bool // see RefuseEmpty
	retryAfter   time.Duration
	kept         []string
}

// Run starts a server for the length of a test. The calls are written to the
// test's log with every secret masked. Traffic that no client of the real service
// sends (an unknown action or field, no signature, a wrong content type) fails
// the test.
func Run(t TB) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatalf("start Secrets Manager: %v", err)
		panic(err)
	}
	s.journal.Open(t)
	t.Cleanup(s.Close)
	return s
}

// Start starts a server on the TCP address, "127.0.0.1:0" for any free port. It
// fails if it cannot listen there.
func Start(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for Secrets Manager: %w", err)
	}
	life, stop := context.WithCancel(context.Background())
	s := &Server{
		Line:      &fault.Line{Service: "secretsmanager"},
		Clock:     fault.NewClock(),
		listener:  listener,
		life:      life,
		stop:      stop,
		secrets:   map[string]*secret{},
		past:      map[string]*fault.Past[*secret]{},
		functions: map[string]Invoke{},
	}
	s.http = &http.Server{Handler: s}
	go s.http.Serve(listener)
	return s, nil
}

// URL returns the endpoint to give to a client, without a path.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Addr returns the address as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server and cancels the rotations that were started over the
// wire. It returns when they have ended.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop() // no rotation starts after this
	s.mu.Unlock()
	s.http.Close()
	s.running.Wait()
	s.journal.End()
}

// call is one request while it is applied. Actions run with the lock held.
type call struct {
	*Server
	region string
	lag    fault.Lag
	after  func() // runs once the reply is out
}

// ServeHTTP answers one request. The listener calls it; so may a test that wants no
// sockets between client and service, such as one in a synctest bubble.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The service's own bound is lower; this only protects the test.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	from, err := protocol.Open(r, func(operation string) bool { return actions[operation] != nil })
	if err != nil {
		s.journal.Complainf("impossible request %s %s: %v", r.Method, r.URL.Path, err)
		reply := refusal(err)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(reply.Status)
		w.Write(reply.Body)
		return
	}
	operation := from.Operation

	applied := false
	var replied []func() // what happens once the reply is out
	defer func() {
		if !applied {
			s.journal.Notef("secretsmanager %s %s: not applied", operation, mask(body))
		}
		for _, start := range replied {
			start()
		}
	}()
	named := fault.Call{Operation: operation, Target: s.target(body), Trace: from.AccessKey}
	s.Serve(w, r, named, words, func(f fault.Call) fault.Reply {
		c := &call{Server: s, region: from.Region, lag: f.Lag}
		reply := c.apply(operation, body)
		s.journal.Notef("secretsmanager %s %s: %d %s", operation, mask(body), reply.Status, mask(reply.Body))
		switch {
		case f.Repeat: // the handler may have ended long ago
			if c.after != nil {
				c.after()
			}
		case c.after != nil:
			replied = append(replied, c.after)
			fallthrough
		default:
			applied = true
		}
		return reply
	})
}

// apply encodes the answer before it releases the lock, because the answer shares memory
// with the state.
func (c *call) apply(operation string, body []byte) fault.Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, err := actions[operation](c, body)
	if err != nil {
		return refusal(err)
	}
	return answer(http.StatusOK, out)
}

type action func(c *call, body []byte) (any, error)

var actions = map[string]action{
	"BatchGetSecretValue":      on((*call).batchGetSecretValue),
	"CancelRotateSecret":       on((*call).cancelRotateSecret),
	"CreateSecret":             on((*call).createSecret),
	"DeleteSecret":             on((*call).deleteSecret),
	"DescribeSecret":           on((*call).describeSecret),
	"GetRandomPassword":        on((*call).getRandomPassword),
	"GetSecretValue":           on((*call).getSecretValue),
	"ListSecretVersionIds":     on((*call).listSecretVersionIds),
	"ListSecrets":              on((*call).listSecrets),
	"PutSecretValue":           on((*call).putSecretValue),
	"RestoreSecret":            on((*call).restoreSecret),
	"RotateSecret":             on((*call).rotateSecret),
	"TagResource":              on((*call).tagResource),
	"UntagResource":            on((*call).untagResource),
	"UpdateSecret":             on((*call).updateSecret),
	"UpdateSecretVersionStage": on((*call).updateSecretVersionStage),
}

// on decodes an action's input.
func on[In any](do func(*call, In) (any, error)) action {
	return func(c *call, body []byte) (any, error) {
		var in In
		if err := protocol.Decode(body, &in); err != nil {
			c.journal.Complainf("impossible request: %v", err)
			return nil, err
		}
		return do(c, in)
	}
}

// target returns the name of the secret that a request concerns.
func (s *Server) target(body []byte) string {
	var in struct{ SecretId, Name string }
	json.Unmarshal(body, &in) // what cannot be decoded is refused by the action
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := s.lookup(in.SecretId); sec != nil {
		return sec.name
	}
	return in.SecretId + in.Name
}

// mask replaces the secrets in a request or reply with their digests.
func mask(body []byte) string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return fmt.Sprintf("(%d bytes)", len(body))
	}
	maskIn(fields)
	if all, ok := fields["SecretValues"].([]any); ok {
		for _, one := range all {
			if fields, ok := one.(map[string]any); ok {
				maskIn(fields)
			}
		}
	}
	masked, err := json.Marshal(fields)
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	return string(masked)
}

func maskIn(fields map[string]any) {
	for _, name := range []string{"SecretString", "SecretBinary", "RotationToken", "RandomPassword"} {
		if v, ok := fields[name]; ok {
			fields[name] = "sha256:" + digest(fmt.Sprint(v))
		}
	}
}
