package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/internal/statestest"
	"pingrotate/internal/waves"
	"pingrotate/rotation"
	"pingrotate/statemachine"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// withStates gives a deployment the state machine for campaigns, and returns the
// operations of Step Functions that are called.
func (d *deployment) withStates(t *testing.T) (called func() []string) {
	t.Helper()
	s := &statestest.Server{Invoke: d.cloud.Invoke}
	t.Cleanup(s.Close)
	stack := statemachine.Stack{Partition: "aws", FunctionARN: runtimetest.FunctionARN + ":" + rotation.OperateAlias, TopicARN: "arn:aws:sns:us-east-1:123456789012:alarms"}
	if err := s.Add(playground.CampaignMachine, stack.Campaign()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	made := map[string]bool{}
	d.cloud.States = s
	d.cloud.Show = func(operation string) {
		if name, ok := strings.CutPrefix(operation, "states "); ok {
			mu.Lock()
			defer mu.Unlock()
			made["states:"+name] = true
		}
	}
	t.Setenv("AWS_ENDPOINT_URL_SFN", d.cloud.URL())
	return func() (all []string) {
		mu.Lock()
		defer mu.Unlock()
		for name := range made {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
}

// say runs a command, and returns what it wrote.
func (d *deployment) say(t *testing.T, args ...string) (string, error) {
	t.Helper()
	p, _ := quietly(aws.Config{})
	var out bytes.Buffer
	p.out = &out
	root := newRoot(p)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return strings.TrimSpace(out.String()), err
}

// TestWhoStartsCampaignsNeedsWhatThePageSays runs what there is for campaigns, and compares
// the calls with the policy.
func TestWhoStartsCampaignsNeedsWhatThePageSays(t *testing.T) {
	d := deploy(t, answered)
	called := d.withStates(t)
	d.operate(t) // sets the operator's variables
	must := func(args ...string) string {
		t.Helper()
		said, err := d.say(t, args...)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return said
	}
	waiting := func(id string) {
		t.Helper()
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for range 1000 {
			if strings.Contains(must("campaign", "show", id), "waits for campaign approve") {
				return
			}
			<-again.C
		}
		t.Fatal("the campaign asks no one")
	}
	id := must("rotate", playground.OrdersSecret, "--detach", "--canary", "1")
	waiting(id)
	must("campaign", "approve", id)
	if said := must("campaign", "watch", id); !strings.Contains(said, "promoted  1") && !strings.Contains(said, "promoted") {
		t.Errorf("got %q", said)
	}
	second := must("campaign", "redrive", id)
	waiting(second)
	must("campaign", "stop", second, "--yes")
	if _, err := d.say(t, "campaign", "watch", second); err == nil || !strings.Contains(err.Error(), "stopped by ") {
		t.Errorf("got %v, want the campaign to be stopped", err)
	}
	must("campaign", "list")

	var allowed []string
	for _, s := range policies(t)["campaigns"].Statement {
		allowed = append(allowed, s.Action...)
	}
	slices.Sort(allowed)
	if got := called(); !slices.Equal(got, allowed) {
		t.Errorf("the command calls %q, the policy allows %q", got, allowed)
	}
}

// TestAQuestionThatWasAnsweredIsNotOpen: the history keeps the token.
func TestAQuestionThatWasAnsweredIsNotOpen(t *testing.T) {
	asked := types.HistoryEvent{TaskScheduledEventDetails: &types.TaskScheduledEventDetails{Parameters: aws.String(`{"MessageAttributes":{"TaskToken":{"StringValue":"token"}}}`)}}
	plan := types.HistoryEvent{StateExitedEventDetails: &types.StateExitedEventDetails{Name: aws.String("Plan"), Output: aws.String(`{"plan":{"phase":"confirm","memory":{"planned":3}}}`)}}
	for _, c := range []struct {
		name    string
		status  types.ExecutionStatus
		events  []types.HistoryEvent
		waiting bool
	}{
		{"asked", "RUNNING", []types.HistoryEvent{asked, plan}, true},
		{"answered", "RUNNING", []types.HistoryEvent{{StateExitedEventDetails: plan.StateExitedEventDetails}, asked, plan}, false},
		{"ended", "ABORTED", []types.HistoryEvent{asked, plan}, false},
	} {
		r := run{Status: c.status}
		r.follow(c.events)
		if r.Waiting != c.waiting || r.memory.Planned != 3 || r.Phase != waves.Confirm {
			t.Errorf("%s: got %+v", c.name, r)
		}
	}
}

// TestACampaignWithoutAStateMachineIsRunFromTheTerminal: what is said names the way.
func TestACampaignWithoutAStateMachineIsRunFromTheTerminal(t *testing.T) {
	d := deploy(t, answered)
	t.Setenv("AWS_ENDPOINT_URL_SFN", d.cloud.URL())
	d.operate(t)
	_, err := d.say(t, "rotate", "--all", "--yes", "--detach")
	var remedied interface{ Remedy() string }
	if err == nil || !errors.As(err, &remedied) || !strings.Contains(remedied.Remedy(), "rotate without --detach") {
		t.Errorf("got %v, want to hear of the other way", err)
	}
	if said, err := d.say(t, "rotate", "--all", "--yes"); err != nil || !strings.Contains(said, "promoted") {
		t.Errorf("from the terminal: got %q and %v", said, err)
	}
}
