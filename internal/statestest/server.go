package statestest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is Step Functions in one account and Region. The zero value has no state
// machine.
type Server struct {
	// Invoke invokes a function through a qualifier.
	Invoke func(ctx context.Context, qualifier string, event []byte) ([]byte, error)
	// Publish takes the messages for people. It may be nil.
	Publish func(subject, message string)

	mu         sync.Mutex
	machines   map[string]*program // by ARN
	executions []*execution        // the oldest first
}

// Add adds a state machine. The error says what in its definition is not implemented.
func (s *Server) Add(arn, definition string) error {
	p, err := parse(definition)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machines == nil {
		s.machines = map[string]*program{}
	}
	s.machines[arn] = p
	return nil
}

// Close stops all executions, as a kill would: none takes another step.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.executions {
		e.stop()
	}
}

func executionARN(machine, name string) string {
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
}

func (s *Server) tell(subject, message string) {
	if s.Publish != nil {
		s.Publish(subject, message)
	}
}

// invoke is Step Functions' Lambda integration.
func (s *Server) invoke(life context.Context, parameters map[string]any) (any, *failure) {
	event, err := json.Marshal(parameters["Payload"])
	if err != nil {
		return nil, runtimeFailure("%v", err)
	}
	function := strings.Split(fmt.Sprint(parameters["FunctionName"]), ":")
	qualifier := ""
	if len(function) == 8 {
		qualifier = function[7]
	}
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := s.Invoke(context.WithoutCancel(life), qualifier, event)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			return nil, &failure{"Lambda.Unknown", a.err.Error()}
		}
		var payload any
		if err := json.Unmarshal(a.text, &payload); err != nil {
			return nil, &failure{"Lambda.Unknown", "the answer is no JSON"}
		}
		return map[string]any{"Payload": payload}, nil
	case <-life.Done():
		return nil, &failure{"States.Timeout", "no answer"}
	}
}

// A refusal is an error of the API.
type refusal struct{ kind, message string }

func (r *refusal) Error() string { return r.kind + ": " + r.message }

func refuse(kind, message string) error { return &refusal{kind, message} }

// Serve answers a call of the API. The operation is what follows "AWSStepFunctions." in
// X-Amz-Target. See the Step Functions API reference.
func (s *Server) Serve(w http.ResponseWriter, operation string, body []byte) {
	answer, err := s.answer(operation, body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if r, ok := errors.AsType[*refusal](err); ok {
		w.Header().Set("X-Amzn-ErrorType", r.kind)
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": r.kind, "message": r.message}
	}
	json.NewEncoder(w).Encode(answer)
}

type request struct {
	StateMachineArn, ExecutionArn, Name, Input, StatusFilter string
	TaskToken, Output, Error, Cause, NextToken               string
	MaxResults                                               int
	ReverseOrder                                             bool
	IncludeExecutionData                                     *bool
}

func (s *Server) answer(operation string, body []byte) (any, error) {
	var in request
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return nil, refuse("ValidationException", err.Error())
	}
	switch operation {
	case "StartExecution":
		return s.start(in)
	case "ListExecutions":
		return s.list(in)
	case "SendTaskSuccess", "SendTaskFailure":
		return s.send(operation, in)
	}
	e, err := s.find(in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	switch operation {
	case "DescribeExecution":
		return e.describe(), nil
	case "GetExecutionHistory":
		return e.history(in), nil
	case "StopExecution":
		e.stop()
		return map[string]any{"stopDate": seconds(time.Now())}, nil
	}
	return nil, refuse("UnknownOperationException", "the sandbox does not play "+operation)
}

func (s *Server) start(in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.machines[in.StateMachineArn]
	if p == nil {
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '"+in.StateMachineArn+"'")
	}
	if len(in.Name) == 0 || len(in.Name) > 80 || strings.ContainsAny(in.Name, " <>{}[]?*\"#%\\^|~`$&,;:/") {
		return nil, refuse("InvalidName", "Invalid Name: '"+in.Name+"'")
	}
	for _, e := range s.executions {
		if e.machine == in.StateMachineArn && e.name == in.Name {
			e.mu.Lock()
			running := e.status == "RUNNING"
			e.mu.Unlock()
			if running && e.input == in.Input {
				return started(e), nil
			}
			return nil, refuse("ExecutionAlreadyExists", "Execution Already Exists: '"+e.arn()+"'")
		}
	}
	life, stop := context.WithCancelCause(context.Background())
	e := &execution{
		server: s, machine: in.StateMachineArn, name: in.Name, input: in.Input, status: "RUNNING", begun: time.Now(), waits: map[string]chan answer{},
		life: life, stop: func() { stop(errStopped) },
	}
	e.context = map[string]any{"Execution": map[string]any{"Name": e.name, "Id": e.arn(), "StartTime": e.begun.UTC().Format("2006-01-02T15:04:05.000Z")}}
	s.executions = append(s.executions, e)
	go e.carry(p)
	return started(e), nil
}

func started(e *execution) any {
	return map[string]any{"executionArn": e.arn(), "startDate": seconds(e.begun)}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Server) find(arn string) (*execution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.executions, func(e *execution) bool { return e.arn() == arn })
	if i < 0 {
		return nil, refuse("ExecutionDoesNotExist", "Execution Does Not Exist: '"+arn+"'")
	}
	return s.executions[i], nil
}

func (s *Server) list(in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machines[in.StateMachineArn] == nil {
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '"+in.StateMachineArn+"'")
	}
	all := []any{}
	for _, e := range slices.Backward(s.executions) {
		if e.machine == in.StateMachineArn {
			d := e.describe()
			delete(d, "input")
			delete(d, "output")
			all = append(all, d)
		}
	}
	if in.MaxResults > 0 {
		all = all[:min(in.MaxResults, len(all))]
	}
	return map[string]any{"executions": all}, nil
}

func (e *execution) describe() map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := map[string]any{"executionArn": e.arn(), "stateMachineArn": e.machine, "name": e.name, "status": e.status, "startDate": seconds(e.begun), "input": e.input}
	if !e.ended.IsZero() {
		d["stopDate"] = seconds(e.ended)
	}
	switch e.status {
	case "SUCCEEDED":
		d["output"] = e.output
	case "FAILED":
		d["error"], d["cause"] = e.failed.Error, e.failed.Cause
	}
	return d
}

// history returns the parent's events of the kinds that the command reads: tasks that were
// scheduled, and states that were left.
func (e *execution) history(in request) any {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []any{}
	for i, ev := range e.events {
		out := map[string]any{"id": i + 1, "timestamp": seconds(ev.at), "type": ev.kind}
		if ev.kind == "TaskScheduled" {
			out["taskScheduledEventDetails"] = map[string]any{"resourceType": "task", "resource": ev.state, "region": "us-east-1", "parameters": ev.text}
		} else {
			out["type"] = "TaskStateExited"
			out["stateExitedEventDetails"] = map[string]any{"name": ev.state, "output": ev.text}
		}
		all = append(all, out)
	}
	if in.ReverseOrder {
		slices.Reverse(all)
	}
	if in.MaxResults > 0 {
		all = all[:min(in.MaxResults, len(all))]
	}
	return map[string]any{"events": all}
}

func (s *Server) send(operation string, in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.executions {
		e.mu.Lock()
		answered := e.waits[in.TaskToken]
		e.mu.Unlock()
		if answered == nil {
			continue
		}
		a := answer{}
		if operation == "SendTaskFailure" {
			a.failed = &failure{in.Error, in.Cause}
		} else if json.Unmarshal([]byte(in.Output), &a.output) != nil {
			return nil, refuse("InvalidOutput", "Invalid Output")
		}
		select {
		case answered <- a:
			return map[string]any{}, nil
		default: // it has been answered
		}
	}
	return nil, refuse("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}
