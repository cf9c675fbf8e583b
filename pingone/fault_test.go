package pingone_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// faulty is a world in which the old secret lives on and the admin has a token.
func faulty(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.Regenerate(w.app.Environment, w.app.ID, time.Hour)
	w.warm(t)
	w.impatient()
	return w
}

// bodyless reports whether success is a 204 or a 302, which have no body to truncate.
func bodyless(operation string) bool {
	return strings.HasPrefix(operation, "DELETE ") || operation == pingonetest.OpAuthorize || operation == pingonetest.OpResume
}

func TestAFaultThatPassesIsOvercome(t *testing.T) {
	for _, op := range repeatable {
		for _, kind := range fault.Kinds() {
			t.Run(op.operation+"/"+kind.String(), func(t *testing.T) {
				w := faulty(t)
				call := op.call(w, t)
				before := w.Count(op.operation)
				w.Fail(op.operation, kind, kind, kind)
				err := call()
				calls := w.Count(op.operation) - before
				switch {
				case kind == fault.Denied: // an admin is denied with the cached token and then with a new one
					check(t, "answers", answers(err), op.caller.denial)
					check(t, "calls", calls, op.caller.calls)
				case err != nil:
					t.Errorf("got %v, want success", err)
				case kind == fault.ReplyCut && bodyless(op.operation):
					check(t, "calls", calls, 1)
				default:
					check(t, "calls", calls, 4)
					check(t, "waits", len(w.waits), 3)
				}
				if err != nil {
					noLeak(t, err.Error(), w.Issued()...)
				}
				if op.operation == pingonetest.OpDeletePrevious && kind != fault.Denied {
					check(t, "old secret works", w.Authenticates(w.app.Environment, w.app.ClientID, w.app.Secret), false)
				}
			})
		}
	}
}

func TestAFaultThatStaysIsReportedAfterFourAttempts(t *testing.T) {
	for _, op := range repeatable {
		for _, kind := range fault.Kinds() {
			if kind == fault.Denied || bodyless(op.operation) && kind == fault.ReplyCut {
				continue // see above
			}
			t.Run(op.operation+"/"+kind.String(), func(t *testing.T) {
				w := faulty(t)
				call := op.call(w, t)
				before := w.Count(op.operation)
				w.Before(always(op.operation, kind))
				err := call()
				if kind.Applies() && op.operation == pingonetest.OpDeletePrevious {
					// Whether or not the reply arrived, nothing is left to delete.
					check(t, "old secret works", w.Authenticates(w.app.Environment, w.app.ClientID, w.app.Secret), false)
				}
				if !pingone.IsTemporary(err) {
					t.Fatalf("got %v, want a temporary error", err)
				}
				check(t, "calls", w.Count(op.operation)-before, 4)
				noLeak(t, err.Error(), w.Issued()...)
			})
		}
	}
}

// A creation that is sent twice may create two things.
func TestWhatCannotBeTakenTwiceIsSentOnce(t *testing.T) {
	for _, op := range creations {
		for _, kind := range fault.Kinds() {
			if bodyless(op.operation) && kind == fault.ReplyCut {
				continue
			}
			t.Run(op.operation+"/"+kind.String(), func(t *testing.T) {
				w := faulty(t)
				call := op.call(w, t)
				before := w.Count(op.operation)
				w.Before(always(op.operation, kind))
				err := call()
				check(t, "calls", w.Count(op.operation)-before, 1)
				if err == nil {
					t.Fatal("got no error, want one")
				}
				check(t, "temporary", pingone.IsTemporary(err), kind != fault.Denied)
				noLeak(t, err.Error(), w.Issued()...)
			})
		}
	}
}

// The mint is the call that this package is about: it goes out once, and its outcome is
// reported truthfully.
func TestAMintIsSentOnceAndItsOutcomeIsTrue(t *testing.T) {
	want := map[fault.Kind]pingone.Outcome{
		fault.None:               pingone.Applied,
		fault.Refused:            pingone.Unknown, // a connection that closed does not tell when it did
		fault.ReplyLost:          pingone.Unknown,
		fault.ReplyCut:           pingone.Unknown,
		fault.Throttled:          pingone.Refused,
		fault.Unavailable:        pingone.Unknown,
		fault.UnavailableApplied: pingone.Unknown,
		fault.Hang:               pingone.Unknown,
		fault.HangApplied:        pingone.Unknown,
		fault.Malformed:          pingone.Unknown,
		fault.MalformedApplied:   pingone.Unknown,
		fault.Denied:             pingone.Refused,
	}
	for _, kind := range append(fault.Kinds(), fault.None) {
		for _, tokenCached := range []bool{true, false} {
			t.Run(kind.String(), func(t *testing.T) {
				w := faulty(t)
				if !tokenCached {
					w.client.Tokens = nil
				}
				w.Before(always(pingonetest.OpRegenerateSecret, kind))
				got := w.regenerate(t, w.Now().Add(time.Hour))

				check(t, "outcome", got.Outcome, want[kind])
				check(t, "POSTs", w.Count(pingonetest.OpRegenerateSecret), 1)
				check(t, "waits", len(w.waits), 0)
				mints := w.Mints(w.app.Environment, w.app.ID)
				if kind.Applies() != (mints == 1) {
					t.Fatalf("got %d mints for fault %v", mints, kind)
				}
				check(t, "has a secret", got.Secret != nil, got.Outcome == pingone.Applied)
				check(t, "has an error", got.Err != nil, got.Outcome != pingone.Applied)
				switch {
				case got.Outcome == pingone.Refused && mints > 0:
					t.Error("the outcome is Refused, and the secret was regenerated")
				case got.Outcome == pingone.Applied:
					check(t, "secret is PingOne's", got.Secret.Secret.Reveal() == w.Secret(w.app.Environment, w.app.ID).Value, true)
				default:
					noLeak(t, got.Err.Error(), w.Issued()...)
				}
			})
		}
	}
}

func TestAMintThatNeverLeftIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*testing.T, *world) context.Context
	}{
		{"connection refused", func(t *testing.T, w *world) context.Context { w.Close(); return t.Context() }},
		{"context is done", func(t *testing.T, _ *world) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		}},
		{"admin has no token", func(t *testing.T, w *world) context.Context {
			w.client.Tokens = nil
			w.Before(always(pingonetest.OpToken, fault.ReplyLost))
			return t.Context()
		}},
		{"token cannot be a header", func(t *testing.T, w *world) context.Context {
			w.client.Tokens = nil
			w.client.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					return response(r, 200, nil, `{"access_token":"a\nb`+plain+`","token_type":"Bearer"}`), nil
				}
				return http.DefaultTransport.RoundTrip(r)
			})}
			return t.Context()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			ctx := tt.prepare(t, w)
			got := w.client.RegenerateSecret(ctx, w.target(), time.Time{})
			if got.Outcome != pingone.Refused || got.Err == nil {
				t.Fatalf("got %+v, want Refused", got)
			}
			check(t, "mints", w.Mints(w.app.Environment, w.app.ID), 0)
			noLeak(t, got.Err.Error(), append(w.Issued(), plain)...)
			check(t, "quotes the URL", strings.Contains(got.Err.Error(), "/v1/") || strings.Contains(got.Err.Error(), "/as/"), false)
		})
	}
}

func TestRetryAfterIsHonouredInBothForms(t *testing.T) {
	for _, form := range []string{"seconds", "date"} {
		t.Run(form, func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			w.SetTime(w.Now().Add(-30 * 24 * time.Hour)) // the date is by PingOne's clock, not this one
			w.client.Tokens = new(pingone.TokenCache)
			w.RetryAfter("9")
			if form == "date" {
				w.RetryAfter(w.Now().Add(9 * time.Second).Format(http.TimeFormat))
			}
			w.Fail(pingonetest.OpReadSecret, fault.Throttled)
			if _, err := w.read(t); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.waits, []time.Duration{9 * time.Second}) {
				t.Errorf("waits: got %v, want 9s", w.waits)
			}
		})
	}
}

func TestNothingIsWaitedForBeyondTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.warm(t)
	w.RetryAfter("3600")
	w.Before(always(pingonetest.OpReadSecret, fault.Throttled))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := w.client.ReadSecret(ctx, w.target())
	wait, limited := pingone.RateLimit(err)
	check(t, "is PingOne's own error", limited, true)
	check(t, "asked to wait", wait, time.Hour)
	check(t, "calls", w.Count(pingonetest.OpReadSecret), 1)
	check(t, "waits", len(w.waits), 0)
}

func TestACancelledWaitMatchesTheServicesErrorAndTheContexts(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait func(context.CancelFunc) func(context.Context, time.Duration) error
	}{
		{"injected", func(cancel context.CancelFunc) func(context.Context, time.Duration) error {
			return func(ctx context.Context, _ time.Duration) error { cancel(); return context.Cause(ctx) }
		}},
		{"timer", func(context.CancelFunc) func(context.Context, time.Duration) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			w.RetryAfter("1800")
			w.Before(always(pingonetest.OpReadSecret, fault.Throttled))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			w.client.Wait = tt.wait(cancel)
			w.client.Now = func() time.Time {
				if w.Count(pingonetest.OpReadSecret) > 0 { // it checks whether the deadline leaves time to wait
					cancel()
				}
				return time.Now()
			}
			_, err := w.client.ReadSecret(ctx, w.target())
			check(t, "answers", answers(err), "rate limit, temporary")
			check(t, "matches the context's", errors.Is(err, context.Canceled), true)
			check(t, "calls", w.Count(pingonetest.OpReadSecret), 1)
		})
	}
}

func TestACancelledCallIsNotTemporary(t *testing.T) {
	w := newWorld(t)
	w.warm(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.Before(always(pingonetest.OpReadSecret, fault.Hang))
	w.After(func(fault.Call, fault.Kind) { cancel() })
	_, err := w.client.ReadSecret(ctx, w.target())
	check(t, "matches the context's", errors.Is(err, context.Canceled), true)
	check(t, "temporary", pingone.IsTemporary(err), false)
	check(t, "calls", w.Count(pingonetest.OpReadSecret), 1)
}

func TestWithoutAWaitFunctionATimerWaits(t *testing.T) {
	w := newWorld(t)
	w.RetryAfter("0")
	w.client.Wait = nil
	w.Fail(pingonetest.OpToken, fault.Throttled)
	w.warm(t)
	check(t, "calls", w.Count(pingonetest.OpToken), 2)
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		attempt int
		jitter  float64
		want    time.Duration
	}{
		{0, 0, 200 * ms}, {0, 1, 100 * ms}, {1, 0, 200 * ms}, {1, 1, 100 * ms},
		{2, 0, 400 * ms}, {3, 0.5, 600 * ms}, {5, 0, 3200 * ms}, {5, 1, 1600 * ms},
		{6, 0, 5000 * ms}, {1 << 30, 0, 5000 * ms}, {1 << 30, 1, 2500 * ms}, {-1, 0, 200 * ms},
	} {
		if got := pingone.Backoff(tt.attempt, tt.jitter); got != tt.want {
			t.Errorf("attempt %d, jitter %v: got %v, want %v", tt.attempt, tt.jitter, got, tt.want)
		}
	}
}

func TestRetryAfterReadsBothFormsAndNoNonsense(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		value string
		now   time.Time
		want  time.Duration
	}{
		{"0", now, 0}, {"120", now, 2 * time.Minute}, {"120", time.Time{}, 2 * time.Minute},
		{in(time.Minute), now, time.Minute}, {in(time.Minute), time.Time{}, 0}, {in(-time.Minute), now, 0}, {in(48 * time.Hour), now, 0},
		{"", now, 0}, {"soon", now, 0}, {"1.5", now, 0}, {"-5", now, 0}, {"86400", now, 24 * time.Hour}, {"86401", now, 0},
		{"99999999999", now, 0}, {"99999999999999999999999", now, 0},
	} {
		got, says := pingone.RetryAfter(tt.value, tt.now)
		if got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.value, got, tt.want)
		}
		passed := tt.value == in(-time.Minute)
		if want := tt.want > 0 || tt.value == "0" || passed; says != want {
			t.Errorf("%q: says when is %t, want %t", tt.value, says, want)
		}
	}
}
