package rotation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// calls counts the calls to all services.
func (w *world) calls() int { return w.ping.Count("") + w.sm.Count("") + w.db.Count("") }

// Someone who may attach a secret may invoke the function, and must gain no action by that.
func TestActionsComeThroughTheAliasAndStepsWithoutOne(t *testing.T) {
	actions := []string{
		`{"action":"audit"}`,
		`{"action":"check","secretId":"pingone/orders-api"}`,
		`{"action":"rotate","secretId":"pingone/orders-api"}`,
		`{"action":"rotate","secretId":"pingone/orders-api","emergency":"contain"}`,
		`{"action":"rollback","secretId":"pingone/orders-api"}`,
		`{"action":"endPrevious","secretId":"pingone/orders-api","lockOut":true}`,
		// An event is refused as an action in whatever spelling it would be taken for one.
		`{"ACTION":"rotate","secretId":"pingone/orders-api","emergency":"contain"}`,
		`{"Step":"createSecret","SecretId":"pingone/orders-api","ClientRequestToken":"` + token + `","action":"rotate","secretId":"pingone/orders-api"}`,
		`{"action":null,"action":"rotate","secretId":"pingone/orders-api"}`,
	}
	steps := []string{
		`{"Step":"createSecret","SecretId":"pingone/orders-api","ClientRequestToken":"` + token + `"}`,
		`{"Step":"finishSecret","SecretId":"pingone/orders-api","ClientRequestToken":"` + token + `","action":null}`,
	}
	const toActions, toSteps = "actions are taken only through the alias operate", "steps are taken only by the function's ARN"
	for _, door := range []struct {
		name, arn                string
		emulated, actions, steps bool
	}{
		{"the function", functionARN, false, false, true},
		{"the alias operate", functionARN + ":operate", false, true, false},
		{"another alias", functionARN + ":live", false, false, false},
		{"an alias that looks like it", functionARN + ":Operate", false, false, false},
		{"$LATEST", functionARN + ":$LATEST", false, false, false},
		{"a version", functionARN + ":7", false, false, false},
		{"sam local", functionARN, true, true, true},
	} {
		t.Run(door.name, func(t *testing.T) {
			w := newWorld(t)
			w.rotator.Settings.Emulated = door.emulated
			begun := w.calls()
			try := func(event, refusal string, taken bool) {
				t.Helper()
				before := w.calls()
				_, err := w.rotator.Invoke(t.Context(), door.arn, []byte(event))
				refused := err != nil && strings.Contains(err.Error(), refusal)
				if refused == taken {
					t.Errorf("%s: got %v, want it refused: %t", event, err, !taken)
				}
				if !taken && w.calls() != before {
					t.Errorf("%s: was refused after %d calls", event, w.calls()-before)
				}
			}
			for _, event := range steps {
				try(event, toSteps, door.steps) // they fail for another reason: no rotation is under way
			}
			for _, event := range actions {
				if !door.actions {
					try(event, toActions, false)
				}
			}
			if door.actions {
				try(actions[1], toActions, true)
			}
			if !door.actions && !door.steps && w.calls() != begun {
				t.Errorf("got %d calls, want none", w.calls()-begun)
			}
			if w.mints() != 0 {
				t.Errorf("got %d mints, want none", w.mints())
			}
		})
	}
}

func TestAnInvocationWithoutTheFunctionsARNTakesNothing(t *testing.T) {
	w := newWorld(t)
	before := w.calls()
	for _, arn := range []string{"", "pingone-rotator", functionARN + ":", functionARN + ":operate:1", functionARN + "\n:operate", "arn:aws:lambda:us-east-1:123456789012:layer:pingone-rotator:operate", functionARN + "-2:operate"} {
		for _, event := range []string{`{"action":"audit"}`, `{"Step":"createSecret","SecretId":"pingone/orders-api","ClientRequestToken":"` + token + `"}`} {
			if _, err := w.rotator.Invoke(t.Context(), arn, []byte(event)); err == nil {
				t.Errorf("%q: took %s", arn, event)
			}
		}
	}
	if got := w.calls() - before; got != 0 {
		t.Errorf("got %d calls, want none", got)
	}
}

func TestARefusedActionSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	_, err := w.rotator.Invoke(t.Context(), functionARN, []byte(`{"action":"audit"}`))
	for _, words := range []string{"pingone-rotator:operate", "make install"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q in it", err, words)
		}
	}
	if line := w.log.String(); !strings.Contains(line, `"level":"ERROR"`) || !strings.Contains(line, "alias operate") {
		t.Errorf("got the log %s, want the refusal in it", line)
	}
}

// The stand-in lets Secrets Manager invoke the alias, which the template does not.
func TestASecretThatIsAttachedThroughAQualifierIsRefusedAlike(t *testing.T) {
	for _, qualifier := range []string{"operate", "live", "$LATEST", "3"} {
		for _, denied := range []bool{false, true} { // true: as the role does
			t.Run(fmt.Sprintf("%s, denied by the role %t", qualifier, denied), func(t *testing.T) {
				w := newWorld(t)
				through := functionARN + ":" + qualifier
				w.sm.AddFunction(through, func(ctx context.Context, event []byte) error {
					_, err := w.rotator.Invoke(ctx, through, event)
					return err
				})
				sm := w.rotator.Secrets.(*secretsmanager.Client)
				if _, err := sm.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
					SecretId: aws.String(orders), RotationLambdaARN: &through, RotateImmediately: aws.Bool(false),
					RotationRules: &types.RotationRulesType{ScheduleExpression: aws.String("rate(30 days)")},
				}); err != nil {
					t.Fatal(err)
				}
				w.sm.Wait()
				if err := w.sm.Rotate(t.Context(), orders); err == nil || !strings.Contains(err.Error(), "steps are taken only by the function's ARN") {
					t.Errorf("rotate: got %v, want the step refused", err)
				}
				if denied {
					w.sm.Before(func(c fault.Call) fault.Kind {
						if c.Operation != "ListSecrets" && strings.Contains(c.Target, orders) {
							return fault.Denied
						}
						return fault.None
					})
				}
				before := w.ping.Count("")
				words := "attached to " + through + ", and not to the function without version or alias"
				told := words // or that the role denies it, where nothing else can be known
				if denied {
					told = "AccessDenied"
				}
				report := w.do(rotation.Action{Action: rotation.ActionRotate, SecretID: orders}).(*rotation.Report)
				checkup := w.do(rotation.Action{Action: rotation.ActionCheck, SecretID: orders}).(*rotation.Checkup)
				h := w.health(w.audit())
				if h.State != rotation.Failure || len(h.Findings) == 0 || !strings.Contains(h.Findings[0].Detail, words) {
					t.Errorf("audit: got %+v, want a failure with %q", h, words)
				}
				if w.metrics()["SecretsFailing"] != 1.0 {
					t.Errorf("metrics: got %v, want it among the failing", w.metrics())
				}
				if report.Outcome != rotation.Failed || !strings.Contains(report.Error, told) {
					t.Errorf("rotate: got %+v, want it failed with %q", report, told)
				}
				if checkup.State != rotation.Failure || !strings.Contains(checkup.Findings[0].Detail, told) {
					t.Errorf("check: got %+v, want a failure with %q", checkup, told)
				}
				if w.ping.Count("") != before || w.mints() != 0 {
					t.Errorf("got %d calls of PingOne and %d mints, want none", w.ping.Count("")-before, w.mints())
				}
			})
		}
	}
}
