package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// audit runs the action audit.
func (w *world) audit() *rotation.AuditReport {
	w.t.Helper()
	rep := w.do(rotation.Action{Action: "audit"}).(*rotation.AuditReport)
	w.checkSilent(w.reports...)
	return rep
}

// health returns what an audit says of the managed secret.
func (w *world) health(rep *rotation.AuditReport) rotation.Health {
	w.t.Helper()
	for _, h := range rep.Secrets {
		if h.Name == orders {
			return h
		}
	}
	w.t.Fatalf("the audit did not look at %s: %+v", orders, rep)
	return rotation.Health{}
}

// metrics returns the last line of metrics.
func (w *world) metrics() map[string]any {
	var last map[string]any
	for line := range strings.Lines(w.log.String()) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) == nil && l["_aws"] != nil {
			last = l
		}
	}
	return last
}

func TestAuditLooksAtTheSecretsOfThisFunctionOnly(t *testing.T) {
	w := newWorld(t)
	w.sm.Put("another/team", "not a document")
	w.sm.AddFunction("arn:aws:lambda:us-east-1:123456789012:function:other", w.invoke)
	w.sm.Put("pingone/other-functions", encode(document(w.app)))
	w.sm.EnableRotation("pingone/other-functions", "arn:aws:lambda:us-east-1:123456789012:function:other")
	w.schedule()
	rep := w.audit()
	if len(rep.Secrets) != 1 || rep.Secrets[0].Name != orders || rep.NotReached != 0 {
		t.Fatalf("got %+v, want %s alone", rep, orders)
	}
	h := rep.Secrets[0]
	if h.State != rotation.OK || h.ApplicationID != w.app.ID || h.Strategy != "single" || len(h.Current) != 8 || h.NextRotation.IsZero() || h.Labels["AWSCURRENT"] == "" {
		t.Errorf("got %+v, want it ok, with its application, strategy, fingerprint, labels and next rotation", h)
	}
	if m := w.metrics(); m["SecretsAudited"] != 1.0 || m["SecretsFailing"] != 0.0 || m["FunctionName"] != "pingone-rotator" {
		t.Errorf("metrics: got %v", m)
	}
	if !strings.Contains(w.log.String(), `"msg":"secret health"`) {
		t.Error("there is no log line of the secret's health")
	}
	t.Logf("an audit takes %+v calls for one secret", rep.Calls)
}

func TestAuditFindsWhatIsWrongAndCountsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
		point  string
		words  string
		metric string
	}{
		{"the application is disabled", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}, "current", "is disabled", "SecretsFailing"},
		{"the admin is locked out", nil, func(w *world) { w.ping.Regenerate(w.admin.Environment, w.admin.ID, 0) }, "readable", "invalid_client", "SecretsFailing"},
		{"the document is no JSON", nil, func(w *world) { w.sm.Put(orders, "hunter2") }, "readable", "JSON", "SecretsFailing"},
		{"consumers lag", nil, func(w *world) {
			old := w.secret("AWSCURRENT")
			w.rotate()
			w.advance(time.Hour)
			w.use(old)
		}, "lag", "1h after it was replaced", "PreviousInUse"},
		{"consumers lag, and the end is near", nil, func(w *world) {
			old := w.secret("AWSCURRENT")
			w.rotate()
			w.advance(40 * time.Hour)
			w.use(old)
		}, "lag", "40h after", "PreviousInUseNearEnd"},
		{"overdue", nil, func(w *world) { w.schedule(); w.advance(32 * 24 * time.Hour) }, "schedule", "was due at", "SecretsOverdue"},
		{"stuck", nil, func(w *world) {
			w.sm.Fail("PutSecretValue", fault.Denied) // before anything is minted
			w.sm.Rotate(w.t.Context(), orders)
			w.sm.Before(nil)
			w.advance(25 * time.Hour)
		}, "pending", "has been waiting since", "RotationsStuck"},
		{"any application is allowed", nil, func(w *world) { w.allowOnly("pingone/*", "*") }, "allow", `by "*"`, "SecretsAudited"},
		{"an application is not allowed", nil, func(w *world) { w.allowOnly("pingone/billing-api", "*") }, "readable", "does not allow this secret", "SecretsFailing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			c.before(w)
			before := w.state()
			h := w.health(w.audit())
			if f := point(h.Findings, c.point); !strings.Contains(f.Detail, c.words) || f.State == rotation.OK || f.Remedy == "" && c.point != "readable" {
				t.Errorf("got %+v, want %q in %s, with a remedy", h.Findings, c.words, c.point)
			}
			if m := w.metrics(); m[c.metric] != 1.0 {
				t.Errorf("%s: got %v, want 1", c.metric, m[c.metric])
			}
			if after := w.state(); after != before {
				t.Errorf("the audit changed something:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// However short the grace and however rare the audits: before a previous secret in use
// ends, an audit reports that consumers lag and that the end is near.
func TestPreviousStillInUseIsRaisedBeforeItEnds(t *testing.T) {
	for _, grace := range []time.Duration{2 * time.Hour, 24 * time.Hour, 72 * time.Hour} {
		for _, every := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour} {
			t.Run(fmt.Sprintf("grace %v, audits every %v", grace, every), func(t *testing.T) {
				inBubble(t, func(w *world) {
					w.rotator.Settings.Grace, w.rotator.Settings.AuditEvery = grace, every
					old := w.secret("AWSCURRENT")
					w.rotate()
					raised := time.Duration(-1)
					var life time.Duration
					for ; w.accepts(old); life += time.Hour {
						if life > 40*24*time.Hour {
							w.t.Fatal("the replaced secret does not end")
						}
						if w.use(old); life%every == 0 && life > 0 {
							w.do(rotation.Action{Action: "audit"})
							if m := w.metrics(); m["PreviousInUseNearEnd"] == 1.0 && raised < 0 {
								raised = life
							} else if raised >= 0 && w.accepts(old) && m["PreviousInUseNearEnd"] != 1.0 {
								w.t.Errorf("after %v the alarm is over, and consumers still lag", life)
							}
						}
						w.advance(time.Hour)
					}
					if raised < 0 || raised >= life {
						w.t.Fatalf("got the alarm at %v, want it before the end at %v", raised, life)
					}
					if early := min(life, grace) - max(grace/4, every) - every - time.Hour; raised < early {
						w.t.Errorf("got the alarm at %v, want none before %v", raised, early)
					}
				})
			})
		}
	}
}

func TestAuditEndsAnIdlePreviousSecretWhereTheDocumentSaysSo(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy map[string]any
		before func(w *world, old string)
		ended  bool
	}{
		{"idle", map[string]any{"revokeWhenIdle": true}, func(w *world, _ string) { w.advance(3 * time.Hour) }, true},
		{"not asked for", map[string]any{"revokeWhenIdle": false}, func(w *world, _ string) { w.advance(3 * time.Hour) }, false},
		{"just replaced", map[string]any{"revokeWhenIdle": true}, func(w *world, _ string) { w.advance(time.Hour) }, false},
		{"in use", map[string]any{"revokeWhenIdle": true}, func(w *world, old string) { w.advance(3 * time.Hour); w.use(old) }, false},
		{"a rotation is under way", map[string]any{"revokeWhenIdle": true}, func(w *world, _ string) {
			w.advance(3 * time.Hour)
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
		}, false},
		{"a replica lags", map[string]any{"revokeWhenIdle": true}, func(w *world, _ string) {
			w.advance(3 * time.Hour)
			w.sm.SetReplica(orders, "eu-west-1", "InProgress")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, withDocument(func(d map[string]any) { d["rotation"] = c.policy }))
			old := w.secret("AWSCURRENT")
			w.rotate()
			c.before(w, old)
			h := w.health(w.audit())
			if ended := w.ping.Secret(w.app.Environment, w.app.ID).Previous == ""; ended != c.ended {
				t.Errorf("the previous secret is ended: %t, want %t\n%+v", ended, c.ended, h)
			}
			if (len(h.Done) > 0) != c.ended {
				t.Errorf("done: got %q", h.Done)
			}
			if !w.accepts(w.secret("AWSCURRENT")) {
				t.Error("AWSCURRENT is dead")
			}
		})
	}
}

func TestAuditThatOnlyLooksCompletesNothing(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"revokeWhenIdle": true} }))
	w.deny("DELETE application secret")
	w.emergency(rotation.Swift)
	w.ping.Before(nil)
	w.advance(3 * time.Hour)
	before := w.state()
	rep := w.do(rotation.Action{Action: "audit", ReadOnly: true}).(*rotation.AuditReport)
	if f := point(w.health(rep).Findings, "leak"); f.State != rotation.Failure {
		t.Errorf("the leak is not found: %+v", rep)
	}
	if w.state() != before {
		t.Error("something was changed")
	}
	if h := w.health(w.audit()); len(h.Done) == 0 || w.emergencyOpen() {
		t.Errorf("an audit does not complete it: %+v", h)
	}
}

// An audit that runs out of time says how many secrets it did not reach. Following its
// cursor reaches each of them once.
func TestAuditComesRoundByItsCursor(t *testing.T) {
	inBubble(t, func(w *world) {
		const n = 150
		w.allow("pingone/app-*", document(w.app))
		for i := range n {
			name := fmt.Sprintf("pingone/app-%03d", i)
			w.sm.Put(name, encode(document(w.app)))
			w.sm.EnableRotation(name, functionARN)
		}
		seen := map[string]int{}
		after, rounds := "", 0
		for {
			rep := w.auditFor(45*time.Second, after)
			for _, h := range rep.Secrets {
				seen[h.Name]++
			}
			if rounds++; rep.NotReached == 0 || rounds > 20 {
				break
			}
			after = rep.Next
		}
		if len(seen) != n+1 || rounds < 2 {
			t.Errorf("got %d secrets in %d rounds, want %d in some", len(seen), rounds, n+1)
		}
		for name, times := range seen {
			if times != 1 {
				t.Errorf("%s was looked at %d times", name, times)
			}
		}
	})
}

// auditFor runs an audit that has a time limit.
func (w *world) auditFor(limit time.Duration, after string) *rotation.AuditReport {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	event, _ := json.Marshal(rotation.Action{Action: "audit", ReadOnly: true, After: after})
	rep, err := w.rotator.Handle(ctx, event)
	if err != nil {
		w.t.Fatal(err)
	}
	return rep.(*rotation.AuditReport)
}

func TestRollbackIsOneLabelWithTwoApplications(t *testing.T) {
	w := newWorld(t, alternate)
	w.rotate()
	w.advance(25 * time.Hour)
	w.rotate()
	before := w.stored("AWSPREVIOUS")
	state := w.state()
	shown := w.do(rotation.Action{Action: "rollback", SecretID: orders, Preview: true}).(*rotation.Report)
	if shown.Outcome != rotation.Previewed || shown.Preview == nil || shown.Preview.To == "" || shown.Preview.To == shown.Preview.From || shown.Preview.ToClient != before["clientId"] || w.state() != state {
		t.Errorf("the preview: %+v, or it has changed something", shown)
	}
	p := watch(w)
	rep := w.do(rotation.Action{Action: "rollback", SecretID: orders, Reason: "the new one is not known everywhere"}).(*rotation.Report)
	if rep.Outcome != rotation.RolledBack {
		t.Fatalf("got %s (%s), want rolledBack", rep.Outcome, rep.Error)
	}
	if got := w.stored("AWSCURRENT"); got["clientId"] != before["clientId"] || got["clientSecret"] != before["clientSecret"] {
		t.Error("AWSCURRENT is not what AWSPREVIOUS was")
	}
	if len(p.breaches) > 0 {
		t.Error(p.report())
	}
	w.advance(25 * time.Hour)
	w.rotate()
	w.checkSilent(w.reports...)
}

func TestRollbackIsRefusedWhereThereIsNoWayBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
		words  string
	}{
		{"single", nil, (*world).rotate, "cannot make a replaced secret its current one"},
		{"no rotation yet", []option{alternate}, func(*world) {}, "no version is labelled AWSPREVIOUS"},
		{"a rotation is under way", []option{alternate}, func(w *world) {
			w.rotate()
			w.advance(25 * time.Hour)
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
		}, "a rotation is under way"},
		{"the one before is dead", []option{alternate}, func(w *world) {
			w.rotate()
			w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
		}, "does not work"},
		{"an emergency is open", []option{alternate}, func(w *world) {
			w.rotate()
			w.deny("DELETE application secret")
			w.emergency(rotation.Swift)
			w.ping.Before(nil)
		}, "an emergency of this client is open"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			c.before(w)
			before := w.state()
			shown := w.do(rotation.Action{Action: "rollback", SecretID: orders, Preview: true}).(*rotation.Report)
			if shown.Outcome != rotation.Failed || !strings.Contains(shown.Error, c.words) || shown.Preview != nil {
				t.Errorf("the preview: got %s (%s), want failed with %q", shown.Outcome, shown.Error, c.words)
			}
			rep := w.do(rotation.Action{Action: "rollback", SecretID: orders}).(*rotation.Report)
			if rep.Outcome != rotation.Failed || !strings.Contains(rep.Error, c.words) {
				t.Errorf("got %s (%s), want failed with %q", rep.Outcome, rep.Error, c.words)
			}
			if w.state() != before {
				t.Error("something was changed")
			}
		})
	}
}

// No rotation can finish a version that does not parse, and AWSPENDING on it would
// keep Secrets Manager from ever starting another.
func TestAuditTakesAWSPENDINGOffAVersionThatDoesNotParse(t *testing.T) {
	id := "a-version-of-a-person-0123456789abcdef"
	for name, put := range map[string]*secretsmanager.PutSecretValueInput{
		"no document": {SecretString: aws.String("garbage")},
		"a binary":    {SecretBinary: []byte("garbage")},
		"a test user": {SecretString: aws.String(`{"username": "u", "password": "p", "redirectUri": "https://a.example", "environmentId": "11111111-2222-4333-8444-555555555555"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			put.SecretId, put.ClientRequestToken, put.VersionStages = aws.String(orders), &id, []string{"AWSPENDING"}
			if _, err := w.rotator.Secrets.PutSecretValue(t.Context(), put); err != nil {
				t.Fatal(err)
			}
			w.audit()
			if w.sm.VersionID(orders, "AWSPENDING") != id {
				t.Fatal("AWSPENDING was taken off while a rotation may be under way")
			}
			w.advance(25 * time.Hour)
			w.audit()
			w.rotate()
			w.checkPromoted()
		})
	}
}
