package consumer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// A renewal was frozen with its Lambda function, and fails after the thaw. Callers that
// came later get an answer of their own.
func TestALaterCallerIsNotAnsweredByAFrozenRenewal(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		var frozen time.Duration
		w.source.SetClock(func() time.Time { return time.Now().Add(frozen) })
		first := w.token()
		w.advance(49 * time.Minute)
		w.ping.Before(down(pingonetest.OpToken, fault.Hang))
		w.token() // begins the renewal
		synctest.Wait()
		frozen = time.Hour
		time.AfterFunc(9*time.Second, func() { w.ping.Before(nil) })
		second, err := w.source.Token(w.t.Context())
		if err != nil || second.AccessToken.Equal(first.AccessToken) {
			t.Errorf("got %v, %v, want a token of the caller's own", second, err)
		}
		if !strings.Contains(w.log.String(), "access token not renewed") {
			t.Errorf("the renewal did not fail\n%s", w.log)
		}
	})
}

func TestManyCallersShareOneFlight(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		counted := w.count()
		release := make(chan struct{})
		w.ping.Before(func(fault.Call) fault.Kind { <-release; return fault.None })
		tokens := make([]pingone.Token, 50)
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() {
				var err error
				if tokens[i], err = w.source.Token(w.t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all of them wait
		close(release)
		wg.Wait()
		counted(1, 1)
		for _, token := range tokens {
			if !token.AccessToken.Equal(tokens[0].AccessToken) {
				t.Error("two callers got different tokens")
			}
		}
	})
}

func TestACallerWhoseContextEndsLeavesTheFlightToTheOthers(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		counted := w.count()
		release := make(chan struct{})
		w.ping.Before(func(fault.Call) fault.Kind { <-release; return fault.None })

		enough := errors.New("the user has gone")
		ctx, cancel := context.WithCancelCause(w.t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := w.source.Token(ctx)
			first <- err
		}()
		synctest.Wait()
		go func() {
			_, err := w.source.Token(w.t.Context())
			second <- err
		}()
		synctest.Wait()
		cancel(enough)
		if err := <-first; !errors.Is(err, enough) {
			t.Errorf("the first caller: got %v, want why the context ended", err)
		}
		close(release)
		if err := <-second; err != nil {
			t.Errorf("the second caller: %v", err)
		}
		counted(1, 1)

		// A token in hand needs no waiting, and a context that has ended begins no renewal.
		if _, err := w.source.Token(ctx); err != nil {
			t.Errorf("with a token in hand: %v", err)
		}
		if _, err := w.newSource().Token(ctx); !errors.Is(err, enough) {
			t.Errorf("without a token: got %v, want why the context ended", err)
		}
		counted(0, 0)
	})
}

func TestAWaitIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hang  func(*world)
		after time.Duration
		word  string
	}{
		{"Secrets Manager hangs", func(w *world) { w.sm.Before(down(getSecretValue, fault.Hang)) }, 5 * time.Second, "no reply within 5s"},
		{"PingOne hangs", func(w *world) { w.ping.Before(down(pingonetest.OpToken, fault.Hang)) }, 30 * time.Second, "no token within 30s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				tt.hang(w)
				begun := time.Now()
				if err := w.fails(tt.word); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want an error that says the time is over", err)
				}
				if took := time.Since(begun); took > tt.after {
					t.Errorf("got an answer after %v, want it within %v", took, tt.after)
				}
			})
		})
	}
}

// All callers call everything at once, for the race detector.
func TestASourceIsSafeForConcurrentUse(t *testing.T) {
	inBubble(t, pingonetest.Application{Audience: "https://orders.example", Scopes: []string{"orders"}, TokenTTL: 5 * time.Minute}, func(w *world) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 200 {
					ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
					token, err := w.source.Token(ctx)
					cancel()
					if err != nil {
						t.Errorf("caller %d: %v", i, err)
					}
					if i == 0 {
						w.source.Invalidate(token)
					}
					<-time.After(time.Duration(3+i) * time.Second)
				}
			})
		}
		wg.Go(func() {
			for range 3 {
				<-time.After(3 * time.Minute)
				w.emergency(rotation.Swift)
			}
		})
		wg.Wait()
	})
}

// A clock that was set back says nothing about the age of the stored secret.
func TestAClockThatIsSetBack(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		var back time.Duration
		w.source.SetClock(func() time.Time { return time.Now().Add(-back).Round(0) })
		first := w.token()
		counted := w.count()
		w.advance(time.Minute)
		back = time.Hour
		w.source.Invalidate(first)
		second, err := w.source.Token(w.t.Context())
		if err != nil || second.AccessToken.Equal(first.AccessToken) {
			t.Errorf("got %v, %v, want another token", second, err)
		}
		counted(1, 1) // the secret, too, is from the future
	})
}

// While a machine sleeps, only its wall clock advances.
func TestATokenEndsWhileTheMachineSleeps(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		var slept time.Duration
		w.source.SetClock(func() time.Time { return time.Now().Add(slept).Round(0) })
		first := w.token()
		slept = time.Hour
		if w.token().AccessToken.Equal(first.AccessToken) {
			t.Error("got the token of before, which has ended")
		}
	})
}

func TestARenewalThatFailedIsTriedAgainInTime(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		first := w.token()
		w.advance(49 * time.Minute)
		w.ping.Before(down(pingonetest.OpToken, fault.Unavailable))
		w.token()
		w.advance(time.Minute)
		w.ping.Before(nil)
		begun := time.Now()
		w.token()
		synctest.Wait()
		if w.token().AccessToken.Equal(first.AccessToken) || !time.Now().Equal(begun) {
			t.Error("the token was not renewed, or a caller waited for it")
		}
	})
}
