package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/internal/waves"
	"pingrotate/rotation"
	"pingrotate/statemachine"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// A states is the stack's state machine for campaigns.
type states struct {
	*sfn.Client
	machine string // ARN
}

// states returns the state machine that belongs to the function.
func (a *account) states(ctx context.Context) (*states, error) {
	function, err := a.functionARN(ctx)
	if err != nil {
		return nil, err
	}
	machine := strings.Replace(strings.Replace(function, ":lambda:", ":states:", 1), ":function:", ":stateMachine:", 1) + "-campaign"
	return &states{sfn.NewFromConfig(a.cfg), machine}, nil
}

// explain says what to do about an error of a call that needs the permission.
func (s *states) explain(action, permission string, err error) error {
	if _, ok := errors.AsType[*types.StateMachineDoesNotExist](err); ok {
		return remedy.Errorf("deploy with the parameter Campaigns=true; or rotate from this terminal, by rotate without --detach",
			"%s: there is no state machine %s", action, s.machine)
	}
	if _, ok := errors.AsType[*types.ExecutionDoesNotExist](err); ok {
		return remedy.Errorf("pingrotate campaign list shows those that there are", "%s: there is no such campaign", action)
	}
	return advise(action, permission, err)
}

func (s *states) arn(id string) string {
	return strings.Replace(s.machine, ":stateMachine:", ":execution:", 1) + ":" + id
}

// begin starts an execution of a campaign, and returns its id. Where the campaign has had
// executions, a number tells this one from them.
func (s *states) begin(ctx context.Context, c waves.Campaign, input string) (id string, err error) {
	const most = 100
	id = c.ID()
	for n := 2; ; n++ {
		_, err := s.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &s.machine, Name: &id, Input: &input})
		if _, exists := errors.AsType[*types.ExecutionAlreadyExists](err); exists && n <= most {
			id = fmt.Sprintf("%s_%d", c.ID(), n)
			continue
		}
		if err != nil {
			return "", s.explain("start the campaign", "states:StartExecution", err)
		}
		return id, nil
	}
}

// A run is an execution of a campaign.
type run struct {
	ID       string                `json:"id"`
	Status   types.ExecutionStatus `json:"status"`
	Phase    waves.Phase           `json:"phase,omitempty"`
	Waiting  bool                  `json:"waiting"` // for a person
	Started  time.Time             `json:"started"`
	Ended    time.Time             `json:"ended,omitzero"`
	Campaign waves.Campaign        `json:"campaign"`

	input, token string
	memory       waves.Memory
}

func (r run) running() bool { return r.Status == types.ExecutionStatusRunning }

// find returns an execution, and how far it has come.
func (s *states) find(ctx context.Context, id string) (r run, err error) {
	start, err := waves.ParseID(id)
	if err != nil {
		return r, remedy.With(err, "pingrotate campaign list shows those that there are")
	}
	arn := s.arn(id)
	out, err := s.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		return r, s.explain("look for the campaign "+id, "states:DescribeExecution", err)
	}
	r = run{ID: id, Status: out.Status, Started: aws.ToTime(out.StartDate), Ended: aws.ToTime(out.StopDate), input: aws.ToString(out.Input)}
	if err := json.Unmarshal([]byte(r.input), &r.Campaign); err != nil || !r.Campaign.Start.Equal(start) {
		return r, fmt.Errorf("look for the campaign %s: its input is not that of a campaign with this start", id)
	}
	// The last plan is among the last events, whose number does not grow with the fleet.
	history, err := s.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, ReverseOrder: true, MaxResults: 100})
	if err != nil {
		return r, s.explain("look how far the campaign "+id+" has come", "states:GetExecutionHistory", err)
	}
	r.follow(history.Events)
	return r, nil
}

// follow reads the last events of the history, the newest first.
func (r *run) follow(events []types.HistoryEvent) {
	left := false
	for _, e := range events {
		if d := e.TaskScheduledEventDetails; d != nil && !left && r.token == "" && r.running() {
			r.token, r.Waiting = statemachine.Token(aws.ToString(d.Parameters))
		}
		d := e.StateExitedEventDetails
		if d == nil {
			continue
		}
		left = true // what was scheduled before has been answered
		var state struct {
			Plan struct {
				Phase  waves.Phase
				Memory waves.Memory
			}
		}
		if json.Unmarshal([]byte(aws.ToString(d.Output)), &state) == nil && state.Plan.Phase != "" {
			r.Phase, r.memory = state.Plan.Phase, state.Plan.Memory
			return
		}
	}
}

// tally asks the function how the campaign stands; stopped, where it is not "", stops it.
func (r run) tally(ctx context.Context, call campaign.Call, stopped string) (s waves.Summary, err error) {
	a := rotation.Action{Action: rotation.ActionTally, Campaign: &r.Campaign, Memory: r.memory}
	if stopped != "" {
		a.Action, a.Stopped = rotation.ActionHalt, stopped
	}
	raw, err := call(ctx, a)
	if err != nil {
		return s, err
	}
	return readJSON[waves.Summary](raw)
}

// campaignSummary returns a summary of the state machine's as the command's own engine has
// it.
func campaignSummary(s waves.Summary) campaign.Summary {
	sum := campaign.Summary{
		Start: s.Start, Secrets: s.Planned, Promoted: s.Promoted, Ended: s.Ended, Skipped: s.Skipped, Refused: s.Refused,
		Busy: s.Busy, Open: s.Open, Failed: s.Failed, Left: s.Left, Stopped: s.Stopped, LeftOut: s.OffNames, Names: s.Rotated,
	}
	if n := sum.Rotated(); n > 0 {
		sum.CallsPerRotation = float64(s.Calls) / float64(n)
	}
	for _, e := range s.Unwell {
		sum.Unwell = append(sum.Unwell, rotation.Report{SecretID: e.Secret, Outcome: rotation.Outcome(e.Outcome), Error: e.Error})
	}
	return sum
}
