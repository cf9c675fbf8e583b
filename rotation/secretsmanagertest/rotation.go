package secretsmanagertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Invoke is one synchronous invocation of a rotation function with the JSON of its event.
// An error means what a function error means to the service: the step failed.
type Invoke func(ctx context.Context, event []byte) error

// Event is an event of a rotation that the service reports in CloudTrail. The names are
// RotationStarted, RotationSucceeded, RotationFailed, RotationAbandoned, and for a test of
// the settings TestRotationStarted, TestRotationSucceeded and TestRotationFailed.
type Event struct {
	Name      string
	VersionID string // the rotation's ClientRequestToken
	Time      time.Time
	Error     string // why it failed
}

// rotation is one rotation or, with test, one test of the rotation's settings.
// It stays the secret's rotation through failures until it ends.
type rotation struct {
	token, rotationToken string
	function             string
	test                 bool
	ended                string // "abandoned" or "cancelled", while its steps may still run
}

var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// AddFunction makes a rotation function known by its ARN.
func (s *Server) AddFunction(arn string, invoke Invoke) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[arn] = invoke
}

// EnableRotation configures the secret as RotateSecret would, without rotating.
func (s *Server) EnableRotation(name, functionARN string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	if s.functions[functionARN] == nil {
		s.journal.Misusef("secretsmanagertest: enable rotation of %s: no function %s", name, functionARN)
	}
	enable(sec, functionARN)
}

// Schedule gives the secret a schedule, as RotateSecret would, without rotating. The
// expression is one of RotationRulesType's.
func (s *Server) Schedule(name, expression string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	rules := &rotationRules{ScheduleExpression: expression}
	if err := rules.check(); err != nil {
		s.journal.Misusef("secretsmanagertest: schedule %s: %v", name, err)
	}
	sec.rules, sec.next = rules, rules.next(s.Now())
}

func enable(sec *secret, functionARN string) {
	on := true
	sec.rotationEnabled, sec.function = &on, functionARN
}

// Begin starts a rotation: it registers an empty version labelled AWSPENDING and
// returns its id. Like RotateSecret it turns rotation on, and refuses while an
// earlier rotation is incomplete.
func (s *Server) Begin(name string) (token string, err error) {
	token = newID()
	if err := s.BeginAs(name, token, newID()); err != nil {
		return "", err
	}
	return token, nil
}

// BeginAs is Begin with a given token and RotationToken, for events that are stored in
// files.
func (s *Server) BeginAs(name, token, rotationToken string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	if _, err := s.begin(sec, sec.function, token, rotationToken, false); err != nil {
		return fmt.Errorf("begin rotation of %s: %w", name, err)
	}
	return nil
}

func (s *Server) begin(sec *secret, function, token, rotationToken string, test bool) (*rotation, error) {
	now, waiting := sec.versions.holding(current), sec.versions.holding(pending)
	switch {
	case function == "":
		return nil, refuse("InvalidRequestException", msgNoFunction)
	case s.functions[function] == nil:
		return nil, refuse("AccessDeniedException", msgCannotInvoke)
	case waiting != nil && waiting != now:
		return nil, refuse("InvalidRequestException", msgIncomplete)
	}
	if err := s.room(sec); err != nil {
		return nil, err
	}
	s.changing(sec)
	enable(sec, function)
	v := s.add(sec, token)
	if test && now != nil {
		v.value = now.value
	}
	sec.versions.move(pending, v)
	sec.rotation = &rotation{token: token, rotationToken: rotationToken, function: function, test: test}
	s.kept = append(s.kept, sec.rotation.rotationToken)
	s.report(sec, sec.rotation, "Started", "")
	return sec.rotation, nil
}

func (s *Server) report(sec *secret, r *rotation, what, problem string) {
	name := "Rotation" + what
	if r.test {
		name = "Test" + name
	}
	sec.events = append(sec.events, Event{name, r.token, s.Now(), problem})
}

// abandon ends the rotation in progress because another version was stored from outside it.
func (s *Server) abandon(sec *secret) {
	r := sec.rotation
	if v := sec.versions.byID(r.token); v != nil && v.has(pending) {
		sec.versions.move(pending, nil)
	}
	sec.rotation, r.ended = nil, "abandoned"
	sec.events = append(sec.events, Event{"RotationAbandoned", r.token, s.Now(), ""})
}

// Attempt runs the four steps once for the rotation in progress, always from the first step
// and with the same token. It stops at the first failure and returns it as a [*StepError].
// It also plays the service's retry. If no rotation can continue it returns
// [ErrNoRotation]. Two attempts may overlap, as a retry overlaps an invocation that timed
// out.
func (s *Server) Attempt(ctx context.Context, name string) error {
	sec, r, err := s.inProgress(name)
	if err != nil {
		return err
	}
	return s.run(ctx, sec, r)
}

func (s *Server) inProgress(name string) (*secret, *rotation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	if r := sec.rotation; r != nil && !r.test {
		if v := sec.versions.byID(r.token); v != nil && (v.has(pending) || v.has(current)) {
			return sec, r, nil
		}
	}
	return nil, nil, fmt.Errorf("attempt rotation of %s: %w", name, ErrNoRotation)
}

// Rotate is Begin and then one Attempt. After a failure the caller plays the retry
// with Attempt.
func (s *Server) Rotate(ctx context.Context, name string) error {
	if _, err := s.Begin(name); err != nil {
		return err
	}
	return s.Attempt(ctx, name)
}

// run continues when the rotation is abandoned or cancelled meanwhile: the service does not
// promise to stop, so the function must notice.
func (s *Server) run(ctx context.Context, sec *secret, r *rotation) error {
	for _, step := range steps {
		if err := s.invoke(ctx, sec, r, step); err != nil {
			s.fail(sec, r, fmt.Sprintf(msgStepFailed, r.function, step))
			return &StepError{step, err}
		}
		if step != "createSecret" {
			continue
		}
		if problem := s.foreignWriter(sec, r); problem != "" {
			s.fail(sec, r, problem)
			return &StepError{step, errors.New(problem)}
		}
	}
	return s.complete(sec, r)
}

func (s *Server) invoke(ctx context.Context, sec *secret, r *rotation, step string) error {
	s.mu.Lock()
	function, event := s.functions[r.function], event(sec, r, step)
	s.mu.Unlock()
	s.journal.Notef("secretsmanager invokes %s for %s, version %s", step, sec.name, r.token)
	err := function(ctx, event)
	if err != nil {
		s.journal.Notef("secretsmanager: %s failed", step) // the error's text is the test's to show
	}
	return err
}

func event(sec *secret, r *rotation, step string) []byte {
	b, err := json.Marshal(struct{ Step, SecretId, ClientRequestToken, RotationToken string }{
		step, sec.arn, r.token, r.rotationToken,
	})
	if err != nil {
		panic(err) // four strings
	}
	return b
}

// foreignWriter returns the service's complaint about a pending value that something other
// than the rotation function stored, if the function must prove itself: only it knows the
// RotationToken. A version without a value is no reason to complain.
func (s *Server) foreignWriter(sec *secret, r *rotation) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := sec.versions.byID(r.token); s.tokenNeeded && v != nil && v.value != nil && v.rotationToken != r.rotationToken {
		return fmt.Sprintf(msgForeignWriter, r.token, sec.arn, r.function)
	}
	return ""
}

// fail reports a failure, unless the rotation has ended meanwhile.
func (s *Server) fail(sec *secret, r *rotation, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec.rotation == r {
		s.report(sec, r, "Failed", problem)
	}
}

func (s *Server) complete(sec *secret, r *rotation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := sec.versions.byID(r.token)
	switch {
	case r.ended != "":
		return fmt.Errorf("rotation of %s was %s", sec.name, r.ended)
	case v == nil || !v.has(current):
		err := fmt.Errorf("%s is not on version %s", current, r.token)
		if sec.rotation == r {
			s.report(sec, r, "Failed", err.Error())
		}
		return &StepError{"finishSecret", err}
	case sec.rotation != r:
		return nil // an attempt that overlapped this one has completed it
	}
	if v.has(pending) && !s.keepPending {
		s.changing(sec)
		sec.versions.move(pending, nil)
	}
	sec.rotation = nil
	sec.rotated, sec.next = s.Now(), sec.rules.next(s.Now())
	s.report(sec, r, "Succeeded", "")
	return nil
}

// TestOnly does what RotateSecret does with RotateImmediately=false: it calls only
// testSecret, with a pending copy of the current value that is gone afterwards. It returns
// a failure as a [*StepError].
func (s *Server) TestOnly(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	r, err := s.begin(sec, sec.function, newID(), newID(), true)
	if err != nil {
		return fmt.Errorf("test rotation of %s: %w", name, err)
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.runTest(ctx, sec, r)
}

func (s *Server) runTest(ctx context.Context, sec *secret, r *rotation) error {
	err := s.invoke(ctx, sec, r, "testSecret")

	s.mu.Lock()
	defer s.mu.Unlock()
	s.changing(sec)
	sec.versions = slices.DeleteFunc(sec.versions, func(v *version) bool { return v.id == r.token })
	if sec.rotation == r {
		sec.rotation = nil
		if err != nil {
			s.report(sec, r, "Failed", fmt.Sprintf(msgStepFailed, r.function, "testSecret"))
		} else {
			s.report(sec, r, "Succeeded", "")
		}
	}
	if err != nil {
		return &StepError{"testSecret", err}
	}
	return nil
}

// Event returns the JSON that the rotation function receives for this step of the rotation
// in progress, whichever step comes next.
func (s *Server) Event(name, step string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	if sec.rotation == nil {
		s.journal.Misusef("secretsmanagertest: event for %s: %v", name, ErrNoRotation)
	}
	return event(sec, sec.rotation, step)
}

// Wait returns when the rotations that were started over the wire have ended.
func (s *Server) Wait() { s.running.Wait() }
