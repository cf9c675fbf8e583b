package fault

import (
	"context"
	"maps"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Line is what every call to a stand-in passes through. The zero value serves
// every call. It is safe for use by several goroutines; hooks run without a lock
// held, so they may call the stand-in's own methods.
type Line struct {
	Service string // fills Call.Service

	mu      sync.Mutex
	before  func(Call) Kind
	after   func(Call, Kind)
	lag     func(Call) Lag
	release func(held, arriving Call) bool
	latency time.Duration
	calls   []Call
	held    []held
}

// Before sets the hook that decides each call's fate. It runs before the call is
// applied and may block, to hold the call back. Calls that arrive side by side run it
// side by side, so what it counts needs a lock. Nil serves everything.
func (l *Line) Before(hook func(Call) Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = hook
}

// After sets the hook that runs once a call's fate is settled (the service's state has
// changed, or never will) and before the caller learns of it.
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

// Lag sets the hook that decides how far behind the state is that each call sees. The
// stand-in's documentation says what can lag. A change always applies to the true state.
// Nil lets no call lag. See [Lagging] for the common case.
func (l *Line) Lag(hook func(Call) Lag) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lag = hook
}

// Latency makes each call take d of real time from its arrival, including the time
// that the stand-in itself needs. It is for benchmarks and demonstrations; tests leave it
// at zero.
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

// Answer is [Line.Serve] for a service whose calls do not lag, and need not know whether
// they are repeated.
func (l *Line) Answer(w http.ResponseWriter, r *http.Request, call Call, words Words, apply func() Reply) {
	l.Serve(w, r, call, words, func(Call) Reply { return apply() })
}

// Serve answers one request: apply carries the call out and returns the service's reply,
// and words are how the service refuses such a call. The call that apply receives has all
// its fields set. For a held call, apply is called later and from another goroutine, so it
// must not use the ResponseWriter or read the request's body. The request's body must have
// been read to its end, or a caller that hangs up goes unnoticed.
func (l *Line) Serve(w http.ResponseWriter, r *http.Request, call Call, words Words, apply func(Call) Reply) {
	arrived := time.Now()
	l.mu.Lock()
	call.Service, call.N = l.Service, len(l.calls)+1
	l.calls = append(l.calls, call)
	before, after, lag, latency := l.before, l.after, l.lag, l.latency
	l.mu.Unlock()
	if lag != nil {
		call.Lag = lag(call)
		l.mu.Lock()
		l.calls[call.N-1].Lag = call.Lag
		l.mu.Unlock()
	}
	l.releaseBefore(call)
	kind := None
	if before != nil {
		kind = before(call)
	}
	var reply Reply
	if kind.Applies() {
		reply = apply(call)
	}
	if kind.Holds() {
		l.hold(call, apply)
	}
	if latency > 0 {
		pause(r.Context(), arrived.Add(latency))
	}
	if after != nil {
		after(call, kind)
	}
	if kind == Twice {
		again := call
		again.Repeat = true
		reply = apply(again)
		if after != nil {
			after(again, kind)
		}
	}

	if hostile(w, r, kind, reply) {
		return
	}
	switch kind {
	case Refused, ReplyLost, Late:
		panic(http.ErrAbortHandler)
	case Hang, HangApplied, LateHang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Throttled:
		reply = words.Throttled
	case Unavailable:
		reply = words.Unavailable
	case Denied:
		reply = words.Denied
	case UnavailableApplied, LateUnavailable:
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

// pause returns at the given time, or when ctx is done. Timers come up to two
// milliseconds late, a tenth of the latency that benchmarks ask for, so the last two
// are spent asking for the time. In a bubble of testing/synctest, where time stands still
// while a goroutine asks, another timer ends them, and is never late.
func pause(ctx context.Context, until time.Time) {
	const late = 2 * time.Millisecond
	select {
	case <-time.After(time.Until(until) - late):
	case <-ctx.Done():
		return
	}
	for now := time.Now(); now.Before(until); {
		runtime.Gosched()
		before := now
		if now = time.Now(); now.Equal(before) {
			<-time.After(until.Sub(now))
			return
		}
	}
}
