package pingone_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// noWait is a wait that takes no time.
func noWait(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

func TestParallelCallsShareOneToken(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := w.read(t); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	check(t, "reads", w.Count(pingonetest.OpReadSecret), 8)
	check(t, "tokens", w.Count(pingonetest.OpToken), 1)
}

func TestWithoutACacheEachCallAsksForAToken(t *testing.T) {
	w := newWorld(t)
	w.client.Tokens = nil
	w.warm(t)
	w.warm(t)
	check(t, "tokens", w.Count(pingonetest.OpToken), 2)
}

func TestATokenIsUsedUntilAMinuteBeforeItsEnd(t *testing.T) {
	w := newWorld(t)
	now := w.Now()
	w.client.Now = func() time.Time { return now }
	for _, step := range []struct {
		passes time.Duration
		tokens int
	}{{0, 1}, {59*time.Minute - time.Second, 1}, {time.Second, 2}, {time.Second, 2}} {
		now = now.Add(step.passes)
		w.SetTime(now)
		w.warm(t)
		check(t, "tokens after "+step.passes.String(), w.Count(pingonetest.OpToken), step.tokens)
	}
}

func TestATokenThatIsTurnedDownIsReplaced(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*world)
	}{
		{"expired early", func(w *world) { w.Advance(2 * time.Hour) }},
		{"older than the admin's role", func(w *world) {
			w.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) { a.Roles = append(a.Roles, roles("Organization Admin")...) })
			w.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Roles = roles("Organization Admin") })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			tt.spoil(w)
			if _, err := w.read(t); err != nil {
				t.Fatal(err)
			}
			check(t, "tokens", w.Count(pingonetest.OpToken), 2)
			check(t, "reads", w.Count(pingonetest.OpReadSecret), 2)
		})
		t.Run(tt.name+", mint", func(t *testing.T) {
			w := newWorld(t)
			w.warm(t)
			tt.spoil(w)
			check(t, "first outcome", w.regenerate(t, time.Time{}).Outcome, pingone.Refused)
			check(t, "POSTs", w.Count(pingonetest.OpRegenerateSecret), 1)
			check(t, "second outcome", w.regenerate(t, time.Time{}).Outcome, pingone.Applied)
			check(t, "tokens", w.Count(pingonetest.OpToken), 2)
		})
	}
}

func TestATokenThatIsTurnedDownAtOnceIsNotAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.warm(t)
	before := w.Count(pingonetest.OpToken)
	if err := readSecret(w.client, t, w.admin.Environment, w.admin.ID); !pingone.IsForbidden(err) {
		t.Fatalf("got %v, want a refusal", err)
	}
	check(t, "new tokens", w.Count(pingonetest.OpToken)-before, 1)
	check(t, "reads", w.Count(pingonetest.OpReadSecret), 2)
}

func TestATokenBelongsToTheSecretThatObtainedIt(t *testing.T) {
	w := newWorld(t)
	w.warm(t)
	w.client.Admin.Secret = pingone.NewSecret(w.Regenerate(w.admin.Environment, w.admin.ID, time.Hour))
	w.warm(t)
	w.warm(t)
	check(t, "tokens", w.Count(pingonetest.OpToken), 2)
	w.client.Admin.Secret = pingone.NewSecret(plain)
	if _, err := w.read(t); !pingone.IsRejected(err) {
		t.Errorf("a wrong secret: got %v, want a rejection", err)
	}
}

func TestAFailureIsNotCached(t *testing.T) {
	w := newWorld(t)
	w.Fail(pingonetest.OpToken, fault.Denied)
	if _, err := w.read(t); !pingone.IsRejected(err) {
		t.Fatalf("got %v, want a rejection", err)
	}
	w.warm(t)
}

func TestWaitingForAnothersTokenEndsWithTheContext(t *testing.T) {
	w := newWorld(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	w.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpToken {
			close(arrived)
			<-release
		}
		return fault.None
	})
	done := make(chan error)
	go func() {
		_, err := w.read(t)
		done <- err
	}()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := w.client.RegenerateSecret(ctx, w.target(), time.Time{})
	check(t, "outcome", got.Outcome, pingone.Refused)
	check(t, "matches the context's", errors.Is(got.Err, context.Canceled), true)
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the call that fetched the token: %v", err)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := against("https://pingone.invalid", replies(400, nil, `{"code":"INVALID_REQUEST"}`))
	c.Tokens = new(pingone.TokenCache)
	tokens := 0
	c.Observe = func(op string, _ bool) {
		if op == "request a token" {
			tokens++
		}
	}
	ask := func(secret string) {
		c.Admin.Secret = pingone.NewSecret(secret)
		c.Application(t.Context(), someUUID, someUUID) // refused, with a token
	}
	for i := range 65 {
		ask(string(rune('a' + i)))
	}
	check(t, "tokens of 65 admins", tokens, 65)
	ask("a")
	check(t, "the first was forgotten", tokens, 66)
	ask("a")
	check(t, "and is known again", tokens, 66)
}
