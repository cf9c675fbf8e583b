package rotation_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// T1: a read that fails is an error; it never means that nothing is there.
func TestT01ReadThatFailsIsNotAnAbsence(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Throttled, fault.Denied, fault.Unavailable, fault.Malformed} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			w.sm.Before(func(c fault.Call) fault.Kind {
				if c.Operation == "GetSecretValue" {
					return kind
				}
				return fault.None
			})
			w.rotateFails("read version")
			if posts := w.ping.Count(pingonetest.OpRegenerateSecret); posts != 0 {
				t.Errorf("requests to regenerate: got %d, want 0", posts)
			}
			w.sm.Before(nil)
			w.retry()
			w.checkPromoted()
		})
	}
}

// T4: steps may be repeated and come in any order. Each may fail, but none does harm.
func TestT04StepsRepeatedAndOutOfOrder(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			w := newWorld(t)
			if _, err := w.sm.Begin(orders); err != nil {
				t.Fatal(err)
			}
			events := map[string][]byte{}
			for _, s := range steps {
				events[s] = w.sm.Event(orders, s)
			}
			for range 12 {
				step := steps[r.IntN(len(steps))]
				err := w.invoke(t.Context(), events[step])
				if current := w.secret("AWSCURRENT"); !w.accepts(current) {
					t.Fatalf("after %s (%v): AWSCURRENT does not work", step, err)
				}
			}
			for _, s := range slices.Concat(steps, steps, steps) {
				if err := w.invoke(t.Context(), events[s]); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("mints: got %d, want 1", w.mints())
			}
		})
	}
}

// T4: a step of a rotation that is over succeeds and does nothing else.
func TestT04StepsAfterThePromotionChangeNothing(t *testing.T) {
	w := newWorld(t)
	if _, err := w.sm.Begin(orders); err != nil {
		t.Fatal(err)
	}
	var events [][]byte
	for _, s := range steps {
		events = append(events, w.sm.Event(orders, s))
	}
	if err := w.sm.Attempt(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	before, calls := w.sm.Dump()+w.ping.Dump(), len(w.ping.Calls())
	for range 3 {
		for _, ev := range events {
			if err := w.invoke(t.Context(), ev); err != nil {
				t.Errorf("a repeated step: %v", err)
			}
		}
	}
	if w.sm.Dump()+w.ping.Dump() != before || len(w.ping.Calls()) != calls {
		t.Error("a repeated step changed something")
	}
}

// T7: other versions' labels, and their order, do not matter.
func TestT07FinishWithCustomLabelsAndPrevious(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		w.sm.KeepPending(keep)
		for range 12 {
			w.rotate()
			w.checkPromoted()
			if w.sm.VersionID(orders, "AWSPREVIOUS") == "" {
				t.Fatal("AWSPREVIOUS is nowhere")
			}
			w.label("audit-" + fmt.Sprint(w.mints()))
			w.advance(25 * time.Hour)
		}
	}
}

// T8: a promotion whose reply was lost is found to have happened.
func TestT08LostReplyOfThePromotion(t *testing.T) {
	for _, kind := range []fault.Kind{fault.ReplyLost, fault.ReplyCut, fault.UnavailableApplied, fault.MalformedApplied} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			w.sm.Fail("UpdateSecretVersionStage", fault.None, kind) // the first one asks for the permission
			w.rotate()
			w.checkPromoted()
		})
	}
}

// T5: another writer has stored a value under the rotation's token.
func TestT05ForeignPendingValueIsNeverPromoted(t *testing.T) {
	for _, name := range []string{"made up", "of another application"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			old := w.secret("AWSCURRENT")
			if _, err := w.sm.Begin(orders); err != nil {
				t.Fatal(err)
			}
			d := document(w.app)
			d["clientSecret"] = "made-up"
			if name == "of another application" {
				d = document(w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Roles: w.app.Roles}))
			}
			w.putPending(encode(d))
			for _, step := range steps[1:] {
				if err := w.invoke(t.Context(), w.sm.Event(orders, step)); err == nil && step != "testSecret" {
					t.Errorf("%s: got success", step)
				}
				if w.sm.VersionID(orders, "AWSPENDING") == "" {
					break
				}
			}
			if w.secret("AWSCURRENT") != old {
				t.Error("a foreign value was promoted")
			}
		})
	}
}

// T12: on a custom domain the paths have no environment id.
func TestT12CustomDomain(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["authDomain"] = "login.example.com" }))
	w.ping.CustomDomain(w.app.Environment)
	w.rotator.Settings.AuthDomains = []string{"login.example.com"}
	w.rotate()
	w.checkPromoted()
	if got := w.stored("AWSCURRENT")["tokenEndpoint"]; got != w.ping.URL()+"/as/token" {
		t.Errorf("tokenEndpoint: got %v, want one without the environment id", got)
	}
}

// T12: a token of another issuer proves nothing.
func TestT12TokenOfAnotherIssuerIsNotEnough(t *testing.T) {
	w := newWorld(t)
	old := w.secret("AWSCURRENT")
	w.rotator.PingOne.HTTP = &http.Client{Transport: asHost("elsewhere.example")}
	w.rotateFails("createSecret", "nothing was changed", "iss")
	if w.secret("AWSCURRENT") != old || w.mints() != 0 {
		t.Error("minted or promoted anyway")
	}
}

// asHost sends requests as if the service had this name, which its tokens then name as
// their issuer.
type asHost string

func (h asHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = string(h)
	return http.DefaultTransport.RoundTrip(r)
}

// T13: nothing of one secret appears in another one's rotation.
func TestT13TwoSecretsInOneProcess(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["note"] = "of orders" }))
	billing := w.ping.AddApplication(pingonetest.Application{
		Environment: w.app.Environment, TokenEndpointAuthMethod: "CLIENT_SECRET_POST", Roles: w.app.Roles,
	})
	w.put("pingone/billing-api", document(billing))
	w.sm.EnableRotation("pingone/billing-api", functionARN)
	for range 3 {
		w.rotate()
		if err := w.sm.Rotate(t.Context(), "pingone/billing-api"); err != nil {
			t.Fatal(err)
		}
		w.advance(25 * time.Hour)
	}
	text, _ := w.sm.Value("pingone/billing-api", "AWSCURRENT")
	if strings.Contains(text, "of orders") || strings.Contains(text, w.app.ID) || strings.Contains(text, w.secret("AWSCURRENT")) {
		t.Error("something of one secret is in the other")
	}
	if w.stored("AWSCURRENT")["note"] != "of orders" {
		t.Error("an unknown member was lost")
	}
}

// T16: the admin's secret changes between two steps of a warm process.
func TestT16AdminSecretRotatedBetweenSteps(t *testing.T) {
	w := newWorld(t)
	if _, err := w.sm.Begin(orders); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if err := w.invoke(t.Context(), w.sm.Event(orders, step)); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		admin := w.adminDocument()
		admin["clientSecret"] = w.ping.Regenerate(w.admin.Environment, w.admin.ID, 0)
		w.sm.Put(adminName, encode(admin))
		w.advance(2 * time.Hour) // the access token has expired too
	}
	w.checkPromoted()
}

func TestAdminCredentialOfTheTargetItselfIsRefused(t *testing.T) {
	w := newWorld(t)
	w.sm.Put("pingone/same-application", encode(document(w.app)))
	d := w.stored("AWSCURRENT")
	w.rotator.Settings.AdminSecretIDs = []string{"pingone/same-application"}
	for _, id := range []string{orders, w.sm.ARN(orders), "pingone/same-application"} {
		d["rotation"] = map[string]any{"adminSecretId": id}
		w.sm.Put(orders, encode(d))
		w.rotateFails("own secret")
		w.unstick()
	}
	if n := len(w.ping.Calls()); n != 0 {
		t.Errorf("calls to PingOne: got %d, want none", n)
	}
}

func TestAdminAllowListIsEnforced(t *testing.T) {
	other := "11111111-2222-3333-4444-555555555555"
	for _, c := range []struct {
		name, secret, env string
		apps              []string
		allowed           bool
	}{
		{"by name", orders, "", []string{"app"}, true},
		{"by pattern", "pingone/*", "", []string{"app"}, true},
		{"by pattern across segments", "**", "", []string{"app"}, true},
		{"by ARN pattern", "arn:aws:secretsmanager:*:*:secret:pingone/orders-*", "", []string{"app"}, true},
		{"without applications", orders, "", nil, false},
		{"by application", "pingone/orders-api", "", []string{other, "app"}, true},
		{"another secret", "pingone/billing-api", "", []string{"app"}, false},
		{"a prefix only", "pingone/order", "", []string{"app"}, false},
		{"a pattern of one segment", "*", "", []string{"app"}, false},
		{"another environment", "**", other, []string{"app"}, false},
		{"another application", "**", "", []string{other}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			rule := map[string]any{"secret": c.secret, "environmentId": c.env}
			if c.env == "" {
				rule["environmentId"] = w.app.Environment
			}
			if c.apps != nil {
				apps := []string{}
				for _, a := range c.apps {
					apps = append(apps, strings.Replace(a, "app", w.app.ID, 1))
				}
				rule["applications"] = apps
			}
			admin := document(w.admin)
			admin["allow"] = []any{rule}
			w.sm.Put(adminName, encode(admin))
			if c.allowed {
				w.rotate()
				return
			}
			w.rotateFails("allow")
			if n := len(w.ping.Calls()); n != 0 {
				t.Errorf("calls to PingOne: got %d, want none", n)
			}
		})
	}
}

func TestAdminWithAnEmptyAllowListServesNobody(t *testing.T) {
	w := newWorld(t)
	admin := document(w.admin)
	admin["allow"] = []any{}
	w.sm.Put(adminName, encode(admin))
	w.rotateFails("does not allow this secret in this environment", "pingrotate allow "+orders)
}

func TestAdminOfAnotherRegionIsRefused(t *testing.T) {
	w := newWorld(t)
	admin := document(w.admin)
	admin["region"] = "NA"
	w.sm.Put(adminName, encode(admin))
	w.rotateFails("region")
	if n := len(w.ping.Calls()); n != 0 {
		t.Errorf("calls to PingOne: got %d, want none", n)
	}
}

// T18: reads that lag behind writes delay a rotation and do no harm.
func TestT18ReadsThatLagBehindWrites(t *testing.T) {
	for lag := range 4 {
		t.Run(fmt.Sprint(lag, " reads"), func(t *testing.T) {
			w := newWorld(t)
			old := w.secret("AWSCURRENT")
			w.sm.LagReads(lag)
			err := w.sm.Rotate(t.Context(), orders)
			for range 10 {
				if err == nil {
					break
				}
				if current := w.secret("AWSCURRENT"); !w.accepts(current) || !w.accepts(old) {
					t.Fatalf("after %v: a secret in use is dead", err)
				}
				err = w.sm.Attempt(t.Context(), orders)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("mints: got %d, want 1", w.mints())
			}
		})
	}
}

func TestVerifyChecksTheTokenThatConsumersGet(t *testing.T) {
	app := pingonetest.Application{
		Type: "WEB_APP", Roles: []pingonetest.RoleAssignment{}, Audience: "https://self-service.example", Scopes: []string{"p1as"},
		Claims: map[string]any{"groups": []string{"dev-tls-admin", "prod-tls-audit"}, "tier": 2},
	}
	for _, c := range []struct {
		name   string
		verify map[string]any
		wrong  string // in the error; "" for success
	}{
		{"scope, audience and claims", map[string]any{"scope": "p1as", "audience": "https://self-service.example", "claims": map[string]any{"groups": []string{"prod-tls-audit"}, "tier": 2}}, ""},
		{"nothing", map[string]any{}, ""},
		{"another audience", map[string]any{"audience": "https://other.example"}, "aud"},
		{"a group that is missing", map[string]any{"claims": map[string]any{"groups": []string{"prod-tls-admin"}}}, "groups"},
		{"a claim that is missing", map[string]any{"claims": map[string]any{"tenant": "a"}}, "tenant"},
		{"another value", map[string]any{"claims": map[string]any{"tier": 3}}, "tier"},
		{"a scope that is not granted", map[string]any{"scope": "admin"}, "not granted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, withApp(app), withDocument(func(d map[string]any) { d["rotation"] = map[string]any{"verify": c.verify} }))
			old := w.secret("AWSCURRENT")
			if c.wrong == "" {
				w.rotate()
				return
			}
			w.rotateFails("createSecret", "nothing was changed", "the secret works", c.wrong)
			if w.secret("AWSCURRENT") != old || w.mints() != 0 {
				t.Error("minted or promoted anyway")
			}
		})
	}
}

// A worker without roles gets no token, neither before the rotation nor after it. The
// reason of the refusal proves the secret.
func TestSecretOfAWorkerWithoutRolesIsProvedByTheRefusal(t *testing.T) {
	w := newWorld(t, withApp(pingonetest.Application{Roles: []pingonetest.RoleAssignment{}}))
	w.rotate()
	w.checkPromoted()
}

func TestAuthenticationMethodIsReadFromTheApplication(t *testing.T) {
	w := newWorld(t)
	w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.TokenEndpointAuthMethod = "CLIENT_SECRET_POST" })
	w.rotate()
	if got := w.stored("AWSCURRENT")["tokenEndpointAuthMethod"]; got != "CLIENT_SECRET_POST" {
		t.Errorf("tokenEndpointAuthMethod: got %v, want CLIENT_SECRET_POST", got)
	}
}

func TestRotationTokenGoesOutWithEveryCallToPingOne(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	version := w.sm.VersionID(orders, "AWSCURRENT")
	for i, id := range w.ping.TransactionIDs() {
		if id != version {
			t.Errorf("%s: transaction id %q, want %q", w.ping.Calls()[i], id, version)
		}
	}
}
