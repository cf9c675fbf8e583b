package pingone_test

import (
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// operation is a call of this package, by its name in PingOne.
type operation struct {
	operation string
	caller    caller

	// call makes what the call needs, and returns it ready to send.
	call func(*world, *testing.T) func() error
}

// caller is the client for which a call goes out. It decides what a denial looks like, and
// whether there is another token to try.
type caller struct {
	denial string
	calls  int
}

var (
	asAdmin   = caller{"forbidden", 2}
	asUser    = caller{"forbidden", 1}
	asClient  = caller{"rejected", 1}
	asBrowser = caller{"", 1}
)

// fails drops a call's result.
func fails[T any](_ T, err error) error { return err }

// repeatable are the calls that are safe to repeat.
var repeatable = []operation{
	{pingonetest.OpToken, asClient, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Token(t.Context(), w.credential(w.app), "")) }
	}},
	{pingonetest.OpReadApplication, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return readApplication(w.client, t, w.app.Environment, w.app.ID) }
	}},
	{pingonetest.OpListApplications, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Applications(t.Context(), w.app.Environment)) }
	}},
	{pingonetest.OpReplaceApplication, asAdmin, func(w *world, t *testing.T) func() error {
		body := map[string]any{
			"name": "new", "type": "WORKER", "protocol": "OPENID_CONNECT",
			"grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": "CLIENT_SECRET_BASIC",
		}
		return func() error {
			return fails(w.client.ReplaceApplication(t.Context(), w.app.Environment, w.app.ID, body))
		}
	}},
	{pingonetest.OpReadSecret, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return readSecret(w.client, t, w.app.Environment, w.app.ID) }
	}},
	{pingonetest.OpDeletePrevious, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return w.deletePrevious(t) }
	}},
	{pingonetest.OpListRoles, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Roles(t.Context(), w.app.Environment)) }
	}},
	{pingonetest.OpListCustomRoles, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Roles(t.Context(), w.app.Environment)) }
	}},
	{pingonetest.OpListAssignments, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.RoleAssignments(t.Context(), w.app.Environment, w.app.ID)) }
	}},
	{pingonetest.OpAssignRole, asAdmin, func(w *world, t *testing.T) func() error {
		r := pingone.RoleAssignment{RoleID: w.role(t, "Configuration Read Only"), ScopeType: "ENVIRONMENT", ScopeID: w.app.Environment}
		return func() error { return w.client.AssignRole(t.Context(), w.app.Environment, w.app.ID, r) }
	}},
	{pingonetest.OpDeleteAssignment, asAdmin, func(w *world, t *testing.T) func() error {
		r := w.assignments(t)[0]
		return func() error { return w.client.RemoveRole(t.Context(), w.app.Environment, w.app.ID, r.ID) }
	}},
	{pingonetest.OpListResources, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Resources(t.Context(), w.app.Environment)) }
	}},
	{pingonetest.OpListScopes, asAdmin, func(w *world, t *testing.T) func() error {
		resource, _ := w.shop(t)
		return func() error { return fails(w.client.Scopes(t.Context(), w.app.Environment, resource.ID)) }
	}},
	{pingonetest.OpListAttributes, asAdmin, func(w *world, t *testing.T) func() error {
		resource, _ := w.shop(t)
		return func() error { return fails(w.client.Attributes(t.Context(), w.app.Environment, resource.ID)) }
	}},
	{pingonetest.OpListGrants, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error { return fails(w.client.Grants(t.Context(), w.app.Environment, w.app.ID)) }
	}},
	{pingonetest.OpReplaceGrant, asAdmin, func(w *world, t *testing.T) func() error {
		grant := w.grant(t)
		return func() error {
			return fails(w.client.ReplaceGrant(t.Context(), w.app.Environment, w.app.ID, grant))
		}
	}},
	{pingonetest.OpDeleteGrant, asAdmin, func(w *world, t *testing.T) func() error {
		grant := w.grant(t)
		return func() error { return w.client.RemoveGrant(t.Context(), w.app.Environment, w.app.ID, grant.ID) }
	}},
	{pingonetest.OpListMappings, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error {
			return fails(w.client.AttributeMappings(t.Context(), w.app.Environment, w.app.ID))
		}
	}},
	{pingonetest.OpReplaceMapping, asAdmin, func(w *world, t *testing.T) func() error {
		all, err := w.client.AttributeMappings(t.Context(), w.app.Environment, w.app.ID)
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			return fails(w.client.ReplaceAttributeMapping(t.Context(), w.app.Environment, w.app.ID, all[0].ID, all[0].Copy()))
		}
	}},
	{pingonetest.OpDeleteMapping, asAdmin, func(w *world, t *testing.T) func() error {
		m, err := w.client.CreateAttributeMapping(t.Context(), w.app.Environment, w.app.ID, map[string]any{"name": "a", "value": "b"})
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			return w.client.RemoveAttributeMapping(t.Context(), w.app.Environment, w.app.ID, m.ID)
		}
	}},
	{pingonetest.OpListSignOnPolicies, asAdmin, listing(pingone.SignOnPolicy)},
	{pingonetest.OpListFlowPolicies, asAdmin, listing(pingone.FlowPolicy)},
	{pingonetest.OpRemoveSignOnPolicy, asAdmin, removing(pingone.SignOnPolicy)},
	{pingonetest.OpRemoveFlowPolicy, asAdmin, removing(pingone.FlowPolicy)},
	{pingonetest.OpIntrospect, asClient, func(w *world, t *testing.T) func() error {
		return func() error {
			return fails(w.client.Introspect(t.Context(), w.credential(w.app), pingone.NewSecret(plain)))
		}
	}},
	{pingonetest.OpListPopulations, asAdmin, func(w *world, t *testing.T) func() error {
		w.site(t)
		return func() error { return fails(w.client.FindPopulation(t.Context(), w.app.Environment, "people")) }
	}},
	{pingonetest.OpListUsers, asAdmin, func(w *world, t *testing.T) func() error {
		w.site(t)
		return func() error { return fails(w.client.FindUser(t.Context(), w.app.Environment, "ada")) }
	}},
	{pingonetest.OpReadPassword, asAdmin, func(w *world, t *testing.T) func() error {
		id := w.site(t).user
		return func() error { return fails(w.client.HasPassword(t.Context(), w.app.Environment, id)) }
	}},
	{pingonetest.OpSetPassword, asAdmin, func(w *world, t *testing.T) func() error {
		id := w.site(t).user
		return func() error {
			return w.client.SetPassword(t.Context(), w.app.Environment, id, pingone.NewSecret(plain))
		}
	}},
	{pingonetest.OpUpdateUser, asUser, func(w *world, t *testing.T) func() error {
		s := w.site(t)
		token := s.signOn(t)
		return func() error {
			return w.client.UpdateUser(t.Context(), w.app.Environment, s.user, token.AccessToken, map[string]any{"nickname": "Ada"})
		}
	}},
	{pingonetest.OpAuthorize, asBrowser, signingOn},
	{pingonetest.OpReadFlow, asBrowser, signingOn},
}

func signingOn(w *world, t *testing.T) func() error {
	s := w.site(t)
	return func() error { return fails(w.client.AuthorizationCode(t.Context(), s.cred, s.login)) }
}

func listing(kind pingone.PolicyKind) func(*world, *testing.T) func() error {
	return func(w *world, t *testing.T) func() error {
		return func() error {
			return fails(w.client.PolicyAssignments(t.Context(), kind, w.app.Environment, w.app.ID))
		}
	}
}

func removing(kind pingone.PolicyKind) func(*world, *testing.T) func() error {
	return func(w *world, t *testing.T) func() error {
		p, err := w.client.AssignPolicy(t.Context(), kind, w.app.Environment, w.app.ID, w.policy(kind))
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			return w.client.RemovePolicy(t.Context(), kind, w.app.Environment, w.app.ID, p.ID)
		}
	}
}

func assigning(kind pingone.PolicyKind) func(*world, *testing.T) func() error {
	return func(w *world, t *testing.T) func() error {
		p := w.policy(kind)
		return func() error {
			return fails(w.client.AssignPolicy(t.Context(), kind, w.app.Environment, w.app.ID, p))
		}
	}
}

// policy returns a policy that can be assigned.
func (w *world) policy(kind pingone.PolicyKind) pingone.PolicyAssignment {
	p := pingonetest.Policy{Environment: w.app.Environment, Name: "strict", Flow: kind == pingone.FlowPolicy}
	return pingone.PolicyAssignment{PolicyID: w.AddPolicy(p), Priority: 1}
}

// creations are the calls that go out once: they create something, or use something up. The
// mint does both, and has its own tests.
var creations = []operation{
	{pingonetest.OpCreateApplication, asAdmin, func(w *world, t *testing.T) func() error {
		body := map[string]any{"name": "new", "type": "WEB_APP", "protocol": "EXTERNAL_LINK"}
		return func() error { return fails(w.client.CreateApplication(t.Context(), w.app.Environment, body)) }
	}},
	{pingonetest.OpCreateResource, asAdmin, func(w *world, t *testing.T) func() error {
		return func() error {
			return fails(w.client.CreateResource(t.Context(), w.app.Environment, "new", "", ""))
		}
	}},
	{pingonetest.OpCreateScope, asAdmin, func(w *world, t *testing.T) func() error {
		resource, _ := w.shop(t)
		return func() error {
			return fails(w.client.CreateScope(t.Context(), w.app.Environment, resource.ID, "new", ""))
		}
	}},
	{pingonetest.OpCreateAttribute, asAdmin, func(w *world, t *testing.T) func() error {
		resource, _ := w.shop(t)
		return func() error {
			return fails(w.client.CreateAttribute(t.Context(), w.app.Environment, resource.ID, "new", "x"))
		}
	}},
	{pingonetest.OpCreateGrant, asAdmin, func(w *world, t *testing.T) func() error {
		resource, scope := w.shop(t)
		grant := pingone.Grant{ResourceID: resource.ID, ScopeIDs: []string{scope.ID}}
		return func() error {
			return fails(w.client.CreateGrant(t.Context(), w.app.Environment, w.app.ID, grant))
		}
	}},
	{pingonetest.OpCreateMapping, asAdmin, func(w *world, t *testing.T) func() error {
		body := map[string]any{"name": "new", "value": "x"}
		return func() error {
			return fails(w.client.CreateAttributeMapping(t.Context(), w.app.Environment, w.app.ID, body))
		}
	}},
	{pingonetest.OpAssignSignOnPolicy, asAdmin, assigning(pingone.SignOnPolicy)},
	{pingonetest.OpAssignFlowPolicy, asAdmin, assigning(pingone.FlowPolicy)},
	{pingonetest.OpCreatePopulation, asAdmin, func(w *world, t *testing.T) func() error {
		w.site(t)
		return func() error { return fails(w.client.CreatePopulation(t.Context(), w.app.Environment, "new")) }
	}},
	{pingonetest.OpCreateUser, asAdmin, func(w *world, t *testing.T) func() error {
		population := w.site(t).population
		return func() error {
			return fails(w.client.CreateUser(t.Context(), w.app.Environment, population, "new", "new@example.com"))
		}
	}},
	{pingonetest.OpSubmitFlow, asBrowser, signingOn},
	{pingonetest.OpResume, asBrowser, signingOn},
	{pingonetest.OpToken, asClient, signingOn},
}

// shop makes a custom resource with one scope.
func (w *world) shop(t *testing.T) (pingone.Resource, pingone.Scope) {
	t.Helper()
	resource, err := w.client.CreateResource(t.Context(), w.app.Environment, "shop", "", "https://shop.example")
	if err != nil {
		t.Fatal(err)
	}
	scope, err := w.client.CreateScope(t.Context(), w.app.Environment, resource.ID, "orders", "")
	if err != nil {
		t.Fatal(err)
	}
	return resource, scope
}

// grant grants the application the scope of the shop.
func (w *world) grant(t *testing.T) pingone.Grant {
	t.Helper()
	resource, scope := w.shop(t)
	grant, err := w.client.CreateGrant(t.Context(), w.app.Environment, w.app.ID, pingone.Grant{ResourceID: resource.ID, ScopeIDs: []string{scope.ID}})
	if err != nil {
		t.Fatal(err)
	}
	return grant
}
