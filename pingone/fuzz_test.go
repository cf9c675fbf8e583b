package pingone_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone"
)

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, value := range []string{"", "0", "120", "-1", "1e3", "99999999999999999999", now.Add(time.Minute).Format(http.TimeFormat), "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(value, now.Unix())
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		if d, _ := pingone.RetryAfter(value, time.Unix(unix, 0)); d < 0 || d > 24*time.Hour {
			t.Errorf("%q: got %v, want up to a day", value, d)
		}
	})
}

func FuzzApplicationSecretReply(f *testing.F) {
	f.Add(`{"secret":"`, `"}`)
	f.Add(`{"secret":"a","previous":{"secret":"`, `","expiresAt":"2026-01-02T03:04:05.000Z","lastUsed":"2026-01-02T03:04:05Z"}}`)
	f.Add(`{"secret":"a","previous":{"secret":"`, `"}}`)
	f.Add(`{"secret":["`, `"]}`)
	f.Add(`<html>`, ``)
	f.Fuzz(func(t *testing.T, before, after string) {
		body := before + plain + after
		c := against("https://pingone.invalid", replies(200, nil, body))
		got := c.RegenerateSecret(t.Context(), someTarget, time.Time{})
		switch got.Outcome {
		case pingone.Applied:
			if got.Secret.Secret.IsZero() || !json.Valid([]byte(body)) {
				t.Errorf("got %+v for %q, want no outcome without a secret", got, body)
			}
			if p := got.Secret.Previous; p != nil && (p.Secret.IsZero() || p.ExpiresAt.IsZero()) {
				t.Errorf("got %+v, want no previous secret without a value and an end", p)
			}
		case pingone.Unknown:
			noLeak(t, got.Err.Error(), plain)
		default:
			t.Errorf("got %+v, want a reply with status 200 never to be a refusal", got)
		}
	})
}

func FuzzListReply(f *testing.F) {
	f.Add(`{"_embedded":{"applications":[{"id":"a","x":"`, `"}]}}`)
	f.Add(`{"_links":{"next":{"href":"https://pingone.invalid/?cursor=`, `"}},"_embedded":{"applications":[]}}`)
	f.Add(`{"_links":{"next":{"href":"https://`, `/?cursor=a"}},"_embedded":{"applications":[]}}`)
	f.Add(`{"_embedded":{"applications":[{"id":["`, `"]}]}}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		page := replies(200, nil, before+plain+after)
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "pingone.invalid" {
				t.Errorf("%s was called", r.URL.Host)
			}
			return page(r)
		}))
		c.Tokens = new(pingone.TokenCache)
		apps, err := c.Applications(t.Context(), someUUID)
		if err != nil {
			noLeak(t, err.Error(), plain)
		}
		for _, app := range apps {
			if app.ID == "" {
				t.Errorf("got %+v, want no application without an id", app)
			}
		}
	})
}

func FuzzTokenReply(f *testing.F) {
	f.Add(`{"access_token":"`, `","token_type":"Bearer","expires_in":3600}`)
	f.Add(`{"access_token":"a.e30.b`, `","token_type":"bearer","expires_in":-1,"scope":"a b"}`)
	f.Add(`{"access_token":"a.eyJhdWQiOlsiYSJdLCJleHAiOjFlOTl9.`, `","token_type":"Bearer"}`)
	f.Add(`{"access_token":{"`, `":1}}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			return response(r, 200, nil, before+plain+after), nil
		}))
		token, err := c.Token(t.Context(), c.Admin, "")
		if err == nil {
			if token.AccessToken.IsZero() {
				t.Error("got an empty token, want an error")
			}
			_, err = token.Claims()
		}
		if err != nil {
			noLeak(t, err.Error(), plain)
		}
	})
}

func FuzzErrorReply(f *testing.F) {
	f.Add(400, `{"id":"11111111-1111-4111-8111-111111111111","code":"INVALID_DATA","message":"`, `","details":[{"code":"OUT_OF_RANGE","target":"previous.expiresAt"}]}`)
	f.Add(403, `{"code":"`, `"}`)
	f.Add(401, `{"error":"invalid_client","error_description":"Request denied: Unsupported authentication method `, ` (Correlation ID: 11111111-1111-4111-8111-111111111111)"}`)
	f.Add(400, `{"code":"A","details":[{"code":"`, `","target":"x"}]}`)
	f.Add(502, `<html>`, `</html>`)
	f.Fuzz(func(t *testing.T, status int, before, after string) {
		if status == 200 {
			return // not an error
		}
		c := against("https://pingone.invalid", replies(status, nil, strings.ReplaceAll(before, "access_token", "")+plain+after))
		_, err := c.ReadSecret(t.Context(), someTarget)
		if err == nil {
			t.Fatalf("status %d: got no error, want one", status)
		}
		answers(err)
		noLeak(t, err.Error(), plain)
	})
}
