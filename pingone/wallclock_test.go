package pingone_test

import (
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// TestTokensExpireByTheWallClock: Lambda freezes a process between invocations, and with it
// the monotonic clock, while the token ages.
func TestTokensExpireByTheWallClock(t *testing.T) {
	w := newWorld(t)
	w.SetTime(time.Now())
	w.client.Now = time.Now // reads both clocks
	token, err := w.client.Token(t.Context(), w.credential(w.app), "")
	if err != nil {
		t.Fatal(err)
	}
	if token.ExpiresAt != token.ExpiresAt.Round(0) {
		t.Error("the token's end is kept by the monotonic clock, which stands still while the process is frozen")
	}
}

// TestATokenIsOfOneTokenEndpoint: after an import, two environments may have admins with
// the same id and secret.
func TestATokenIsOfOneTokenEndpoint(t *testing.T) {
	tokens := new(pingone.TokenCache)
	for range 2 {
		w := newWorld(t)
		admin := w.AddApplication(pingonetest.Application{Name: "imported", ClientID: "same", Secret: "same-secret", Roles: roles("Environment Admin")})
		w.client.Admin, w.client.Tokens = w.credential(admin), tokens
		w.warm(t)
		check(t, "calls, without one that is turned down", w.Count(""), 2)
	}
}
