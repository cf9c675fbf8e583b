package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

func TestTheProgramRotatesASecret(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	if err := w.secrets.TestOnly(t.Context(), "shop"); err != nil {
		t.Fatalf("test of the settings: %v", err)
	}
	if err := w.secrets.Rotate(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.rotated(t, "shop", app)
	check(t, "processes", w.Starts(), 1)
}

// split separates the lines of metrics from the others.
func split(all []map[string]any) (metrics, log []map[string]any) {
	for _, line := range all {
		if line["_aws"] != nil {
			metrics = append(metrics, line)
		} else {
			log = append(log, line)
		}
	}
	return metrics, log
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{8}$`)

func TestEachStepLogsOneLineAndOneOfMetrics(t *testing.T) {
	w := newWorld(t)
	w.addSecret("shop")
	token, err := w.secrets.Begin("shop")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.secrets.Attempt(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	want := []struct{ step, decision string }{
		{"createSecret", "regenerate"}, {"setSecret", "in PingOne already"}, {"testSecret", "verify"}, {"finishSecret", "promote"},
	}
	w.Close()
	metrics, lines := split(w.output.lines(t))
	check(t, "lines of metrics", len(metrics), len(want))
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(lines), len(want), w.output)
	}
	requests := map[any]bool{}
	for i, line := range lines {
		text := func(key string) string { s, _ := line[key].(string); return s }
		check(t, "message", text("message"), "rotation step")
		check(t, "level", text("level"), "INFO")
		check(t, "step", text("step"), want[i].step)
		check(t, "decision", text("decision"), want[i].decision)
		check(t, "secretId", text("secretId"), w.secrets.ARN("shop"))
		check(t, "version", text("version"), token)
		check(t, "pending is a fingerprint", fingerprint.MatchString(text("pending")), true)
		check(t, "pending is the same throughout", text("pending"), fmt.Sprint(lines[0]["pending"]))
		if want[i].step != "testSecret" { // which does not read AWSCURRENT
			check(t, "current is a fingerprint", fingerprint.MatchString(text("current")), true)
			check(t, "current is another", text("current") != text("pending"), true)
		}
		if _, ok := line["durationMs"].(float64); !ok {
			t.Errorf("durationMs: got %v, want a number", line["durationMs"])
		}
		calls, _ := line["calls"].(map[string]any)
		for _, service := range []string{"secretsManager", "pingOne", "register"} {
			if service == "register" && want[i].step != "createSecret" && want[i].step != "finishSecret" {
				continue // these change nothing that the register holds
			}
			if n, ok := calls[service].(float64); !ok || n < 1 {
				t.Errorf("%s: got %v calls of %s, want some", want[i].step, calls[service], service)
			}
		}
		requests[line["requestId"]] = true
	}
	check(t, "request ids", len(requests), len(want))
	until, err := time.Parse(time.RFC3339, fmt.Sprint(lines[0]["previousUntil"]))
	if err != nil || !until.Equal(w.pingone.Now().Add(48*time.Hour)) {
		t.Errorf("previousUntil: got %v, want 48h from now", lines[0]["previousUntil"])
	}
}

func TestAFailedStepLogsItsErrorAndNoSecret(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	w.pingone.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) { a.Roles = roles("Organization Admin") })
	err := w.secrets.Rotate(t.Context(), "shop")
	function, ok := errors.AsType[*runtimetest.FunctionError](err)
	if !ok || !strings.Contains(function.Message, "403 ACCESS_FAILED INSUFFICIENT_PERMISSIONS") {
		t.Fatalf("got %v, want PingOne's refusal", err)
	}
	noLeak(t, err.Error(), append(w.pingone.Issued(), w.secrets.Values()...)...)
	steps := w.steps(t)
	if len(steps) != 1 {
		t.Fatalf("got %d lines, want 1:\n%s", len(steps), w.output)
	}
	check(t, "level", steps[0]["level"], "ERROR")
	line, _ := steps[0]["error"].(string)
	remedy, _ := steps[0]["remedy"].(string)
	check(t, "error and remedy", any(line+"; "+remedy), any(function.Message))
	check(t, "mints", w.pingone.Mints(app.Environment, app.ID), 0)
}

func TestABadSettingFailsTheStartAndIsLogged(t *testing.T) {
	for _, setting := range []string{
		"ROTATION_GRACE=soon",
		"PINGONE_AUTH_DOMAINS=https://auth.example.com",
		"PINGONE_API_URL=http://api.example.com",
		"PINGONE_AUTH_URL=https://auth.example.com",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=http://vpce.example.com",
		"AWS_ENDPOINT_URL_DYNAMODB=http://vpce.example.com",
	} {
		variable, _, _ := strings.Cut(setting, "=")
		t.Run(variable, func(t *testing.T) {
			out := new(output)
			f, err := runtimetest.Start(t.Context(), runtimetest.Config{Program: program, Env: []string{setting}, Output: out})
			if err == nil {
				f.Close()
			}
			if _, ok := errors.AsType[*runtimetest.InitError](err); !ok {
				t.Fatalf("got %v, want the start to fail", err)
			}
			lines := out.lines(t)
			if len(lines) != 1 {
				t.Fatalf("got %d lines, want 1:\n%s", len(lines), out)
			}
			check(t, "level", lines[0]["level"], "ERROR")
			check(t, "message", lines[0]["message"], "start the function")
			if text := fmt.Sprint(lines[0]["error"]); !strings.Contains(text, variable) {
				t.Errorf("got error %q, want %s in it", text, variable)
			}
		})
	}
}

func TestABadEventIsOneErrorAndNoCall(t *testing.T) {
	w := newWorld(t)
	const id = `"SecretId":"shop","ClientRequestToken":"0123456789abcdef0123456789abcdef"`
	var messages []string
	for _, tt := range []struct{ name, event, want string }{
		{"a string", `"createSecret"`, "not a JSON object"},
		{"an array", `[]`, "not a JSON object"},
		{"null", `null`, "field Step: is missing"},
		{"empty", `{}`, "field Step: is missing"},
		{"unknown step", `{"Step":"deleteSecret",` + id + `}`, "field Step: must be createSecret"},
		{"step of another type", `{"Step":1,` + id + `}`, "field Step: must be a string"},
		{"no secret", `{"Step":"createSecret","ClientRequestToken":"0123456789abcdef0123456789abcdef"}`, "field SecretId"},
		{"long secret id", `{"Step":"createSecret","SecretId":"` + strings.Repeat("a", 2049) + `"}`, "field SecretId"},
		{"no token", `{"Step":"createSecret","SecretId":"shop"}`, "field ClientRequestToken"},
		{"short token", `{"Step":"createSecret","SecretId":"shop","ClientRequestToken":"1"}`, "field ClientRequestToken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Invoke(t.Context(), []byte(tt.event))
			function, ok := errors.AsType[*runtimetest.FunctionError](err)
			if !ok || !strings.HasPrefix(function.Message, "read the event: ") || !strings.Contains(function.Message, tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			messages = append(messages, function.Message)
		})
	}
	steps := w.steps(t)
	if len(steps) != len(messages) {
		t.Fatalf("got %d lines for %d events:\n%s", len(steps), len(messages), w.output)
	}
	for i, line := range steps {
		check(t, "error", line["error"], any(messages[i]))
		check(t, "has a request id", line["requestId"] != nil, true)
		check(t, "by which ARN it was invoked", fmt.Sprint(line["functionArn"]), runtimetest.FunctionARN)
	}
	check(t, "calls to PingOne", w.pingone.Count(""), 0)
	check(t, "calls to Secrets Manager", w.secrets.Count(""), 0)
	check(t, "calls to DynamoDB", w.register.Count(""), 0)
	check(t, "processes", w.Starts(), 1)
}

// Lambda tells the program by which ARN it was invoked.
func TestTheProgramTakesActionsThroughItsAliasAlone(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	contain := []byte(`{"action":"rotate","secretId":"shop","emergency":"contain"}`)
	for _, qualifier := range []string{"", "$LATEST", "live", "1"} {
		_, err := w.InvokeThrough(t.Context(), qualifier, contain)
		if err == nil || !strings.Contains(err.Error(), "only through the alias operate") {
			t.Errorf("qualifier %q: got %v, want a refusal", qualifier, err)
		}
	}
	check(t, "calls to Secrets Manager", w.secrets.Count(""), 0)
	check(t, "mints", w.pingone.Mints(app.Environment, app.ID), 0)
	if _, err := w.InvokeThrough(t.Context(), "operate", []byte(`{"action":"rotate","secretId":"shop"}`)); err != nil {
		t.Fatal(err)
	}
	w.rotated(t, "shop", app)

	step := []byte(`{"Step":"createSecret","SecretId":"shop","ClientRequestToken":"0123456789abcdef0123456789abcdef"}`)
	if _, err := w.InvokeThrough(t.Context(), "operate", step); err == nil || !strings.Contains(err.Error(), "steps are taken only by the function's ARN") {
		t.Errorf("a step through the alias: got %v, want a refusal", err)
	}
}

func TestAnEventOfNoRotationWritesNothing(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	for _, tt := range []struct{ name, secret, token, want string }{
		{"unknown secret", "nowhere", "0123456789abcdef0123456789abcdef", "there is no secret nowhere"},
		{"unknown version", "shop", "0123456789abcdef0123456789abcdef", "does not exist"},
	} {
		event, err := json.Marshal(map[string]string{"Step": "createSecret", "SecretId": tt.secret, "ClientRequestToken": tt.token})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Invoke(t.Context(), event); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	check(t, "mints", w.pingone.Mints(app.Environment, app.ID), 0)
	check(t, "calls to PingOne", w.pingone.Count(""), 0)
}

func TestAProcessKilledBetweenMintAndStoreIsSucceededByOneThatAdopts(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	killed := false
	w.secrets.Before(func(c fault.Call) fault.Kind {
		if c.Operation != "PutSecretValue" || killed || w.pingone.Mints(app.Environment, app.ID) == 0 {
			return fault.None // the Put before the mint only asks whether it is allowed
		}
		killed = true
		w.Kill()
		return fault.Refused
	})
	err := w.secrets.Rotate(t.Context(), "shop")
	if _, ok := errors.AsType[*runtimetest.ExitError](err); !ok {
		t.Fatalf("got %v, want the process to be killed", err)
	}
	check(t, "mints before the kill", w.pingone.Mints(app.Environment, app.ID), 1)
	check(t, "consumers' secret works", w.pingone.Authenticates(app.Environment, app.ClientID, app.Secret), true)

	w.minuteLater()
	if err := w.secrets.Attempt(t.Context(), "shop"); err != nil {
		t.Fatalf("retry: %v", err)
	}
	w.rotated(t, "shop", app)
	check(t, "processes", w.Starts(), 2)
	check(t, "decision", w.steps(t)[0]["decision"], "adopt")
}

func TestTheAdminsSecretMayChangeBetweenSteps(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	var steps []string
	w.secrets.AddFunction(runtimetest.FunctionARN, func(ctx context.Context, event []byte) error {
		var e struct{ Step string }
		if err := json.Unmarshal(event, &e); err != nil {
			return err
		}
		steps = append(steps, e.Step)
		w.admin.Secret = w.pingone.Regenerate(w.admin.Environment, w.admin.ID, 0)
		w.putAdmin()
		_, err := w.Invoke(ctx, event)
		return err
	})
	if err := w.secrets.Rotate(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.rotated(t, "shop", app)
	check(t, "steps", len(steps), 4)
	check(t, "processes", w.Starts(), 1)
}

func TestOneProcessRotatesTwoSecrets(t *testing.T) {
	w := newWorld(t)
	shop, stock := w.addSecret("shop"), w.addSecret("stock")
	for _, name := range []string{"shop", "stock"} {
		if err := w.secrets.Rotate(t.Context(), name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	w.rotated(t, "shop", shop)
	w.rotated(t, "stock", stock)
	check(t, "processes", w.Starts(), 1)
	tokens := slices.DeleteFunc(w.pingone.Calls(), func(c fault.Call) bool {
		return c.Operation != pingonetest.OpToken || c.Target != w.admin.ClientID
	})
	check(t, "tokens for the admin", len(tokens), 1)
}

func TestASecondRotationWithinTheGraceIsRefusedWhileTheOldSecretIsInUse(t *testing.T) {
	w := newWorld(t)
	app := w.addSecret("shop")
	if err := w.secrets.Rotate(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	err := w.secrets.Rotate(t.Context(), "shop")
	step, ok := errors.AsType[*secretsmanagertest.StepError](err)
	if !ok || step.Step != "createSecret" || !strings.Contains(err.Error(), "refusing to regenerate") {
		t.Fatalf("got %v, want a refusal of createSecret", err)
	}
	w.rotated(t, "shop", app)
}
