package rotation_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// check runs the action check, and expects it to change nothing.
func (w *world) check() *rotation.Checkup {
	w.t.Helper()
	before := w.state()
	c := w.do(rotation.Action{Action: "check", SecretID: orders}).(*rotation.Checkup)
	if after := w.state(); after != before {
		w.t.Errorf("the check changed something:\n%s\nafter:\n%s", before, after)
	}
	w.checkSilent(w.reports...)
	return c
}

var passing = regexp.MustCompile(`(never )?used.*|(?m:^time .*)`)

// state is what both services hold, except for times of use: trying a secret uses it, and
// so does a check whose AWSCURRENT is PingOne's previous secret.
func (w *world) state() string { return w.sm.Dump() + passing.ReplaceAllString(w.ping.Dump(), "") }

// point returns the worst finding of a point.
func point(findings []rotation.Finding, name string) (worst rotation.Finding) {
	for _, f := range findings {
		if f.Point == name && (worst.Point == "" || f.State == rotation.Failure) {
			worst = f
		}
	}
	return worst
}

// schedule gives the secret a schedule, as an operator does.
func (w *world) schedule() { w.sm.Schedule(orders, "rate(30 days)") }

func TestCheckOfAHealthySecretIsAllOK(t *testing.T) {
	w := newWorld(t, withDocument(func(map[string]any) {}))
	w.schedule()
	c := w.check()
	if c.State != rotation.OK || c.Decision != rotation.Regenerate {
		t.Errorf("got %s, decision %s, want ok and regenerate: %+v", c.State, c.Decision, c.Findings)
	}
	for _, name := range []string{"rotation", "pending", "document", "permissions", "region", "grace", "admin", "allow",
		"application", "verification", "roles", "regenerate", "application secret", "current", "decision"} {
		if f := point(c.Findings, name); f.State != rotation.OK || f.Detail == "" {
			t.Errorf("%s: got %+v, want ok with details", name, f)
		}
	}
	if f := point(c.Findings, "allow"); !strings.Contains(f.Detail, "read the client secret of "+w.app.ID) {
		t.Errorf("allow: got %q, want what the secret's writer can bring about", f.Detail)
	}
	if c.Admin != adminName || !strings.Contains(string(c.Allow), w.app.ID) {
		t.Errorf("got the admin %q and the entry %s, want what the secret needs", c.Admin, c.Allow)
	}
	t.Logf("a check takes %+v calls", c.Calls)
}

func TestCheckNamesEachThingThatIsWrongAndItsRemedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
		point  string
		state  rotation.State
		words  string // in the detail
		remedy string
	}{
		{"no such secret", nil, func(w *world) { w.sm.Remove(orders) }, "secret", rotation.Failure, "there is no secret pingone/orders-api", "check its name"},
		{"rotation is cancelled", nil, (*world).cancelRotation, "rotation", rotation.Failure, "turned off", "pingrotate adopt --in-place pingone/orders-api --environment "},
		{"another function's secret", nil, func(w *world) { w.rotator.FunctionARN = "arn:aws:lambda:us-east-1:123456789012:function:other" },
			"rotation", rotation.Failure, "another function", "function:other"},
		{"no schedule", nil, func(*world) {}, "rotation", rotation.Warning, "no schedule", "--rotation-rules"},
		{"stuck", nil, func(w *world) {
			w.sm.Fail("PutSecretValue", fault.None, fault.Denied)
			w.sm.Rotate(w.t.Context(), orders)
			w.sm.Before(nil)
			w.advance(time.Hour)
		}, "pending", rotation.Failure, "waiting for 1h", "--version-stage AWSPENDING"},
		{"under way", nil, func(w *world) {
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
		}, "pending", rotation.Warning, "under way", "again in a minute"},
		{"a leak", nil, func(w *world) {
			w.deny("DELETE application secret")
			w.emergency(rotation.Swift)
			w.ping.Before(nil)
		}, "leak", rotation.Failure, "an emergency has been open", "emergency again"},
		{"the document is no JSON", nil, func(w *world) { w.sm.Put(orders, "hunter2") }, "document", rotation.Failure, "JSON", ""},
		{"a typing error", []option{withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"garce": "24h"} })}, func(*world) {}, "document", rotation.Failure, "garce", "spelling"},
		{"a foreign domain", []option{withDocument(func(d map[string]any) { d["authDomain"] = "login.example.com" })}, func(*world) {}, "region", rotation.Failure, "authDomain", "PINGONE_AUTH_DOMAINS"},
		{"may not store", nil, func(w *world) { w.denySecretsManager("PutSecretValue") }, "permissions", rotation.Failure, "store a version", "the function's role"},
		{"may not label", nil, func(w *world) { w.denySecretsManager("UpdateSecretVersionStage") }, "permissions", rotation.Failure, "move a label", "the function's role"},
		{"a short grace", []option{withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"grace": "30m"} })}, func(*world) {}, "grace", rotation.Warning, "caching clients", "raise rotation.grace"},
		{"a long grace", []option{withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"grace": "695h"} })}, func(w *world) { w.sm.Schedule(orders, "rate(10 days)") },
			"grace", rotation.Warning, "two rotations", "rotate less often"},
		{"the admin's secret is wrong", nil, func(w *world) {
			w.ping.Regenerate(w.admin.Environment, w.admin.ID, 0)
		}, "admin", rotation.Failure, "invalid_client", "the secret is wrong"},
		{"the admin is the target", []option{withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"adminSecretId": orders} })}, func(*world) {}, "admin", rotation.Failure, "the secret itself", "another admin"},
		{"the function's default admin is the target", nil, func(w *world) { w.rotator.Settings.AdminSecretID = orders }, "admin", rotation.Failure, "default is the secret itself", "another admin"},
		{"not allowed", nil, func(w *world) { w.sm.Put(adminName, encode(document(w.admin))) }, "admin", rotation.Failure, "does not allow this secret", "pingrotate allow " + orders},
		{"any application is allowed", nil, func(w *world) {
			admin := document(w.admin)
			admin["allow"] = []any{map[string]any{"secret": "pingone/*", "environmentId": w.app.Environment, "applications": "*"}}
			w.sm.Put(adminName, encode(admin))
		}, "allow", rotation.Warning, "any application but admins", "by the ids of applications"},
		{"the application is gone", []option{withDocument(func(d map[string]any) { d["clientId"] = "ae72e133-0935-4935-a84c-4dcf7b5e8b71" })}, func(*world) {}, "application", rotation.Failure, "404", "check environmentId"},
		{"the application is disabled", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}, "application", rotation.Failure, "disabled", "enable it"},
		{"another method", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = "CLIENT_SECRET_POST" })
		}, "method", rotation.Warning, "CLIENT_SECRET_POST", "rotate"},
		{"a token is asked for that the application cannot get", []option{
			withApp(pingonetest.Application{Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://example.com"}}),
			withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"verify": map[string]any{"scope": "a"}} }),
		}, func(*world) {}, "verification", rotation.Failure, "by no grant", "CLIENT_CREDENTIALS"},
		{"the target has a role that the admin lacks", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) {
				a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Environment Admin"})
			})
		}, "roles", rotation.Failure, "Environment Admin at ENVIRONMENT", "give the admin these roles"},
		{"... and so its secret is out of reach", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) {
				a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Environment Admin"})
			})
		}, "application secret", rotation.Failure, "has roles that the admin lacks", "rotate with another admin"},
		{"a replica lags", nil, func(w *world) {
			w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.Failed)
		}, "replicas", rotation.Failure, "eu-west-1 is not in sync", "repair the replication"},
		{"the clocks differ", nil, func(w *world) {
			w.rotator.PingOne.Now = func() time.Time { return w.ping.Now().Add(-10 * time.Minute) }
		}, "clock", rotation.Warning, "differ by 10m", "PingOne's clock"},
		{"drift", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }, "current", rotation.Failure, "is refused", "rotate now"},
		{"consumers lag", nil, func(w *world) {
			old := w.secret("AWSCURRENT")
			w.rotate()
			w.advance(time.Hour)
			w.use(old)
		}, "decision", rotation.Failure, "still use the previous secret", "idle for 2h"},
		{"just rotated", nil, func(w *world) { w.rotate(); w.advance(time.Minute) }, "decision", rotation.Warning, "just been replaced; from", "idle for 2h"},
		{"the specification differs", []option{wanting(documents[1].application), mayCreate}, func(w *world) {
			w.rotate()
			w.ping.UpdateApplication(w.app.Environment, w.client(), func(a *pingonetest.Application) { a.RedirectURIs = []string{"https://elsewhere.example"} })
		}, "specification", rotation.Warning, "changes redirectUris", "the next rotation"},
		{"a scope is unknown", []option{mayCreate, wanting(map[string]any{
			"preset": "non-interactive-worker", "name": "x", "grants": []any{map[string]any{"resource": "PingOne API", "scopes": []any{"no:such"}}},
		})}, func(*world) {}, "specification", rotation.Failure, "grants[0].scopes[0]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				c.before(w)
				got := point(w.check().Findings, c.point)
				if got.State != c.state || !strings.Contains(got.Detail, c.words) || !strings.Contains(got.Remedy, c.remedy) {
					t.Errorf("%s:\n got %+v\nwant %s with %q, remedy %q", c.point, got, c.state, c.words, c.remedy)
				}
			}, c.opts...)
		})
	}
}

func TestCheckOfAnApplicationThatDoesNotExistYetSaysWhatWillBeCreated(t *testing.T) {
	w := newWorld(t, mayCreate, wanting(documents[4].application))
	c := w.check()
	if f := point(c.Findings, "specification"); f.State != rotation.OK || !strings.Contains(f.Detail, "creates the application") || !strings.Contains(f.Detail, "resource") {
		t.Errorf("specification: got %+v, want what will be created", f)
	}
	if c.Decision != rotation.Seed {
		t.Errorf("decision: got %s, want seed", c.Decision)
	}
	w.rotate()
	w.advance(3 * time.Hour)
	if f := point(w.check().Findings, "specification"); f.State != rotation.OK || !strings.Contains(f.Detail, "is as rotation.application says") {
		t.Errorf("specification after the creation: got %+v, want no difference", f)
	}
}

func TestCheckOfAlternatingApplicationsLooksAtTheTwin(t *testing.T) {
	w := newWorld(t, alternate)
	if c := w.check(); c.Decision != rotation.Seed || !strings.Contains(point(c.Findings, "decision").Detail, "creates the twin") {
		t.Errorf("before the first rotation: got %s, %+v", c.Decision, point(c.Findings, "decision"))
	}
	w.rotate()
	w.advance(25 * time.Hour)
	c := w.check()
	if f := point(c.Findings, "twin"); f.State != rotation.OK || !strings.Contains(f.Detail, w.twin()) {
		t.Errorf("twin: got %+v, want it to be named", f)
	}
	if c.Decision != rotation.Regenerate {
		t.Errorf("decision: got %s, want regenerate", c.Decision)
	}
}

// A rotation then does what check predicted.
func TestCheckForetellsTheDecision(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
	}{
		{"regenerate", nil, func(*world) {}},
		{"refuse", nil, func(w *world) { w.rotate(); w.advance(time.Minute) }},
		{"adopt", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 20*time.Hour) }},
		{"drift", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }},
		{"seed", []option{withDocument(func(d map[string]any) { delete(d, "clientSecret") })}, func(*world) {}},
		{"seed", []option{alternate}, func(*world) {}}, // of the twin, which is created
		{"seed", []option{alternate}, aTwinLeftUnused},
		{"regenerate", []option{alternate}, func(w *world) { w.rotate(); w.advance(25 * time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			c.before(w)
			foretold := w.check().Decision
			n := len(w.decisions())
			w.sm.Rotate(t.Context(), orders)
			if done := w.decisions()[n]; fmt.Sprint(foretold) != c.name || done != c.name {
				t.Errorf("foretold %s, done %s, want %s", foretold, done, c.name)
			}
		})
	}
}

// aTwinLeftUnused is the state after the first rotation of two applications whose promotion
// failed for a day: the twin exists, and no label is on the version that names it.
func aTwinLeftUnused(w *world) {
	w.sm.Fail("UpdateSecretVersionStage", fault.None, fault.Denied, fault.Denied, fault.Denied, fault.Denied)
	if err := w.sm.Rotate(w.t.Context(), orders); err == nil {
		w.t.Error("the rotation was promoted")
	}
	w.sm.Before(nil)
	w.advance(25 * time.Hour)
	w.audit()
	w.advance(time.Hour)
	if id := w.sm.VersionID(orders, "AWSPENDING"); id != "" {
		w.t.Errorf("AWSPENDING is still on %s", id)
	}
}

// A rotation then succeeds or fails as the headline of the check says, which is also its
// exit status.
func TestCheckSaysWhetherARotationNowSucceeds(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   []option
		before func(*world)
		would  bool
		words  string
	}{
		{"well", nil, func(*world) {}, true, "PingOne makes a new secret (regenerate)"},
		{"just rotated", nil, func(w *world) { w.rotate(); w.advance(time.Minute) }, false, "previous secret"},
		{"consumers lag", nil, func(w *world) { old := w.secret("AWSCURRENT"); w.rotate(); w.advance(time.Hour); w.use(old) }, false, "previous secret"},
		{"regenerated elsewhere and kept", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 20*time.Hour) }, true, "(adopt)"},
		{"AWSCURRENT is dead", nil, func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0) }, true, "(drift)"},
		{"not filled yet", []option{withDocument(func(d map[string]any) { delete(d, "clientSecret") })}, func(*world) {}, true, "(seed)"},
		{"to be created", []option{mayCreate, wanting(documents[0].application)}, func(*world) {}, true, "creates the application"},
		{"nothing of that name", nil, func(w *world) { w.sm.Remove(orders) }, false, "secret: there is no secret pingone/orders-api"},
		{"no JSON", nil, func(w *world) { w.sm.Put(orders, "hunter2") }, false, "document: "},
		{"rotation cancelled", nil, (*world).cancelRotation, false, "rotation: is turned off"},
		{"may not store", nil, func(w *world) { w.denySecretsManager("PutSecretValue") }, false, "permissions: "},
		{"under way", nil, func(w *world) {
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
		}, false, "another rotation is under way"},
		{"a copy", []option{withDocument(func(d map[string]any) { d["CLIENT_SECRET"] = d["clientSecret"] })}, func(*world) {}, false, "copies: "},
		{"disabled", nil, func(w *world) {
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
		}, false, "application: "},
		{"a replica lags", nil, func(w *world) { w.sm.SetReplica(orders, "eu-west-1", secretsmanagertest.Failed) }, true, "(regenerate)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opts...)
			c.before(w)
			got := w.check()
			if got.WouldRotate != c.would || !strings.Contains(got.Because, c.words) {
				t.Errorf("got would rotate %t, because %q; want %t, %q", got.WouldRotate, got.Because, c.would, c.words)
			}
			if c.name == "rotation cancelled" || c.name == "nothing of that name" {
				return // Secrets Manager itself begins no rotation
			}
			if err := w.sm.Rotate(t.Context(), orders); (err == nil) != got.WouldRotate {
				t.Errorf("check says %t, %q, and Secrets Manager's rotation ended with %v", got.WouldRotate, got.Because, err)
			}
		})
	}
}

// denySecretsManager makes Secrets Manager refuse an action to the function.
func (w *world) denySecretsManager(operation string) {
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == operation {
			return fault.Denied
		}
		return fault.None
	})
}

func TestCheckCreatesTheTestUserWhenItIsAskedTo(t *testing.T) {
	w := newWorld(t, signedOn)
	w.userSecret()
	if f := point(w.check().Findings, "test user"); f.Point != "" {
		t.Errorf("without being asked: got %+v", f)
	}
	ask := rotation.Action{Action: "check", SecretID: orders, CreateTestUser: true}
	for _, want := range []string{"created user", "is there already"} {
		if f := point(w.do(ask).(*rotation.Checkup).Findings, "test user"); f.State != rotation.OK || !strings.Contains(f.Detail, want) {
			t.Errorf("got %+v, want %q", f, want)
		}
	}
	w.rotate()
	w.checkPromoted()
	w.checkSilent(w.reports...)
}
