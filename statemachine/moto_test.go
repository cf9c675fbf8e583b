package statemachine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/internal/waves"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/statemachine"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// These tests run the state machines on an interpreter that was written by others: that
// of moto, which is LocalStack's. Its tasks call http://localhost:$MOTO_PORT, where a proxy
// hands invocations to the function and the rest to moto.

// An engine is a moto server with the state machines.
type engine struct {
	*sfn.Client
	t       *testing.T
	process *exec.Cmd
	machine string // ARN of the one for campaigns
	audit   string
}

var paced = flag.Int("paced", 147, "how many secrets are rotated at PingOne's own limit, two a second")

const topic = "arn:aws:sns:us-east-1:123456789012:alarms"

// startEngine starts moto, whose program is in MOTO_SERVER.
func startEngine(t *testing.T, lambda string) *engine {
	t.Helper()
	program := os.Getenv("MOTO_SERVER")
	if program == "" {
		t.Skip("needs moto's program moto_server in MOTO_SERVER; .ci/statemachine installs it")
	}
	var moto *httputil.ReverseProxy
	function, err := url.Parse(lambda)
	if err != nil {
		t.Fatal(err)
	}
	toFunction := httputil.NewSingleHostReverseProxy(function)
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/") {
			toFunction.ServeHTTP(w, r)
			return
		}
		moto.ServeHTTP(w, r)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, process: exec.Command(program, "-H", "127.0.0.1", "-p", "0")}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	e.process.Env = append(os.Environ(), "MOTO_PORT="+port, "MOTO_ACCOUNT_ID=123456789012")
	log := &logged{found: make(chan string, 1)}
	e.process.Stdout, e.process.Stderr = log, log
	if err := e.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Kill)
	var address string
	select {
	case address = <-log.found:
	case <-time.After(time.Minute):
		t.Fatalf("moto does not start: %s", log)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	moto = httputil.NewSingleHostReverseProxy(at)
	go proxy.Serve(listener)
	t.Cleanup(func() { proxy.Close() })

	e.post(address+"/moto-api/config", `{"stepfunctions":{"execute_state_machine":true}}`, "")
	e.post(address+"/", url.Values{"Action": {"CreateTopic"}, "Name": {"alarms"}, "Version": {"2010-03-31"}}.Encode(), "sns")
	e.Client = sfn.New(sfn.Options{BaseEndpoint: &address, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("moto", "made-up", "")})
	stack := statemachine.Stack{Partition: "aws", FunctionARN: runtimetest.FunctionARN + ":" + rotation.OperateAlias, TopicARN: topic}
	for _, m := range []struct {
		name, definition string
		arn              *string
	}{{"campaign", stack.Campaign(), &e.machine}, {"audit", stack.Audit(), &e.audit}} {
		out, err := e.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
			Name: aws.String("pingone-rotator-" + m.name), Definition: &m.definition, RoleArn: aws.String("arn:aws:iam::123456789012:role/states"),
		})
		if err != nil {
			t.Fatal(err)
		}
		*m.arn = *out.StateMachineArn
	}
	return e
}

// logged finds the address in what moto says.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer
	found chan string
}

var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() < 1<<20 {
		l.text.Write(p)
	}
	if m := running.FindStringSubmatch(l.text.String()); m != nil && l.found != nil {
		l.found <- m[1]
		l.found = nil
	}
	return len(p), nil
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (e *engine) post(to, body, service string) {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	if service != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=moto/20261127/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		e.t.Fatalf("%s: %s: %s", to, resp.Status, text)
	}
}

// Kill ends moto with SIGKILL, and all executions with it.
func (e *engine) Kill() {
	if e.process.ProcessState == nil {
		e.process.Process.Kill()
		e.process.Wait()
	}
}

// begin starts an execution.
func (e *engine) begin(c waves.Campaign) (arn string) {
	e.t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		e.t.Fatal(err)
	}
	out, err := e.StartExecution(e.t.Context(), &sfn.StartExecutionInput{StateMachineArn: &e.machine, Name: aws.String(c.ID()), Input: aws.String(string(text))})
	if err != nil {
		e.t.Fatal(err)
	}
	return *out.ExecutionArn
}

// end waits for the end of an execution, and returns the last tally.
func (e *engine) end(f *fleet, arn string, c waves.Campaign) (types.ExecutionStatus, waves.Summary) {
	e.t.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(5 * time.Minute)
	for {
		out, err := e.DescribeExecution(e.t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil {
			e.t.Fatal(err)
		}
		if out.Status != types.ExecutionStatusRunning {
			e.t.Logf("%s: %s %s %s", out.Status, aws.ToString(out.Error), aws.ToString(out.Cause), aws.ToString(out.Output))
			return out.Status, f.tally(c)
		}
		select {
		case <-again.C:
		case <-deadline:
			e.t.Fatalf("the execution does not end: %+v", f.tally(c))
		}
	}
}

// tally asks the function how the campaign stands.
func (f *fleet) tally(c waves.Campaign) (s waves.Summary) {
	f.t.Helper()
	event, err := json.Marshal(map[string]any{"action": "tally", "campaign": c})
	if err == nil {
		event, err = f.invoke(context.Background(), rotation.OperateAlias, event)
	}
	if err == nil {
		err = json.Unmarshal(event, &s)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func campaignNow(limit int) waves.Campaign {
	return waves.Campaign{Start: time.Now().UTC().Truncate(time.Millisecond), Limit: limit, Reason: "a test", By: "a test"}
}

// approveAfter looks when the execution waits for a person, and then answers as one.
func (e *engine) approveAfter(arn string, look func()) {
	e.t.Helper()
	token := e.waiting(arn)
	look()
	if _, err := e.SendTaskSuccess(e.t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String("{}")}); err != nil {
		e.t.Fatal(err)
	}
}

// waiting returns the token of the task that waits for a person, once it does.
func (e *engine) waiting(arn string) string {
	e.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for range 600 {
		out, err := e.GetExecutionHistory(e.t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, ReverseOrder: true})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, event := range out.Events {
			if d := event.TaskScheduledEventDetails; d != nil {
				if token, ok := statemachine.Token(aws.ToString(d.Parameters)); ok {
					return token
				}
			}
		}
		<-again.C
	}
	e.t.Fatal("the execution does not wait for a person")
	return ""
}

// TestMotoKeepsThePace rotates at PingOne's own limit. The interpreter takes a part of a
// second of processor time to begin an item, which shows on a machine that is busy.
func TestMotoKeepsThePace(t *testing.T) {
	const limit = waves.LicenceLimit
	f := newFleet(t, *paced)
	f.ping.RateLimit(limit)
	e := startEngine(t, f.cloud.URL())
	var mu sync.Mutex
	var first, last time.Time
	f.ping.After(func(c fault.Call, _ fault.Kind) {
		if c.Operation == pingonetest.OpRegenerateSecret {
			mu.Lock()
			defer mu.Unlock()
			if last = time.Now(); first.IsZero() {
				first = last
			}
		}
	})
	c := campaignNow(limit)
	status, sum := e.end(f, e.begin(c), c)
	if status != types.ExecutionStatusSucceeded || sum.Promoted != *paced {
		t.Errorf("got %s and %+v, want all promoted", status, sum)
	}
	f.mints(1, 1)
	perMinute := float64(*paced-1) / last.Sub(first).Minutes()
	used := perMinute * float64(sum.Calls) / float64(sum.Promoted) / limit
	const least = 0.75 // package campaign shows what is reached where the machine does not matter
	if used < least || used > 1 || f.limited.Load() > 0 {
		t.Errorf("used %.3f of the limit, and %d calls were refused; want at least %.2f, and none", used, f.limited.Load(), least)
	}
	t.Logf("%d secrets in %v: %.2f configuration calls a rotation, %.0f rotations an hour, %.3f of the limit, %d calls refused",
		*paced, last.Sub(first).Round(time.Second), float64(sum.Calls)/float64(sum.Promoted), 60*perMinute, used, f.limited.Load())
}

// TestMotoStopsAtAFailure has one secret that cannot be rotated.
func TestMotoStopsAtAFailure(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 100)
	f.sm.Put(f.names[5], "{}")
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(600) // two a second
	status, sum := e.end(f, e.begin(c), c)
	if status != types.ExecutionStatusFailed || sum.Failed != 1 || len(sum.Unwell) != 1 || sum.Unwell[0].Secret != f.names[5] || sum.Unwell[0].Error == "" {
		t.Errorf("got %s and %+v, want to stop at %s", status, sum, f.names[5])
	}
	if n := f.minted(); n > 20 || !strings.Contains(sum.Stopped, f.names[5]) {
		t.Errorf("%d of %d were rotated anyway", n, len(f.names))
	}
	f.mints(0, 1)

	// The same campaign again, with failures tolerated.
	c.KeepGoing, c.Limit = true, 6000
	again, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &e.machine, Name: aws.String(c.ID() + "_2"), Input: aws.String(string(again))})
	if err != nil {
		t.Fatal(err)
	}
	status, sum = e.end(f, *out.ExecutionArn, c)
	if status != types.ExecutionStatusFailed || sum.Promoted != 99 || sum.Failed != 1 {
		t.Errorf("got %s and %+v, want all tried", status, sum)
	}
	f.mints(0, 1)
}

// TestMotoIsKilledAndStartedAgain kills the interpreter, and the function right after
// PingOne made a secret, and starts the campaign again with the same input.
func TestMotoIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 150)
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(3000) // ten a second
	dead := make(chan struct{})
	mints := 0
	var mu sync.Mutex
	f.ping.After(func(call fault.Call, _ fault.Kind) {
		mu.Lock()
		defer mu.Unlock()
		if call.Operation == pingonetest.OpRegenerateSecret {
			if mints++; mints == 40 {
				f.kill() // the answer does not arrive
				close(dead)
			}
		}
	})
	e.begin(c)
	<-dead
	e.Kill()
	f.ping.After(nil)
	before := f.minted()
	f.start()
	f.db.Age(tableName, time.Minute) // what was announced is over, and need not be waited for

	second := startEngine(t, f.cloud.URL())
	status, sum := second.end(f, second.begin(c), c)
	if status != types.ExecutionStatusSucceeded || sum.Promoted+sum.Skipped != 150 || !sum.Well {
		t.Errorf("got %s and %+v, want all promoted", status, sum)
	}
	if before < 40 || before == 150 {
		t.Errorf("killed after %d mints, want in the middle", before)
	}
	f.mints(1, 1)
}

// TestMotoWaitsForPingOne aims at more than PingOne allows.
func TestMotoWaitsForPingOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 60)
	f.ping.RateLimit(200)
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(1800)
	status, sum := e.end(f, e.begin(c), c)
	if status != types.ExecutionStatusSucceeded || sum.Promoted != 60 || sum.Limited == 0 || f.limited.Load() == 0 {
		t.Errorf("got %s, %+v and %d calls refused, want some refused, and all promoted", status, sum, f.limited.Load())
	}
	f.mints(1, 1)
	t.Logf("%d tries of 60 rotations were cut short", sum.Limited)
}

// TestMotoAsksAPersonAfterTheCanaries checks that no other secret is touched before.
func TestMotoAsksAPersonAfterTheCanaries(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 12)
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(6000)
	c.Canary, c.SoakSeconds, c.Approve = 2, 1, true
	var untouched int
	arn := e.begin(c)
	e.approveAfter(arn, func() { untouched = f.minted() })
	status, sum := e.end(f, arn, c)
	if status != types.ExecutionStatusSucceeded || sum.Promoted != 12 || untouched != 2 {
		t.Errorf("got %s and %+v, and %d rotated when a person was asked; want all promoted, and 2", status, sum, untouched)
	}
	f.mints(1, 1)

}

// TestMotoTakesNoForAnAnswer declines after the canary.
func TestMotoTakesNoForAnAnswer(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 4)
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(6000)
	c.Canary, c.Approve = 1, true
	arn := e.begin(c)
	token := e.waiting(arn)
	if _, err := e.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: aws.String("Declined"), Cause: aws.String("not today")}); err != nil {
		t.Fatal(err)
	}
	status, _ := e.end(f, arn, c)
	if n := f.minted(); status != types.ExecutionStatusFailed || n != 1 {
		t.Errorf("got %s, and %d rotated; want it to end with the canary", status, n)
	}
}

// TestMotoEndsLeaks has an emergency for secrets that are named, among which one is
// unknown: failures are tolerated.
func TestMotoEndsLeaks(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	e := startEngine(t, f.cloud.URL())
	c := campaignNow(6000)
	c.Emergency, c.Secrets = "swift", append([]string{"pingone/nowhere"}, f.names...)
	leaked := f.apps
	status, sum := e.end(f, e.begin(c), c)
	if status != types.ExecutionStatusFailed || sum.Ended != 3 || sum.Failed != 1 {
		t.Errorf("got %s and %+v, want three ended, and one failed", status, sum)
	}
	for _, a := range leaked {
		if f.ping.Authenticates(a.Environment, a.ClientID, a.Secret) {
			t.Errorf("%s: the leaked secret is accepted", a.Name)
		}
	}
}

// TestMotoLooksAtEverySecret walks through more than one batch, the urgent ones first.
func TestMotoLooksAtEverySecret(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 230)
	e := startEngine(t, f.cloud.URL())
	urgent := f.names[200]
	if _, err := f.sm.Begin(urgent); err != nil {
		t.Fatal(err)
	}
	c := waves.Campaign{Start: time.Now(), Audit: true, Limit: 24000, PeriodSeconds: 3600}
	input, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &e.audit, Input: aws.String(string(input))})
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	if status, _ := e.end(f, *out.ExecutionArn, c); status != types.ExecutionStatusSucceeded {
		t.Errorf("got %s, want success", status)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	done = f.looked
	seen := map[string]int{}
	for _, name := range done {
		seen[name]++
	}
	if len(seen) != 230 || len(done) != 230 || done[0] != urgent {
		t.Errorf("looked at %d secrets, %d times, first at %q; want each of 230 once, %s first", len(seen), len(done), done[:min(1, len(done))], urgent)
	}
}
