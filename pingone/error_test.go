package pingone_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// answers lists the questions that an error answers with yes.
func answers(err error) string {
	var yes []string
	for _, q := range []struct {
		name string
		ask  func(error) bool
	}{
		{"rejected", pingone.IsRejected},
		{"wrong method", pingone.IsWrongMethod},
		{"proves credential", pingone.ProvesCredential},
		{"forbidden", pingone.IsForbidden},
		{"not found", pingone.IsNotFound},
		{"rate limit", func(err error) bool { _, ok := pingone.RateLimit(err); return ok }},
		{"temporary", pingone.IsTemporary},
	} {
		if q.ask(err) {
			yes = append(yes, q.name)
		}
	}
	return strings.Join(yes, ", ")
}

func TestWhatATokenRefusalMeans(t *testing.T) {
	for _, tt := range []struct {
		name   string
		app    pingonetest.Application
		change func(*pingone.Credential)
		scope  string
		want   string
		text   string
	}{
		{name: "wrong secret", app: pingonetest.Application{Roles: roles("Identity Data Admin")},
			change: func(c *pingone.Credential) { c.Secret = pingone.NewSecret(plain) },
			want:   "rejected", text: "401 invalid_client"},
		{name: "unknown client",
			change: func(c *pingone.Credential) { c.ClientID = someUUID },
			want:   "rejected", text: "the client id or the secret is wrong"},
		{name: "empty secret",
			change: func(c *pingone.Credential) { c.Secret = pingone.Secret{} },
			want:   "rejected", text: "401 invalid_client"},
		{name: "disabled", app: pingonetest.Application{Disabled: true},
			want: "rejected", text: "401 invalid_client"},
		{name: "wrong method", app: pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_POST"},
			change: func(c *pingone.Credential) { c.Method = pingone.ClientSecretBasic },
			want:   "wrong method", text: "tokenEndpointAuthMethod does not match"},
		{name: "wrong method and secret", app: pingonetest.Application{TokenEndpointAuthMethod: "CLIENT_SECRET_JWT"},
			change: func(c *pingone.Credential) { c.Method, c.Secret = pingone.ClientSecretPost, pingone.NewSecret(plain) },
			want:   "wrong method", text: "401 invalid_client"},
		{name: "worker without roles",
			want: "proves credential", text: "400 access_denied"},
		{name: "no client-credentials grant", app: pingonetest.Application{Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"}},
			want: "proves credential", text: "400 unauthorized_client"},
		{name: "scope not granted", app: pingonetest.Application{Type: "WEB_APP"}, scope: "orders",
			want: "proves credential", text: "400 invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			cred := w.credential(w.AddApplication(tt.app))
			if tt.change != nil {
				tt.change(&cred)
			}
			_, err := w.client.Token(t.Context(), cred, tt.scope)
			check(t, "answers", answers(err), tt.want)
			check(t, "answers of the wrapped error", answers(fmt.Errorf("verify: %w", err)), tt.want)
			if err == nil || !strings.Contains(told(err), tt.text) || !strings.HasPrefix(err.Error(), "request a token: ") {
				t.Errorf("got %v, want %q in it", err, tt.text)
			}
			if e, ok := errors.AsType[*pingone.Error](err); !ok || !pingone.IsUUID(e.CorrelationID) {
				t.Errorf("got %#v, want a correlation id", e)
			}
			check(t, "calls", w.Count(""), 1)
			noLeak(t, told(err), append(w.Issued(), plain)...)
		})
	}
}

func TestWhatAPlatformRefusalMeans(t *testing.T) {
	for _, tt := range []struct {
		name   string
		seed   func(*world) (application string)
		call   func(*pingone.Client, *testing.T, string, string) error
		want   string
		text   string
		detail string
	}{
		{"own secret", func(w *world) string { return w.admin.ID }, readSecret, "forbidden", "no application can manage its own secret", "INSUFFICIENT_PERMISSIONS"},
		{"target has a higher role", func(w *world) string {
			return w.AddApplication(pingonetest.Application{Roles: roles("Organization Admin")}).ID
		}, readSecret, "forbidden", "403 ACCESS_FAILED", "INSUFFICIENT_PERMISSIONS"},
		{"admin without a role here", func(w *world) string {
			w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Roles = roles("Identity Data Admin") })
			return w.app.ID
		}, readSecret, "forbidden", "Client Application Developer", ""},
		{"unknown application", func(*world) string { return someUUID }, readSecret, "not found", "404 NOT_FOUND", ""},
		{"no secret to have", func(w *world) string {
			return w.AddApplication(pingonetest.Application{Protocol: "SAML"}).ID
		}, readSecret, "not found", "only OPENID_CONNECT applications and CUSTOM resources have a secret", ""},
		{"unknown application, read", func(*world) string { return someUUID }, readApplication, "not found", "read the application: ", ""},
		{"value out of range", func(w *world) string { return w.app.ID }, func(c *pingone.Client, t *testing.T, env, app string) error {
			return c.RegenerateSecret(t.Context(), application(env, app), time.Unix(0, 0)).Err
		}, "", "400 INVALID_DATA OUT_OF_RANGE previous.expiresAt", "OUT_OF_RANGE"},
		{"limited", func(w *world) string {
			w.RetryAfter("7")
			w.Before(always(pingonetest.OpReadSecret, fault.Throttled))
			return w.app.ID
		}, readSecret, "rate limit, temporary", "spread the rotation schedules", "LIMIT_EXCEEDED"},
		{"admin rejected", func(w *world) string {
			w.Regenerate(w.admin.Environment, w.admin.ID, 0)
			return w.app.ID
		}, readSecret, "rejected", "authenticate as the admin application: request a token", ""},
		{"token turned down", func(w *world) string {
			w.Before(func(c fault.Call) fault.Kind {
				if c.Operation == pingonetest.OpReadSecret {
					w.Advance(2 * time.Hour)
				}
				return fault.None
			})
			return w.app.ID
		}, readSecret, "", "401 ACCESS_FAILED INVALID_TOKEN", "INVALID_TOKEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			err := tt.call(w.client, t, w.app.Environment, tt.seed(w))
			check(t, "answers", answers(err), tt.want)
			e, ok := errors.AsType[*pingone.Error](err)
			if !ok || !strings.Contains(told(err), tt.text) {
				t.Fatalf("got %v, want %q in it", err, tt.text)
			}
			check(t, "detail", e.Detail, tt.detail)
			check(t, "has a correlation id", pingone.IsUUID(e.CorrelationID), true)
			noLeak(t, err.Error(), w.Issued()...)
		})
	}
}

// told returns the text and the remedy of an error. Each must be one line, and neither may
// contain the other.
func told(err error) string {
	if err == nil {
		return ""
	}
	text, remedy := err.Error(), pingone.Remedy(err)
	if strings.Contains(text+remedy, "\n") || remedy != "" && strings.Contains(text, remedy) {
		return "not an error and a remedy in one line each"
	}
	return text + "; " + remedy
}

func TestEachKindOfErrorHasARemedy(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range []struct {
		status int
		body   string
	}{
		{400, `{"code":"INVALID_DATA","details":[{"code":"OUT_OF_RANGE","target":"x"}]}`}, {400, `{"error":"invalid_scope"}`},
		{400, `{"error":"access_denied"}`}, {400, `{"error":"unauthorized_client"}`}, {401, `{"error":"invalid_client"}`},
		{401, `{"code":"ACCESS_FAILED"}`}, {401, ``}, {403, `{"code":"ACCESS_FAILED"}`}, {404, `{"code":"NOT_FOUND"}`},
		{429, `{"code":"REQUEST_LIMITED"}`}, {500, `{"code":"UNEXPECTED_ERROR"}`}, {200, `<html>`},
	} {
		c := against("https://pingone.invalid", replies(row.status, nil, row.body))
		_, err := c.ReadSecret(t.Context(), someTarget)
		remedy := pingone.Remedy(fmt.Errorf("rotate: %w", err))
		if remedy == "" || !strings.HasSuffix(told(err), "; "+remedy) {
			t.Errorf("%d %s: got %q, want an error and a remedy", row.status, row.body, told(err))
		}
		seen[remedy] = true
	}
	if len(seen) < 10 {
		t.Errorf("got %d different remedies, want ten", len(seen))
	}
	check(t, "remedy of an error of another package", pingone.Remedy(errors.New("x")), "")
}

func readSecret(c *pingone.Client, t *testing.T, env, app string) error {
	_, err := c.ReadSecret(t.Context(), application(env, app))
	return err
}

func readApplication(c *pingone.Client, t *testing.T, env, app string) error {
	_, err := c.Application(t.Context(), env, app)
	return err
}

// always spoils every call of the operation.
func always(operation string, kind fault.Kind) func(fault.Call) fault.Kind {
	return func(c fault.Call) fault.Kind {
		if c.Operation == operation {
			return kind
		}
		return fault.None
	}
}

func TestOtherErrorsAnswerNoQuestion(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), &pingone.Error{}} {
		check(t, fmt.Sprint(err), answers(err), "")
	}
}

func TestRateLimitSaysHowLong(t *testing.T) {
	w := newWorld(t)
	w.RetryAfter("7")
	w.Before(always(pingonetest.OpToken, fault.Throttled))
	_, err := w.client.Token(t.Context(), w.credential(w.app), "")
	wait, ok := pingone.RateLimit(err)
	check(t, "limited", ok, true)
	check(t, "wait", wait, 7*time.Second)
	if want := []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}; !slices.Equal(w.waits, want) {
		t.Errorf("waits: got %v, want %v", w.waits, want)
	}
}
