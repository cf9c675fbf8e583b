package clients

import (
	"testing"

	"github.com/patrickcping/pingone-go-sdk-v2/management"

	"pingrotate/pingone/pingonetest"
)

func TestSDKCreatesReplacesAndDeletesApplications(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env, apps := w.admin.Environment, w.sdk.ApplicationsApi
		wanted := management.NewApplicationOIDC(true, "orders", management.ENUMAPPLICATIONPROTOCOL_OPENID_CONNECT,
			management.ENUMAPPLICATIONTYPE_WEB_APP, management.ENUMAPPLICATIONOIDCTOKENAUTHMETHOD_CLIENT_SECRET_POST)
		wanted.SetGrantTypes([]management.EnumApplicationOIDCGrantType{management.ENUMAPPLICATIONOIDCGRANTTYPE_CLIENT_CREDENTIALS})
		made := done[*management.CreateApplication201Response](t)(apps.CreateApplication(t.Context(), env).
			CreateApplicationRequest(management.ApplicationOIDCAsCreateApplicationRequest(wanted)).Execute()).ApplicationOIDC
		equal(t, "the name", made.GetName(), "orders")

		for range 120 { // more than a page
			w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
		}
		found := all(t, apps.ReadAllApplications(t.Context(), env).Execute(),
			func(e management.EntityArrayEmbedded) []management.ReadOneApplication200Response {
				return e.Applications
			})
		equal(t, "applications over all pages", len(found), 122)

		changed := *made
		changed.SetDescription("of the web shop")
		changed.SetEnabled(false)
		done[*management.ReadOneApplication200Response](t)(apps.UpdateApplication(t.Context(), env, made.GetId()).
			UpdateApplicationRequest(management.ApplicationOIDCAsUpdateApplicationRequest(&changed)).Execute())
		read := done[*management.ReadOneApplication200Response](t)(apps.ReadOneApplication(t.Context(), env, made.GetId()).Execute()).ApplicationOIDC
		equal(t, "the description that was stored", read.GetDescription(), "of the web shop")
		equal(t, "enabled", read.GetEnabled(), false)

		r, err := apps.DeleteApplication(t.Context(), env, made.GetId()).Execute()
		gone(t, r, err)
		if _, r, err := apps.ReadOneApplication(t.Context(), env, made.GetId()).Execute(); err == nil || r.StatusCode != 404 {
			t.Errorf("an application that was deleted: got %v, want 404", err)
		}
	})
}

func TestSDKCreatesAWorkerAndItsRoles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env, assignments := w.admin.Environment, w.sdk.ApplicationRoleAssignmentsApi
		wanted := management.NewApplicationOIDC(true, "worker", management.ENUMAPPLICATIONPROTOCOL_OPENID_CONNECT,
			management.ENUMAPPLICATIONTYPE_WORKER, management.ENUMAPPLICATIONOIDCTOKENAUTHMETHOD_CLIENT_SECRET_BASIC)
		wanted.SetGrantTypes([]management.EnumApplicationOIDCGrantType{management.ENUMAPPLICATIONOIDCGRANTTYPE_CLIENT_CREDENTIALS})
		wanted.SetAssignActorRoles(false)
		worker := done[*management.CreateApplication201Response](t)(w.sdk.ApplicationsApi.CreateApplication(t.Context(), env).
			CreateApplicationRequest(management.ApplicationOIDCAsCreateApplicationRequest(wanted)).Execute()).ApplicationOIDC.GetId()

		var role string
		for _, r := range all(t, w.sdk.RolesApi.ReadAllRoles(t.Context()).Execute(),
			func(e management.EntityArrayEmbedded) []management.EntityArrayEmbeddedRolesInner { return e.Roles }) {
			if r.Role != nil && r.Role.GetName() == management.ENUMROLENAME_IDENTITY_DATA_ADMIN {
				role = r.Role.GetId()
			}
		}
		if role == "" {
			t.Fatal("the SDK finds no role Identity Data Admin")
		}
		made := done[*management.RoleAssignment](t)(assignments.CreateApplicationRoleAssignment(t.Context(), env, worker).
			RoleAssignment(*management.NewRoleAssignment(*management.NewRoleAssignmentRole(role),
				*management.NewRoleAssignmentScope(env, management.ENUMROLEASSIGNMENTSCOPETYPE_ENVIRONMENT))).Execute())
		equal(t, "read-only", made.GetReadOnly(), false)
		listed := all(t, assignments.ReadApplicationRoleAssignments(t.Context(), env, worker).Execute(),
			func(e management.EntityArrayEmbedded) []management.RoleAssignment { return e.RoleAssignments })
		equal(t, "assignments", len(listed), 1)
		one := done[*management.RoleAssignment](t)(assignments.ReadOneApplicationRoleAssignment(t.Context(), env, worker, made.GetId()).Execute())
		equal(t, "the role of the assignment", one.Role.GetId(), role)
		r, err := assignments.DeleteApplicationRoleAssignment(t.Context(), env, worker, made.GetId()).Execute()
		gone(t, r, err)
	})
}

func TestSDKBuildsAResourceAndGrantsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env := w.admin.Environment
		app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
		resource := done[*management.Resource](t)(w.sdk.ResourcesApi.CreateResource(t.Context(), env).Resource(*management.NewResource("orders")).Execute())
		id := resource.GetId()
		scope := done[*management.ResourceScope](t)(w.sdk.ResourceScopesApi.CreateResourceScope(t.Context(), env, id).
			ResourceScope(*management.NewResourceScope("orders:read")).Execute())
		spare := done[*management.ResourceScope](t)(w.sdk.ResourceScopesApi.CreateResourceScope(t.Context(), env, id).
			ResourceScope(*management.NewResourceScope("orders:write")).Execute())
		attribute := done[*management.ResourceAttribute](t)(w.sdk.ResourceAttributesApi.CreateResourceAttribute(t.Context(), env, id).
			ResourceAttribute(*management.NewResourceAttribute("tier", "gold")).Execute())

		equal(t, "the resource, read alone", done[*management.Resource](t)(w.sdk.ResourcesApi.ReadOneResource(t.Context(), env, id).Execute()).GetName(), "orders")
		equal(t, "the scope, read alone", done[*management.ResourceScope](t)(
			w.sdk.ResourceScopesApi.ReadOneResourceScope(t.Context(), env, id, scope.GetId()).Execute()).GetName(), "orders:read")
		equal(t, "the attribute, read alone", done[*management.ResourceAttribute](t)(
			w.sdk.ResourceAttributesApi.ReadOneResourceAttribute(t.Context(), env, id, attribute.GetId()).Execute()).GetValue(), "gold")
		equal(t, "attributes, sub included", len(all(t, w.sdk.ResourceAttributesApi.ReadAllResourceAttributes(t.Context(), env, id).Execute(),
			func(e management.EntityArrayEmbedded) []management.EntityArrayEmbeddedAttributesInner {
				return e.Attributes
			})), 2)

		grants := w.sdk.ApplicationResourceGrantsApi
		wanted := management.NewApplicationResourceGrant(*management.NewApplicationResourceGrantResource(id),
			[]management.ApplicationResourceGrantScopesInner{*management.NewApplicationResourceGrantScopesInner(scope.GetId())})
		grant := done[*management.ApplicationResourceGrant](t)(grants.CreateApplicationGrant(t.Context(), env, app.ID).ApplicationResourceGrant(*wanted).Execute())
		wanted.Scopes = append(wanted.Scopes, *management.NewApplicationResourceGrantScopesInner(spare.GetId()))
		done[*management.ApplicationResourceGrant](t)(grants.UpdateApplicationGrant(t.Context(), env, app.ID, grant.GetId()).ApplicationResourceGrant(*wanted).Execute())
		one := done[*management.ApplicationResourceGrant](t)(grants.ReadOneApplicationGrant(t.Context(), env, app.ID, grant.GetId()).Execute())
		equal(t, "granted scopes", len(one.GetScopes()), 2)

		token, err := w.credentials(app, app.Secret, "orders:read", "orders:write").Token(w.context())
		if err != nil {
			t.Fatalf("a token for the resource that the SDK built: %v", err)
		}
		equal(t, "the scope that golang.org/x/oauth2 was given", token.Extra("scope"), any("orders:read orders:write"))

		r, err := grants.DeleteApplicationGrant(t.Context(), env, app.ID, grant.GetId()).Execute()
		gone(t, r, err)
		r, err = w.sdk.ResourceScopesApi.DeleteResourceScope(t.Context(), env, id, spare.GetId()).Execute()
		gone(t, r, err)
		r, err = w.sdk.ResourceAttributesApi.DeleteResourceAttribute(t.Context(), env, id, attribute.GetId()).Execute()
		gone(t, r, err)
		r, err = w.sdk.ResourcesApi.DeleteResource(t.Context(), env, id).Execute()
		gone(t, r, err)
	})
}

func TestSDKMapsAttributesAndAssignsPolicies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env := w.admin.Environment
		app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
		mappings := w.sdk.ApplicationAttributeMappingApi
		made := done[*management.ApplicationAttributeMapping](t)(mappings.CreateApplicationAttributeMapping(t.Context(), env, app.ID).
			ApplicationAttributeMapping(*management.NewApplicationAttributeMapping("mail", true, "${user.email}")).Execute())
		done[*management.ApplicationAttributeMapping](t)(mappings.UpdateApplicationAttributeMapping(t.Context(), env, app.ID, made.GetId()).
			ApplicationAttributeMapping(*management.NewApplicationAttributeMapping("mail", false, "${user.email}")).Execute())
		one := done[*management.ApplicationAttributeMapping](t)(mappings.ReadOneApplicationAttributeMapping(t.Context(), env, app.ID, made.GetId()).Execute())
		equal(t, "required", one.GetRequired(), false)
		listed := all(t, mappings.ReadAllApplicationAttributeMappings(t.Context(), env, app.ID).Execute(),
			func(e management.EntityArrayEmbedded) []management.EntityArrayEmbeddedAttributesInner {
				return e.Attributes
			})
		equal(t, "mappings, sub included", len(listed), 2)
		r, err := mappings.DeleteApplicationAttributeMapping(t.Context(), env, app.ID, made.GetId()).Execute()
		gone(t, r, err)

		w.AddPolicy(pingonetest.Policy{Name: "Multi_Factor", MFA: true})
		w.AddPolicy(pingonetest.Policy{Name: "Risk", Flow: true})
		var multi string
		for _, p := range all(t, w.sdk.SignOnPoliciesApi.ReadAllSignOnPolicies(t.Context(), env).Execute(),
			func(e management.EntityArrayEmbedded) []management.SignOnPolicy { return e.SignOnPolicies }) {
			if p.GetName() == "Multi_Factor" {
				multi = p.GetId()
			}
		}
		policies := w.sdk.ApplicationSignOnPolicyAssignmentsApi
		assigned := done[*management.SignOnPolicyAssignment](t)(policies.CreateSignOnPolicyAssignment(t.Context(), env, app.ID).
			SignOnPolicyAssignment(*management.NewSignOnPolicyAssignment(1, *management.NewSignOnPolicyActionCommonSignOnPolicy(multi))).Execute())
		equal(t, "the policy that counts", w.PolicyOf(env, app.ID), "Multi_Factor")
		moved := done[*management.SignOnPolicyAssignment](t)(policies.UpdateSignOnPolicyAssignment(t.Context(), env, app.ID, assigned.GetId()).
			SignOnPolicyAssignment(*management.NewSignOnPolicyAssignment(2, *management.NewSignOnPolicyActionCommonSignOnPolicy(multi))).Execute())
		equal(t, "its priority", moved.GetPriority(), 2)

		flows := all(t, w.sdk.FlowPoliciesApi.ReadAllFlowPolicies(t.Context(), env).Execute(),
			func(e management.EntityArrayEmbedded) []management.FlowPolicy { return e.FlowPolicies })
		equal(t, "flow policies", len(flows), 1)
		flow := done[*management.FlowPolicyAssignment](t)(w.sdk.ApplicationFlowPolicyAssignmentsApi.CreateFlowPolicyAssignment(t.Context(), env, app.ID).
			FlowPolicyAssignment(*management.NewFlowPolicyAssignment(*management.NewFlowPolicyAssignmentFlowPolicy(flows[0].GetId()), 1)).Execute())
		equal(t, "the policy that counts", w.PolicyOf(env, app.ID), "Risk")
		r, err = w.sdk.ApplicationFlowPolicyAssignmentsApi.DeleteFlowPolicyAssignment(t.Context(), env, app.ID, flow.GetId()).Execute()
		gone(t, r, err)
		r, err = policies.DeleteSignOnPolicyAssignment(t.Context(), env, app.ID, assigned.GetId()).Execute()
		gone(t, r, err)
		equal(t, "the policy that counts in the end", w.PolicyOf(env, app.ID), "Single_Factor")
	})
}

func TestSDKManagesPopulationsAndUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env := w.admin.Environment
		equal(t, "the environment", done[*management.Environment](t)(w.sdk.EnvironmentsApi.ReadOneEnvironment(t.Context(), env).Execute()).GetId(), env)
		people := done[*management.Population](t)(w.sdk.PopulationsApi.CreatePopulation(t.Context(), env).
			Population(*management.NewPopulation("people")).Execute())
		equal(t, "the population, read alone", done[*management.Population](t)(
			w.sdk.PopulationsApi.ReadOnePopulation(t.Context(), env, people.GetId()).Execute()).GetName(), "people")
		wanted := management.NewUser("ada@example.com", "ada")
		wanted.SetPopulation(*management.NewUserPopulation(people.GetId()))
		ada := done[*management.User](t)(w.sdk.UsersApi.CreateUser(t.Context(), env).User(*wanted).Execute())
		found := all(t, w.sdk.UsersApi.ReadAllUsers(t.Context(), env).Filter(`username eq "ada"`).Execute(),
			func(e management.EntityArrayEmbedded) []management.User { return e.Users })
		if len(found) != 1 || found[0].GetId() != ada.GetId() {
			t.Errorf("users named ada: got %d", len(found))
		}
		r, err := w.sdk.UserPasswordsApi.EnvironmentsEnvironmentIDUsersUserIDPasswordPut(t.Context(), env, ada.GetId()).
			ContentType("application/vnd.pingidentity.password.set+json").
			Body(map[string]any{"value": "long enough", "forceChange": false}).Execute()
		if err != nil || r.StatusCode != 200 {
			t.Errorf("setting a password: got %v", explained(err))
		}
		r, err = w.sdk.UsersApi.DeleteUser(t.Context(), env, ada.GetId()).Execute()
		gone(t, r, err)
		r, err = w.sdk.PopulationsApi.DeletePopulation(t.Context(), env, people.GetId()).Execute()
		gone(t, r, err)
	})
}
