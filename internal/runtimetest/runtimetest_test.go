package runtimetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/runtimetest"
)

// config runs this test binary as a function.
func config(t *testing.T, mode string) runtimetest.Config {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return runtimetest.Config{
		Program: program,
		// Under -race a process would otherwise linger for a second when it exits.
		Env: []string{startMode + "=" + mode, "GORACE=atexit_sleep_ms=0"},
	}
}

func start(t *testing.T, c runtimetest.Config) *runtimetest.Function {
	t.Helper()
	f, err := runtimetest.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func event(o order) []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// invoke expects an answer.
func invoke(t *testing.T, f *runtimetest.Function, o order) string {
	t.Helper()
	answer, err := f.Invoke(t.Context(), event(o))
	if err != nil {
		t.Fatalf("invoke %q: %v", o.Do, err)
	}
	return string(answer)
}

// stillWorks expects an answer, and so many processes so far.
func stillWorks(t *testing.T, f *runtimetest.Function, starts int) {
	t.Helper()
	if got, want := invoke(t, f, order{Do: "echo"}), `{"do":"echo"}`; got != want {
		t.Errorf("got answer %s, want %s", got, want)
	}
	if got := f.Starts(); got != starts {
		t.Errorf("got %d starts, want %d", got, starts)
	}
}

// hook returns the address of a service that the function calls: it calls do, and then
// replies.
func hook(t *testing.T, do func()) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { do() }))
	t.Cleanup(s.Close)
	return s.URL
}

func TestOneProcessServesInvocationAfterInvocation(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	for range 3 {
		stillWorks(t, f, 1)
	}
	if f.Init() <= 0 {
		t.Errorf("got init %v, want more than zero", f.Init())
	}
}

func TestEnvironmentIsLambdasAndTheConfigs(t *testing.T) {
	t.Setenv("RUNTIMETEST_CANARY", "inherited")
	c := config(t, "serve")
	c.Env = append(c.Env, "AWS_REGION=eu-west-1", "ROTATION_GRACE=24h")
	var env []string
	if err := json.Unmarshal([]byte(invoke(t, start(t, c), order{Do: "environment"})), &env); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AWS_REGION=eu-west-1", "ROTATION_GRACE=24h", "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_FUNCTION_NAME=pingone-rotator",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "LAMBDA_TASK_ROOT=" + filepath.Dir(c.Program), "TZ=:UTC",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("got environment %q, want %s in it", env, want)
		}
	}
	for _, name := range []string{"RUNTIMETEST_CANARY", "HOME", "PWD"} {
		if slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, name+"=") }) {
			t.Errorf("got %s in the environment, want nothing inherited", name)
		}
	}
}

func TestEventComesWithLambdasHeaders(t *testing.T) {
	t.Parallel()
	c := config(t, "serve")
	c.Timeout = time.Minute
	f := start(t, c)
	ids := map[string]bool{}
	for range 2 {
		before := time.Now()
		var h http.Header
		if err := json.Unmarshal([]byte(invoke(t, f, order{Do: "header"})), &h); err != nil {
			t.Fatal(err)
		}
		ids[h.Get("Lambda-Runtime-Aws-Request-Id")] = true
		ms, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.UnixMilli(ms)
		if from, to := before.Add(c.Timeout-time.Millisecond), time.Now().Add(c.Timeout); deadline.Before(from) || deadline.After(to) {
			t.Errorf("got deadline %v, want one between %v and %v", deadline, from, to)
		}
		if got := h.Get("Lambda-Runtime-Invoked-Function-Arn"); got != runtimetest.FunctionARN {
			t.Errorf("got ARN %q, want %q", got, runtimetest.FunctionARN)
		}
		if got := h.Get("Lambda-Runtime-Trace-Id"); len(got) != len("Root=1-01234567-0123456789abcdef01234567;Sampled=0") {
			t.Errorf("got trace id %q", got)
		}
	}
	if len(ids) != 2 {
		t.Errorf("got request ids %v, want two", ids)
	}
}

func TestTheFunctionLearnsThroughWhichAliasItWasInvoked(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	for qualifier, want := range map[string]string{"": runtimetest.FunctionARN, "operate": runtimetest.FunctionARN + ":operate", "$LATEST": runtimetest.FunctionARN + ":$LATEST"} {
		answer, err := f.InvokeThrough(t.Context(), qualifier, event(order{Do: "header"}))
		if err != nil {
			t.Fatal(err)
		}
		var h http.Header
		if err := json.Unmarshal(answer, &h); err != nil {
			t.Fatal(err)
		}
		if got := h.Get("Lambda-Runtime-Invoked-Function-Arn"); got != want {
			t.Errorf("qualifier %q: got ARN %q, want %q", qualifier, got, want)
		}
	}
}

func TestFunctionErrorReachesTheCaller(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	for do, want := range map[string]runtimetest.FunctionError{
		"fail":              {Type: "NotFound", Message: "no application"},
		"fail without form": {Type: "Unhandled", Message: "oops"},
	} {
		_, err := f.Invoke(t.Context(), event(order{Do: do}))
		if got, ok := errors.AsType[*runtimetest.FunctionError](err); !ok || *got != want {
			t.Errorf("%s: got error %v, want %v", do, err, &want)
		}
	}
	stillWorks(t, f, 1)
}

func TestReportBeforeAnExitCounts(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	_, err := f.Invoke(t.Context(), event(order{Do: "panic"}))
	if got, ok := errors.AsType[*runtimetest.FunctionError](err); !ok || got.Message != "boom" {
		t.Errorf("got error %v, want the reported one", err)
	}
	stillWorks(t, f, 2)
}

func TestKillDuringAnInvocationThenANewProcess(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	_, err := f.Invoke(t.Context(), event(order{Do: "echo", Hook: hook(t, f.Kill)}))
	if got, ok := errors.AsType[*runtimetest.ExitError](err); !ok || got.Status != "signal: killed" {
		t.Errorf("got error %v, want an exit by signal: killed", err)
	}
	if got := f.Starts(); got != 1 {
		t.Errorf("got %d starts before the next invocation, want 1", got)
	}
	stillWorks(t, f, 2)
}

func TestKillBetweenInvocationsCostsNone(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	for n := range 5 {
		f.Kill()
		f.Kill()
		stillWorks(t, f, n+2)
	}
}

func TestExitDuringAnInvocationSaysHow(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	_, err := f.Invoke(t.Context(), event(order{Do: "exit", N: 3}))
	if got, ok := errors.AsType[*runtimetest.ExitError](err); !ok || got.Status != "exit status 3" {
		t.Errorf("got error %v, want exit status 3", err)
	}
	stillWorks(t, f, 2)
}

func TestDeadlineKills(t *testing.T) {
	t.Parallel()
	c := config(t, "serve")
	c.Timeout = time.Second // also for the start, on a busy machine
	f := start(t, c)
	_, err := f.Invoke(t.Context(), event(order{Do: "hang"}))
	if !errors.Is(err, runtimetest.ErrTimedOut) || !strings.Contains(err.Error(), "timed out after 1s") {
		t.Errorf("got error %v, want timed out after 1s", err)
	}
	stillWorks(t, f, 2)
}

func TestCallerThatGivesUpKillsItsInvocation(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.Invoke(ctx, event(order{Do: "hang", Hook: hook(t, cancel)}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context canceled", err)
	}
	stillWorks(t, f, 2)
}

func TestCallerThatGivesUpItsTurnDisturbsNoOther(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	second := func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Invoke(ctx, event(order{Do: "echo"})); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want context canceled", err)
		}
	}
	invoke(t, f, order{Do: "echo", Hook: hook(t, second)})
	stillWorks(t, f, 1)
}

func TestInvocationsTakeTurns(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			want := string(event(order{Do: "echo", N: n}))
			if got, err := f.Invoke(t.Context(), []byte(want)); err != nil || string(got) != want {
				t.Errorf("got answer %s, error %v, want %s", got, err, want)
			}
		})
	}
	group.Wait()
	stillWorks(t, f, 1)
}

func TestFailedStartSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode     string
		timeout  time.Duration
		kind     string
		contains string
	}{
		{"report", 0, "settings", "ROTATION_GRACE: not a duration"},
		{"exit", 0, "Runtime.ExitError", "exit status 7"},
		{"never", 20 * time.Millisecond, "Sandbox.Timedout", "within 20ms"},
		{"no program", 0, "Runtime.InvalidEntrypoint", "no such file"},
	} {
		c := config(t, tt.mode)
		c.Timeout = tt.timeout
		if tt.mode == "no program" {
			c.Program = filepath.Join(t.TempDir(), "bootstrap")
		}
		_, err := runtimetest.Start(t.Context(), c)
		got, ok := errors.AsType[*runtimetest.InitError](err)
		if !ok || got.Type != tt.kind || !strings.Contains(got.Message, tt.contains) {
			t.Errorf("%s: got error %v, want %s with %q", tt.mode, err, tt.kind, tt.contains)
		}
	}
}

func TestCallerThatGivesUpAStartEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runtimetest.Start(ctx, config(t, "never")); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context canceled", err)
	}
}

func TestInvokeReportsAProcessThatWillNotStartAgain(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "once:"+filepath.Join(t.TempDir(), "started")))
	f.Kill()
	for range 2 {
		_, err := f.Invoke(t.Context(), event(order{Do: "echo"}))
		if got, ok := errors.AsType[*runtimetest.InitError](err); !ok || got.Message != "exit status 4" {
			t.Errorf("got error %v, want exit status 4 at the start", err)
		}
	}
	if got := f.Starts(); got != 3 {
		t.Errorf("got %d starts, want 3", got)
	}
}

func TestSizesAreLambdas(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	const mib, limit = 1 << 20, 6<<20 + 100
	if got := invoke(t, f, order{Do: "large", N: limit}); len(got) != limit {
		t.Errorf("got an answer of %d bytes, want %d", len(got), limit)
	}
	_, err := f.Invoke(t.Context(), event(order{Do: "large", N: limit + mib}))
	if got, ok := errors.AsType[*runtimetest.FunctionError](err); !ok || got.Type != "Function.ResponseSizeTooLarge" {
		t.Errorf("got error %v, want Function.ResponseSizeTooLarge", err)
	}
	fits := []byte(`"` + strings.Repeat("x", 6*mib-2) + `"`)
	if _, err := f.Invoke(t.Context(), fits); err != nil {
		t.Errorf("got error %v for an event of 6 MiB, want an answer", err)
	}
	for _, refused := range [][]byte{append(fits, ' '), nil, []byte("{")} {
		if _, err := f.Invoke(t.Context(), refused); err == nil {
			t.Errorf("got no error for an event of %d bytes", len(refused))
		}
	}
	stillWorks(t, f, 1)
}

func TestAnswerToAnotherInvocationIsRefused(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "serve"))
	if got := invoke(t, f, order{Do: "stale id"}); got != "400" {
		t.Errorf("got status %s, want 400", got)
	}
}

func TestMemoryIsTheFunctionsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of resident memory is read from /proc")
	}
	t.Parallel()
	const block = 40 << 20
	parent := bytes.Repeat([]byte{1}, 2*block)
	f := start(t, config(t, "serve"))
	invoke(t, f, order{Do: "echo"})
	if got := f.MaxRSS(); got == 0 || got >= block {
		t.Errorf("got %d bytes, want less than %d: the parent's %d are not the function's", got, block, len(parent))
	}
	runtime.KeepAlive(parent)
	invoke(t, f, order{Do: "allocate", N: block})
	f.Kill()
	stillWorks(t, f, 2)
	if got := f.MaxRSS(); got < block {
		t.Errorf("got %d bytes, want at least the %d that the first process had", got, block)
	}
}

func TestCloseEndsTheProcessAndKeepsItsOutput(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := config(t, "serve")
	c.Output = &out
	f := start(t, c)
	_, err := f.Invoke(t.Context(), event(order{Do: "hang", Hook: hook(t, func() { f.Close() })}))
	if _, ok := errors.AsType[*runtimetest.ExitError](err); !ok {
		t.Errorf("got error %v from the invocation under way, want an exit", err)
	}
	if got, want := out.String(), "started\n"; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
	if _, err := f.Invoke(t.Context(), event(order{Do: "echo"})); err == nil || f.Starts() != 1 {
		t.Errorf("got error %v and %d starts after Close, want an error and 1", err, f.Starts())
	}
}
