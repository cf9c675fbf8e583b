// Package fault makes an HTTP service fail on purpose.
//
// Both stand-ins, of PingOne and of Secrets Manager, send every call through a
// [Line]. A test hangs a hook on the line and answers, call by call, what shall
// become of it. The vocabulary is the same for both services, so that one table
// of kinds covers every remote call of a rotation. What matters most about a
// kind is whether the service applied the call before it failed: a lost reply
// leaves a change behind, a refused connection does not.
package fault

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Kind is one way in which a call goes wrong.
type Kind int

const (
	None               Kind = iota // served as it should be
	Refused                        // the connection closes before the call is applied
	ReplyLost                      // applied, then the connection closes without a reply
	ReplyCut                       // applied, then the connection closes inside the reply's body
	Throttled                      // not applied: the service asks to slow down
	Unavailable                    // not applied: the service answers 503
	UnavailableApplied             // applied, but a gateway in between answers 504
	Hang                           // not applied: no answer until the caller gives up
	HangApplied                    // applied, but no answer until the caller gives up
	Malformed                      // not applied: a page of HTML with status 200
	MalformedApplied               // applied, but the answer is a page of HTML with status 200
	Denied                         // not applied: the service refuses the caller
	kinds
)

var names = [kinds]string{
	"none", "refused", "reply lost", "reply cut", "throttled", "unavailable", "unavailable, applied",
	"hang", "hang, applied", "malformed", "malformed, applied", "denied",
}

// String returns the kind's name in words.
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return "kind " + strconv.Itoa(int(k))
	}
	return names[k]
}

// Applies reports whether the service carries the call out.
func (k Kind) Applies() bool {
	switch k {
	case None, ReplyLost, ReplyCut, UnavailableApplied, HangApplied, MalformedApplied:
		return true
	}
	return false
}

// Kinds returns every kind but None.
func Kinds() []Kind {
	all := make([]Kind, 0, kinds-1)
	for k := None + 1; k < kinds; k++ {
		all = append(all, k)
	}
	return all
}

// Call names one call to a service.
type Call struct {
	Service   string // "pingone" or "secretsmanager"
	Operation string // "POST application secret", "PutSecretValue"
	Target    string // the application, client or secret that it is about; never a credential
	Trace     string // the caller's own name for the call or for itself, where it sent one
	N         int    // 1 for the first call that this service received
}

// String returns the call in one line, for a transcript.
func (c Call) String() string {
	return fmt.Sprintf("%s #%d %s %s", c.Service, c.N, c.Operation, c.Target)
}

// Reply is a whole answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Words are a service's own ways to say no, for the kinds that need them.
type Words struct {
	Throttled, Unavailable, Denied Reply
}

// Line is what every call to a stand-in passes through. The zero value serves
// every call. It is safe for use by several goroutines; hooks run without a lock
// held, so they may call the stand-in's own methods.
type Line struct {
	Service string // fills Call.Service

	mu      sync.Mutex
	before  func(Call) Kind
	after   func(Call, Kind)
	latency time.Duration
	calls   []Call
}

// Before sets the hook that decides each call's fate. It runs before the call is
// applied and may block, to hold the call back. Nil serves everything.
func (l *Line) Before(hook func(Call) Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = hook
}

// After sets the hook that runs once a call's fate is settled (the service's
// state has changed or it never will) and before the caller learns of it.
func (l *Line) After(hook func(Call, Kind)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after = hook
}

// Fail makes the next calls of the operation go wrong, one for each kind given,
// in order, and then lets calls pass again. It replaces the hook set by Before.
func (l *Line) Fail(operation string, sequence ...Kind) {
	var mu sync.Mutex
	l.Before(func(c Call) Kind {
		mu.Lock()
		defer mu.Unlock()
		if c.Operation != operation || len(sequence) == 0 {
			return None
		}
		k := sequence[0]
		sequence = sequence[1:]
		return k
	})
}

// Latency makes each call take at least d of real time. It is for benchmarks and
// demonstrations; tests leave it at zero.
func (l *Line) Latency(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = d
}

// Calls returns every call so far, in the order of arrival.
func (l *Line) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Call(nil), l.calls...)
}

// Count returns how often the operation was called; "" counts every call.
func (l *Line) Count(operation string) int {
	n := 0
	for _, c := range l.Calls() {
		if operation == "" || c.Operation == operation {
			n++
		}
	}
	return n
}

// Answer answers one request: apply carries the call out and returns the reply
// that the service would give, and words are how the service says no to such a
// call. It fills in the call's Service and N. The request's body must have been
// read to its end, or a caller that hangs up goes unnoticed.
func (l *Line) Answer(w http.ResponseWriter, r *http.Request, call Call, words Words, apply func() Reply) {
	l.mu.Lock()
	call.Service, call.N = l.Service, len(l.calls)+1
	l.calls = append(l.calls, call)
	before, after, latency := l.before, l.after, l.latency
	l.mu.Unlock()

	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
		}
	}
	kind := None
	if before != nil {
		kind = before(call)
	}
	var reply Reply
	if kind.Applies() {
		reply = apply()
	}
	if after != nil {
		after(call, kind)
	}

	switch kind {
	case Refused, ReplyLost:
		panic(http.ErrAbortHandler)
	case Hang, HangApplied:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Throttled:
		reply = words.Throttled
	case Unavailable:
		reply = words.Unavailable
	case Denied:
		reply = words.Denied
	case UnavailableApplied:
		reply = Reply{Status: http.StatusGatewayTimeout, Body: []byte("<html><body>504 Gateway Time-out</body></html>")}
	case Malformed, MalformedApplied:
		reply = Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html><body>maintenance</body></html>")}
	}
	maps.Copy(w.Header(), reply.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	w.WriteHeader(reply.Status)
	if kind == ReplyCut {
		w.Write(reply.Body[:len(reply.Body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(reply.Body)
}
