package pingone_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestWhatPingOneKeepsForAnApplicationCanBeCopied(t *testing.T) {
	w := newWorld(t)
	env := w.app.Environment
	mfa := w.AddPolicy(pingonetest.Policy{Environment: env, Name: "Multi_Factor", MFA: true})
	flow := w.AddPolicy(pingonetest.Policy{Environment: env, Name: "Risk", Flow: true})
	original := w.AddApplication(pingonetest.Application{Environment: env, Type: "WEB_APP"})
	twin := w.AddApplication(pingonetest.Application{Environment: env, Type: "WEB_APP"})
	check(t, "policy without an assignment", w.PolicyOf(env, original.ID), "Single_Factor")

	// The original: sub is the email, one more claim, MFA and a flow.
	mappings, err := w.client.AttributeMappings(t.Context(), env, original.ID)
	if err != nil || len(mappings) != 1 || !mappings[0].Core || mappings[0].Name != "sub" {
		t.Fatalf("got %v, %v, want the core mapping of sub alone", mappings, err)
	}
	sub := mappings[0].Copy()
	sub["value"] = "${user.email}"
	if _, err := w.client.ReplaceAttributeMapping(t.Context(), env, original.ID, mappings[0].ID, sub); err != nil {
		t.Fatal(err)
	}
	department := map[string]any{"name": "department", "value": "${user.department}", "required": true, "idToken": false}
	if _, err := w.client.CreateAttributeMapping(t.Context(), env, original.ID, department); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.CreateAttributeMapping(t.Context(), env, original.ID, department)
	check(t, "a mapping of the same name is a duplicate", pingone.IsDuplicate(err), true)
	policies := map[pingone.PolicyKind]string{pingone.SignOnPolicy: mfa, pingone.FlowPolicy: flow}
	for kind, id := range policies {
		if _, err := w.client.AssignPolicy(t.Context(), kind, env, original.ID, pingone.PolicyAssignment{PolicyID: id, Priority: 1}); err != nil {
			t.Fatal(err)
		}
	}

	// The copy.
	ours, err := w.client.AttributeMappings(t.Context(), env, original.ID)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := w.client.AttributeMappings(t.Context(), env, twin.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ours {
		if m.Core {
			i := slices.IndexFunc(theirs, func(other pingone.AttributeMapping) bool { return other.Name == m.Name })
			_, err = w.client.ReplaceAttributeMapping(t.Context(), env, twin.ID, theirs[i].ID, m.Copy())
		} else {
			_, err = w.client.CreateAttributeMapping(t.Context(), env, twin.ID, m.Copy())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for kind := range policies {
		all, err := w.client.PolicyAssignments(t.Context(), kind, env, original.ID)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v: got %v, %v, want one", kind, all, err)
		}
		if _, err := w.client.AssignPolicy(t.Context(), kind, env, twin.ID, all[0]); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := w.Mappings(env, twin.ID), w.Mappings(env, original.ID); !slices.Equal(got, want) || len(got) != 2 {
		t.Errorf("got mappings %q, want %q", got, want)
	}
	check(t, "policy of the twin", w.PolicyOf(env, twin.ID), "Risk")
	copied, err := w.client.AttributeMappings(t.Context(), env, twin.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range copied {
		if m.Name == "department" {
			check(t, "idToken of the copy", string(m.Body["idToken"]), "false")
			check(t, "required of the copy", string(m.Body["required"]), "true")
		}
	}

	// Remove them again, twice.
	for range 2 {
		for _, kind := range []pingone.PolicyKind{pingone.FlowPolicy, pingone.SignOnPolicy} {
			all, err := w.client.PolicyAssignments(t.Context(), kind, env, twin.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range append(all, pingone.PolicyAssignment{ID: someUUID}) {
				if err := w.client.RemovePolicy(t.Context(), kind, env, twin.ID, p.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, m := range copied {
			if err := w.client.RemoveAttributeMapping(t.Context(), env, twin.ID, m.ID); !m.Core && err != nil {
				t.Errorf("remove %s: %v", m.Name, err)
			}
		}
	}
	check(t, "policy in the end", w.PolicyOf(env, twin.ID), "Single_Factor")
	check(t, "mappings in the end", len(w.Mappings(env, twin.ID)), 1)
}

func TestACopyOfAMappingHasNothingThatIsPingOnesToSay(t *testing.T) {
	m := pingone.AttributeMapping{Body: map[string]json.RawMessage{
		"_links": nil, "id": nil, "environment": nil, "application": nil, "mappingType": nil, "createdAt": nil, "updatedAt": nil,
		"name": json.RawMessage(`"sub"`), "newMember": json.RawMessage(`{}`),
	}}
	if got := m.Copy(); len(got) != 2 || got["newMember"] == nil {
		t.Errorf("got %v, want the name and the unknown member", got)
	}
}
