package rotation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pingrotate/pingone/pingonetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A neighbourhood has what another team owns: an application, a custom resource and an
// admin in the same environment, and an application in another environment. PingOne itself
// would let the function's admin change all of it.
type neighbourhood struct {
	*world
	app, elsewhere pingonetest.Application
	resource       string
}

const (
	theirs      = "pingone/billing-api"
	theirAdmin  = "pingone/billing-admin"
	anotherTeam = "11111111-2222-3333-4444-555555555555" // environment
)

// newNeighbourhood makes a world with neighbours. With lists, the admins' allow lists keep
// the teams apart; without, only the rotation's own checks do.
func newNeighbourhood(t *testing.T, lists bool) *neighbourhood {
	t.Helper()
	n := &neighbourhood{world: newWorld(t)}
	n.ping.UpdateApplication(n.admin.Environment, n.admin.ID, func(a *pingonetest.Application) {
		for _, r := range a.Roles {
			a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: r.Role, ScopeType: "ENVIRONMENT", ScopeID: anotherTeam})
		}
	})
	env := n.world.app.Environment
	n.app = n.ping.AddApplication(pingonetest.Application{Environment: env, Name: theirs, Roles: n.world.app.Roles[:1]})
	n.elsewhere = n.ping.AddApplication(pingonetest.Application{Environment: anotherTeam, Name: theirs})
	r, err := n.root().CreateResource(t.Context(), env, "shipping", "", "")
	if err != nil {
		t.Fatal(err)
	}
	n.resource = r.ID
	second := n.ping.AddApplication(pingonetest.Application{Environment: env, Name: theirAdmin, Roles: n.admin.Roles})
	for _, a := range []struct {
		name   string
		app    pingonetest.Application
		secret string
		serves string
	}{
		{adminName, n.admin, orders, n.world.app.ID},
		{theirAdmin, second, theirs, n.app.ID},
	} {
		d := document(a.app)
		d["allow"] = []any{map[string]any{"secret": a.secret, "environmentId": env, "applications": []any{a.serves}}}
		if !lists {
			d["allow"] = []any{map[string]any{"secret": "**", "environmentId": env, "applications": "*"}}
		}
		n.sm.Put(a.name, encode(d))
	}
	n.sm.Put(theirs, encode(document(n.app)))
	n.rotator.Settings.AdminSecretIDs = []string{theirAdmin}
	return n
}

// checkUntouched checks that no secret of the other team was regenerated.
func (n *neighbourhood) checkUntouched() {
	n.t.Helper()
	for _, id := range []string{n.app.ID, n.resource} {
		if got := n.ping.Mints(n.app.Environment, id); got != 0 {
			n.t.Errorf("%s: got %d regenerations of another team's secret", id, got)
		}
	}
	if got := n.ping.Mints(anotherTeam, n.elsewhere.ID); got != 0 {
		n.t.Errorf("got %d regenerations in another team's environment", got)
	}
	n.checkSilent()
}

// own counts the regenerations of the writer's own application.
func (n *neighbourhood) own() int { return n.ping.Mints(n.world.app.Environment, n.world.app.ID) }

// prepare stores a version under a label that nothing else uses, and returns its id.
func (n *neighbourhood) prepare(d map[string]any) string {
	n.t.Helper()
	out, err := n.rotator.Secrets.PutSecretValue(n.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(orders), SecretString: aws.String(encode(d)), VersionStages: []string{"prepared"},
	})
	if err != nil {
		n.t.Fatalf("store a version: %v", err)
	}
	return *out.VersionId
}

// intrusions are what a malicious writer of the managed secret may put into its document.
var intrusions = []struct {
	name  string
	edit  func(n *neighbourhood, d map[string]any)
	words string
}{
	{"another application", func(n *neighbourhood, d map[string]any) { d["clientId"] = n.app.ID }, "does not allow this secret"},
	{"another application without a secret", func(n *neighbourhood, d map[string]any) { d["clientId"] = n.app.ID; delete(d, "clientSecret") }, "does not allow this secret"},
	{"another application as an imported one", func(n *neighbourhood, d map[string]any) { d["rotation"] = map[string]any{"applicationId": n.app.ID} }, "does not allow this secret"},
	{"another application as a twin", func(n *neighbourhood, d map[string]any) {
		d["rotation"] = map[string]any{"strategy": "alternating", "twin": n.app.ID}
	}, "has neither of the two as the other's twin"},
	{"a resource", func(n *neighbourhood, d map[string]any) {
		d["clientId"], d["rotation"] = n.resource, map[string]any{"kind": "resource"}
	}, "does not allow this secret"},
	{"another environment", func(n *neighbourhood, d map[string]any) { d["environmentId"] = anotherTeam }, "does not allow this secret"},
	{"an application in another environment", func(n *neighbourhood, d map[string]any) {
		d["environmentId"], d["clientId"] = anotherTeam, n.elsewhere.ID
	}, "does not allow this secret"},
	{"another team's admin", func(n *neighbourhood, d map[string]any) { d["rotation"] = map[string]any{"adminSecretId": theirAdmin} }, "does not allow this secret"},
	{"another team's application and admin", func(n *neighbourhood, d map[string]any) {
		d["clientId"], d["rotation"] = n.app.ID, map[string]any{"adminSecretId": theirAdmin}
	}, "does not allow this secret"},
	{"another team's admin by its ARN", func(n *neighbourhood, d map[string]any) {
		d["clientId"], d["rotation"] = n.app.ID, map[string]any{"adminSecretId": n.sm.ARN(theirAdmin)}
	}, "does not allow this secret"},
	{"another team's secret as the admin", func(n *neighbourhood, d map[string]any) { d["rotation"] = map[string]any{"adminSecretId": theirs} }, "not an admin of this function"},
	{"another region", func(n *neighbourhood, d map[string]any) { d["region"] = "NA" }, "region"},
	{"a domain that is not allowed", func(n *neighbourhood, d map[string]any) { d["authDomain"] = "login.evil.example" }, "authDomain"},
}

func TestWriterOfASecretReachesNobodyElses(t *testing.T) {
	for _, c := range intrusions {
		t.Run(c.name, func(t *testing.T) {
			n := newNeighbourhood(t, true)
			d := n.stored("AWSCURRENT")
			c.edit(n, d)
			n.sm.Put(orders, encode(d))
			calls := len(n.ping.Calls())
			n.rotateFails("createSecret", c.words)
			for range 2 {
				if err := n.sm.Attempt(t.Context(), orders); err == nil {
					t.Error("another attempt: got success")
				}
			}
			n.checkUntouched()
			if strings.HasPrefix(c.words, "does not allow") && len(n.ping.Calls()) != calls {
				t.Errorf("calls to PingOne: got %d, want none", len(n.ping.Calls())-calls)
			}
			if got, _ := n.sm.Value(orders, "AWSCURRENT"); got != encode(d) || n.own() != 0 || n.secret("AWSPENDING") != "" {
				t.Error("something was minted, stored or promoted")
			}
		})
	}
}

// The same between two steps of a rotation that began properly. AWSCURRENT moves to a
// version stored beforehand, because storing a new one would end the rotation. For another
// application in the same environment, the promise holds even without allow lists.
func TestWriterWhoSwapsTheTargetBetweenStepsPromotesNothing(t *testing.T) {
	for _, c := range intrusions {
		for at := 1; at < len(steps); at++ {
			t.Run(fmt.Sprint(c.name, " before ", steps[at]), func(t *testing.T) {
				n := newNeighbourhood(t, !strings.HasPrefix(c.name, "another application"))
				d := n.stored("AWSCURRENT")
				c.edit(n, d)
				swapped := n.prepare(d)
				if _, err := n.sm.Begin(orders); err != nil {
					t.Fatal(err)
				}
				for _, step := range steps[:at] {
					if err := n.invoke(t.Context(), n.sm.Event(orders, step)); err != nil {
						t.Fatalf("%s: %v", step, err)
					}
				}
				n.move("AWSCURRENT", swapped)
				tried := 0
				// The rest, in order, and then everything again, as Secrets Manager does.
				for _, step := range slices.Concat(steps[at:], steps) {
					if n.sm.VersionID(orders, "AWSPENDING") == "" {
						break
					}
					tried++
					// testSecret obtains a token with what is pending and looks at nothing
					// else.
					if err := n.invoke(t.Context(), n.sm.Event(orders, step)); err == nil && step != "testSecret" {
						t.Errorf("%s: got success", step)
					}
				}
				n.checkUntouched()
				if n.sm.VersionID(orders, "AWSCURRENT") != swapped || tried == 0 {
					t.Errorf("after %d steps: a version was promoted over what its writer has stored", tried)
				}
				if n.own() != 1 {
					t.Errorf("mints: got %d, want 1, of the rotation that began in good order", n.own())
				}
			})
		}
	}
}

// The writer swaps the pending version instead of the current one.
func TestWriterWhoStoresThePendingVersionPromotesNothing(t *testing.T) {
	for _, c := range intrusions {
		t.Run(c.name, func(t *testing.T) {
			n := newNeighbourhood(t, true)
			old := n.secret("AWSCURRENT")
			if _, err := n.sm.Begin(orders); err != nil {
				t.Fatal(err)
			}
			d := n.stored("AWSCURRENT")
			c.edit(n, d)
			n.putPending(encode(d))
			for _, step := range []string{"setSecret", "finishSecret", "createSecret"} {
				if n.sm.VersionID(orders, "AWSPENDING") == "" {
					break
				}
				if err := n.invoke(t.Context(), n.sm.Event(orders, step)); err == nil {
					t.Errorf("%s: got success", step)
				}
			}
			n.checkUntouched()
			if n.secret("AWSCURRENT") != old || !n.works() {
				t.Error("a foreign version was promoted, or AWSCURRENT is dead")
			}
		})
	}
}

// The document names no application yet, so the writer of the pending version chooses one.
// It must be promoted only if PingOne confirms that it was created for this secret. That
// the application is allowed and its secret works is not enough. Each step checks this
// without relying on the others.
func TestFirstVersionOfAnApplicationThatWasNotCreatedForTheSecretIsNotPromoted(t *testing.T) {
	for _, step := range steps {
		if step == "testSecret" {
			continue // it only obtains a token with the pending secret
		}
		t.Run(step, func(t *testing.T) {
			w := newWorld(t, wanting(documents[0].application), mayCreate)
			admin := w.adminDocument()
			admin["allow"] = []any{map[string]any{"secret": orders, "environmentId": w.app.Environment, "applications": "*", "configure": map[string]any{"create": true}}}
			w.sm.Put(adminName, encode(admin))
			other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "another team's", Roles: w.app.Roles[:1]})
			begin := func() {
				if _, err := w.sm.Begin(orders); err != nil {
					t.Fatal(err)
				}
			}
			begin()
			if err := w.invoke(t.Context(), w.sm.Event(orders, "createSecret")); err != nil {
				t.Fatal(err)
			}
			// What createSecret would store, but for another application.
			made := w.stored("AWSPENDING")
			text, _ := w.sm.Value(orders, "AWSPENDING")
			text = strings.NewReplacer(made["clientId"].(string), other.ClientID, made["clientSecret"].(string), other.Secret).Replace(text)
			w.clear(w.sm.VersionID(orders, "AWSPENDING"))
			begin()
			w.putPending(text)
			first := w.sm.VersionID(orders, "AWSCURRENT")
			err := w.invoke(t.Context(), w.sm.Event(orders, step))
			if err == nil || !strings.Contains(err.Error(), "name different applications") {
				t.Errorf("got %v, want it refused because AWSPENDING is of an application that was not created for it", err)
			}
			if w.sm.VersionID(orders, "AWSCURRENT") != first || w.ping.Mints(other.Environment, other.ID) != 0 {
				t.Error("the version was promoted, or another application's secret was regenerated")
			}
		})
	}
}
