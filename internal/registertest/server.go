package registertest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"pingrotate/internal/awsjson"
	"pingrotate/internal/fault"
)

const contentType = "application/x-amz-json-1.0"

// protocol is the service's protocol.
var protocol = awsjson.Protocol{
	Service: "dynamodb", Prefix: "DynamoDB_20120810.", ContentType: contentType, Unsigned: "Request is missing Authentication Token",
	Refuse: refuse,
}

// TB is what the stand-in needs of a *testing.T.
type TB = fault.TB

// Server is DynamoDB in one account and Region. Its hooks and counters are those of
// [fault.Line], where Call.Operation is the API action ("PutItem"), Call.Target the
// partition key's value, or the table's name if there is none, and Call.Trace the caller's
// access key id. All methods may be called from several goroutines, and from within hooks.
//
// Naming a table that does not exist is the test's mistake: it ends the test, or panics on
// a server of [Start], which has no test.
type Server struct {
	*fault.Line
	*fault.Clock

	http     *http.Server
	listener net.Listener

	journal fault.Journal

	mu sync.Mutex
	state
}

// Run starts a server for the length of a test. The calls are written to the test's
// log. Traffic that no client of the real service sends (an unknown action or field,
// no signature, a wrong content type) fails the test.
func Run(t TB) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatalf("start DynamoDB: %v", err)
		panic(err)
	}
	s.journal.Open(t)
	t.Cleanup(s.Close)
	return s
}

// Within is Run without a socket: the server is called only through [Server.ServeHTTP]. It
// starts no goroutine, so it can live in a synctest bubble.
func Within(t TB) *Server {
	t.Helper()
	s := newServer()
	s.journal.Open(t)
	t.Cleanup(s.Close)
	return s
}

// Start starts a server on the TCP address, "127.0.0.1:0" for any free port. It
// fails if it cannot listen there.
func Start(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for DynamoDB: %w", err)
	}
	s := newServer()
	s.listener = listener
	s.http = &http.Server{Handler: s}
	go s.http.Serve(listener)
	return s, nil
}

func newServer() *Server {
	return &Server{
		Line:  &fault.Line{Service: "dynamodb"},
		Clock: fault.NewClock(),
		state: state{tables: map[string]*table{}, tokens: map[string]sentBefore{}},
	}
}

// URL returns the endpoint to give to a client, without a path.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Addr returns the address as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server.
func (s *Server) Close() {
	if s.http != nil {
		s.http.Close()
	}
	s.journal.End()
}

// ServeHTTP answers one request. The listener calls it; so may a test that wants no
// sockets between client and service, such as one in a synctest bubble.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A batch may have 16 MB. This only protects the test.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 17<<20))
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
	defer func() {
		if !applied {
			s.journal.Notef("dynamodb %s %s: not applied", operation, body)
		}
	}()
	call := fault.Call{Operation: operation, Target: s.target(body), Trace: from.AccessKey}
	s.Answer(w, r, call, words, func() fault.Reply {
		applied = true
		reply := s.apply(operation, body)
		s.journal.Notef("dynamodb %s %s: %d %s", operation, body, reply.Status, reply.Body)
		return reply
	})
}

// apply encodes the answer before it releases the lock, because the answer shares memory
// with the state.
func (s *Server) apply(operation string, body []byte) fault.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := actions[operation](s, body)
	if err != nil {
		return refusal(err)
	}
	return answer(http.StatusOK, out)
}

type action func(s *Server, body []byte) (any, error)

var actions map[string]action

func init() { // a transaction's actions are in the map too
	actions = map[string]action{
		"CreateTable":        on((*Server).createTable),
		"DeleteItem":         on((*Server).deleteItem),
		"DeleteTable":        on((*Server).deleteTable),
		"DescribeTable":      on((*Server).describeTable),
		"DescribeTimeToLive": on((*Server).describeTimeToLive),
		"GetItem":            on((*Server).getItem),
		"ListTables":         on((*Server).listTables),
		"PutItem":            on((*Server).putItem),
		"Query":              on((*Server).query),
		"Scan":               on((*Server).scan),
		"TransactWriteItems": on((*Server).transactWriteItems),
		"UpdateTimeToLive":   on((*Server).updateTimeToLive),
	}
}

// on decodes an action's input.
func on[In any](do func(*Server, In) (any, error)) action {
	return func(s *Server, body []byte) (any, error) {
		var in In
		if err := protocol.Decode(body, &in); err != nil {
			s.journal.Complainf("impossible request: %v", err)
			return nil, err
		}
		return do(s, in)
	}
}

// target returns what a request concerns: the partition of its item or, failing that, its
// table.
func (s *Server) target(body []byte) string {
	var in struct {
		TableName                 string
		Key, Item                 item
		ExpressionAttributeValues map[string]value
		TransactItems             []struct {
			Put struct {
				TableName string
				Item      item
			}
		}
	}
	json.Unmarshal(body, &in) // what cannot be decoded is refused by the action
	if len(in.TransactItems) > 0 {
		in.TableName, in.Item = in.TransactItems[0].Put.TableName, in.TransactItems[0].Put.Item
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[in.TableName]
	if t == nil {
		return in.TableName
	}
	for _, i := range []item{in.Key, in.Item} {
		if v, ok := i[t.hash.name]; ok && v.S != nil {
			return *v.S
		}
	}
	if v, ok := in.ExpressionAttributeValues[":"+t.hash.name]; ok && v.S != nil {
		return *v.S
	}
	return in.TableName
}

func newID() string { return rand.Text() + rand.Text() }
