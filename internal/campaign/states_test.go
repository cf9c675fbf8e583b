package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/statestest"
	"pingrotate/internal/waves"
	"pingrotate/pingone/pingonetest"
	"pingrotate/statemachine"
)

const fleetMachine = "arn:aws:states:us-east-1:123456789012:stateMachine:pingone-rotator-campaign"

// TestFleetByTheStateMachineReachesTheLimit has the state machine rotate the fleet, in
// simulated time, on the sandbox's interpreter.
func TestFleetByTheStateMachineReachesTheLimit(t *testing.T) {
	inFleet(t, *fleetSize, func(f *fleet) {
		f.ping.RateLimit(LicenceLimit)
		p := f.process()
		p.rotator.FunctionARN = fleetFunction
		s := &statestest.Server{Invoke: func(ctx context.Context, _ string, event []byte) ([]byte, error) {
			ctx, cancel := context.WithTimeout(ctx, p.timeout)
			defer cancel()
			report, err := p.rotator.Handle(ctx, event)
			if err != nil {
				return nil, err
			}
			return json.Marshal(report)
		}}
		defer s.Close()
		if err := s.Add(fleetMachine, statemachine.Stack{Partition: "aws", FunctionARN: fleetFunction + ":operate"}.Campaign()); err != nil {
			t.Fatal(err)
		}
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
		call := func(operation string, in any) (out struct{ ExecutionArn, Status, Output string }) {
			body, err := json.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			s.Serve(w, operation, body)
			if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &out) != nil {
				t.Fatalf("%s: %s", operation, w.Body)
			}
			return out
		}
		c := waves.Campaign{Start: time.Now().Truncate(time.Millisecond)}
		input, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		arn := call("StartExecution", map[string]string{"stateMachineArn": fleetMachine, "name": c.ID(), "input": string(input)}).ExecutionArn
		status := ""
		for status == "" || status == "RUNNING" {
			<-time.After(10 * time.Second)
			status = call("DescribeExecution", map[string]string{"executionArn": arn}).Status
		}
		f.ping.After(nil)
		var sum waves.Summary
		if err := json.Unmarshal([]byte(call("DescribeExecution", map[string]string{"executionArn": arn}).Output), &sum); err != nil || status != "SUCCEEDED" {
			t.Fatalf("got %s and %v", status, err)
		}
		if sum.Promoted != *fleetSize || f.limited.Load() > 0 {
			t.Errorf("got %+v and %d calls beyond the limit, want all promoted and none", sum, f.limited.Load())
		}
		f.mints(1, 1)
		perMinute := float64(sum.Promoted-1) / last.Sub(first).Minutes()
		cost := float64(sum.Calls) / float64(sum.Promoted)
		used := perMinute * cost / LicenceLimit
		least := 0.95
		if *fleetSize < 5000 {
			least = 0.8 // the first page finds out what a rotation costs
		}
		if used < least || used > 1 {
			t.Errorf("got %.3f of the limit, want %.2f to 1", used, least)
		}
		t.Log(strings.TrimSpace(fmt.Sprintf("%d secrets in %v: %.2f configuration calls a rotation, %.0f secrets an hour, %.3f of the limit",
			sum.Promoted, last.Sub(first).Round(time.Second), cost, 60*perMinute, used)))
	})
}
