package playground

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/internal/statestest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/statemachine"
)

// A Sandbox is a world with more of AWS around it, for the operator's command, aws and sam.
// The billing secret can be rotated; a rotation of the orders secret waits for the steps in
// events/; the shipping application has no secret yet.
type Sandbox struct {
	*World
	Shipping pingonetest.Application

	cloud    *Cloud
	function *function          // nil without a program
	states   *statestest.Server // nil without a program
}

// CampaignMachine is the ARN of the state machine for campaigns. sandboxTopic is that of
// the topic through which it reaches people.
const (
	CampaignMachine = "arn:aws:states:us-east-1:" + sandboxAccount + ":stateMachine:" + runtimetest.FunctionName + "-campaign"
	sandboxTopic    = "arn:aws:sns:us-east-1:" + sandboxAccount + ":" + runtimetest.FunctionName + "-alarms"
)

// StartSandbox starts a sandbox at the addresses. Now is the clock, as in [Start]. The
// program is that of the function; if it is empty, nothing rotates. Tell is called with a
// line for each call of a service and each step of the function.
func StartSandbox(ctx context.Context, at Addresses, now func() time.Time, program string, tell func(line string)) (*Sandbox, error) {
	w, err := Start(at, now)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{World: w}
	if err := s.populate(ctx, program, tell); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.cloud.Start(at.Cloud); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) populate(ctx context.Context, program string, tell func(line string)) error {
	show := func(c fault.Call, _ fault.Kind) { tell(fmt.Sprintf("%s %s %q", c.Service, c.Operation, c.Target)) }
	s.Secrets.After(show)
	denied := func(c fault.Call) fault.Kind {
		if c.Trace == deniedKey {
			return fault.Denied
		}
		return fault.None
	}
	s.Secrets.Before(denied)
	s.PingOne.After(show)
	s.Register.After(show)
	s.Register.Before(denied)

	billing := s.Add("billing API", "Identity Data Admin")
	s.Secrets.Put(BillingSecret, s.Document(billing))
	s.Shipping = s.Add("shipping API", "Identity Data Admin")
	err := errors.Join(
		s.Serve(BillingSecret, s.Document(billing)),
		s.Serve(ShippingSecret, s.Document(s.Shipping)),
		// What new creates here may have no more than this role.
		s.Allow(fmt.Sprintf(`{"secret": "pingone/*", "environmentId": %q, "applications": "marked",
			"configure": {"create": true, "roles": [{"role": "Identity Data Admin", "scope": %[1]q}]}}`, s.Shipping.Environment)),
		// What trial attaches to the function.
		s.Allow(fmt.Sprintf(`{"secret": "pingrotate-conformance-*-scheduled", "environmentId": %q, "applications": "marked"}`, s.Shipping.Environment)),
		s.Know(billing, s.Secrets.ARN(BillingSecret)), s.Know(s.Shipping))
	if err != nil {
		return err
	}
	s.cloud = &Cloud{Lines: func() []LogLine { return nil }, Show: tell}
	invoke := func(context.Context, []byte) error {
		tell("secretsmanager cannot invoke the function, which the sandbox runs without; see pingrotate sandbox --help")
		return errors.New("no function")
	}
	if program != "" {
		var err error
		if s.function, err = startFunction(ctx, program, s.World, func(st Step) { tell(st.line()) }); err != nil {
			return err
		}
		invoke = func(ctx context.Context, event []byte) error { _, err := s.function.Invoke(ctx, event); return err }
		s.cloud.Invoke, s.cloud.Lines = s.function.InvokeThrough, s.function.log.written
		s.cloud.Aliases = []string{rotation.OperateAlias}
		s.states = &statestest.Server{Invoke: s.function.InvokeThrough, Publish: func(subject, message string) {
			tell(fmt.Sprintf("sns Publish %q %q", subject, message))
		}}
		s.cloud.States = s.states
		stack := statemachine.Stack{Partition: "aws", FunctionARN: runtimetest.FunctionARN + ":" + rotation.OperateAlias, TopicARN: sandboxTopic}
		if err := s.states.Add(CampaignMachine, stack.Campaign()); err != nil {
			return err
		}
		s.cloud.Settings = map[string]string{}
		for _, v := range s.World.Endpoints().Function() {
			s.cloud.Settings[v.Name] = v.Value
		}
	}
	s.Secrets.AddFunction(runtimetest.FunctionARN, invoke)
	s.Secrets.EnableRotation(BillingSecret, runtimetest.FunctionARN)
	s.Secrets.EnableRotation(OrdersSecret, runtimetest.FunctionARN)
	return s.Secrets.BeginAs(OrdersSecret, EventToken, EventRotationToken)
}

// Endpoints returns where the services are.
func (s *Sandbox) Endpoints() Endpoints {
	e := s.World.Endpoints()
	e.Cloud = s.cloud.URL()
	return e
}

// Rotates reports whether there is a function.
func (s *Sandbox) Rotates() bool { return s.function != nil }

// Close ends the function before the services that it calls.
func (s *Sandbox) Close() {
	if s.cloud != nil {
		s.cloud.Close()
	}
	if s.states != nil {
		s.states.Close()
	}
	if s.function != nil {
		s.function.Close()
	}
	s.World.Close()
}
