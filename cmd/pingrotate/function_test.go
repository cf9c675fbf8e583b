package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func TestNoInvocationIsRepeatedBehindTheCallersBack(t *testing.T) {
	for _, broken := range []error{
		runtimetest.ErrTimedOut,
		&runtimetest.ExitError{Status: "signal: killed"},
		&runtimetest.FunctionError{Type: "errorString", Message: "boom"},
	} {
		invocations := 0
		d := deploy(t, func(func() ([]byte, error)) ([]byte, error) {
			invocations++
			return nil, broken
		})
		_, err := d.call(t.Context(), rotateOrders())
		if err == nil || invocations != 1 {
			t.Errorf("%v: got error %v after %d invocations, want one after 1", broken, err, invocations)
		}
		_, reported := errors.AsType[*runtimetest.FunctionError](broken)
		if errors.Is(err, campaign.ErrUnknown) == reported {
			t.Errorf("%v: got %v, want it to say whether it is known that the action was carried out", broken, err)
		}
	}
}

// TestACommandAndAFunctionOfDifferentVersionsSayWhichToUpgrade: before there was the alias
// operate, the function had none, and the command invoked the function itself.
func TestACommandAndAFunctionOfDifferentVersionsSayWhichToUpgrade(t *testing.T) {
	d := deploy(t, answered)
	if _, err := d.call(t.Context(), rotation.Action{Action: rotation.ActionAudit}); err != nil {
		t.Fatalf("both new: %v", err)
	}

	// The command of before: the same call without a qualifier.
	client := lambda.NewFromConfig(d.cfg)
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(defaultFunction), Payload: []byte(`{"action":"audit"}`)})
	if err != nil || out.FunctionError == nil {
		t.Fatalf("an old command: got %s, %v, want the function to refuse", out.Payload, err)
	}
	if got := remedy.Text(functionError(out.Payload)); !strings.Contains(got, "alias operate") || !strings.Contains(got, "upgrade it with make install") {
		t.Errorf("an old command: got %q, want it to name the upgrade", got)
	}

	d.cloud.Aliases = nil // the function of before
	_, err = d.call(t.Context(), rotation.Action{Action: rotation.ActionAudit})
	if err == nil || !strings.Contains(remedy.Text(err), "no alias operate") || !strings.Contains(remedy.Text(err), "make deploy, which also upgrades") {
		t.Errorf("an old function: got %v, want an error that names the upgrade", err)
	}
}

func TestInvocationOutlastsTheLongestFunction(t *testing.T) {
	if invocationLimit <= 900*time.Second {
		t.Errorf("got a limit of %v, want more than a function may take", invocationLimit)
	}
}

func TestFunctionsErrorIsItsMessage(t *testing.T) {
	for payload, want := range map[string]string{
		`{"errorMessage":"read the event: field secretId: must be the name or ARN of a secret","errorType":"errorString"}`:    "the function: read the event: field secretId: must be the name or ARN of a secret",
		`{"errorMessage":"read the event: field action: must be rotate, check, audit or rollback","errorType":"errorString"}`: "the function: read the event: field action: must be rotate, check, audit or rollback; the function is older than this command: deploy it anew, with make deploy",
		`{"errorMessage":"read the event: not an action such as those in events/: field lockOut is unknown"}`:                 "the function: read the event: not an action such as those in events/: field lockOut is unknown; the function is older than this command: deploy it anew, with make deploy",
		`{"errorMessage":"2026 Task timed out after 60.00 seconds"}`:                                                          "the function: 2026 Task timed out after 60.00 seconds (it is not known whether it was carried out); raise its timeout, and repeat the command",
		`{"errorMessage":"exit status 1","errorType":"Runtime.ExitError"}`:                                                    "the function: Runtime.ExitError: exit status 1 (it is not known whether it was carried out); look at its log",
		`null`: "the function failed without a message (it is not known whether it was carried out); look at its log",
		`<`:    "the function failed without a message (it is not known whether it was carried out); look at its log",
	} {
		if got := remedy.Text(functionError([]byte(payload))); got != want {
			t.Errorf("%s: got %q, want %q", payload, got, want)
		}
	}
}
