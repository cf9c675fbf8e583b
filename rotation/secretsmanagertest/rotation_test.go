package secretsmanagertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pingrotate/internal/fault"
	"pingrotate/rotation/secretsmanagertest"
)

// script is an honest rotation function with a hook before each step.
type script struct {
	steps  []string // with the token's first digits: "createSecret 1a2b3c4d"
	before func(step string) error
	invoke secretsmanagertest.Invoke
}

func (f *script) run(ctx context.Context, raw []byte) error {
	var e struct{ Step, ClientRequestToken string }
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	f.steps = append(f.steps, e.Step+" "+e.ClientRequestToken[:8])
	if f.before != nil {
		if err := f.before(e.Step); err != nil {
			return err
		}
	}
	return f.invoke(ctx, raw)
}

// managed starts a server with one secret, "v0", and rotation turned on.
func managed(t *testing.T) (*secretsmanagertest.Server, *sm.Client, *script) {
	t.Helper()
	s, c := start(t)
	f := &script{invoke: honest(c)}
	s.AddFunction(function, f.run)
	s.Put(name, "v0")
	s.EnableRotation(name, function)
	return s, c, f
}

func rotate(t *testing.T, c *sm.Client, change ...func(*sm.RotateSecretInput)) error {
	t.Helper()
	in := &sm.RotateSecretInput{SecretId: aws.String(name)}
	for _, f := range change {
		f(in)
	}
	_, err := c.RotateSecret(t.Context(), in)
	return err
}

func describe(t *testing.T, c *sm.Client) *sm.DescribeSecretOutput {
	t.Helper()
	return ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)}))
}

func wantEvents(t *testing.T, s *secretsmanagertest.Server, want ...string) {
	t.Helper()
	var got []string
	for _, e := range s.Events(name) {
		got = append(got, e.Name)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got events %v, want %v", got, want)
	}
}

// failAt makes the next run of a step fail.
func failAt(f *script, step string) error {
	boom := errors.New("boom")
	f.before = func(now string) error {
		if now != step {
			return nil
		}
		f.before = nil
		return boom
	}
	return boom
}

func TestS10RotateSecretNeedsAFunction(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	before := s.Dump()
	refused(t, rotate(t, c), "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	unknown := func(in *sm.RotateSecretInput) { in.RotationLambdaARN = aws.String(function) }
	refused(t, rotate(t, c, unknown), "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function.")
	if got := s.Dump(); got != before {
		t.Errorf("got\n%swant nothing changed:\n%s", got, before)
	}
	wantEvents(t, s)
}

func TestS11NoRotationWhileOneIsIncomplete(t *testing.T) {
	s, c, _ := managed(t)
	_, err := s.Begin(name)
	must(t, err)
	const words = "A previous rotation isn't complete. That rotation will be reattempted."
	refused(t, rotate(t, c), "InvalidRequestException", words)
	if _, err := s.Begin(name); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s", err, words)
	}
	must(t, s.Attempt(t.Context(), name))
	must(t, rotate(t, c))
	s.Wait()
	wantEvents(t, s, "RotationStarted", "RotationSucceeded", "RotationStarted", "RotationSucceeded")
}

func TestS12StepsRunAfterTheReply(t *testing.T) {
	s, c, f := managed(t)
	replied := make(chan struct{})
	f.before = func(string) error { <-replied; return nil }
	old := s.VersionID(name, awsCurrent)
	out := ok[*sm.RotateSecretOutput](t)(c.RotateSecret(t.Context(), &sm.RotateSecretInput{SecretId: aws.String(name), ClientRequestToken: aws.String(token1)}))
	if got := aws.ToString(out.VersionId); got != token1 {
		t.Errorf("got version %s, want %s", got, token1)
	}
	wantLabels(t, s, map[string][]string{old: {awsCurrent}, token1: {awsPending}})
	close(replied)
	s.Wait()
	if got, want := fmt.Sprint(f.steps), "[createSecret 11111111 setSecret 11111111 testSecret 11111111 finishSecret 11111111]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent}})
	wantEvents(t, s, "RotationStarted", "RotationSucceeded")

	t.Run("S13 its token is idempotent", func(t *testing.T) {
		must(t, rotate(t, c, func(in *sm.RotateSecretInput) { in.ClientRequestToken = aws.String(token1) }))
		s.Wait()
		if len(f.steps) != 4 {
			t.Errorf("got %v, want no further step", f.steps)
		}
	})
}

func TestEventOfAStep(t *testing.T) {
	s, _, _ := managed(t)
	token, err := s.Begin(name)
	must(t, err)
	var got map[string]string
	must(t, json.Unmarshal(s.Event(name, "setSecret"), &got))
	if got["Step"] != "setSecret" || got["SecretId"] != s.ARN(name) || got["ClientRequestToken"] != token || len(got["RotationToken"]) != 36 || len(got) != 4 {
		t.Errorf("got %v, want the four fields of a rotation event", got)
	}
}

func TestS14RetryRunsEveryStepWithTheSameToken(t *testing.T) {
	s, _, f := managed(t)
	boom := failAt(f, "testSecret")
	err := s.Rotate(t.Context(), name)
	var step *secretsmanagertest.StepError
	if !errors.As(err, &step) || step.Step != "testSecret" || !errors.Is(err, boom) {
		t.Fatalf("got %v, want testSecret's error", err)
	}
	token := s.VersionID(name, awsPending)
	must(t, s.Attempt(t.Context(), name))
	var want []string
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "createSecret", "setSecret", "testSecret", "finishSecret"} {
		want = append(want, step+" "+token[:8])
	}
	if fmt.Sprint(f.steps) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", f.steps, want)
	}
	wantEvents(t, s, "RotationStarted", "RotationFailed", "RotationSucceeded")
	if got, want := s.Events(name)[1].Error, "Error when executing lambda "+function+" during testSecret step"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.Attempt(t.Context(), name); !errors.Is(err, secretsmanagertest.ErrNoRotation) {
		t.Errorf("got %v after the end, want ErrNoRotation", err)
	}
}

func TestS14RetryAfterPromotionCompletes(t *testing.T) {
	s, _, f := managed(t)
	s.Fail("UpdateSecretVersionStage", fault.ReplyLost)
	if err := s.Rotate(t.Context(), name); err == nil {
		t.Fatal("got success without a reply, want an error")
	}
	f.invoke = func(context.Context, []byte) error { return nil } // AWSCURRENT is there already
	must(t, s.Attempt(t.Context(), name))
	wantEvents(t, s, "RotationStarted", "RotationFailed", "RotationSucceeded")
}

func TestS15ForeignWriterFailsTheRotation(t *testing.T) {
	s, c, f := managed(t)
	s.RequireRotationToken(true)
	token, err := s.Begin(name)
	must(t, err)
	must(t, put(t, c, token, "not by the function", awsPending))
	f.invoke = func(context.Context, []byte) error { return nil }
	want := fmt.Sprintf("Pending secret version %s for Secret %s was not created by Lambda %s. Remove the AWSPENDING staging label and restart rotation", token, s.ARN(name), function)
	for range 2 { // a retry does not help
		err := s.Attempt(t.Context(), name)
		var step *secretsmanagertest.StepError
		if !errors.As(err, &step) || err.Error() != "createSecret: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	wantEvents(t, s, "RotationStarted", "RotationFailed", "RotationFailed")
	if len(f.steps) != 2 {
		t.Errorf("got %v, want createSecret alone", f.steps)
	}

	must(t, move(t, c, awsPending, token, ""))
	f.invoke = honest(c)
	must(t, s.Rotate(t.Context(), name))
}

func TestS15InItsOwnAccountAFunctionNeedsNoRotationToken(t *testing.T) {
	s, c, f := managed(t)
	token, err := s.Begin(name)
	must(t, err)
	old := s.VersionID(name, awsCurrent)
	f.invoke = func(ctx context.Context, raw []byte) error {
		switch {
		case strings.Contains(string(raw), "createSecret"):
			return put(t, c, token, "without the RotationToken", awsPending)
		case strings.Contains(string(raw), "finishSecret"):
			return move(t, c, awsCurrent, old, token)
		}
		return nil
	}
	must(t, s.Attempt(t.Context(), name))
	wantEvents(t, s, "RotationStarted", "RotationSucceeded")
}

func TestS17PendingLeftBehindStopsEveryLaterRotation(t *testing.T) {
	s, c, _ := managed(t)
	s.KeepPending(true)
	must(t, s.Rotate(t.Context(), name))
	rotated := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token2, "manually", "mine")) // a version with its own label
	must(t, move(t, c, awsCurrent, rotated, token2))
	wantLabels(t, s, map[string][]string{rotated: {awsPending, awsPrevious}, token2: {awsCurrent, "mine"}})
	refused(t, rotate(t, c), "InvalidRequestException", "A previous rotation isn't complete.")
	must(t, move(t, c, awsPending, rotated, ""))
	must(t, rotate(t, c))
	s.Wait()
}

func TestS16FinishSecretMustPromote(t *testing.T) {
	s, _, f := managed(t)
	invoke := f.invoke
	f.invoke = func(ctx context.Context, raw []byte) error {
		if strings.Contains(string(raw), "finishSecret") {
			return nil
		}
		return invoke(ctx, raw)
	}
	var step *secretsmanagertest.StepError
	if err := s.Rotate(t.Context(), name); !errors.As(err, &step) || step.Step != "finishSecret" {
		t.Errorf("got %v, want finishSecret to have failed", err)
	}
	wantEvents(t, s, "RotationStarted", "RotationFailed")
}

func TestS17PendingAfterSuccess(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s, _, _ := managed(t)
		s.KeepPending(keep)
		old := s.VersionID(name, awsCurrent)
		must(t, s.Rotate(t.Context(), name))
		want := []string{awsCurrent}
		if keep {
			want = append(want, awsPending)
		}
		wantLabels(t, s, map[string][]string{old: {awsPrevious}, s.VersionID(name, awsCurrent): want})
		must(t, s.Rotate(t.Context(), name)) // either way the next one may begin
	}
}

func TestS18ForeignVersionAbandonsTheRotation(t *testing.T) {
	s, c, f := managed(t)
	token, err := s.Begin(name)
	must(t, err)
	var labels map[string][]string
	f.before = func(step string) error {
		if step != "setSecret" {
			return nil
		}
		defer func() { labels = s.Labels(name) }()
		return put(t, c, token2, "manually")
	}
	if err := s.Attempt(t.Context(), name); err == nil || !strings.Contains(err.Error(), "abandoned") {
		t.Errorf("got %v, want it abandoned", err)
	}
	if _, labelled := labels[token]; labelled || len(labels) != 2 {
		t.Errorf("got %v after the Put, want AWSPENDING gone", labels)
	}
	wantEvents(t, s, "RotationStarted", "RotationAbandoned")
	if err := s.Attempt(t.Context(), name); !errors.Is(err, secretsmanagertest.ErrNoRotation) {
		t.Errorf("got %v, want ErrNoRotation", err)
	}

	t.Run("and a Put without the token leaves a stuck version", func(t *testing.T) {
		_, err := s.Begin(name)
		must(t, err)
		must(t, put(t, c, token1, "token forgotten", awsPending))
		if got := s.VersionID(name, awsPending); got != token1 {
			t.Errorf("got AWSPENDING on %s, want %s", got, token1)
		}
		refused(t, rotate(t, c), "InvalidRequestException", "A previous rotation isn't complete.")
	})
}

func TestS19CancelLeavesPending(t *testing.T) {
	s, c, _ := managed(t)
	token, err := s.Begin(name)
	must(t, err)
	out := ok[*sm.CancelRotateSecretOutput](t)(c.CancelRotateSecret(t.Context(), &sm.CancelRotateSecretInput{SecretId: aws.String(name)}))
	if got := aws.ToString(out.VersionId); got != token {
		t.Errorf("got version %s, want the pending one, %s", got, token)
	}
	if d := describe(t, c); d.RotationEnabled == nil || *d.RotationEnabled {
		t.Errorf("got RotationEnabled %v, want false", d.RotationEnabled)
	}
	if err := s.Attempt(t.Context(), name); !errors.Is(err, secretsmanagertest.ErrNoRotation) {
		t.Errorf("got %v, want ErrNoRotation", err)
	}
	refused(t, rotate(t, c), "InvalidRequestException", "A previous rotation isn't complete.")
	must(t, move(t, c, awsPending, token, ""))
	must(t, rotate(t, c))
	s.Wait()
	if d := describe(t, c); !*d.RotationEnabled {
		t.Error("got RotationEnabled false after RotateSecret, want true")
	}
	wantEvents(t, s, "RotationStarted", "RotationStarted", "RotationSucceeded")
}

func TestS20TestOnly(t *testing.T) {
	s, c, f := managed(t)
	var during, value string
	f.before = func(string) error {
		during = s.VersionID(name, awsPending)
		value, _ = s.Value(name, awsPending)
		return nil
	}
	before := s.Labels(name)
	must(t, s.TestOnly(t.Context(), name))
	if len(f.steps) != 1 || f.steps[0] != "testSecret "+during[:8] || value != "v0" {
		t.Errorf("got %v with %q, want testSecret with a copy of v0", f.steps, value)
	}
	wantLabels(t, s, before)

	boom := failAt(f, "testSecret")
	if err := s.TestOnly(t.Context(), name); !errors.Is(err, boom) {
		t.Errorf("got %v, want the step's error", err)
	}
	wantLabels(t, s, before)

	must(t, rotate(t, c, func(in *sm.RotateSecretInput) { in.RotateImmediately = aws.Bool(false) }))
	s.Wait()
	wantLabels(t, s, before)
	wantEvents(t, s, "TestRotationStarted", "TestRotationSucceeded", "TestRotationStarted", "TestRotationFailed", "TestRotationStarted", "TestRotationSucceeded")
}

func TestOverlappingAttemptsReportOneSuccess(t *testing.T) {
	s, _, f := managed(t)
	invoke := f.invoke
	held, release := make(chan struct{}), make(chan struct{})
	first := true
	f.before = func(step string) error {
		if step == "finishSecret" && first {
			first = false
			close(held)
			<-release
		}
		return nil
	}
	_, err := s.Begin(name)
	must(t, err)
	slow := make(chan error)
	go func() { slow <- s.Attempt(t.Context(), name) }()
	<-held
	s.AddFunction(function, invoke) // the second attempt is not held
	must(t, s.Attempt(t.Context(), name))
	close(release)
	must(t, <-slow)
	wantEvents(t, s, "RotationStarted", "RotationSucceeded")
}

func TestCloseCancelsARotation(t *testing.T) {
	s, c, f := managed(t)
	began := make(chan struct{})
	f.invoke = func(ctx context.Context, _ []byte) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}
	must(t, rotate(t, c))
	<-began
	s.Close()
	wantEvents(t, s, "RotationStarted", "RotationFailed")
}
