package runtimetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// environment is one process and a Runtime API for that process alone, so that a call left
// behind by a killed process can never reach its successor.
type environment struct {
	timeout time.Duration
	now     func() time.Time
	command *exec.Cmd
	server  *http.Server
	started time.Time
	next    chan *invocation // unbuffered: only a poll takes an invocation
	polled  chan struct{}    // closed at the first poll
	exited  chan struct{}    // closed when the process is gone and its output written

	mu      sync.Mutex
	init    time.Duration
	failure *InitError  // what the process reported before its first poll
	running *invocation // taken and not answered yet
	peak    int64       // most resident bytes seen so far
}

// newEnvironment starts the process and its Runtime API.
func newEnvironment(config Config) (*environment, error) {
	program, err := filepath.Abs(config.Program)
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime: %w", err)
	}
	e := &environment{
		timeout: config.Timeout,
		now:     config.Now,
		command: exec.Command(program),
		next:    make(chan *invocation),
		polled:  make(chan struct{}),
		exited:  make(chan struct{}),
	}
	e.command.Dir = filepath.Dir(program)
	e.command.Env = append(lambdaEnv(listener.Addr().String(), e.command.Dir), config.Env...)
	e.command.Stdout, e.command.Stderr = config.Output, config.Output
	// A child process of the function that keeps its output open must not delay Wait.
	e.command.WaitDelay = time.Second

	e.server = &http.Server{Handler: e.handler()}

	e.started = time.Now()
	if err := e.command.Start(); err != nil {
		listener.Close()
		return nil, &InitError{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	go e.server.Serve(listener)
	go func() {
		e.command.Wait() // how it ended is read from the process state
		e.server.Close()
		close(e.exited)
	}()
	return e, nil
}

// lambdaEnv returns the variables that Lambda sets for a function on an OS-only runtime
// (AWS Lambda page "Working with Lambda environment variables"). The credentials are not
// real, so a call that leaves the machine is refused.
func lambdaEnv(runtimeAPI, taskRoot string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME=" + FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]00000000000000000000000000000000",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=stand-in",
		"AWS_SECRET_ACCESS_KEY=stand-in",
		"AWS_SESSION_TOKEN=stand-in",
		"LAMBDA_TASK_ROOT=" + taskRoot,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=bootstrap",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
	}
}

// ready waits for the first poll.
func (e *environment) ready(ctx context.Context) error {
	limit := time.NewTimer(e.timeout)
	defer limit.Stop()
	select {
	case <-e.polled:
		return nil
	case <-e.exited:
		return e.initError("Runtime.ExitError", e.status())
	case <-limit.C:
		e.kill()
		return e.initError("Sandbox.Timedout", fmt.Sprintf("no poll for an event within %v", e.timeout))
	case <-ctx.Done():
		e.kill()
		return fmt.Errorf("start function: %w", context.Cause(ctx))
	}
}

// initError returns the process's own report, if there is one, rather than what was seen
// from outside.
func (e *environment) initError(kind, message string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure != nil {
		return e.failure
	}
	return &InitError{Type: kind, Message: message}
}

// offer waits until the process polls and takes the invocation. It returns an
// [*ExitError] when the process is gone instead.
func (e *environment) offer(ctx context.Context, inv *invocation) error {
	select {
	case <-e.exited: // a dead process's poll may still be open, and must not be answered
		return &ExitError{e.status()}
	default:
	}
	select {
	case e.next <- inv:
		return nil
	case <-e.exited:
		return &ExitError{e.status()}
	case <-ctx.Done():
		return fmt.Errorf("invoke: %w", context.Cause(ctx))
	}
}

// kill ends the process and returns when it is gone.
func (e *environment) kill() {
	e.sample()
	e.command.Process.Kill() // fails only when the process has ended already
	<-e.exited
}

// status says how the process ended. It may be called once exited is closed.
func (e *environment) status() string { return e.command.ProcessState.String() }

func (e *environment) initDuration() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.init
}

func (e *environment) maxRSS() int64 {
	e.sample()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peak
}

// sample records the most memory that the process has had resident. It reads VmHWM
// (proc_pid_status(5)) of the living process, because wait4's maxrss is never less than
// what the parent had when it forked.
func (e *environment) sample() {
	select {
	case <-e.exited: // the number may be another process's by now
		return
	default:
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.command.Process.Pid))
	if err != nil {
		return
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	var kib int64
	fmt.Fscan(bytes.NewReader(rest), &kib) // a zombie has no such line and counts as zero
	e.mu.Lock()
	defer e.mu.Unlock()
	e.peak = max(e.peak, kib<<10)
}
