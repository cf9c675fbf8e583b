package statemachine_test

import (
	"encoding/json"
	"flag"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/waves"
	"pingrotate/pingone/pingonetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// These tests run the state machines on an interpreter that others wrote: moto's, which is
// LocalStack's. Its tasks call http://localhost:$MOTO_PORT, where a proxy passes
// invocations to the function and the rest to moto.

var paced = flag.Int("paced", 147, "how many secrets are rotated at PingOne's own limit, two a second")

// TestMotoKeepsThePace rotates at PingOne's own limit. The interpreter needs a fraction of
// a second of processor time to begin an item, which shows on a busy machine.
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
	const least = 0.75 // package campaign shows the pace where the machine does not matter
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
	f.db.Age(tableName, time.Minute) // the announced act is over, and need not be waited for

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

// TestMotoWaitsForPingOne aims at more calls than PingOne allows.
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

// TestMotoAsksAPersonAfterTheCanaries checks that no other secret is touched before the
// answer.
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

// TestMotoEndsLeaks runs an emergency for named secrets, one of which is unknown: failures
// are tolerated.
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

// TestMotoLooksAtEverySecret audits more than one batch, the urgent secrets first.
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
