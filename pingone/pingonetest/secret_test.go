package pingonetest_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

const notFoundText = "The request could not be completed. The requested resource was not found."

func TestB01_SecretIsAddressedByApplicationID(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP", ClientID: "imported-client", Secret: "chosen by us"})
	w.api("GET", app, "/secret", "").want(t, 200, "secret", "chosen by us")
	byClientID := app
	byClientID.ID = app.ClientID
	w.api("GET", byClientID, "/secret", "").want(t, 404)
}

func TestB02_ReadShowsBothSecrets(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	alone := w.api("GET", app, "/secret", "")
	self := w.URL() + "/v1/environments/" + app.Environment + "/applications/" + app.ID + "/secret"
	alone.want(t, 200, "secret", app.Secret, "previous", "", "environment.id", app.Environment, "_links.self.href", self)

	fresh := w.Regenerate(app.Environment, app.ID, time.Hour)
	w.api("GET", app, "/secret", "").want(t, 200, "secret", fresh, "previous.secret", app.Secret,
		"previous.expiresAt", w.Now().Add(time.Hour).Format("2006-01-02T15:04:05.000Z"))
	check(t, "mints by the console", w.Mints(app.Environment, app.ID), 0)
}

func TestB03_ExpiredPreviousVanishes(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	w.Regenerate(app.Environment, app.ID, time.Hour)
	w.Advance(time.Hour - time.Second)
	check(t, "authenticates before", w.Authenticates(app.Environment, app.ID, app.Secret), true)
	w.Advance(time.Second)
	check(t, "authenticates after", w.Authenticates(app.Environment, app.ID, app.Secret), false)
	w.token = w.bearer(w.admin)
	w.api("GET", app, "/secret", "").want(t, 200, "previous", "")
	check(t, "previous", w.Secret(app.Environment, app.ID).Previous, "")
}

func TestB04_LastUsed(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	w.regenerate(app, time.Hour).want(t, 200, "previous.lastUsed", "")
	w.Advance(time.Minute)
	w.Authenticates(app.Environment, app.ID, app.Secret)
	basic(t, w.Server, app.Environment, app.ID, w.Secret(app.Environment, app.ID).Value)
	w.api("GET", app, "/secret", "").want(t, 200, "previous.lastUsed", "")

	basic(t, w.Server, app.Environment, app.ID, app.Secret).want(t, 400) // authenticated, though it has no scope
	w.api("GET", app, "/secret", "").want(t, 200, "previous.lastUsed", w.Now().Format("2006-01-02T15:04:05.000Z"))
	check(t, "last used", w.Secret(app.Environment, app.ID).PreviousLastUsed, w.Now())
	w.regenerate(app, time.Hour).want(t, 200, "previous.lastUsed", "")
}

func TestB05_NoSecretHere(t *testing.T) {
	w := newWorld(t)
	saml := w.AddApplication(pingonetest.Application{Type: "WEB_APP", Protocol: "SAML"})
	unknown := pingonetest.Application{Environment: saml.Environment, ID: saml.Environment}
	for _, app := range []pingonetest.Application{saml, unknown} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w.api(method, app, "/secret", "").want(t, 404, "code", "NOT_FOUND", "message", notFoundText)
		}
	}
	w.api("GET", saml, "", "").want(t, 200, "protocol", "SAML", "tokenEndpointAuthMethod", "")
}

func TestB06_RegenerateWithoutRetentionEndsTheOldSecret(t *testing.T) {
	for _, body := range []string{"", "{}", ` {"previous":null}`} {
		t.Run("body "+body, func(t *testing.T) {
			w := newWorld(t)
			app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
			w.Regenerate(app.Environment, app.ID, time.Hour)
			r := w.api("POST", app, "/secret", body)
			r.want(t, 200, "previous", "", "secret", w.Secret(app.Environment, app.ID).Value)
			check(t, "old secret", w.Authenticates(app.Environment, app.ID, app.Secret), false)
			check(t, "new secret", w.Authenticates(app.Environment, app.ID, r.at("secret")), true)
		})
	}
}

func TestB07_RegenerateWithRetentionKeepsTheOldSecret(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	r := w.regenerate(app, 24*time.Hour)
	r.want(t, 200, "previous.secret", app.Secret, "environment.id", app.Environment)
	for _, secret := range []string{app.Secret, r.at("secret")} {
		check(t, "authenticates", w.Authenticates(app.Environment, app.ID, secret), true)
	}
	check(t, "mints", w.Mints(app.Environment, app.ID), 1)
	check(t, "expiry", w.Secret(app.Environment, app.ID).PreviousExpiresAt, w.Now().Add(24*time.Hour))
}

func TestB08_RetentionWindow(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	for _, tt := range []struct {
		ahead  time.Duration
		status int
	}{
		{-time.Hour, 400}, {0, 400}, {time.Minute, 400}, {time.Minute + time.Second, 200},
		{30 * day, 200}, {30*day + time.Second, 400},
	} {
		before := w.Secret(app.Environment, app.ID)
		r := w.regenerate(app, tt.ahead)
		check(t, "status for "+tt.ahead.String(), r.status, tt.status)
		if tt.status == 400 {
			r.want(t, 400, "code", "INVALID_DATA", "details.0.code", "OUT_OF_RANGE", "details.0.target", "previous.expiresAt")
			check(t, "secrets", w.Secret(app.Environment, app.ID), before)
		}
	}
}

func TestB09_OnePreviousSlot(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	second := w.regenerate(app, time.Hour).at("secret")
	w.regenerate(app, time.Hour).want(t, 200, "previous.secret", second)
	check(t, "evicted secret", w.Authenticates(app.Environment, app.ID, app.Secret), false)
}

func TestB10_BodyThatIsNotUnderstood(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	for _, tt := range []struct{ body, code, detail string }{
		{`{"secret":"mine"}`, "INVALID_DATA", "INVALID_PARAMETER"},
		{`{"Previous":{}}`, "INVALID_DATA", "INVALID_PARAMETER"},
		{`{"previous":{"secret":"mine"}}`, "INVALID_DATA", "INVALID_PARAMETER"},
		{`{"previous":{}}`, "INVALID_DATA", "REQUIRED_VALUE"},
		{`{"previous":{"expiresAt":"tomorrow"}}`, "INVALID_DATA", "INVALID_VALUE"},
		{`{"previous":{"expiresAt":3600}}`, "INVALID_DATA", "INVALID_VALUE"},
		{`{"previous":true}`, "INVALID_REQUEST", ""},
		{`[]`, "INVALID_REQUEST", ""},
		{`{} {}`, "INVALID_REQUEST", ""},
	} {
		w.api("POST", app, "/secret", tt.body).want(t, 400, "code", tt.code, "details.0.code", tt.detail)
	}
	check(t, "secret", w.Secret(app.Environment, app.ID).Value, app.Secret)
}

func TestB11_RegenerateTakesOnlyJSON(t *testing.T) {
	w := worldOn(t, pingonetest.Run(&recorder{T: t}))
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	target := w.URL() + "/v1/environments/" + app.Environment + "/applications/" + app.ID + "/secret"
	for _, contentType := range []string{"", "text/plain", "application/vnd.pingidentity.secret+json"} {
		r := send(t, "POST", target, "{}", "Authorization", "Bearer "+w.token, "Content-Type", contentType)
		r.want(t, 415, "code", "INVALID_REQUEST")
	}
	check(t, "secret", w.Secret(app.Environment, app.ID).Value, app.Secret)
	send(t, "POST", target, "{}", "Authorization", "Bearer "+w.token, "Content-Type", "application/json; charset=utf-8").want(t, 200)
}

func TestB12_DeleteRemovesOnlyThePrevious(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	w.api("DELETE", app, "/secret", "").want(t, 404, "message", notFoundText)
	fresh := w.Regenerate(app.Environment, app.ID, time.Hour)
	r := w.api("DELETE", app, "/secret", "")
	r.want(t, 204)
	check(t, "body", r.text, "")
	check(t, "secrets", w.Secret(app.Environment, app.ID), pingonetest.Secret{Value: fresh})
	check(t, "previous secret", w.Authenticates(app.Environment, app.ID, app.Secret), false)
	w.api("DELETE", app, "/secret", "").want(t, 404)
}

func TestB13_Alphabet(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	seen := ""
	for range 50 {
		secret := w.Regenerate(app.Environment, app.ID, 0)
		if !regexp.MustCompile(`^[a-zA-Z0-9._~-]{64}$`).MatchString(secret) {
			t.Fatalf("got %q, want 64 unreserved characters", secret)
		}
		seen += secret
	}
	for _, c := range "azAZ09-._~" {
		if !strings.ContainsRune(seen, c) {
			t.Errorf("%q: got none in 3200 characters", c)
		}
	}
}

func TestB35_PropagationDelay(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Roles: w.admin.Roles})
	w.PropagationDelay(30 * time.Second)
	check(t, "seeded secret", w.Authenticates(app.Environment, app.ID, app.Secret), true)
	fresh := w.regenerate(app, time.Hour).at("secret")
	w.Advance(29 * time.Second)
	basic(t, w.Server, app.Environment, app.ID, fresh).want(t, 401, "error", "invalid_client")
	basic(t, w.Server, app.Environment, app.ID, app.Secret).want(t, 200)
	w.Advance(time.Second)
	basic(t, w.Server, app.Environment, app.ID, fresh).want(t, 200)
}
