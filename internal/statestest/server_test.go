package statestest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/statemachine"
)

const machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"

// TestItPlaysTheProjectsStateMachinesAndRefusesWhatItDoesNotKnow adds the project's state
// machines, and then each with one thing that the interpreter does not play.
func TestItPlaysTheProjectsStateMachinesAndRefusesWhatItDoesNotKnow(t *testing.T) {
	stack := statemachine.Stack{Partition: "aws", FunctionARN: "f", TopicARN: "t"}
	for _, definition := range []string{stack.Campaign(), stack.Audit()} {
		if err := new(Server).Add(machine, definition); err != nil {
			t.Error(err)
		}
		for old, changed := range map[string]string{
			`"Type": "Wait"`:            `"Type": "Wait", "Seconds": 1`,
			`"Type": "Map"`:             `"Type": "Map", "ItemBatcher": {}`,
			`lambda:invoke"`:            `sqs:sendMessage"`,
			`"Mode": "DISTRIBUTED"`:     `"Mode": "INLINE"`,
			`"Next": "What comes next"`: `"Next": "Nowhere"`,
		} {
			if !strings.Contains(definition, old) {
				t.Fatalf("the definition has no %s", old)
			}
			if err := new(Server).Add(machine, strings.Replace(definition, old, changed, 1)); err == nil {
				t.Errorf("%s is taken", changed)
			}
		}
	}
}

// play runs a definition in simulated time, and returns how it ended and after how long.
func play(t *testing.T, definition, input string, invoke func(n int) ([]byte, error)) (out struct{ Status, Output, Error, Cause string }, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var mu sync.Mutex
		s := &Server{Invoke: func(context.Context, string, []byte) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			n++
			return invoke(n)
		}}
		if err := s.Add(machine, definition); err != nil {
			t.Fatal(err)
		}
		call := func(operation string, in map[string]any) {
			body, _ := json.Marshal(in)
			w := httptest.NewRecorder()
			s.Serve(w, operation, body)
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
				t.Fatalf("%s: %s", operation, w.Body)
			}
		}
		begun := time.Now()
		call("StartExecution", map[string]any{"stateMachineArn": machine, "name": "n", "input": input})
		for out.Status == "" || out.Status == "RUNNING" {
			time.Sleep(time.Second)
			call("DescribeExecution", map[string]any{"executionArn": executionARN(machine, "n")})
		}
		took = time.Since(begun)
		s.Close()
	})
	return out, took
}

const retried = `{"StartAt": "T", "States": {
	"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload": {}}, "ResultSelector": {"n.$": "$.Payload.n"},
		"Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 2}],
		"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "C"}], "End": true},
	"C": {"Type": "Pass", "End": true}}}`

func TestRetriesBackOffAndThenTheCatcherTakesOver(t *testing.T) {
	fails := func(times int) func(int) ([]byte, error) {
		return func(n int) ([]byte, error) {
			if n <= times {
				return nil, errors.New("boom")
			}
			return []byte(`{"n": 1}`), nil
		}
	}
	out, took := play(t, retried, `{}`, fails(2))
	if out.Status != "SUCCEEDED" || out.Output != `{"n":1}` || took < 30*time.Second || took > 32*time.Second {
		t.Errorf("got %+v after %v, want success after 10 and 20 s", out, took)
	}
	if out, _ = play(t, retried, `{"a":1}`, fails(9)); out.Status != "SUCCEEDED" || out.Output != `{"a":1,"e":{"Cause":"boom","Error":"Lambda.Unknown"}}` {
		t.Errorf("got %+v, want the catcher's", out)
	}
}

const mapped = `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrencyPath": "$.width", "ToleratedFailureCountPath": "$.tolerated",
	"ItemSelector": {"s.$": "$$.Map.Item.Value.s", "bad.$": "$$.Map.Item.Value.bad"}, "ResultPath": null, "End": true,
	"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "W", "States": {
		"W": {"Type": "Wait", "SecondsPath": "$.s", "Next": "C"},
		"C": {"Type": "Choice", "Choices": [{"Variable": "$.bad", "BooleanEquals": true, "Next": "F"}], "Default": "S"},
		"F": {"Type": "Fail", "Error": "Bad"}, "S": {"Type": "Succeed"}}}}}}`

func TestAMapHasSoManyPlacesAndToleratesSoManyFailures(t *testing.T) {
	items := func(width, tolerated string) string {
		return `{"width":` + width + `,"tolerated":` + tolerated + `,"items":[` + strings.Repeat(`{"s":10,"bad":true},`, 2) + strings.Repeat(`{"s":10,"bad":false},`, 7) + `{"s":10,"bad":false}]}`
	}
	out, took := play(t, mapped, items("2", "2"), nil)
	if out.Status != "SUCCEEDED" || took < 50*time.Second || took > 52*time.Second {
		t.Errorf("got %s after %v, want success after five rounds", out.Status, took)
	}
	out, took = play(t, mapped, items("2", "0"), nil)
	if out.Status != "FAILED" || out.Error != "States.ExceedToleratedFailureThreshold" || took > 12*time.Second {
		t.Errorf("got %+v after %v, want a failure after the first round", out, took)
	}
}
