package playground

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"pingrotate/internal/remedy"
	"pingrotate/internal/runtimetest"
)

// A function is the Lambda function as a process.
type function struct {
	*runtimetest.Function
	log *functionLog
}

// startFunction starts the function for a world. What it logs about a step goes to tell or,
// if that is nil, to the caller of invoke.
func startFunction(ctx context.Context, program string, w *World, tell func(Step)) (*function, error) {
	log := &functionLog{now: w.now, tell: tell, steps: make(chan Step, 16)}
	var env []string
	for _, v := range w.Endpoints().Function() {
		env = append(env, v.Name+"="+v.Value)
	}
	f, err := runtimetest.Start(ctx, runtimetest.Config{Program: program, Env: env, Now: w.now, Output: log, Timeout: functionTimeout})
	if err != nil {
		return nil, remedy.With(err, "--rotator must name the program of cmd/rotator, built for this machine")
	}
	return &function{f, log}, nil
}

// functionTimeout is the template's default: an emergency of a client that is new to the
// register takes more than a minute.
const functionTimeout = 5 * time.Minute

func stepOf(event []byte) string {
	var e struct{ Step string }
	json.Unmarshal(event, &e) // the stand-in made it
	return e.Step
}

// invoke hands the event to the function and returns what it logged about it.
func (f *function) invoke(ctx context.Context, event []byte) (Step, error) {
	asked := stepOf(event)
	_, err := f.Invoke(ctx, event)
	if exit, ok := errors.AsType[*runtimetest.ExitError](err); ok {
		return Step{Step: asked, Ended: exit.Status}, err
	}
	if _, ok := errors.AsType[*runtimetest.FunctionError](err); err != nil && !ok {
		return Step{Step: asked, Error: err.Error()}, err
	}
	// The function wrote the line before its answer, but the line comes through a pipe.
	late := time.NewTimer(5 * time.Second)
	defer late.Stop()
	select {
	case s := <-f.log.steps:
		return s, err
	case <-late.C:
		return Step{Step: asked}, errors.Join(err, errors.New("the function logged nothing about "+asked))
	}
}
