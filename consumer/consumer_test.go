package consumer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/consumer"
	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// anHour is an application whose tokens live for an hour, as those for the PingOne API do.
var anHour = pingonetest.Application{}

const getSecretValue = "GetSecretValue"

func TestATokenIsKeptAndRenewedBeforeItsEnd(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		counted := w.count()
		first := w.token()
		counted(1, 1)
		w.advance(41 * time.Minute)
		if !w.token().AccessToken.Equal(first.AccessToken) {
			t.Error("after 41 minutes: got another token, want the same")
		}
		synctest.Wait()
		counted(0, 0)
		w.advance(7 * time.Minute)
		begun := time.Now()
		if !w.token().AccessToken.Equal(first.AccessToken) || !time.Now().Equal(begun) {
			t.Error("after 48 minutes: a caller waited for the renewal")
		}
		synctest.Wait()
		counted(1, 1) // the secret is older than DefaultMaxAge
		if w.token().AccessToken.Equal(first.AccessToken) {
			t.Error("got the same token, want the renewed one")
		}
	})
}

func TestARotationIsNotNoticedAndTheOldSecretIsLeft(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.token()
		w.advance(time.Minute)
		w.rotate()
		for range 60 {
			w.advance(time.Minute)
			w.token()
		}
		if s := w.ping.Secret(w.app.Environment, w.app.ID); s.Previous == "" || !s.PreviousLastUsed.IsZero() {
			t.Errorf("the previous secret: got last used %v, want it alive and not used since", s.PreviousLastUsed)
		}
		if strings.Contains(w.log.String(), "refused") {
			t.Errorf("the secret was refused\n%s", w.log)
		}
	})
}

// The secret is read just before it is replaced and ended.
func TestARefusedSecretIsReadAgainInTheSameCall(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		rotated := false
		w.ping.Before(func(c fault.Call) fault.Kind {
			if c.Operation == pingonetest.OpToken && c.Trace == "" && !rotated {
				rotated = true
				d := document(w.app)
				d["clientSecret"] = w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
				w.sm.Put(orders, encode(d))
			}
			return fault.None
		})
		w.token()
		if reads := w.reads(); reads != 2 {
			t.Errorf("reads of the secret: got %d, want 2", reads)
		}
		for _, line := range []string{"secret refused", "secret read: it has changed"} {
			if !strings.Contains(w.log.String(), line) {
				t.Errorf("the log lacks %q\n%s", line, w.log)
			}
		}
		counted := w.count()
		w.token()
		counted(0, 0)
	})
}

func TestADeadSecretCostsEachServiceOneCallAMinute(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.ping.Regenerate(w.app.Environment, w.app.ID, 0) // at the console
		counted := w.count()
		err := w.fails("AWSCURRENT of "+orders, "what Secrets Manager holds now", "a later call tries again", "rotate the secret")
		if !pingone.IsRejected(err) {
			t.Errorf("got %v, want an error that says the credential is rejected", err)
		}
		counted(2, 1) // the same secret is not shown twice
		if err := w.fails("not tried again yet"); !pingone.IsRejected(err) {
			t.Errorf("got %v, want an error that says the credential is rejected", err)
		}
		counted(0, 0)
		for range 7 { // 1, 2, 4, 8, 16, 32 and 60 seconds
			w.advance(time.Minute)
			w.fails()
		}
		counted(7, 7)
		for range 3600 {
			w.advance(time.Second)
			w.try()
		}
		counted(60, 60)

		// The rotation repairs it, and a later call notices, because it reads before it
		// asks.
		w.rotate()
		w.advance(time.Minute)
		counted(0, 0)
		w.token()
		counted(1, 1)

		// Then the waits start over.
		w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
		w.advance(time.Hour)
		w.fails()
		counted(2, 1) // because it was old, and because it was refused
		w.advance(time.Second)
		w.fails()
		counted(1, 1)
	})
}

// In an emergency with contain, the secret dies before the next one is stored.
func TestAnEmergencyInProgressPasses(t *testing.T) {
	inBubble(t, pingonetest.Application{Audience: "https://orders.example", Scopes: []string{"orders"}, TokenTTL: 5 * time.Minute}, func(w *world) {
		w.token()
		w.advance(6 * time.Minute)
		w.ping.After(func(c fault.Call, _ fault.Kind) {
			if c.Operation == pingonetest.OpRegenerateSecret {
				w.ping.After(nil)
				w.fails("While a leaked secret is being replaced this passes")
			}
		})
		w.emergency(rotation.Contain)
		w.advance(time.Second)
		w.token()
	})
}

func TestTheLastSecretIsUsedWhileSecretsManagerIsDown(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				w.token()
				w.sm.Before(down(getSecretValue, kind))
				for range 300 {
					w.advance(time.Minute)
					w.token()
				}
				if n := strings.Count(w.log.String(), "continuing with the last one"); n == 0 {
					t.Errorf("the log does not say that the secret could not be read\n%s", w.log)
				}

				// A process that has never read the secret fails until Secrets Manager
				// answers.
				w.source = w.newSource()
				w.fails("read the secret " + orders)
				w.sm.Before(nil)
				w.advance(time.Second)
				w.token()
			})
		})
	}
}

// The secret was ended, and its replacement cannot be read.
func TestASecretThatIsRefusedWhileSecretsManagerIsDown(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		first := w.token()
		w.emergency(rotation.Swift)
		w.sm.Before(down(getSecretValue, fault.Unavailable))
		for range 58 {
			w.advance(time.Minute)
			if !w.token().AccessToken.Equal(first.AccessToken) {
				t.Fatal("got another token, want the one that has not ended")
			}
		}
		w.advance(time.Minute)
		err := w.fails("invalid_client", "cannot be read again")
		if !pingone.IsRejected(err) {
			t.Errorf("got %v, want an error that says the credential is rejected", err)
		}
		w.sm.Before(nil)
		w.advance(time.Minute)
		w.token()
	})
}

func TestATokenEndpointInTroubleIsNotASecretInTrouble(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Throttled, fault.Unavailable, fault.Malformed, fault.Refused, fault.Hang} {
		t.Run(kind.String(), func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				first := w.token()
				w.ping.Before(down(pingonetest.OpToken, kind))
				reads := w.reads()
				for range 58 {
					w.advance(time.Minute)
					begun := time.Now()
					if !w.token().AccessToken.Equal(first.AccessToken) || !time.Now().Equal(begun) {
						t.Fatal("a caller waited, or got another token")
					}
				}
				if !strings.Contains(w.log.String(), "access token not renewed") {
					t.Errorf("the log does not say that the token was not renewed\n%s", w.log)
				}
				w.advance(time.Minute + time.Second)
				if err := w.fails(); pingone.IsRejected(err) {
					t.Errorf("got %v, want no word about the secret", err)
				}
				// The secret is too old after five minutes, and is read no more often than
				// that.
				if n := w.reads() - reads; n > 5 {
					t.Errorf("reads of the secret: got %d, want no more than 5\n%s", n, w.log)
				}
				w.ping.Before(nil)
				w.advance(time.Minute)
				w.token()
			})
		})
	}
}

func TestRetryAfterIsHeardAndBounded(t *testing.T) {
	for _, tt := range []struct {
		header string
		wait   time.Duration
	}{{"45", 45 * time.Second}, {"86400", time.Minute}} {
		t.Run(tt.header, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				w.ping.RetryAfter(tt.header)
				w.ping.Before(down(pingonetest.OpToken, fault.Throttled))
				w.fails("429")
				w.ping.Before(nil)
				counted := w.count()
				w.advance(tt.wait - time.Second)
				w.fails("not tried again yet")
				counted(0, 0)
				w.advance(time.Second)
				w.token()
			})
		})
	}
}

func TestTheSecretIsReadAgainWhenItIsOld(t *testing.T) {
	for _, tt := range []struct {
		maxAge      time.Duration
		least, most int // reads in an hour, with a new token each 3.5 to 4 minutes
	}{{0, 7, 9}, {time.Minute, 15, 18}, {time.Hour, 0, 1}} {
		t.Run(tt.maxAge.String(), func(t *testing.T) {
			inBubble(t, pingonetest.Application{Audience: "https://orders.example", Scopes: []string{"orders"}, TokenTTL: 5 * time.Minute}, func(w *world) {
				w.source.MaxAge = tt.maxAge
				w.token()
				reads := w.reads()
				for range 600 {
					w.advance(6 * time.Second)
					w.token()
				}
				synctest.Wait()
				if n := w.reads() - reads; n < tt.least || n > tt.most {
					t.Errorf("reads in an hour: got %d, want %d to %d", n, tt.least, tt.most)
				}
			})
		})
	}
}

func TestTheClientIDAndTheSecretAreOfOneVersion(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		d := w.stored()
		d["rotation"] = map[string]any{"strategy": "alternating"}
		w.sm.Put(orders, encode(d))
		seen := map[string]bool{}
		for range 4 {
			claims, err := new(w.token()).Claims()
			if err != nil {
				t.Fatal(err)
			}
			if claims.ClientID != w.stored()["clientId"] {
				t.Errorf("the token is of client %s, want %v", claims.ClientID, w.stored()["clientId"])
			}
			seen[claims.ClientID] = true
			w.rotate()
			// The other application's secret dies, as in an emergency, before the token
			// expires.
			w.ping.Regenerate(w.app.Environment, claims.ClientID, 0)
			w.advance(25 * time.Hour)
		}
		if len(seen) != 2 {
			t.Errorf("got tokens of %d applications, want 2", len(seen))
		}
	})
}

func TestAnAuthenticationMethodThatChangedIsReadAgain(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.source.MaxAge = 24 * time.Hour
		w.token()
		w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) {
			a.TokenEndpointAuthMethod = "CLIENT_SECRET_POST"
		})
		d := w.stored()
		d["tokenEndpointAuthMethod"] = "CLIENT_SECRET_POST"
		w.sm.Put(orders, encode(d))
		w.advance(time.Hour)
		w.token()
	})
}

func TestATokenThatAServerRefusesIsDropped(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		first := w.token()
		counted := w.count()
		w.advance(29 * time.Second)
		w.source.Invalidate(first)
		if !w.token().AccessToken.Equal(first.AccessToken) {
			t.Error("a token of 29 seconds was dropped")
		}
		counted(0, 0)
		w.advance(time.Second)
		w.source.Invalidate(first)
		second := w.token()
		if second.AccessToken.Equal(first.AccessToken) {
			t.Error("got the token that was dropped")
		}
		counted(0, 1) // the secret is not concerned
		w.advance(time.Minute)
		w.source.Invalidate(first) // by a late caller
		w.source.Invalidate(pingone.Token{})
		if !w.token().AccessToken.Equal(second.AccessToken) {
			t.Error("the new token was dropped for the old one's sake")
		}
		counted(0, 0)
	})
}

func TestASourceWithoutASecretSaysSo(t *testing.T) {
	_, err := new(consumer.Source).Token(t.Context())
	if err == nil || !strings.Contains(err.Error(), "set both") {
		t.Errorf("got %v, want an error that says what is missing", err)
	}
}
