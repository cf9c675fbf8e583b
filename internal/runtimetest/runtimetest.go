// Package runtimetest runs the program of a Lambda function as a real process,
// behind a stand-in of the Lambda Runtime API on loopback.
//
// It shows what no test inside one process can: that the program which is
// shipped starts, reads its settings from the environment, and survives being
// killed at any point. Neither Docker nor an AWS account is needed.
//
// The stand-in behaves as one execution environment does (AWS Lambda pages
// "Using the Lambda runtime API for custom runtimes" and "Understanding the
// Lambda execution environment lifecycle"). It serves one invocation at a time,
// kills the process at the deadline, and replaces a dead process at the next
// invocation and not before.
package runtimetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// FunctionARN is what the function learns as its own ARN with each invocation that has no
// qualifier.
const FunctionARN = "arn:aws:lambda:us-east-1:123456789012:function:" + FunctionName

// FunctionName is the name in that ARN, which template.yaml gives the function too.
const FunctionName = "pingone-rotator"

// The most bytes that a synchronous invocation carries. The quota is 6 MB both
// ways, but the answer may be 100 bytes longer, as Lambda's own error says.
const (
	maxEvent  = 6 << 20
	maxAnswer = 6<<20 + 100
)

// ErrTimedOut is in the error of an invocation that was killed at its deadline.
var ErrTimedOut = errors.New("task timed out")

// FunctionError is an error that the function itself reported.
type FunctionError struct {
	Type    string // errorType: the Go type, when aws-lambda-go reports it
	Message string // errorMessage
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// ExitError says that the process ended during an invocation and left no answer.
type ExitError struct {
	Status string // "signal: killed", "exit status 1"
}

func (e *ExitError) Error() string { return "runtime exited: " + e.Status }

// InitError says that a process did not reach its first poll for an event.
// It holds what the process reported to the Runtime API, if it did. Otherwise
// Type is Lambda's: Runtime.ExitError, Runtime.InvalidEntrypoint or
// Sandbox.Timedout.
type InitError struct {
	Type    string
	Message string
}

func (e *InitError) Error() string {
	return "start of the function failed: " + e.Type + ": " + e.Message
}

// Config says what to run.
type Config struct {
	// Program is the path of the executable, which Lambda calls bootstrap. Its
	// directory becomes the working directory, as /var/task is.
	Program string

	// Env holds "NAME=value" settings of the function. They win over those that
	// Lambda sets. The process inherits nothing from its parent.
	Env []string

	// Timeout limits one invocation, and the start of one process. The default
	// is 60 s.
	Timeout time.Duration

	// Output receives standard output and standard error of the process, in the
	// order written. A goroutine writes to it while the process lives, so it must
	// be safe to read at that time, or be read after Close. Nil discards it.
	Output io.Writer
}

// Function is a Lambda function with one execution environment. Its methods are
// safe for use by several goroutines.
type Function struct {
	config Config
	turn   chan struct{} // holds a value while an invocation runs

	mu       sync.Mutex
	latest   *environment
	starts   int
	peak     int64 // of the environments before the latest
	isClosed bool
}

// Start runs the program and returns when it first polls for an event. A process
// that does not get there is killed and makes an [*InitError]. The context bounds
// the start alone; the process lives until Close.
func Start(ctx context.Context, config Config) (*Function, error) {
	if config.Timeout == 0 {
		config.Timeout = 60 * time.Second
	}
	f := &Function{config: config, turn: make(chan struct{}, 1)}
	if _, err := f.start(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Invoke is [Function.InvokeThrough] by the function's ARN alone.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return f.InvokeThrough(ctx, "", event)
}

// InvokeThrough hands the event, a JSON text, to the function and returns its answer. The
// function learns that it was invoked by its ARN with the qualifier, a version or an
// alias; whether there is such an alias is not this package's business. It waits for an invocation that is under way, and starts a new process when the
// last one has died.
//
// The error is a [*FunctionError] when the function reported one, an [*ExitError]
// when the process died first, an [*InitError] when no new process would start,
// and wraps [ErrTimedOut] when the process was killed at the deadline. When ctx
// ends, no one is left to take the answer: the process is killed, and the error
// wraps the context's.
func (f *Function) InvokeThrough(ctx context.Context, qualifier string, event []byte) ([]byte, error) {
	if len(event) > maxEvent {
		return nil, fmt.Errorf("invoke: the event has %d bytes, the most is %d", len(event), maxEvent)
	}
	if !json.Valid(event) {
		return nil, errors.New("invoke: the event is not JSON")
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke: %w", context.Cause(ctx))
	}
	inv := newInvocation(qualifier, event)
	env, err := f.deliver(ctx, inv)
	if err != nil {
		return nil, err
	}

	deadline := time.NewTimer(f.config.Timeout)
	defer deadline.Stop()
	select {
	case a := <-inv.answer:
		return a.body, a.err
	case <-env.exited:
		// aws-lambda-go reports a panic and exits at once: the report counts.
		select {
		case a := <-inv.answer:
			return a.body, a.err
		default:
			return nil, &ExitError{env.status()}
		}
	case <-deadline.C:
		env.kill()
		return nil, fmt.Errorf("invoke: %w after %v", ErrTimedOut, f.config.Timeout)
	case <-ctx.Done():
		env.kill()
		return nil, fmt.Errorf("invoke: %w", context.Cause(ctx))
	}
}

// deliver gives the invocation to the process, or to a new one if that is dead.
func (f *Function) deliver(ctx context.Context, inv *invocation) (*environment, error) {
	f.mu.Lock()
	env := f.latest
	f.mu.Unlock()
	err := env.offer(ctx, inv)
	if _, dead := errors.AsType[*ExitError](err); dead {
		if env, err = f.start(ctx); err == nil {
			err = env.offer(ctx, inv)
		}
	}
	return env, err
}

func (f *Function) start(ctx context.Context) (*environment, error) {
	f.mu.Lock()
	if f.isClosed {
		f.mu.Unlock()
		return nil, errors.New("start function: it is closed")
	}
	env, err := newEnvironment(f.config)
	if err != nil {
		f.mu.Unlock()
		return nil, err
	}
	if f.latest != nil {
		f.peak = max(f.peak, f.latest.maxRSS())
	}
	f.latest = env
	f.starts++
	f.mu.Unlock()
	return env, env.ready(ctx)
}

// Kill ends the process with SIGKILL, whatever it does, and returns when it is
// gone. It may be called from a handler that the function is waiting for.
func (f *Function) Kill() {
	f.mu.Lock()
	env := f.latest
	f.mu.Unlock()
	env.kill()
}

// Starts returns the number of processes started so far.
func (f *Function) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// Init returns the time that the latest process took from its start to its first
// poll, or zero while it has not got there.
func (f *Function) Init() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest.initDuration()
}

// MaxRSS returns the most memory that any of the processes had resident, in
// bytes. It needs Linux and is zero elsewhere. A process that ended by itself
// counts with what it had at its last call to the Runtime API.
func (f *Function) MaxRSS() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(f.peak, f.latest.maxRSS())
}

// Close kills the process. An invocation under way returns an [*ExitError], and
// later ones fail.
func (f *Function) Close() error {
	f.mu.Lock()
	f.isClosed = true
	env := f.latest
	f.mu.Unlock()
	env.kill()
	return nil
}
