package clients

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/patrickcping/pingone-go-sdk-v2/management"
	"golang.org/x/oauth2"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// obtains reports whether the secret obtains a token; anything but a token and
// invalid_client ends the test.
func (w *world) obtains(a pingonetest.Application, secret string) bool {
	w.t.Helper()
	token, err := w.credentials(a, secret).Token(w.context())
	var refused *oauth2.RetrieveError
	switch {
	case err == nil && token.Valid():
		return true
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_client" && refused.Response.StatusCode == http.StatusUnauthorized:
		return false
	}
	w.t.Fatalf("golang.org/x/oauth2: got token %t and error %v", token.Valid(), err)
	return false
}

func TestSDKReadsRegeneratesAndEndsSecrets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, method := range []string{"CLIENT_SECRET_BASIC", "CLIENT_SECRET_POST"} {
			app := w.AddApplication(pingonetest.Application{TokenEndpointAuthMethod: method, Type: "WEB_APP", Audience: "orders", Scopes: []string{"read"}})
			env, secrets := app.Environment, w.sdk.ApplicationSecretApi
			first := done[*management.ApplicationSecret](t)(secrets.ReadApplicationSecret(t.Context(), env, app.ID).Execute())
			equal(t, "the secret that the SDK reads", first.GetSecret(), app.Secret)
			if first.HasPrevious() {
				t.Error("a previous secret before anything was regenerated")
			}

			until := w.Now().Add(48 * time.Hour).Truncate(time.Second)
			wanted := management.NewApplicationSecret()
			wanted.SetPrevious(*management.NewApplicationSecretPrevious(until))
			second := done[*management.ApplicationSecret](t)(secrets.UpdateApplicationSecret(t.Context(), env, app.ID).
				XPingExternalTransactionID("rotation-1").ApplicationSecret(*wanted).Execute())
			previous := second.GetPrevious()
			equal(t, "the previous secret", previous.GetSecret(), app.Secret)
			equal(t, "its end", previous.GetExpiresAt().UTC(), until)
			if previous.HasLastUsed() {
				t.Error("the previous secret was used, before anybody used it")
			}
			for what, secret := range map[string]string{"new": second.GetSecret(), "previous": app.Secret} {
				equal(t, fmt.Sprintf("the %s secret obtains a token by %s", what, method), w.obtains(app, secret), true)
			}
			read := done[*management.ApplicationSecret](t)(secrets.ReadApplicationSecret(t.Context(), env, app.ID).Execute())
			previous = read.GetPrevious()
			equal(t, "the use of the previous secret", previous.GetLastUsed().UTC(), w.Now())

			r, err := secrets.DeletePreviousApplicationSecret(t.Context(), env, app.ID).Execute()
			gone(t, r, err)
			equal(t, "the previous secret obtains a token after its end", w.obtains(app, app.Secret), false)
			equal(t, "the new secret still obtains a token", w.obtains(app, second.GetSecret()), true)
		}
	})
}

func TestSDKReadsRegeneratesAndEndsSecretsOfResources(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env, secrets := w.admin.Environment, w.sdk.ResourceClientSecretApi
		resource := done[*management.Resource](t)(w.sdk.ResourcesApi.CreateResource(t.Context(), env).Resource(*management.NewResource("orders")).Execute())
		first := done[*management.ResourceSecret](t)(secrets.ReadResourceSecret(t.Context(), env, resource.GetId()).Execute())
		wanted := management.NewResourceSecret()
		wanted.SetPrevious(*management.NewResourceSecretPrevious(w.Now().Add(time.Hour)))
		second := done[*management.ResourceSecret](t)(secrets.UpdateResourceSecret(t.Context(), env, resource.GetId()).ResourceSecret(*wanted).Execute())
		previous := second.GetPrevious()
		equal(t, "the previous secret", previous.GetSecret(), first.GetSecret())
		equal(t, "the new secret is another", second.GetSecret() != first.GetSecret(), true)
		r, err := secrets.DeletePreviousResourceSecret(t.Context(), env, resource.GetId()).Execute()
		gone(t, r, err)
	})
}

func TestSDKUnderstandsRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		env := w.admin.Environment
		rich := w.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Organization Admin", ScopeType: "ORGANIZATION"}}})
		late := management.NewApplicationSecret()
		late.SetPrevious(*management.NewApplicationSecretPrevious(w.Now().Add(31 * 24 * time.Hour)))
		for _, row := range []struct {
			name, app string
			body      *management.ApplicationSecret
			status    int
			code      string
		}{
			{"an application that does not exist", env, management.NewApplicationSecret(), 404, "NOT_FOUND"},
			{"the caller's own secret", w.admin.ID, management.NewApplicationSecret(), 403, "ACCESS_FAILED"},
			{"a worker with a role that the caller lacks", rich.ID, management.NewApplicationSecret(), 403, "ACCESS_FAILED"},
			{"a grace of more than 30 days", w.AddApplication(pingonetest.Application{Type: "WEB_APP"}).ID, late, 400, "INVALID_DATA"},
		} {
			_, r, err := w.sdk.ApplicationSecretApi.UpdateApplicationSecret(t.Context(), env, row.app).ApplicationSecret(*row.body).Execute()
			said, ok := err.(*management.GenericOpenAPIError)
			if !ok || r.StatusCode != row.status {
				t.Errorf("%s: got %v, want status %d", row.name, err, row.status)
				continue
			}
			model, ok := said.Model().(management.P1Error)
			if !ok || model.GetCode() != row.code || model.GetId() == "" {
				t.Errorf("%s: the SDK understood %T %+v, want code %s and an id", row.name, said.Model(), said.Model(), row.code)
			}
		}
	})
}

// The product has its own client because this SDK, like others, repeats a request by
// itself: the repetition regenerates once more, which evicts the secret that consumers
// hold, and the caller learns only of a success.
func TestAClientThatRepeatsARegenerationLocksConsumersOut(t *testing.T) {
	p := pingonetest.Run(t)
	w := newWorld(t, p, p.URL(), http.DefaultClient)
	app := p.AddApplication(pingonetest.Application{Type: "WEB_APP", Audience: "orders", Scopes: []string{"read"}})
	wanted := management.NewApplicationSecret()
	wanted.SetPrevious(*management.NewApplicationSecretPrevious(p.Now().Add(48 * time.Hour)))
	p.Fail(pingonetest.OpRegenerateSecret, fault.UnavailableApplied)
	told := done[*management.ApplicationSecret](t)(w.sdk.ApplicationSecretApi.UpdateApplicationSecret(t.Context(), app.Environment, app.ID).
		ApplicationSecret(*wanted).Execute())
	equal(t, "the secret that the SDK was told obtains a token", w.obtains(app, told.GetSecret()), true)
	equal(t, "the secret that consumers hold obtains a token", w.obtains(app, app.Secret), false)
}
