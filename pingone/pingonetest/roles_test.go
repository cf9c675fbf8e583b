package pingonetest_test

import (
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

const (
	envA = "aaaaaaaa-0000-4000-8000-000000000000"
	envB = "bbbbbbbb-0000-4000-8000-000000000000"
	appX = "cccccccc-0000-4000-8000-000000000000"
)

func roles(r ...pingonetest.RoleAssignment) []pingonetest.RoleAssignment { return r }

// as returns the token of a new application of environment A with these roles.
func (w *world) as(roles ...pingonetest.RoleAssignment) string {
	w.t.Helper()
	return w.bearer(w.AddApplication(pingonetest.Application{Environment: envA, Roles: roles}))
}

func TestB14_RoleCountsAtItsScope(t *testing.T) {
	w := newWorld(t)
	inB := w.AddApplication(pingonetest.Application{Environment: envB, ID: appX, Type: "WEB_APP"})
	for _, tt := range []struct {
		name   string
		role   pingonetest.RoleAssignment
		status int
	}{
		{"organization", role("Client Application Developer", "ORGANIZATION", ""), 200},
		{"its environment", role("Client Application Developer", "ENVIRONMENT", envB), 200},
		{"another environment", role("Client Application Developer", "ENVIRONMENT", envA), 403},
		{"another organization", role("Client Application Developer", "ORGANIZATION", envB), 403},
		{"the application", role("Application Owner", "APPLICATION", appX), 200},
		{"another application", role("Application Owner", "APPLICATION", w.admin.ID), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.apiAs(w.as(tt.role), "GET", inB, "/secret", "").want(t, tt.status)
		})
	}
	elsewhere := pingonetest.Application{Environment: envB, ID: envB}
	w.apiAs(w.as(role("Identity Data Admin", "", "")), "GET", elsewhere, "", "").
		want(t, 403, "code", "ACCESS_FAILED", "message", "The actor attempting to perform the request is not authorized.")
}

func TestB15_PermissionsOfBuiltInRoles(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		role                       string
		read, secret, mint, forget int
	}{
		{"Organization Admin", 403, 403, 403, 403},
		{"Environment Admin", 200, 200, 200, 204},
		{"Client Application Developer", 200, 200, 200, 204},
		{"Application Owner", 200, 200, 403, 403},
		{"Identity Data Admin", 403, 403, 403, 403},
		{"Configuration Read Only", 200, 403, 403, 403},
	} {
		t.Run(tt.role, func(t *testing.T) {
			app := w.AddApplication(pingonetest.Application{Environment: envA, Type: "WEB_APP"})
			token := w.as(role(tt.role, "ORGANIZATION", ""))
			w.apiAs(token, "GET", app, "", "").want(t, tt.read)
			w.apiAs(token, "GET", app, "/secret", "").want(t, tt.secret)
			w.apiAs(token, "POST", app, "/secret", retention(w.Now().Add(time.Hour))).want(t, tt.mint)
			w.Regenerate(app.Environment, app.ID, time.Hour)
			w.apiAs(token, "DELETE", app, "/secret", "").want(t, tt.forget)
		})
	}
}

func TestB16_NobodyReachesTheirOwnSecret(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"GET", "POST", "DELETE"} {
		w.api(method, w.admin, "/secret", "").want(t, 403, "details.0.code", "INSUFFICIENT_PERMISSIONS")
	}
	w.api("GET", w.admin, "", "").want(t, 200)
}

func TestB17_TargetsRolesMustBeWithinReach(t *testing.T) {
	w := newWorld(t)
	developer := role("Client Application Developer", "ENVIRONMENT", envA)
	for _, tt := range []struct {
		name   string
		caller []pingonetest.RoleAssignment
		target pingonetest.RoleAssignment
		status int
	}{
		{"equal role", roles(developer), developer, 200},
		{"equal role at an ancestor", roles(role("Client Application Developer", "ORGANIZATION", "")), developer, 200},
		{"assignable role", roles(role("Environment Admin", "ENVIRONMENT", envA)), role("Identity Data Admin", "ENVIRONMENT", envA), 200},
		{"assignable role of one application", roles(role("Environment Admin", "ENVIRONMENT", envA)), role("Application Owner", "APPLICATION", appX), 200},
		{"application of another environment", roles(role("Environment Admin", "ENVIRONMENT", envA)), role("Application Owner", "APPLICATION", w.admin.ID), 403},
		{"role that is not held", roles(developer), role("Identity Data Admin", "ENVIRONMENT", envA), 403},
		{"equal role elsewhere", roles(developer), role("Client Application Developer", "ENVIRONMENT", envB), 403},
		{"equal role at a descendant", roles(developer), role("Client Application Developer", "ORGANIZATION", ""), 403},
		{"role beyond assignment", roles(role("Environment Admin", "ORGANIZATION", "")), role("Organization Admin", "ORGANIZATION", ""), 403},
		{"assignment by another of the caller's roles", roles(developer, role("Organization Admin", "ORGANIZATION", "")), role("Environment Admin", "ENVIRONMENT", envB), 200},
		{"assignment at second hand", roles(developer, role("Organization Admin", "ORGANIZATION", "")), role("Identity Data Admin", "ENVIRONMENT", envB), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.AddApplication(pingonetest.Application{Environment: envA, ID: appX, Type: "WEB_APP"})
			target := w.AddApplication(pingonetest.Application{Environment: envA, Roles: roles(tt.target)})
			token := w.as(tt.caller...)
			for _, method := range []string{"GET", "POST"} {
				r := w.apiAs(token, method, target, "/secret", "{}")
				if r.want(t, tt.status); tt.status == 403 {
					r.want(t, 403, "code", "ACCESS_FAILED",
						"message", "The request could not be completed. You do not have access to this resource.",
						"details.0.code", "INSUFFICIENT_PERMISSIONS",
						"details.0.message", "Actor does not have permissions to access worker application client secrets")
				}
			}
		})
	}
	t.Run("role growth takes access away", func(t *testing.T) {
		target := w.AddApplication(pingonetest.Application{Environment: envA, Roles: roles(developer)})
		token := w.as(developer)
		w.apiAs(token, "GET", target, "/secret", "").want(t, 200)
		w.UpdateApplication(envA, target.ID, func(a *pingonetest.Application) {
			a.Roles = append(a.Roles, role("Environment Admin", "ENVIRONMENT", envB))
		})
		w.apiAs(token, "GET", target, "/secret", "").want(t, 403)
	})
}

func TestB18_TokenKeepsToItsRoles(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Environment: envA, Type: "WEB_APP"})
	caller := w.AddApplication(pingonetest.Application{Environment: envA, Roles: roles(role("Identity Data Admin", "", ""))})
	early := w.bearer(caller)
	w.UpdateApplication(envA, caller.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, role("Client Application Developer", "", ""))
	})
	late := w.bearer(caller)
	w.apiAs(early, "GET", app, "/secret", "").want(t, 403)
	w.apiAs(late, "GET", app, "/secret", "").want(t, 200)
	w.UpdateApplication(envA, caller.ID, func(a *pingonetest.Application) { a.Roles = a.Roles[:1] })
	w.apiAs(late, "GET", app, "/secret", "").want(t, 403)
	w.Assume(pingonetest.Assumptions{TokensOutlive: true})
	w.apiAs(late, "GET", app, "/secret", "").want(t, 200)
	w.apiAs(early, "GET", app, "/secret", "").want(t, 403)
}

func TestB19_BearerTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	refused := func(token string) {
		t.Helper()
		w.apiAs(token, "GET", w.admin, "", "").want(t, 401, "code", "ACCESS_FAILED", "details.0.code", "INVALID_TOKEN")
	}
	refused("")
	refused("made-up")
	refused(newWorld(t).token) // of another PingOne
	refused(w.bearer(w.AddApplication(pingonetest.Application{Audience: "https://shop.example", Scopes: []string{"read"}, Roles: w.admin.Roles})))

	w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Disabled = true })
	refused(w.token)
	w.Assume(pingonetest.Assumptions{TokensOutlive: true})
	w.api("GET", w.admin, "", "").want(t, 200)
	w.Assume(pingonetest.Assumptions{})
	w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Disabled = false })
	w.Advance(time.Hour - time.Second)
	w.api("GET", w.admin, "", "").want(t, 200)
	w.Advance(time.Second)
	refused(w.token)
	w.Assume(pingonetest.Assumptions{TokensOutlive: true})
	refused(w.token)
}

func TestB20_TokenOutlivesItsSecret(t *testing.T) {
	w := newWorld(t)
	w.Regenerate(w.admin.Environment, w.admin.ID, 0)
	w.api("GET", w.admin, "", "").want(t, 200)
}

func TestB21_AdministratorMayLiveElsewhere(t *testing.T) {
	w := newWorld(t)
	target := w.AddApplication(pingonetest.Application{Environment: envB, Type: "WEB_APP"})
	token := w.as(role("Client Application Developer", "ENVIRONMENT", envB))
	w.apiAs(token, "POST", target, "/secret", "").want(t, 200)
}

func TestB24_RepliesSince2026SayMore(t *testing.T) {
	w := newWorld(t)
	w.api("GET", w.admin, "", "").want(t, 200, "clientId", "", "parRequirement", "")
	w.Assume(pingonetest.Assumptions{FullReplies: true})
	w.api("GET", w.admin, "", "").want(t, 200, "clientId", w.admin.ID, "parRequirement", "OPTIONAL")
}

func TestB24_ReadApplication(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{
		Name: "shop", Type: "WEB_APP", TokenEndpointAuthMethod: "CLIENT_SECRET_POST", Disabled: true,
		ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://shop.example"},
	})
	r := w.api("GET", app, "", "")
	self := w.URL() + "/v1/environments/" + app.Environment + "/applications/" + app.ID
	r.want(t, 200, "id", app.ID, "clientId", "", "name", "shop", "enabled", "false", "type", "WEB_APP", "protocol", "OPENID_CONNECT",
		"tokenEndpointAuthMethod", "CLIENT_SECRET_POST", "grantTypes.0", "CLIENT_CREDENTIALS", "responseTypes.0", "CODE",
		"redirectUris.0", "https://shop.example", "environment.id", app.Environment, "_links.secret.href", self+"/secret", "secret", "",
		"createdAt", w.Now().Format("2006-01-02T15:04:05.000Z"))

	imported := w.AddApplication(pingonetest.Application{ClientID: "imported-client"})
	w.api("GET", imported, "", "").want(t, 200, "clientId", "imported-client", "enabled", "true")
}
