package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/conformance"
	"pingrotate/internal/memory"
	"pingrotate/internal/registertest"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"

// An awsWorld is the stand-ins of AWS, a function that serves none of the secrets, and a
// suite that asks them. While a probe waits, time passes and Secrets Manager tries again.
type awsWorld struct {
	secrets *secretsmanagertest.Server
	tables  *registertest.Server
	suite   *conformance.AWS
	every   time.Duration // between two attempts

	mu       sync.Mutex
	lines    []object
	rotating []string
	due      time.Time
}

func newAWSWorld(t testing.TB) *awsWorld {
	t.Helper()
	w := &awsWorld{every: 5 * time.Minute}
	var err error
	if w.secrets, err = secretsmanagertest.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.secrets.Close)
	if w.tables, err = registertest.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.tables.Close)
	w.secrets.AddFunction(functionARN, w.invoke)
	w.suite = &conformance.AWS{
		Region:         "us-east-1",
		Credentials:    credentials.NewStaticCredentialsProvider("test", "made-up", ""),
		HTTP:           &http.Client{Transport: w},
		Clock:          conformance.Clock{Now: w.secrets.Now, Wait: w.wait},
		Run:            "test",
		SecretsManager: "http://secretsmanager.test", DynamoDB: "http://dynamodb.test", Logs: "http://logs.test",
		Function: functionARN, LogGroup: "/aws/lambda/pingone-rotator",
	}
	return w
}

// invoke is the function: it serves none of the secrets, and refuses. A version that is
// already current it refuses only at finishSecret.
func (w *awsWorld) invoke(_ context.Context, event []byte) error {
	var e struct{ Step, SecretId, ClientRequestToken string }
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	line := object{"step": e.Step, "secretId": e.SecretId, "version": e.ClientRequestToken, "functionArn": functionARN, "at": w.secrets.Now()}
	name := strings.Split(e.SecretId, ":")[6]
	var err error
	if w.secrets.VersionID(name[:len(name)-7], "AWSCURRENT") != e.ClientRequestToken || e.Step == "finishSecret" {
		err = errors.New("no such secret is served")
		line["error"] = err.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
	return err
}

func (w *awsWorld) wait(ctx context.Context, d time.Duration) error {
	w.secrets.Wait()
	w.secrets.Advance(d)
	w.tables.Advance(d)
	w.mu.Lock()
	names := w.rotating
	if w.due.IsZero() {
		w.due = w.secrets.Now().Add(w.every)
	}
	again := !w.secrets.Now().Before(w.due)
	if again {
		w.due = w.secrets.Now().Add(w.every)
	}
	w.mu.Unlock()
	if again {
		for _, name := range names {
			if strings.Contains(w.secrets.Dump(), name+" ") {
				w.secrets.Attempt(ctx, name) // its failure is in the function's log
			}
		}
	}
	return context.Cause(ctx)
}

// RoundTrip carries a request to the service that it is for.
func (w *awsWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var handler http.Handler = w.tables
	switch r.URL.Host {
	case "secretsmanager.test":
		handler = w.secrets
		var in struct{ SecretId string }
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".RotateSecret") && json.Unmarshal(body, &in) == nil {
			w.mu.Lock()
			w.rotating = append(w.rotating, in.SecretId)
			w.mu.Unlock()
		}
	case "logs.test":
		handler = http.HandlerFunc(w.serveLogs)
	}
	resp, err := (&memory.Transport{Handler: handler}).RoundTrip(r)
	w.secrets.Wait()
	return resp, err
}

func (w *awsWorld) serveLogs(out http.ResponseWriter, r *http.Request) {
	var in struct {
		FilterPattern string
		StartTime     int64
	}
	json.NewDecoder(r.Body).Decode(&in)
	w.mu.Lock()
	defer w.mu.Unlock()
	events := []object{}
	for _, line := range w.lines {
		at := line["at"].(time.Time)
		if text, _ := json.Marshal(line); strings.Contains(in.FilterPattern, fmt.Sprintf("%q", line["secretId"])) && at.UnixMilli() >= in.StartTime {
			events = append(events, object{"message": string(text), "timestamp": at.UnixMilli()})
		}
	}
	json.NewEncoder(out).Encode(object{"events": events})
}

func (w *awsWorld) run(t testing.TB, only ...string) conformance.Record {
	t.Helper()
	record, err := conformance.Run(t.Context(), w.suite, conformance.Options{Of: "aws", Run: "test", Only: only, Clock: w.suite.Clock})
	if err != nil {
		t.Errorf("run: %v", err)
	}
	return record
}
