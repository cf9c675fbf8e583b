package secretsmanagertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"pingrotate/internal/fault"
	"pingrotate/rotation/secretsmanagertest"
)

const (
	name      = "pingone/app"
	function  = "arn:aws:lambda:us-east-1:123456789012:function:rotator"
	accessKey = "AKIDEXAMPLE"
	token1    = "11111111-1111-4111-8111-111111111111"
	token2    = "22222222-2222-4222-8222-222222222222"

	awsCurrent  = "AWSCURRENT"
	awsPrevious = "AWSPREVIOUS"
	awsPending  = "AWSPENDING"
)

// client returns the real SDK's client. It does not retry, so that each test sees
// each answer.
func client(s *secretsmanagertest.Server) *sm.Client {
	return sm.New(sm.Options{
		BaseEndpoint: aws.String(s.URL()),
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "key", ""),
		Retryer:      aws.NopRetryer{},
	})
}

func start(t *testing.T) (*secretsmanagertest.Server, *sm.Client) {
	t.Helper()
	s := secretsmanagertest.Run(t)
	return s, client(s)
}

// ok returns the output of a call that must succeed.
func ok[Out any](t *testing.T) func(Out, error) Out {
	return func(out Out, err error) Out {
		t.Helper()
		if err != nil {
			t.Fatalf("got %v, want success", err)
		}
		return out
	}
}

// refused checks for the service's error code and, within its message, words.
func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	var api smithy.APIError
	switch {
	case err == nil:
		t.Errorf("got success, want %s", code)
	case !errors.As(err, &api):
		t.Errorf("got %v, want %s", err, code)
	case api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), words):
		t.Errorf("got %s %q, want %s %q", api.ErrorCode(), api.ErrorMessage(), code, words)
	}
}

func wantLabels(t *testing.T, s *secretsmanagertest.Server, want map[string][]string) {
	t.Helper()
	if got := s.Labels(name); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got labels %v, want %v", got, want)
	}
}

// recorder is a TB that records what it is told.
type recorder struct {
	*testing.T
	logs, errors []string
}

func (r *recorder) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestImpossibleTrafficFailsTheTest(t *testing.T) {
	const auth = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host, Signature="
	signed := auth + strings.Repeat("0", 64)
	for _, row := range []struct {
		what, auth, target, contentType, body, code string
	}{
		{"unsigned", "", "secretsmanager.ListSecrets", "application/x-amz-json-1.1", "{}", "MissingAuthenticationTokenException"},
		{"unknown action", signed, "secretsmanager.MakeCoffee", "application/x-amz-json-1.1", "{}", "UnknownOperationException"},
		{"other service", signed, "dynamodb.ListSecrets", "application/x-amz-json-1.1", "{}", "UnknownOperationException"},
		{"wrong content type", signed, "secretsmanager.ListSecrets", "application/json", "{}", "SerializationException"},
		{"unknown field", signed, "secretsmanager.ListSecrets", "application/x-amz-json-1.1", `{"Coffee":1}`, "SerializationException"},
		{"no JSON", signed, "secretsmanager.ListSecrets", "application/x-amz-json-1.1", `<xml>`, "SerializationException"},
	} {
		t.Run(row.what, func(t *testing.T) {
			told := &recorder{T: t}
			s := secretsmanagertest.Run(told)
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", row.auth)
			req.Header.Set("X-Amz-Target", row.target)
			req.Header.Set("Content-Type", row.contentType)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || !strings.Contains(string(body), row.code) {
				t.Errorf("got %d %s, want 400 %s", resp.StatusCode, body, row.code)
			}
			if len(told.errors) != 1 {
				t.Errorf("got complaints %q, want one", told.errors)
			}
		})
	}
}

func TestS25ARawCallMustBringAToken(t *testing.T) {
	s, _ := start(t)
	s.Put(name, "v0")
	for operation, body := range map[string]string{
		"CreateSecret": `{"Name":"new","SecretString":"v"}`, "PutSecretValue": `{"SecretId":"` + name + `","SecretString":"v"}`,
		"RotateSecret": `{"SecretId":"` + name + `"}`,
	} {
		t.Run(operation, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader(body))
			must(t, err)
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
			req.Header.Set("X-Amz-Target", "secretsmanager."+operation)
			req.Header.Set("Content-Type", "application/x-amz-json-1.1")
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			defer resp.Body.Close()
			reply, err := io.ReadAll(resp.Body)
			must(t, err)
			if resp.StatusCode != 400 || !strings.Contains(string(reply), "InvalidRequestException") || !strings.Contains(string(reply), "You must provide a ClientRequestToken value") {
				t.Errorf("got %d %s, want the token to be missed", resp.StatusCode, reply)
			}
		})
	}
}

func TestTranscriptIsMasked(t *testing.T) {
	told := &recorder{T: t}
	s := secretsmanagertest.Run(told)
	c := client(s)
	s.AddFunction(function, honest(c))
	s.Put(name, "canary-0")
	s.PutBinary("blob", []byte("canary-1"))
	s.EnableRotation(name, function)
	if err := s.Rotate(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	ok[*sm.GetSecretValueOutput](t)(c.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: aws.String(name)}))
	values := s.Values()
	if want := 4; len(values) != want { // two seeds, one RotationToken, one minted
		t.Errorf("got %d values, want %d", len(values), want)
	}
	seen := strings.Join(told.logs, "\n") + s.Dump()
	for _, v := range values {
		if strings.Contains(seen, v) {
			t.Errorf("transcript or dump shows %q:\n%s", v, seen)
		}
	}
	if len(told.logs) == 0 || len(told.errors) != 0 {
		t.Errorf("got %d lines and complaints %q, want some and none", len(told.logs), told.errors)
	}
}

func TestMisuseEndsTheTest(t *testing.T) {
	s, err := secretsmanagertest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for what, misuse := range map[string]func(){
		"unknown secret":   func() { s.VersionID("unknown", awsCurrent) },
		"unknown function": func() { s.Put(name, "v"); s.EnableRotation(name, function) },
		"no rotation":      func() { s.Put(name, "v"); s.Event(name, "createSecret") },
		"taken name":       func() { s.Create("x"); s.Create("x") },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic, want one")
				}
			}()
			misuse()
		})
	}
}

func TestFaultsSpeakTheServicesWords(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v")
	get := func() error {
		_, err := c.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: aws.String(s.ARN(name))})
		return err
	}
	s.Fail("GetSecretValue", fault.Throttled, fault.Unavailable, fault.Denied, fault.Refused)
	refused(t, get(), "ThrottlingException", "Rate exceeded")
	refused(t, get(), "InternalServiceError", "")
	refused(t, get(), "AccessDeniedException", "")
	if err := get(); err == nil {
		t.Error("got success over a refused connection, want an error")
	}
	if err := get(); err != nil {
		t.Errorf("got %v after the faults, want success", err)
	}
	last := s.Calls()[s.Count("")-1]
	if want := (fault.Call{Service: "secretsmanager", Operation: "GetSecretValue", Target: name, Trace: accessKey, N: 5}); last != want {
		t.Errorf("got call %v, want %v", last, want)
	}
}

func TestTimeStandsStillUntilTold(t *testing.T) {
	s, _ := start(t)
	if got := s.Now(); !got.Equal(s.Now()) || time.Since(got) > time.Minute {
		t.Errorf("got %v, want the real time, standing still", got)
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s.SetTime(noon)
	s.Advance(time.Hour)
	if got, want := s.Now(), noon.Add(time.Hour); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	other := noon
	s.Follow(func() time.Time { return other })
	other = other.Add(time.Minute)
	if got := s.Now(); !got.Equal(other) {
		t.Errorf("got %v, want %v", got, other)
	}
}

func TestDumpIsSortedAndKeepsSecrets(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	s.Put("b", "hello")
	s.EnableRotation("b", function)
	s.Create("a")
	if _, err := s.Begin("b"); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("a\nb rotation=true function=%s\n  %s 2cf24dba [AWSCURRENT]\n  %s empty [AWSPENDING]\n",
		function, s.VersionID("b", awsCurrent), s.VersionID("b", awsPending))
	if got := s.Dump(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSecretAndRotationOfAWrittenEvent(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/app-a1B2c3"
	if got := s.Put(arn, "hello"); got != arn || s.ARN(name) != arn {
		t.Fatalf("got ARN %s, and %s for the name, want %s", got, s.ARN(name), arn)
	}
	s.EnableRotation(name, function)
	if err := s.BeginAs(name, token1, token2); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"Step":"createSecret","SecretId":"%s","ClientRequestToken":"%s","RotationToken":"%s"}`, arn, token1, token2)
	if got := string(s.Event(name, "createSecret")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := s.Attempt(t.Context(), name); err != nil || s.VersionID(name, awsCurrent) != token1 {
		t.Errorf("got %v and AWSCURRENT on %s, want it on %s", err, s.VersionID(name, awsCurrent), token1)
	}
}

func TestAWSCommand(t *testing.T) {
	command, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws command is not installed")
	}
	if testing.Short() {
		t.Skip("the aws command takes a second to start")
	}
	t.Parallel()
	s, _ := start(t)
	s.Put(name, "hello")
	cmd := exec.CommandContext(t.Context(), command, "secretsmanager", "describe-secret", "--region", "eu-west-1", "--secret-id", name)
	cmd.Env = append(cmd.Environ(), "AWS_ENDPOINT_URL_SECRETS_MANAGER="+s.URL(), "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=key")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws: %v: %s", err, &complaint)
	}
	var got struct {
		ARN                string
		VersionIdsToStages map[string][]string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.ARN != s.ARN(name) || !slices.Equal(got.VersionIdsToStages[s.VersionID(name, awsCurrent)], []string{awsCurrent}) {
		t.Errorf("got %s, want %s with %v", out, s.ARN(name), s.Labels(name))
	}
}

// honest is a rotation function that does what the service asks, with no service behind it.
func honest(c *sm.Client) secretsmanagertest.Invoke {
	return func(ctx context.Context, raw []byte) error {
		var e struct{ Step, SecretId, ClientRequestToken, RotationToken string }
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		switch e.Step {
		case "createSecret":
			_, err := c.PutSecretValue(ctx, &sm.PutSecretValueInput{
				SecretId:           &e.SecretId,
				ClientRequestToken: &e.ClientRequestToken,
				RotationToken:      &e.RotationToken,
				SecretString:       aws.String("minted for " + e.ClientRequestToken),
				VersionStages:      []string{awsPending},
			})
			return err
		case "finishSecret":
			d, err := c.DescribeSecret(ctx, &sm.DescribeSecretInput{SecretId: &e.SecretId})
			if err != nil {
				return err
			}
			in := &sm.UpdateSecretVersionStageInput{SecretId: &e.SecretId, VersionStage: aws.String(awsCurrent), MoveToVersionId: &e.ClientRequestToken}
			for id, labels := range d.VersionIdsToStages {
				if slices.Contains(labels, awsCurrent) {
					if id == e.ClientRequestToken {
						return nil
					}
					in.RemoveFromVersionId = &id
				}
			}
			_, err = c.UpdateSecretVersionStage(ctx, in)
			return err
		}
		return nil
	}
}
