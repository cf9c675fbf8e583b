// Package runtimetest runs the program of a Lambda function as a real process,
// behind a stand-in of the Lambda Runtime API on loopback.
//
// It shows what no test inside one process can: that the shipped program starts, reads its
// settings from the environment, and survives being killed at any point. It needs neither
// Docker nor an AWS account.
//
// The stand-in behaves as one execution environment does (AWS Lambda pages "Using the
// Lambda runtime API for custom runtimes" and "Understanding the Lambda execution
// environment lifecycle"). It serves one invocation at a time, kills the process at the
// deadline, and replaces a dead process only at the next invocation.
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

// FunctionARN is the function's ARN, as it learns it with each invocation without a
// qualifier.
const FunctionARN = "arn:aws:lambda:us-east-1:123456789012:function:" + FunctionName

// FunctionName is the name in that ARN, and the function's name in template.yaml.
const FunctionName = "pingone-rotator"

// The most bytes of a synchronous invocation's event and answer. The quota is 6 MB both
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

// ExitError means that the process ended during an invocation without an answer.
type ExitError struct {
	Status string // "signal: killed", "exit status 1"
}

func (e *ExitError) Error() string { return "runtime exited: " + e.Status }

// InitError means that a process did not reach its first poll for an event. It holds what
// the process reported to the Runtime API, if anything. Otherwise Type is Lambda's:
// Runtime.ExitError, Runtime.InvalidEntrypoint or Sandbox.Timedout.
type InitError struct {
	Type    string
	Message string
}

func (e *InitError) Error() string {
	return "start of the function failed: " + e.Type + ": " + e.Message
}

// Config says what to run.
type Config struct {
	// Program is the path of the executable, which Lambda calls bootstrap. Its directory
	// becomes the working directory, as /var/task is on Lambda.
	Program string

	// Env holds the function's settings as "NAME=value". They override those that Lambda
	// sets. The process inherits nothing from its parent.
	Env []string

	// Timeout limits each invocation, and the start of each process. Zero means 60 s.
	Timeout time.Duration

	// Now is the clock by which the function is told its deadline; nil means time.Now. It
	// is for a program that runs by another clock. An invocation is killed after Timeout
	// by the machine's clock in any case.
	Now func() time.Time

	// Output receives the process's standard output and standard error, in the order
	// written. A goroutine writes to it while the process lives, so either reading it must
	// be safe at that time, or it must be read after Close. Nil discards the output.
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

// Start runs the program and returns when it first polls for an event. A process that does
// not get that far is killed, and the error is an [*InitError]. The context bounds only the
// start; the process lives until Close.
func Start(ctx context.Context, config Config) (*Function, error) {
	if config.Timeout == 0 {
		config.Timeout = 60 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	f := &Function{config: config, turn: make(chan struct{}, 1)}
	if _, err := f.start(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Invoke is [Function.InvokeThrough] without a qualifier.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return f.InvokeThrough(ctx, "", event)
}

// InvokeThrough hands the event, a JSON text, to the function and returns its answer. The
// function learns that it was invoked by its ARN with the qualifier, a version or an alias;
// this package does not check that the alias exists. InvokeThrough waits while another
// invocation is under way, and starts a new process if the last one has died.
//
// The error is a [*FunctionError] if the function reported one, an [*ExitError] if the
// process died first, and an [*InitError] if no new process would start. It wraps
// [ErrTimedOut] if the process was killed at the deadline. If ctx ends, nothing is left to
// take the answer: the process is killed, and the error wraps the context's.
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

// Kill ends the process with SIGKILL, whatever it is doing, and returns when it is gone. A
// handler that the function is waiting for may call it.
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

// Init returns the time from the latest process's start to its first poll, or zero until
// that poll.
func (f *Function) Init() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest.initDuration()
}

// MaxRSS returns the most memory that any of the processes had resident, in bytes. It needs
// Linux and is zero elsewhere. For a process that ended by itself, it is the amount at its
// last call to the Runtime API.
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
