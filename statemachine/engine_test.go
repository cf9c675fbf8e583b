package statemachine_test

import (
	"bytes"
	"context"
	"encoding/json"
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

	"pingrotate/internal/runtimetest"
	"pingrotate/internal/waves"
	"pingrotate/rotation"
	"pingrotate/statemachine"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// An engine is a moto server with the state machines.
type engine struct {
	*sfn.Client
	t       *testing.T
	process *exec.Cmd
	machine string // ARN of the campaigns' one
	audit   string
}

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

// logged finds the address in moto's output.
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

// approveAfter calls look once the execution waits for a person, and then approves as one.
func (e *engine) approveAfter(arn string, look func()) {
	e.t.Helper()
	token := e.waiting(arn)
	look()
	if _, err := e.SendTaskSuccess(e.t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String("{}")}); err != nil {
		e.t.Fatal(err)
	}
}

// waiting waits until a task waits for a person, and returns its token.
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
