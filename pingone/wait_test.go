package pingone_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestALimitThatDoesNotSayWhenIsWaitedOutForItsMinute(t *testing.T) {
	w := newWorld(t)
	w.warm(t)
	w.RetryAfter("")
	w.Fail(pingonetest.OpReadSecret, fault.Throttled)
	if _, err := w.read(t); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{time.Minute}; !slices.Equal(w.waits, want) {
		t.Errorf("waits: got %v, want %v", w.waits, want)
	}
}

func TestWhatWasJustCreatedIsAskedForUntilItIsThere(t *testing.T) {
	w := newWorld(t)
	w.client.Settle = 20 * time.Second
	w.client.Wait = func(_ context.Context, d time.Duration) error { w.Advance(d); return nil }
	w.Lag(func(c fault.Call) fault.Lag {
		if c.Operation == pingonetest.OpToken {
			return fault.Lag{}
		}
		return fault.Lag{Age: 5 * time.Second}
	})
	resource, err := w.client.CreateResource(t.Context(), w.app.Environment, "orders", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.CreateScope(t.Context(), w.app.Environment, resource.ID, "read", ""); err != nil {
		t.Errorf("got %v, want the call that is sent once repeated until the resource is there", err)
	}
	if n := w.Count(pingonetest.OpCreateScope); n < 2 {
		t.Errorf("got %d calls, want several", n)
	}
	w.Lag(nil)
	if all, err := w.client.Scopes(t.Context(), w.app.Environment, resource.ID); err != nil || len(all) != 1 {
		t.Errorf("got scopes %v, %v, want one", all, err)
	}

	// An object that never appears is reported as absent.
	start := w.Now()
	_, err = w.client.Application(t.Context(), w.app.Environment, someUUID)
	check(t, "answers", answers(err), "not found")
	if waited := w.Now().Sub(start); waited < 20*time.Second || waited > 30*time.Second {
		t.Errorf("waited %v, want 20 s and no more than one wait beyond", waited)
	}
	start = w.Now()
	if err := w.deletePrevious(t); err != nil {
		t.Error(err)
	}
	check(t, "a deletion waits", w.Now().Sub(start), 0)
}

func TestARefusalBySomethingInBetweenSaysSo(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		want   string
	}{
		{401, ``, "intercepted"}, {403, `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header: 'canary'"}`, "intercepted"},
		{404, `<html>canary</html>`, "intercepted"}, {407, `canary`, "intercepted"}, {415, `{"message":"canary"}`, "intercepted"},
		{400, `canary`, "temporary"}, {502, `canary`, "temporary"},
		{403, `{"code":"ACCESS_FAILED"}`, "PingOne's"}, {404, `{"code":"NOT_FOUND"}`, "PingOne's"},
	} {
		t.Run(fmt.Sprint(row.status, row.want), func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			calls := 0
			w.client.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/secret") {
					return http.DefaultTransport.RoundTrip(r)
				}
				calls++
				return &http.Response{StatusCode: row.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(row.body)), Request: r}, nil
			})}
			_, err := w.read(t)
			check(t, "intercepted", pingone.IsIntercepted(err), row.want == "intercepted")
			check(t, "temporary", pingone.IsTemporary(err), row.want == "temporary")
			if row.want == "intercepted" {
				check(t, "is PingOne's 403 or 404", pingone.IsForbidden(err) || pingone.IsNotFound(err), false)
				if calls > 2 || !strings.Contains(err.Error(), "something between here and PingOne") || !strings.Contains(pingone.Remedy(err), "network path") {
					t.Errorf("got %d calls, error %v, remedy %q", calls, err, pingone.Remedy(err))
				}
				got := w.regenerate(t, time.Time{})
				check(t, "outcome of a mint", got.Outcome, pingone.Unknown)
			}
			noLeak(t, fmt.Sprint(err), "canary")
		})
	}
}
