package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/playground"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestEvidenceIsJoinedByRotation(t *testing.T) {
	at := func(seconds int) time.Time { return time.Date(2026, 11, 24, 1, 0, seconds, 0, time.UTC) }
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/orders-a1B2c3"
	n := 0
	line := func(seconds int, what, token, decision, made string, report any) register.Evidence {
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		n++
		e := register.Evidence{ID: fmt.Sprint(n), At: at(seconds), Secret: arn, What: what, Rotation: token, Decision: decision, Report: text}
		if made != "" {
			e.Fingerprints = []string{made}
		}
		if step, ok := report.(rotation.StepReport); ok {
			e.Failed = step.Error != ""
		}
		return e
	}
	type step = rotation.StepReport
	mark := func(f string, seconds int) *rotation.Mark { return &rotation.Mark{Fingerprint: f, At: at(seconds)} }
	lines := []register.Evidence{
		// Another order than that of the clock, a step that failed, and one that came late.
		line(9, "finishSecret", "1", "promote", "bbbbbbbb", step{Current: "aaaaaaaa"}),
		line(2, "createSecret", "1", "", "", step{Begun: at(1), Error: "PingOne answered 503"}),
		line(5, "createSecret", "1", "adopt", "bbbbbbbb", step{Current: "aaaaaaaa"}),
		line(13, "createSecret", "1", "", "", step{Error: "late"}),
		line(20, "createSecret", "2", "", "", step{Error: "refusing to regenerate"}),
		line(30, "testSecret", "3", "test the settings", "bbbbbbbb", step{Current: "bbbbbbbb"}),
		line(40, "createSecret", "4", "regenerate", "cccccccc", step{Current: "bbbbbbbb"}),
		line(41, "rotate", "4", "open", "", rotation.Report{Action: "rotate", Version: "4", Outcome: "open", By: "alice", Reason: "INC-1", Emergency: "swift",
			Begun: at(38), Replaced: "bbbbbbbb", Promoted: mark("cccccccc", 40), Error: "PingOne still accepts it"}),
		line(50, "rollback", "4", "rolledBack", "", rotation.Report{Action: "rollback", Version: "4", Outcome: "rolledBack", By: "bob", Begun: at(50), Promoted: mark("cccccccc", 50)}),
		line(60, "audit", "", "end the previous secret", "bbbbbbbb", step{Current: "cccccccc"}),
	}
	var got []string
	for _, e := range join(lines) {
		got = append(got, fmt.Sprintf("%d %s %s %s %s→%s %s %q", int(e.Begun.Sub(at(0)).Seconds()), e.Name, e.Version, e.Decision, e.Old, e.New, e.Outcome, strings.TrimSpace(e.By+" "+e.Emergency+" "+e.Reason+" "+e.Error)))
	}
	want := []string{
		`1 pingone/orders 1 adopt aaaaaaaa→bbbbbbbb promoted "Secrets Manager"`,
		`20 pingone/orders 2  → failed "Secrets Manager   refusing to regenerate"`,
		`30 pingone/orders 3  →bbbbbbbb tested "Secrets Manager"`,
		`38 pingone/orders 4 regenerate bbbbbbbb→cccccccc open "alice swift INC-1 PingOne still accepts it"`,
		`50 pingone/orders 4 rollback cccccccc→cccccccc rolledBack "bob"`,
		`60 pingone/orders  end the previous secret bbbbbbbb→ ended "audit"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := join(lines)[0].PromotedAt; p != at(9) {
		t.Errorf("promoted at %v, want %v", p, at(9))
	}
}

// A mistyped name must not pass for a secret without a history.
func TestEventsOfASecretThatThereIsNotAreAnError(t *testing.T) {
	d := deploy(t, answered)
	d.cfg.BaseEndpoint = aws.String(d.Endpoints().SecretsManager)
	for _, name := range []string{"pingone/nonsense", "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/nonsense-a1B2c3"} {
		if _, err := d.arnOf(t.Context(), name); err == nil || !strings.Contains(err.Error(), "there is no secret "+name) {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
	arn, err := d.arnOf(t.Context(), playground.OrdersSecret)
	if err != nil || arn != playground.OrdersARN {
		t.Errorf("got %s, %v, want its ARN", arn, err)
	}
}

// The function's settings name the table, where neither the command line nor the
// environment does.
func TestTheRegisterIsTheOneOfTheFunctionsSettings(t *testing.T) {
	d := deploy(t, answered)
	t.Setenv(register.TableVariable, "")
	d.cloud.Settings = map[string]string{register.TableVariable: "of-the-function"}
	table, err := d.findRegister(t.Context())
	if err != nil || table.Name != "of-the-function" {
		t.Errorf("got %v, %v, want the function's", table, err)
	}
	d.cloud.Settings = map[string]string{}
	if _, err = d.findRegister(t.Context()); err == nil || !strings.Contains(remedy.Text(err), "--register") {
		t.Errorf("got %v, want an error that names --register", err)
	}
	t.Setenv(register.TableVariable, "of-the-environment")
	if table, err = d.findRegister(t.Context()); err != nil || table.Name != "of-the-environment" {
		t.Errorf("got %v, %v, want the environment's", table, err)
	}
}

func TestEvidenceSaysEachErrorOnceAndInWords(t *testing.T) {
	at := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	all := []*evidence{
		{Name: "orders", Version: "1", Begun: at, By: bySecretsManager, Decision: "adopt", Changed: "created application 7", New: "aaaaaaaa", Outcome: "promoted", PromotedAt: at},
		{Name: "orders", Version: "2", Begun: at, By: bySecretsManager, Outcome: "failed", Error: "no admin"},
		{Name: "orders", Version: "3", Begun: at, By: bySecretsManager, Outcome: "failed", Error: "no admin"},
		{Name: "orders", Version: "1", Begun: at, By: "arn:aws:iam::123456789012:user/bob", Decision: "rollback", Old: "bbbbbbbb", New: "aaaaaaaa", Outcome: "rolledBack", PromotedAt: at},
	}
	var told strings.Builder
	if err := tellEvidence(&page{w: &told}, all, day); err != nil {
		t.Fatal(err)
	}
	want := `BEGUN                 SECRET  DECISION                OLD       NEW       OUTCOME      AT        CLAIMED BY
2026-11-24 01:00:00Z  orders  adopt, new application  -         aaaaaaaa  promoted     01:00:00  Secrets Manager
2026-11-24 01:00:00Z  orders  -                       -         -         failed       -         Secrets Manager
2026-11-24 01:00:00Z  orders  -                       -         -         failed       -         Secrets Manager
2026-11-24 01:00:00Z  orders  rollback                bbbbbbbb  aaaaaaaa  rolled back  01:00:00  user/bob

orders, versions 2, 3
  no admin
`
	if told.String() != want {
		t.Errorf("got\n%s\nwant\n%s", told.String(), want)
	}
}
