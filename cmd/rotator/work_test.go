package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// work has the function do everything that it can do, and then ends its process. It does so
// once for all tests, because an emergency takes half a minute. The world that it returns
// has the calls and the output.
func work(t *testing.T) *world {
	t.Helper()
	worked.once.Do(func() { worked.world = workNow(t) })
	if worked.world == nil {
		t.Fatal("the function's work has failed in another test")
	}
	return worked.world
}

var worked struct {
	once  sync.Once
	world *world
}

func workNow(t *testing.T) *world {
	t.Helper()
	const name = "pingone/orders"
	w := newWorld(t)
	app := w.addSecret(name)
	w.attach(t, name)
	w.addUnknownSecret("pingone/new") // the audit enters it in the register

	// A lagging consumer, which the next rotation respects.
	w.pingone.Advance(time.Minute)
	w.secrets.Advance(time.Minute)
	form := url.Values{"grant_type": {"client_credentials"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.pingone.URL()+"/"+app.Environment+"/as/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(app.ClientID, app.Secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	check(t, "a token with the replaced secret", resp.StatusCode, http.StatusOK)
	if err := w.secrets.Rotate(t.Context(), name); err == nil {
		t.Fatal("a second rotation a minute later succeeds")
	}

	const emergency = `{"action":"rotate","secretId":"pingone/orders","emergency":"swift","reason":"in a repository","by":"a test"}`
	for _, event := range []string{
		`{"action":"audit"}`,
		`{"action":"check","secretId":"pingone/orders"}`,
		emergency,
		`{"action":"list","campaign":{"start":"2026-11-27T00:00:00.000Z"}}`,
		`{"action":"rotate","secretId":"pingone/new","campaign":{"start":"2026-11-27T00:00:00.000Z"}}`,
		`{"action":"tally","campaign":{"start":"2026-11-27T00:00:00.000Z"}}`,
	} {
		begun := time.Now()
		if _, err := w.InvokeThrough(t.Context(), rotation.OperateAlias, []byte(event)); err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		// The scripts of cmd/pingrotate run a function whose waits take no time. This is
		// the one that is deployed.
		if took := time.Since(begun); event == emergency && took < 30*time.Second {
			t.Errorf("the function says after %v that PingOne refuses the leaked secret, want it to have asked for half a minute", took)
		}
	}
	w.Close()
	return w
}

// attach gives the secret a schedule, as docs/deploy.md does, and waits for the rotation
// that follows at once.
func (w *world) attach(t *testing.T, name string) {
	t.Helper()
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(w.secrets.URL()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("stand-in", "stand-in", ""),
	})
	_, err := client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &name, RotationLambdaARN: aws.String(runtimetest.FunctionARN),
		RotationRules: &types.RotationRulesType{ScheduleExpression: aws.String("rate(30 days)")},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.secrets.Wait()
}
