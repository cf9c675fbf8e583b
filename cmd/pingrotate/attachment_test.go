package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/playground"
	"pingrotate/pingone/pingonetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// operatorKey is the access key id by which the operator's calls are told from the
// function's.
const operatorKey = "operator"

// adopting makes the secret shop of an application, as the command does.
func (d *deployment) adopting(t *testing.T, app pingonetest.Application) func(context.Context) error {
	t.Helper()
	if err := d.Serve("shop", d.Document(app)); err != nil {
		t.Fatal(err)
	}
	return d.adoptingAs(t, app, false)
}

// adoptingAs is adopting for an application that is marked, or not.
func (d *deployment) adoptingAs(t *testing.T, app pingonetest.Application, mark bool) func(context.Context) error {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": operatorKey, "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": d.Endpoints().SecretsManager, "AWS_ENDPOINT_URL_LAMBDA": d.cloud.URL(), "AWS_ENDPOINT_URL_STS": d.cloud.URL(),
	} {
		t.Setenv(name, value)
	}
	text, err := json.Marshal(map[string]string{"environmentId": app.Environment, "region": "NA", "clientId": app.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) error {
		p := &program{output: outputs(), out: io.Discard, err: t.Output()}
		a := attachment{program: p, secret: "shop", schedule: "rate(30 days)", mark: mark}
		if err := a.check(string(text)); err != nil {
			return err
		}
		return a.attach(ctx)
	}
}

// A run of adopt is ended at one of its calls, before that is applied or after, and
// then the command is run again.
func TestAdoptContinuesAfterACrashAtAnyCall(t *testing.T) {
	for n, over := 1, false; !over; n++ {
		for _, applied := range []bool{false, true} {
			ctx, crash := context.WithCancel(t.Context())
			calls := 0
			fatal := func() bool {
				if calls++; calls == n {
					crash()
				}
				return calls == n
			}
			d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
				if fatal() && !applied {
					return nil, errors.New("nothing was done")
				}
				return answer()
			})
			d.Secrets.Before(func(c fault.Call) fault.Kind {
				switch {
				case c.Trace != operatorKey || !fatal():
					return fault.None
				case applied:
					return fault.ReplyLost
				}
				return fault.Refused
			})
			app := d.Add("shop", "Identity Data Admin")
			adopt := d.adopting(t, app)

			err := adopt(ctx)
			if over = calls < n; over && err != nil || !over && err == nil {
				t.Fatalf("crash at call %d, applied %t: got error %v after %d calls", n, applied, err, calls)
			}
			if err := adopt(t.Context()); err != nil {
				t.Fatalf("crash at call %d, applied %t: the next run: %v", n, applied, err)
			}
			d.Secrets.Wait()
			var stored playground.Credential
			if text, ok := d.Secrets.Value("shop", "AWSCURRENT"); !ok || json.Unmarshal([]byte(text), &stored) != nil {
				t.Fatalf("crash at call %d, applied %t: AWSCURRENT has no document", n, applied)
			}
			if !d.PingOne.Authenticates(app.Environment, app.ClientID, stored.ClientSecret) || stored.ClientSecret != app.Secret {
				t.Errorf("crash at call %d, applied %t: AWSCURRENT does not hold the secret that the application had", n, applied)
			}
			if mints := d.PingOne.Mints(app.Environment, app.ID); mints != 0 {
				t.Errorf("crash at call %d, applied %t: %d secrets were minted, want none", n, applied, mints)
			}
			crash()
		}
	}
}

func TestAdoptWaitsForSecretsManagersTest(t *testing.T) {
	d := deploy(t, answered)
	app := d.Add("shop", "Identity Data Admin")
	adopt := d.adopting(t, app)
	held, release := make(chan struct{}), make(chan struct{})
	d.PingOne.Before(func(fault.Call) fault.Kind {
		select {
		case held <- struct{}{}: // the first call is that of the test
			<-release
		case <-release:
		}
		return fault.None
	})
	done := make(chan error, 1)
	go func() { done <- adopt(t.Context()) }()
	<-held
	late := time.NewTimer(300 * time.Millisecond)
	defer late.Stop()
	select {
	case err := <-done:
		t.Errorf("adopt ended during the test, with error %v", err)
	case <-late.C:
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAdoptGivesTheRotationItsWindow is T34: without one, a schedule's window lasts until
// the end of the day.
func TestAdoptGivesTheRotationItsWindow(t *testing.T) {
	for _, window := range []string{"", "3h"} {
		d := deploy(t, answered)
		app := d.Add("shop", "Identity Data Admin")
		if err := errors.Join(d.Know(app), d.Serve("shop", d.Document(app))); err != nil {
			t.Fatal(err)
		}
		args := []string{"adopt", "--secret", "shop", "--pingone-region", "NA", "--environment", app.Environment, "--client-id", app.ClientID, "--schedule", "cron(0 3 1 * ? *)"}
		if window != "" {
			args = append(args, "--window", window)
		}
		d.operate(t, args)
		d.Secrets.Wait()
		client := secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(d.Endpoints().SecretsManager), Region: "us-east-1",
			Credentials: credentials.NewStaticCredentialsProvider("test", "made-up", ""),
		})
		got, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("shop")})
		if err != nil {
			t.Fatal(err)
		}
		if rules := got.RotationRules; aws.ToString(rules.Duration) != window || aws.ToString(rules.ScheduleExpression) != "cron(0 3 1 * ? *)" {
			t.Errorf("--window %q: got the window %q of %q", window, aws.ToString(rules.Duration), aws.ToString(rules.ScheduleExpression))
		}
	}
}

func TestAdoptMarksTheApplicationThatIsAllowedByItsMark(t *testing.T) {
	d := deploy(t, answered)
	app := d.Add("shop", "Identity Data Admin")
	if err := errors.Join(d.Know(app), d.Allow(fmt.Sprintf(`{"secret": "shop", "environmentId": %q, "applications": "marked"}`, app.Environment))); err != nil {
		t.Fatal(err)
	}
	err := d.adoptingAs(t, app, false)(t.Context())
	if err == nil || !strings.Contains(err.Error(), "was not made or changed") || !strings.Contains(err.Error(), app.ID) {
		t.Errorf("without the mark: got %v, want that the application is not allowed", err)
	}
	for range 2 { // it may be repeated
		if err := d.adoptingAs(t, app, true)(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.Secrets.Wait()
	if text, ok := d.Secrets.Value("shop", "AWSCURRENT"); !ok || !strings.Contains(text, app.Secret) {
		t.Error("the secret does not hold the application's")
	}
}
