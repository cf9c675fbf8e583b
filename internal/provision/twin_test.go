package provision_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/internal/provision"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// withPolicies makes a web application whose users sign on with MFA and by a flow, and
// whose sub is an email.
func (w *world) withPolicies() (id, mfa string) {
	w.t.Helper()
	ctx := w.t.Context()
	mfa = w.AddPolicy(pingonetest.Policy{Environment: w.env, Name: "Multi_Factor", MFA: true})
	flow := w.AddPolicy(pingonetest.Policy{Environment: w.env, Name: "Risk", Flow: true})
	id = w.AddApplication(pingonetest.Application{Environment: w.env, Name: "web", Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}, ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://a.example"}}).ID
	for kind, policy := range map[pingone.PolicyKind]string{pingone.SignOnPolicy: mfa, pingone.FlowPolicy: flow} {
		if _, err := w.Client.AssignPolicy(ctx, kind, w.env, id, pingone.PolicyAssignment{PolicyID: policy, Priority: 1}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.remap(id, "${user.email}")
	if _, err := w.Client.CreateAttributeMapping(ctx, w.env, id, map[string]any{"name": "department", "value": "${user.department}", "required": true}); err != nil {
		w.t.Fatal(err)
	}
	resources, err := w.Client.Resources(ctx, w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	openid := resources[slices.IndexFunc(resources, func(r pingone.Resource) bool { return r.Name == "openid" })]
	scopes, err := w.Client.Scopes(ctx, w.env, openid.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Client.CreateGrant(ctx, w.env, id, pingone.Grant{ResourceID: openid.ID, ScopeIDs: []string{scopes[0].ID}}); err != nil {
		w.t.Fatal(err)
	}
	return id, mfa
}

// remap changes the value of sub.
func (w *world) remap(id, value string) {
	w.t.Helper()
	all, err := w.Client.AttributeMappings(w.t.Context(), w.env, id)
	if err != nil {
		w.t.Fatal(err)
	}
	sub := all[slices.IndexFunc(all, func(m pingone.AttributeMapping) bool { return m.Core })]
	body := sub.Copy()
	body["value"] = value
	if _, err := w.Client.ReplaceAttributeMapping(w.t.Context(), w.env, id, sub.ID, body); err != nil {
		w.t.Fatal(err)
	}
}

// same checks in PingOne that the twin equals the original.
func (w *world) same(original, twin string) {
	w.t.Helper()
	if a, b := w.PolicyOf(w.env, original), w.PolicyOf(w.env, twin); a != b {
		w.t.Errorf("policy: the original's is %s, the twin's %s", a, b)
	}
	if a, b := w.Mappings(w.env, original), w.Mappings(w.env, twin); !slices.Equal(a, b) {
		w.t.Errorf("mappings: the original's are %q, the twin's %q", a, b)
	}
	for _, kind := range []pingone.PolicyKind{pingone.SignOnPolicy, pingone.FlowPolicy} {
		policies := func(id string) (all []string) {
			assigned, err := w.Client.PolicyAssignments(w.t.Context(), kind, w.env, id)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, a := range assigned {
				all = append(all, a.PolicyID)
			}
			return all
		}
		if a, b := policies(original), policies(twin); !slices.Equal(a, b) {
			w.t.Errorf("%v: the original's are %q, the twin's %q", kind, a, b)
		}
	}
	grants := func(id string) (all []string) {
		held, err := w.Client.Grants(w.t.Context(), w.env, id)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, g := range held {
			all = append(all, g.ResourceID+" "+strings.Join(g.ScopeIDs, " "))
		}
		return all
	}
	if a, b := grants(original), grants(twin); !slices.Equal(a, b) {
		w.t.Errorf("grants: the original's are %q, the twin's %q", a, b)
	}
}

// T27 in rotation/testdata/cases.txt.
func TestTwinHasAllThatPingOneKeepsForTheOriginal(t *testing.T) {
	w := newWorld(t)
	id, mfa := w.withPolicies()
	d := w.document(id, "")
	if err := w.Twinable(t.Context(), d, w.application(id)); err != nil {
		t.Fatal(err)
	}
	twin, err := w.Twin(t.Context(), d, w.application(id))
	if err != nil {
		t.Fatal(err)
	}
	w.same(id, twin.ID)
	if left, err := w.Misaligned(t.Context(), d, id, twin.ID); err != nil || len(left) > 0 {
		t.Errorf("misaligned: got %q, %v, want nothing", left, err)
	}

	// What is removed from or changed in the original is so in the twin.
	assigned, err := w.Client.PolicyAssignments(t.Context(), pingone.FlowPolicy, w.env, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assigned {
		if err := w.Client.RemovePolicy(t.Context(), pingone.FlowPolicy, w.env, id, a.ID); err != nil {
			t.Fatal(err)
		}
	}
	grants, err := w.Client.Grants(t.Context(), w.env, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Client.RemoveGrant(t.Context(), w.env, id, grants[0].ID); err != nil {
		t.Fatal(err)
	}
	w.remap(id, "${user.username}")
	mappings, err := w.Client.AttributeMappings(t.Context(), w.env, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mappings {
		if !m.Core {
			if err := w.Client.RemoveAttributeMapping(t.Context(), w.env, id, m.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := w.state()
	left, err := w.Misaligned(t.Context(), d, id, twin.ID)
	if err != nil || len(left) != 4 {
		t.Errorf("misaligned: got %q, %v, want a policy, a grant and two mappings", left, err)
	}
	if w.state() != before {
		t.Error("to say what is misaligned changed something")
	}
	if err := w.Align(t.Context(), d, id, twin.ID); err != nil {
		t.Fatal(err)
	}
	w.same(id, twin.ID)
	if got := w.PolicyOf(w.env, twin.ID); got != "Multi_Factor" {
		t.Errorf("policy of the twin: got %s (%s), want the MFA policy", got, mfa)
	}

	// The other way round, as after a rotation.
	w.remap(twin.ID, "${user.id}")
	if err := w.Align(t.Context(), d, twin.ID, id); err != nil {
		t.Fatal(err)
	}
	w.same(id, twin.ID)
}

func TestTwinIsCompleteWhereverTheCopyDied(t *testing.T) {
	w := newWorld(t)
	id, _ := w.withPolicies()
	d := w.document(id, "")
	for _, op := range []string{pingonetest.OpCreateApplication, pingonetest.OpCreateGrant, pingonetest.OpCreateMapping} {
		w.Fail(op, fault.ReplyLost)
		if _, err := w.Twin(t.Context(), d, w.application(id)); err == nil {
			t.Fatalf("%s: want the lost reply to be an error", op)
		}
	}
	twin, err := w.Twin(t.Context(), d, w.application(id))
	if err != nil {
		t.Fatal(err)
	}
	w.same(id, twin.ID)
	apps, err := w.Client.Applications(t.Context(), w.env)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, app := range apps {
		if strings.HasPrefix(app.Name, "web") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("applications: got %d, want the original and one twin", n)
	}
}

func TestWhatCannotBeCopiedIsAnErrorBeforeAnythingIsCreated(t *testing.T) {
	w := newWorld(t, "Client Application Developer", "Identity Data Admin")
	app := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "orders", Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin"}}})
	before := w.state()
	d := w.document(app.ID, "")
	foretold := w.Twinable(t.Context(), d, w.application(app.ID))
	_, err := w.Twin(t.Context(), d, w.application(app.ID))
	for _, err := range []error{foretold, err} {
		if c, ok := errors.AsType[*provision.CopyError](err); !ok || !strings.Contains(err.Error(), "Environment Admin") || c.Remedy() == "" {
			t.Errorf("got %v, want that the role cannot be copied", err)
		}
	}
	if w.state() != before {
		t.Error("something was created")
	}
}

func TestApplicationsThatAreNoTwinsAreNotAligned(t *testing.T) {
	w := newWorld(t)
	a := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "a", RedirectURIs: []string{"https://a.example"}})
	b := w.AddApplication(pingonetest.Application{Environment: w.env, Name: "b"})
	before := w.state()
	if err := w.Align(t.Context(), w.document(a.ID, ""), a.ID, b.ID); !errors.Is(err, provision.ErrNotTwins) {
		t.Errorf("got %v, want that they are not twins", err)
	}
	if w.state() != before {
		t.Error("something has changed")
	}
}
