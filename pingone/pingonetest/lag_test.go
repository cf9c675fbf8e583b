package pingonetest_test

import (
	"slices"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// behind makes an operation lag.
func behind(w *world, operation string, lag fault.Lag) {
	w.Lag(fault.Lagging(map[string]fault.Lag{operation: lag}))
}

func TestB77_ReadingASecretLagsBehindChanges(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	behind(w, pingonetest.OpReadSecret, fault.Lag{Age: 4 * time.Second})
	w.api("GET", app, "/secret", "").want(t, 200, "secret", app.Secret)
	second := w.regenerate(app, time.Hour).at("secret")
	check(t, "reply to the POST", second != app.Secret, true)
	w.Advance(4*time.Second - time.Millisecond)
	r := w.api("GET", app, "/secret", "")
	r.want(t, 200, "secret", app.Secret)
	check(t, "previous before its time", r.at("previous.secret"), "")
	w.Advance(time.Millisecond)
	w.api("GET", app, "/secret", "").want(t, 200, "secret", second, "previous.secret", app.Secret)

	w.api("DELETE", app, "/secret", "").want(t, 204)
	w.api("GET", app, "/secret", "").want(t, 200, "secret", second, "previous.secret", app.Secret)
	behind(w, pingonetest.OpReadSecret, fault.Lag{Changes: 2})
	r = w.api("GET", app, "/secret", "")
	r.want(t, 200, "secret", app.Secret)
	w.Lag(nil)
	check(t, "previous at last", w.api("GET", app, "/secret", "").at("previous.secret"), "")
}

func TestB77_TheLastUseOfAPreviousSecretLags(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	w.regenerate(app, time.Hour)
	w.Advance(time.Minute)
	basic(t, w.Server, app.Environment, app.ID, app.Secret).want(t, 200)
	behind(w, pingonetest.OpReadSecret, fault.Lag{Age: 30 * time.Second})
	w.Advance(29 * time.Second)
	check(t, "last use, unseen", w.api("GET", app, "/secret", "").at("previous.lastUsed"), "")
	w.Advance(time.Second)
	check(t, "last use, seen", w.api("GET", app, "/secret", "").at("previous.lastUsed") != "", true)
}

func TestB77_AResourcesSecretLagsByItself(t *testing.T) {
	w := newWorld(t)
	id := w.in(w.admin.Environment, "POST", "/resources", `{"name":"orders"}`).at("id")
	first := w.Secret(w.admin.Environment, id).Value
	second := w.Regenerate(w.admin.Environment, id, 0)
	behind(w, pingonetest.OpReadResourceSecret, fault.Lag{Changes: 1})
	w.in(w.admin.Environment, "GET", "/resources/"+id+"/secret", "").want(t, 200, "secret", first)
	w.Lag(nil)
	w.in(w.admin.Environment, "GET", "/resources/"+id+"/secret", "").want(t, 200, "secret", second)
}

func TestB77_WhatWasJustCreatedIsNotThereYet(t *testing.T) {
	w := newWorld(t)
	w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Identity Data Admin"})
	})
	w.token = w.bearer(w.admin)
	w.Advance(time.Minute)
	soon := fault.Lag{Age: 3 * time.Second}
	w.Lag(func(fault.Call) fault.Lag { return soon })
	app := w.in(w.admin.Environment, "POST", "/applications", `{"name":"new","type":"WORKER","protocol":"OPENID_CONNECT","enabled":true,"assignActorRoles":false,`+
		`"grantTypes":["CLIENT_CREDENTIALS"],"tokenEndpointAuthMethod":"CLIENT_SECRET_BASIC"}`).at("id")
	resource := w.in(w.admin.Environment, "POST", "/resources", `{"name":"orders"}`).at("id")
	population := w.in(w.admin.Environment, "POST", "/populations", `{"name":"testers"}`).at("id")
	for _, path := range []string{
		"/applications/" + app, "/applications/" + app + "/secret", "/applications/" + app + "/grants",
		"/applications/" + app + "/roleAssignments", "/resources/" + resource, "/resources/" + resource + "/scopes",
	} {
		w.in(w.admin.Environment, "GET", path, "").want(t, 404, "code", "NOT_FOUND")
	}
	w.in(w.admin.Environment, "POST", "/resources/"+resource+"/scopes", `{"name":"read"}`).want(t, 404, "code", "NOT_FOUND")
	listed := func(collection, id string) bool {
		return slices.Contains(w.in(w.admin.Environment, "GET", "/"+collection, "").page(t, collection, "id"), id)
	}
	created := map[string]string{"applications": app, "resources": resource, "populations": population}
	for collection, id := range created {
		check(t, collection+" have the new one", listed(collection, id), false)
	}
	basic(t, w.Server, w.admin.Environment, app, w.Secret(w.admin.Environment, app).Value).want(t, 401, "error", "invalid_client")

	w.Advance(3 * time.Second)
	w.in(w.admin.Environment, "GET", "/applications/"+app, "").want(t, 200, "id", app)
	w.in(w.admin.Environment, "GET", "/applications/"+app+"/secret", "").want(t, 200)
	w.in(w.admin.Environment, "POST", "/resources/"+resource+"/scopes", `{"name":"read"}`).want(t, 201)
	for collection, id := range created {
		check(t, collection+" have the new one after a while", listed(collection, id), true)
	}
}

func TestB77_ConfigurationLagsBehindChanges(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Name: "old name"})
	w.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) { a.Name = "new name" })
	behind(w, pingonetest.OpReadApplication, fault.Lag{Changes: 1})
	w.api("GET", app, "", "").want(t, 200, "name", "old name")
	w.Lag(nil)
	w.api("GET", app, "", "").want(t, 200, "name", "new name")

	w.api("DELETE", app, "", "").want(t, 204)
	behind(w, pingonetest.OpReadApplication, fault.Lag{Changes: 1})
	w.api("GET", app, "", "").want(t, 200, "name", "new name")
	w.Lag(nil)
	w.api("GET", app, "", "").want(t, 404)
}

func TestB35_NodesLearnAndForgetInTheirOwnTime(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	w.Nodes(pingonetest.Node{}, pingonetest.Node{Learns: 10 * time.Second}, pingonetest.Node{Forgets: 20 * time.Second})
	at := 0
	w.Route(func(fault.Call) int { return at })
	w.Advance(time.Minute)
	fresh := w.Regenerate(app.Environment, app.ID, 0)

	try := func(when string, node int, secret string, status int) {
		t.Helper()
		at = node
		if got := basic(t, w.Server, app.Environment, app.ID, secret).status; got != status {
			t.Errorf("%s: node %d: got %d, want %d", when, node, got, status)
		}
	}
	try("at once", 0, fresh, 200)
	try("at once", 0, app.Secret, 401)
	try("at once", 1, fresh, 401)
	try("at once", 1, app.Secret, 401)
	try("at once", 2, fresh, 200)
	try("at once", 2, app.Secret, 200)
	check(t, "accepted by all at once", w.Authenticates(app.Environment, app.ID, fresh), false)
	check(t, "the old one accepted somewhere", w.AcceptedSomewhere(app.Environment, app.ID, app.Secret), true)
	check(t, "the old one accepted by all", w.Authenticates(app.Environment, app.ID, app.Secret), false)
	w.Advance(10 * time.Second)
	try("after 10 s", 1, fresh, 200)
	try("after 10 s", 2, app.Secret, 200)
	check(t, "accepted by all", w.Authenticates(app.Environment, app.ID, fresh), true)
	w.Advance(10 * time.Second)
	try("after 20 s", 2, app.Secret, 401)
	check(t, "the old one accepted somewhere in the end", w.AcceptedSomewhere(app.Environment, app.ID, app.Secret), false)

	// Without a route, the nodes take turns.
	w.Route(nil)
	w.Nodes(pingonetest.Node{}, pingonetest.Node{Learns: time.Hour})
	w.Regenerate(app.Environment, app.ID, time.Hour)
	fresh = w.Secret(app.Environment, app.ID).Value
	for i, status := range []int{200, 401, 200, 401} {
		if got := basic(t, w.Server, app.Environment, app.ID, fresh).status; got != status {
			t.Errorf("turn %d: got %d, want %d", i, got, status)
		}
	}
}

func TestB35_ANodeForgetsADeletedAndAnExpiredSecretLate(t *testing.T) {
	w := newWorld(t)
	w.Nodes(pingonetest.Node{Forgets: 30 * time.Second})
	deleted := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	w.regenerate(deleted, time.Hour)
	w.Advance(time.Minute)
	w.api("DELETE", deleted, "/secret", "").want(t, 204)
	expired := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	w.Regenerate(expired.Environment, expired.ID, time.Second)
	for _, app := range []pingonetest.Application{deleted, expired} {
		w.Advance(time.Second)
		check(t, "at first", w.AcceptedSomewhere(app.Environment, app.ID, app.Secret), true)
	}
	w.Advance(30 * time.Second)
	for _, app := range []pingonetest.Application{deleted, expired} {
		check(t, "later", w.AcceptedSomewhere(app.Environment, app.ID, app.Secret), false)
	}
}

func TestB35_ATokenRequestMayBeJudgedByAnOldState(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	fresh := w.Regenerate(app.Environment, app.ID, 0)
	behind(w, pingonetest.OpToken, fault.Lag{Changes: 1})
	basic(t, w.Server, app.Environment, app.ID, fresh).want(t, 401, "error", "invalid_client")
	basic(t, w.Server, app.Environment, app.ID, app.Secret).want(t, 200)
	w.Lag(nil)
	basic(t, w.Server, app.Environment, app.ID, fresh).want(t, 200)
	basic(t, w.Server, app.Environment, app.ID, app.Secret).want(t, 401)
}

func TestARegenerationArrivesLateOrTwice(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	w.Fail(pingonetest.OpRegenerateSecret, fault.LateUnavailable, fault.Twice)
	check(t, "status of the late one", w.api("POST", app, "/secret", "{}").status, 504)
	check(t, "secret meanwhile", w.Secret(app.Environment, app.ID).Value, app.Secret)
	w.Advance(time.Minute)
	check(t, "delivered", w.Deliver(), 1)
	late := w.Secret(app.Environment, app.ID).Value
	check(t, "secret changed at last", late != app.Secret, true)
	check(t, "mints", w.Mints(app.Environment, app.ID), 1)

	reply := w.api("POST", app, "/secret", "{}")
	reply.want(t, 200, "secret", w.Secret(app.Environment, app.ID).Value)
	check(t, "mints after one sent twice", w.Mints(app.Environment, app.ID), 3)
}
