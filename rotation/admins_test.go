package rotation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pingrotate/internal/provision"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// another makes a second admin in the environment and stores its secret under this name.
func (w *world) another(name string, entries ...any) pingonetest.Application {
	w.t.Helper()
	app := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: name, Roles: w.admin.Roles})
	d := document(app)
	d["allow"] = entries
	w.sm.Put(name, encode(d))
	return app
}

// allowOnly makes the admin's document allow exactly one entry.
func (w *world) allowOnly(secret string, applications any) {
	admin := w.adminDocument()
	admin["allow"] = []any{map[string]any{"secret": secret, "environmentId": w.app.Environment, "applications": applications}}
	w.sm.Put(adminName, encode(admin))
}

func TestSecretThatTheSettingsDoNotListIsNoAdmin(t *testing.T) {
	const other = "pingone/other-admin"
	for _, c := range []struct {
		name   string
		listed func(arn string) []string
		named  func(arn string) string
		serves bool
	}{
		{"not listed", func(string) []string { return nil }, func(string) string { return other }, false},
		{"not listed, by its ARN", func(string) []string { return nil }, func(arn string) string { return arn }, false},
		{"another name listed", func(string) []string { return []string{other + "s"} }, func(string) string { return other }, false},
		{"listed by name", func(string) []string { return []string{other} }, func(string) string { return other }, true},
		{"listed by name, named by its ARN", func(string) []string { return []string{other} }, func(arn string) string { return arn }, true},
		{"listed by its ARN", func(arn string) []string { return []string{arn} }, func(string) string { return other }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			d := w.stored("AWSCURRENT")
			w.another(other, entryFor(orders, d))
			arn := w.sm.ARN(other)
			w.rotator.Settings.AdminSecretIDs = c.listed(arn)
			d["rotation"] = map[string]any{"adminSecretId": c.named(arn)}
			w.sm.Put(orders, encode(d))
			if c.serves {
				w.rotate()
				return
			}
			read := len(w.sm.Calls())
			w.rotateFails("createSecret", "rotation.adminSecretId", "not an admin of this function", rotation.AdminsVariable)
			for _, call := range w.sm.Calls()[read:] {
				if call.Operation == "GetSecretValue" && strings.Contains(call.Target, other) {
					t.Errorf("%v: a secret that is no admin was read", call)
				}
			}
			if n := len(w.ping.Calls()); n != 0 {
				t.Errorf("calls to PingOne: got %d, want none", n)
			}
		})
	}
}

// abroad is Secrets Manager with a second account, whose secrets have the same names.
type abroad struct{ rotation.SecretsManager }

const foreignAccount = "999999999999"

func (a abroad) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	own := strings.Replace(*in.SecretId, foreignAccount, "123456789012", 1)
	foreign := own != *in.SecretId
	copied := *in
	copied.SecretId = &own
	out, err := a.SecretsManager.GetSecretValue(ctx, &copied, opts...)
	if err == nil && foreign {
		out.ARN = in.SecretId
	}
	return out, err
}

// A name in the settings means a secret in the managed secret's account. The owner of another
// account can create one of the same name and let the function read it.
func TestAdminOfAnotherAccountIsListedByItsARN(t *testing.T) {
	const other = "pingone/other-admin"
	for _, byARN := range []bool{false, true} {
		w := newWorld(t)
		d := w.stored("AWSCURRENT")
		w.another(other, entryFor(orders, d))
		foreign := strings.Replace(w.sm.ARN(other), "123456789012", foreignAccount, 1)
		d["rotation"] = map[string]any{"adminSecretId": foreign}
		w.sm.Put(orders, encode(d))
		w.rotator.Secrets = abroad{w.rotator.Secrets}
		w.rotator.Settings.AdminSecretIDs = []string{other}
		if byARN {
			w.rotator.Settings.AdminSecretIDs = []string{foreign}
			w.rotate()
			continue
		}
		w.rotateFails("createSecret", "not an admin of this function")
		if n := len(w.ping.Calls()); n != 0 {
			t.Errorf("calls to PingOne: got %d, want none", n)
		}
	}
}

func TestAnyApplicationIsNeverAnAdminOfTheFunction(t *testing.T) {
	const other = "pingone/other-admin"
	for _, c := range []struct {
		name  string
		spoil func(w *world, app pingonetest.Application)
	}{
		{"", func(*world, pingonetest.Application) {}},
		{"whose document does not parse", func(w *world, app pingonetest.Application) { w.sm.Put(other, encode(document(app))+",") }},
	} {
		t.Run("an admin "+c.name, func(t *testing.T) {
			w := newWorld(t)
			victim := w.another(other)
			c.spoil(w, victim)
			w.rotator.Settings.AdminSecretIDs = []string{other}
			d := document(victim)
			delete(d, "clientSecret")
			w.sm.Put(orders, encode(d))
			w.allowOnly("pingone/*", "*")
			w.rotateFails("createSecret", "does not allow this secret the application "+victim.ID)
			if n := len(w.ping.Calls()); n != 0 || w.secret("AWSPENDING") != "" {
				t.Errorf("calls to PingOne: got %d, want none", n)
			}
			w.allowOnly("pingone/*", []any{victim.ID})
			w.fresh = false
			w.retry()
			if got := w.secret("AWSCURRENT"); got != victim.Secret {
				t.Error("an admin that its id allows was not taken over")
			}
		})
	}
}

// An admin that is gone or unreadable must not keep the secrets of other admins from being
// served.
func TestNoAdminStopsAnAuditOfOthers(t *testing.T) {
	const other = "pingone/other-admin"
	stars := strings.Repeat("*a", 500)
	for _, c := range []struct {
		name  string
		spoil func(w *world)
	}{
		{"gone", func(w *world) { w.sm.Remove(other) }},
		{"no JSON", func(w *world) { w.sm.Put(other, "hunter2") }},
		{"deep", func(w *world) { w.sm.Put(other, strings.Repeat("[", 30000)) }},
		{"an entry without applications", func(w *world) {
			w.sm.Put(other, fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":"x","allow":[{"secret":"*","environmentId":%[1]q}]}`, w.app.Environment))
		}},
		{"patterns of many stars", func(w *world) {
			entries := strings.Repeat(fmt.Sprintf(`{"secret":%q,"environmentId":%q,"applications":"*"},`, stars, w.app.Environment), 50)
			w.sm.Put(other, fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":"11111111-2222-4333-8444-555555555555","clientSecret":"s","allow":[%s]}`, w.app.Environment, strings.TrimSuffix(entries, ",")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.another(other)
			w.rotator.Settings.AdminSecretIDs = []string{other}
			w.allowOnly("pingone/*", "*")
			// Another secret names that admin, and comes first.
			d := document(w.app)
			d["rotation"] = map[string]any{"adminSecretId": other}
			const first = "pingone/"
			w.sm.Put(first+"a", encode(d))
			w.sm.EnableRotation(first+"a", functionARN)
			if c.name == "patterns of many stars" {
				d["clientId"] = w.admin.ID
				w.sm.Put(strings.Repeat("a", 500), encode(d))
				w.sm.EnableRotation(strings.Repeat("a", 500), functionARN)
				w.rotator.Settings.AdminSecretIDs = []string{other}
			}
			c.spoil(w)
			rep := w.audit()
			for _, h := range rep.Secrets {
				if h.Name != orders {
					if h.State != rotation.Failure {
						t.Errorf("%s: got %s, want a failure: its admin serves nothing", h.Name, h.State)
					}
					continue
				}
				if point(h.Findings, "readable").Point != "" || h.Current == "" {
					t.Errorf("%s: got %+v", h.Name, h.Findings)
				}
			}
			if rep.NotReached != 0 {
				t.Errorf("not reached: got %d, want none", rep.NotReached)
			}
		})
	}
}

func TestMarkedApplicationsAreServedToTheSecretWhoseMarkTheyHave(t *testing.T) {
	for _, c := range []struct {
		name   string
		mark   func(w *world) string
		serves bool
	}{
		{"no mark", func(*world) string { return "of the shop" }, false},
		{"its own", func(w *world) string { return "of the shop " + provision.MarkerOf(w.sm.ARN(orders)).String() }, true},
		{"another secret's", func(w *world) string { return provision.MarkerOf(w.sm.ARN(adminName)).String() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			made := len(w.db.Calls())
			w.allowOnly("pingone/*", "marked")
			w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Description = c.mark(w) })
			if c.serves {
				w.rotate()
				w.checkPromoted()
				return
			}
			w.rotateFails("createSecret", "does not allow this secret the application")
			w.checkUnread(w.app.ID, made)
		})
	}
}

// checkUnread checks that the admin read nothing of an application except its description, and
// that the register was not asked about it after this many calls. What a version holds may be
// shown to PingOne, as its own client would.
func (w *world) checkUnread(id string, made int) {
	w.t.Helper()
	for _, c := range w.ping.Calls() {
		if strings.Contains(c.Target, id) && c.Operation != pingonetest.OpReadApplication && c.Operation != pingonetest.OpToken {
			w.t.Errorf("%v: was sent about an application that is not allowed", c)
		}
	}
	for _, c := range w.db.Calls()[made:] {
		if strings.Contains(c.Target, id) {
			w.t.Errorf("%v: the register was asked about an application that is not allowed", c)
		}
	}
	if w.ping.Mints(w.app.Environment, id) != 0 {
		w.t.Error("an application that is not allowed was minted")
	}
}

// The writer of a secret, or of its versions, names another team's application wherever a
// document or a version can.
func TestNothingOfAClientIsReadOrRecordedBeforeItIsAllowed(t *testing.T) {
	current := func(edit func(w *world, d map[string]any, victim pingonetest.Application)) func(*world, pingonetest.Application) {
		return func(w *world, victim pingonetest.Application) {
			d := w.stored("AWSCURRENT")
			edit(w, d, victim)
			w.sm.Put(orders, encode(d))
		}
	}
	pending := func(edit func(w *world, d map[string]any, victim pingonetest.Application)) func(*world, pingonetest.Application) {
		return func(w *world, victim pingonetest.Application) {
			if _, err := w.sm.Begin(orders); err != nil {
				w.t.Fatal(err)
			}
			d := w.stored("AWSCURRENT")
			edit(w, d, victim)
			w.putPending(encode(d))
		}
	}
	alternating := withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"strategy": "alternating"} })
	unseeded := withDocument(func(d map[string]any) {
		delete(d, "clientId")
		delete(d, "clientSecret")
		d["rotation"] = map[string]any{"application": map[string]any{"preset": "non-interactive-worker", "name": "new"}}
	})
	named := func(_ *world, d map[string]any, victim pingonetest.Application) { d["clientId"] = victim.ClientID }
	empty := func(_ *world, d map[string]any, victim pingonetest.Application) {
		d["clientId"] = victim.ClientID
		delete(d, "clientSecret")
	}
	for _, c := range []struct {
		name   string
		opts   []option
		intend func(*world, pingonetest.Application)
	}{
		{"AWSCURRENT", nil, current(named)},
		{"AWSCURRENT without a secret", nil, current(empty)},
		{"AWSPENDING", nil, pending(named)},
		{"AWSPENDING without a secret", nil, pending(empty)},
		{"AWSPENDING as the twin", []option{alternating}, pending(func(w *world, d map[string]any, victim pingonetest.Application) {
			named(w, d, victim)
			d["rotation"] = map[string]any{"strategy": "alternating", "twin": w.app.ID}
		})},
		{"rotation.twin", []option{alternating}, current(func(_ *world, d map[string]any, victim pingonetest.Application) {
			d["rotation"] = map[string]any{"strategy": "alternating", "twin": victim.ID}
		})},
		{"AWSPENDING as the one that was created", []option{unseeded}, pending(named)},
	} {
		for _, what := range []string{"step", "check", "audit", "rotate", "swift", "contain", "rollback", rotation.ActionEnd} {
			t.Run(c.name+", "+what, func(t *testing.T) {
				w := newWorld(t, c.opts...)
				victim := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "victim", Roles: w.app.Roles})
				c.intend(w, victim)
				if what == "step" {
					if w.sm.VersionID(orders, "AWSPENDING") == "" {
						if _, err := w.sm.Begin(orders); err != nil {
							t.Fatal(err)
						}
					}
					for _, step := range []string{"testSecret", "setSecret", "finishSecret", "createSecret"} {
						w.invoke(t.Context(), w.sm.Event(orders, step)) // its result does not matter
					}
				} else {
					a := rotation.Action{Action: what, SecretID: orders}
					switch what {
					case "audit":
						a.SecretID = ""
					case rotation.ActionEnd:
						a.LockOut = true
					case "swift", "contain":
						a.Action, a.Emergency = rotation.ActionRotate, rotation.Emergency(what)
					}
					w.do(a)
				}
				w.checkUnread(victim.ID, 0)
				if text, _ := w.sm.Value(orders, "AWSCURRENT"); strings.Contains(text, victim.Secret) {
					t.Error("the victim's secret was stored")
				}
				w.checkSilent()
			})
		}
	}
}

func TestSpecificationIsCarriedOutAsFarAsConfigureSays(t *testing.T) {
	withRole := withDocument(func(d map[string]any) {
		d["rotation"] = map[string]any{"application": map[string]any{"preset": "non-interactive-worker", "name": "orders-api",
			"roles": []any{map[string]any{"role": "Client Application Developer", "scope": map[string]any{"type": "ENVIRONMENT", "id": d["environmentId"]}}}}}
	})
	w := newWorld(t, mayCreate, withRole)
	w.allowOnly(orders, []any{w.app.ID})
	w.rotateFails("createSecret", "does not allow this secret what rotation.application asks for", "assigns the role Client Application Developer", "pingrotate allow "+orders)
	if w.mints() != 0 || w.ping.Count(pingonetest.OpAssignRole) != 0 {
		t.Errorf("mints: got %d, want none before it is allowed", w.mints())
	}
	if f := point(w.check().Findings, "specification"); f.State != rotation.Failure || !strings.Contains(f.Remedy, `"roles"`) {
		t.Errorf("check: got %+v", f)
	}
	w.allow(orders, w.stored("AWSCURRENT"))
	w.retry()
	w.checkPromoted()
}

// Marks let an operator allow a fleet's applications without listing them.
func TestOperatorMarksAnApplicationForAnAdminThatAllowsMarkedOnes(t *testing.T) {
	const name, second = "pingone/shipping", "pingone/shipping-too"
	w := newWorld(t)
	w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Environment Admin"})
	})
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "shipping", Description: "of the shop", Roles: w.app.Roles})
	text := drafted(other, nil)
	arn, another := w.sm.Put(name, text), w.sm.Put(second, text)
	mark := func(arn string) *rotation.Checkup {
		return w.do(rotation.Action{Action: rotation.ActionMark, SecretID: arn, Document: text}).(*rotation.Checkup)
	}
	description := func() (text string) {
		w.ping.UpdateApplication(other.Environment, other.ID, func(a *pingonetest.Application) { text = a.Description })
		return text
	}

	w.allowOnly("pingone/*", []any{w.app.ID})
	if c := mark(arn); c.State != rotation.Failure || description() != "of the shop" {
		t.Errorf("where the owner does not allow marked applications: got %+v, %q", c.Findings, description())
	}
	w.allowOnly("pingone/*", "marked")
	for supposed, want := range map[bool]bool{false: false, true: true} {
		c := w.do(rotation.Action{Action: rotation.ActionCheck, SecretID: name, Document: text, Mark: supposed}).(*rotation.Checkup)
		if c.WouldRotate != want || description() != "of the shop" {
			t.Errorf("a check, to be marked %t: got %t, %q, %q", supposed, c.WouldRotate, c.Because, description())
		}
	}
	for range 2 { // the second time it is marked already
		if c := mark(arn); c.State != rotation.OK || description() != "of the shop "+provision.MarkerOf(arn).String() {
			t.Fatalf("got %+v, %q", c.Findings, description())
		}
	}
	if c := mark(another); c.State != rotation.Failure || strings.Contains(description(), provision.MarkerOf(another).String()) {
		t.Errorf("another secret took the application over: %+v, %q", c.Findings, description())
	}
	w.sm.EnableRotation(name, functionARN)
	if err := w.sm.Rotate(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	w.sm.EnableRotation(second, functionARN)
	if err := w.sm.Rotate(t.Context(), second); err == nil {
		t.Error("the other secret was served")
	}

	w.rotator.Settings.AdminSecretIDs = []string{"pingone/other-admin"}
	admin := w.another("pingone/other-admin")
	text = drafted(admin, nil)
	if c := mark(arn); c.State != rotation.Failure {
		t.Errorf("an admin was marked: %+v", c.Findings)
	}
	w.checkSilent(w.reports...)
}
