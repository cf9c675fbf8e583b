package statestest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"
)

// An execution is one run of a state machine.
type execution struct {
	server               *Server
	machine, name, input string
	status, output       string // JSON
	failed               failure
	begun, ended         time.Time
	context              map[string]any // the context object, $$
	life                 context.Context
	stop                 context.CancelFunc
	waits                map[string]chan answer // by task token
	events               []event                // of the parent only
	mu                   sync.Mutex
}

// An event is an entry of the history, of a kind that the command reads.
type event struct {
	at                time.Time
	kind, state, text string // the text is a state's output, or a task's parameters
}

type answer struct {
	output any
	failed *failure
}

// errStopped is the cause of a life that ended before the execution.
var errStopped = errors.New("stopped")

func (e *execution) arn() string {
	return executionARN(e.machine, e.name)
}

func (e *execution) note(kind, state string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came from JSON
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event{time.Now(), kind, state, string(text)})
}

// carry runs the execution to its end.
func (e *execution) carry(p *program) {
	var input any
	failed := (*failure)(nil)
	if err := json.Unmarshal([]byte(e.input), &input); err != nil {
		failed = runtimeFailure("the input is no JSON")
	}
	life, cancel := e.life, context.CancelFunc(func() {})
	if p.TimeoutSeconds > 0 {
		life, cancel = context.WithTimeout(e.life, time.Duration(p.TimeoutSeconds)*time.Second)
	}
	defer cancel()
	var output any
	if failed == nil {
		output, failed = e.run(life, p, input, e.context, e)
	}
	text, err := json.Marshal(output)
	if err != nil {
		panic(err) // it came from JSON
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = time.Now()
	switch {
	case context.Cause(e.life) != nil:
		e.status = "ABORTED"
	case life.Err() != nil:
		e.status = "TIMED_OUT"
	case failed != nil:
		e.status, e.failed = "FAILED", *failed
	default:
		e.status, e.output = "SUCCEEDED", string(text)
	}
}

// run runs a program. Only the parent's history is kept: noted is nil for items and
// branches.
func (e *execution) run(life context.Context, p *program, input any, about map[string]any, noted *execution) (any, *failure) {
	for name := p.StartAt; ; {
		if life.Err() != nil {
			return nil, &failure{"States.Timeout", "the execution was ended"}
		}
		s := p.States[name]
		output, next, f := e.step(life, name, s, input, about, noted)
		if f != nil {
			return nil, f
		}
		if noted != nil {
			noted.note("StateExited", name, output)
		}
		if s.End && next == "" || s.Type == "Succeed" {
			return output, nil
		}
		if name, input = next, output; name == "" {
			name = s.Next
		}
	}
}

// step runs one state, with its retries and catchers.
func (e *execution) step(life context.Context, name string, s *state, input any, about map[string]any, noted *execution) (output any, next string, f *failure) {
	tried := make([]int, len(s.Retry))
	for {
		output, next, f = e.once(life, name, s, input, about, noted)
		if f == nil || life.Err() != nil {
			return output, next, f
		}
		i := slices.IndexFunc(s.Retry, func(r *retrier) bool { return f.matches(r.ErrorEquals) })
		if i >= 0 && tried[i] < s.Retry[i].MaxAttempts {
			pause := s.Retry[i].pause(tried[i])
			tried[i]++
			sleep(life, pause)
			continue
		}
		for _, c := range s.Catch {
			if f.matches(c.ErrorEquals) {
				placed, bad := place(input, map[string]any{"Error": f.Error, "Cause": f.Cause}, c.ResultPath)
				return placed, c.Next, bad
			}
		}
		return nil, "", f
	}
}

func (r *retrier) pause(tried int) time.Duration {
	seconds := r.IntervalSeconds
	for range tried {
		seconds *= max(r.BackoffRate, 1)
	}
	if r.MaxDelaySeconds > 0 {
		seconds = min(seconds, r.MaxDelaySeconds)
	}
	if r.JitterStrategy == "FULL" {
		seconds *= mathrand.Float64()
	}
	return time.Duration(seconds * float64(time.Second))
}

func sleep(life context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-life.Done():
	}
}

func (e *execution) once(life context.Context, name string, s *state, input any, about map[string]any, noted *execution) (output any, next string, f *failure) {
	result := input
	switch s.Type {
	case "Succeed":
		return input, "", nil
	case "Fail":
		cause := ""
		if s.CausePath != "" {
			v, f := evaluate(s.CausePath, input, about)
			if f != nil {
				return nil, "", f
			}
			cause = fmt.Sprint(v)
		}
		return nil, "", &failure{s.Error, cause}
	case "Choice":
		for _, c := range s.Choices {
			if ok, f := c.holds(input, about); f != nil || ok {
				return input, c.Next, f
			}
		}
		return input, s.Default, nil
	case "Wait":
		v, f := evaluate(s.SecondsPath, input, about)
		if f != nil {
			return nil, "", f
		}
		seconds, ok := v.(float64)
		if !ok || seconds < 0 || seconds != float64(int(seconds)) {
			return nil, "", runtimeFailure("%s: %v is no number of seconds", name, v)
		}
		sleep(life, time.Duration(seconds)*time.Second)
		return input, "", nil
	case "Pass":
		switch {
		case len(s.Result) > 0:
			json.Unmarshal(s.Result, &result) // it was decoded before
		case len(s.Parameters) > 0:
			result, f = fill(s.Parameters, input, about)
		}
	case "Task":
		result, f = e.task(life, name, s, input, about, noted)
	case "Parallel":
		result, f = e.parallel(life, s, input, about)
	case "Map":
		result, f = e.distribute(life, s, input, about)
	}
	if f == nil && len(s.ResultSelector) > 0 {
		result, f = fill(s.ResultSelector, result, about)
	}
	if f == nil {
		output, f = place(input, result, s.ResultPath)
	}
	if f == nil && s.OutputPath != "" {
		output, f = evaluate(s.OutputPath, output, about)
	}
	return output, "", f
}

// parallel runs the branches of a Parallel state. It ends at the first failure and abandons
// the other branches.
func (e *execution) parallel(life context.Context, s *state, input any, about map[string]any) (any, *failure) {
	life, done := context.WithCancel(life)
	defer done()
	results := make([]any, len(s.Branches))
	failures := make(chan *failure, len(s.Branches))
	for i, b := range s.Branches {
		go func() {
			var f *failure
			results[i], f = e.run(life, b, input, about, nil)
			failures <- f
		}()
	}
	for range s.Branches {
		if f := <-failures; f != nil {
			return nil, f
		}
	}
	return results, nil
}

// distribute runs a Distributed Map.
func (e *execution) distribute(life context.Context, s *state, input any, about map[string]any) (any, *failure) {
	number := func(path string, otherwise int) (int, *failure) {
		if path == "" {
			return otherwise, nil
		}
		v, f := evaluate(path, input, about)
		n, ok := v.(float64)
		if f == nil && !ok {
			f = runtimeFailure("%s is no number", path)
		}
		return int(n), f
	}
	items, f := evaluate(s.ItemsPath, input, about)
	if f != nil {
		return nil, f
	}
	width, f := number(s.MaxConcurrencyPath, 0)
	if f != nil {
		return nil, f
	}
	tolerated, f := number(s.ToleratedFailureCountPath, s.ToleratedFailureCount)
	if f != nil {
		return nil, f
	}
	all, ok := items.([]any)
	if !ok {
		return nil, runtimeFailure("%s is no list", s.ItemsPath)
	}
	if width == 0 {
		width = len(all)
	}
	var mu sync.Mutex
	failed, next := 0, 0
	var results []any
	var places sync.WaitGroup
	for range min(width, len(all)) {
		places.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				over := i >= len(all) || failed > tolerated || life.Err() != nil
				mu.Unlock()
				if over {
					return
				}
				result, f := e.item(life, s, input, all[i], about)
				mu.Lock()
				if f != nil {
					failed++
				} else {
					results = append(results, result)
				}
				mu.Unlock()
			}
		})
	}
	places.Wait()
	if failed > tolerated {
		return nil, &failure{"States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded"}
	}
	return results, nil
}

func (e *execution) item(life context.Context, s *state, input, value any, about map[string]any) (any, *failure) {
	context := map[string]any{"Map": map[string]any{"Item": map[string]any{"Value": value}}}
	for key, v := range about {
		context[key] = v
	}
	if len(s.ItemSelector) > 0 {
		var f *failure
		if value, f = fill(s.ItemSelector, input, context); f != nil {
			return nil, f
		}
	}
	return e.run(life, s.ItemProcessor, value, context, nil)
}

// task invokes the function or publishes a message, and waits for an answer to its token if
// the state says so.
func (e *execution) task(life context.Context, name string, s *state, input any, about map[string]any, noted *execution) (any, *failure) {
	if s.TimeoutSeconds > 0 {
		var cancel context.CancelFunc
		life, cancel = context.WithTimeout(life, time.Duration(s.TimeoutSeconds)*time.Second)
		defer cancel()
	}
	token, answered := rand.Text(), make(chan answer, 1)
	with := map[string]any{"Task": map[string]any{"Token": token}}
	for key, v := range about {
		with[key] = v
	}
	parameters, f := fill(s.Parameters, input, with)
	if f != nil {
		return nil, f
	}
	asks := s.Resource == publish+waiting
	if asks {
		e.mu.Lock()
		e.waits[token] = answered
		e.mu.Unlock()
		defer func() {
			e.mu.Lock()
			delete(e.waits, token)
			e.mu.Unlock()
		}()
	}
	if noted != nil {
		noted.note("TaskScheduled", name, parameters)
	}
	p := parameters.(map[string]any)
	if s.Resource == invoke {
		return e.server.invoke(life, p)
	}
	e.server.tell(fmt.Sprint(p["Subject"]), fmt.Sprint(p["Message"]))
	if !asks {
		return map[string]any{"MessageId": token}, nil
	}
	select {
	case a := <-answered:
		return a.output, a.failed
	case <-life.Done():
		return nil, &failure{"States.Timeout", "no answer"}
	}
}
