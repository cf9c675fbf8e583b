package main

import (
	"errors"
	"testing"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/internal/runtimetest"
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

func TestInvocationOutlastsTheLongestFunction(t *testing.T) {
	if invocationLimit <= 900*time.Second {
		t.Errorf("got a limit of %v, want more than a function may take", invocationLimit)
	}
}

func TestFunctionsErrorIsItsMessage(t *testing.T) {
	for payload, want := range map[string]string{
		`{"errorMessage":"read the event: field secretId: must be the name or ARN of a secret","errorType":"errorString"}`: "the function: read the event: field secretId: must be the name or ARN of a secret",
		`{"errorMessage":"2026 Task timed out after 60.00 seconds"}`:                                                       "the function: 2026 Task timed out after 60.00 seconds (it is not known whether it was carried out); raise its timeout, and repeat the command",
		`{"errorMessage":"exit status 1","errorType":"Runtime.ExitError"}`:                                                 "the function: Runtime.ExitError: exit status 1 (it is not known whether it was carried out); look at its log",
		`null`: "the function failed without a message (it is not known whether it was carried out); look at its log",
		`<`:    "the function failed without a message (it is not known whether it was carried out); look at its log",
	} {
		if got := remedy.Text(functionError([]byte(payload))); got != want {
			t.Errorf("%s: got %q, want %q", payload, got, want)
		}
	}
}
