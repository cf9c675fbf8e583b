package pingone_test

import (
	"slices"
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestApplicationIsReadAsItIs(t *testing.T) {
	w := newWorld(t)
	imported := w.AddApplication(pingonetest.Application{
		ClientID: "shop", Name: "Shop", Type: "WEB_APP", TokenEndpointAuthMethod: "CLIENT_SECRET_POST", Disabled: true,
		GrantTypes: []string{"AUTHORIZATION_CODE", "CLIENT_CREDENTIALS"},
	})
	saml := w.AddApplication(pingonetest.Application{Protocol: "SAML", Type: "WEB_APP"})

	got, err := w.client.Application(t.Context(), imported.Environment, imported.ID)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "id", got.ID, imported.ID)
	check(t, "name", got.Name, "Shop")
	check(t, "type", got.Type, "WEB_APP")
	check(t, "protocol", got.Protocol, "OPENID_CONNECT")
	check(t, "enabled", got.Enabled, false)
	check(t, "method", got.TokenEndpointAuthMethod, pingone.ClientSecretPost)
	if !slices.Equal(got.GrantTypes, imported.GrantTypes) {
		t.Errorf("grants: got %v, want %v", got.GrantTypes, imported.GrantTypes)
	}
	if got, err = w.client.Application(t.Context(), saml.Environment, saml.ID); err != nil || got.Protocol != "SAML" {
		t.Errorf("SAML application: got %+v, %v", got, err)
	}
}

func TestSecretIsReadWithThePreviousOneWhileThatLives(t *testing.T) {
	w := newWorld(t)
	old := pingone.NewSecret(w.app.Secret)
	live, err := w.read(t)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "secret is the seeded one", live.Secret.Equal(old), true)
	check(t, "no previous", live.Previous == nil, true)
	check(t, "instant", live.AsOf, w.Now())
	check(t, "accepts", live.Accepts(old), true)
	check(t, "replaced", live.Replaced(old), false)

	fresh := pingone.NewSecret(w.Regenerate(w.app.Environment, w.app.ID, time.Hour))
	w.Advance(time.Minute)
	if live, err = w.read(t); err != nil {
		t.Fatal(err)
	}
	check(t, "secret is the new one", live.Secret.Equal(fresh), true)
	check(t, "old is accepted", live.Accepts(old), true)
	check(t, "old is replaced", live.Replaced(old), true)
	check(t, "new is replaced", live.Replaced(fresh), false)
	check(t, "unknown is accepted", live.Accepts(pingone.NewSecret("x")), false)
	check(t, "end of the previous", live.Previous.ExpiresAt, w.Now().Add(59*time.Minute))
	check(t, "unused so far", live.Previous.LastUsed.IsZero(), true)

	if _, err := w.client.Token(t.Context(), w.credential(w.app), ""); err != nil {
		t.Fatalf("token with the previous secret: %v", err)
	}
	if live, err = w.read(t); err != nil {
		t.Fatal(err)
	}
	check(t, "last used", live.Previous.LastUsed, w.Now())

	w.Advance(59 * time.Minute)
	if live, err = w.read(t); err != nil {
		t.Fatal(err)
	}
	check(t, "previous has ended", live.Previous == nil, true)
}

func TestRegenerateKeepsTheOldSecretAsLongAsAsked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		grace time.Duration
	}{{"with grace", 24 * time.Hour}, {"without", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			var expires time.Time
			if tt.grace > 0 {
				expires = w.Now().Add(tt.grace).In(time.FixedZone("", 3600))
			}
			got := w.regenerate(t, expires)
			if got.Outcome != pingone.Applied || got.Err != nil {
				t.Fatalf("got %+v, want Applied", got)
			}
			state := w.Secret(w.app.Environment, w.app.ID)
			check(t, "mints", w.Mints(w.app.Environment, w.app.ID), 1)
			check(t, "new secret is PingOne's", got.Secret.Secret.Reveal() == state.Value, true)
			check(t, "old secret works", w.Authenticates(w.app.Environment, w.app.ClientID, w.app.Secret), tt.grace > 0)
			check(t, "previous in the reply", got.Secret.Replaced(pingone.NewSecret(w.app.Secret)), tt.grace > 0)
			if tt.grace > 0 {
				check(t, "expiry in the reply", got.Secret.Previous.ExpiresAt.Equal(expires), true)
				check(t, "expiry in PingOne", state.PreviousExpiresAt.Equal(expires), true)
			}
		})
	}
}

func TestARegenerationOutOfRangeIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, ahead := range []time.Duration{-time.Hour, 30 * time.Second, 31 * 24 * time.Hour} {
		got := w.regenerate(t, w.Now().Add(ahead))
		if got.Outcome != pingone.Refused || got.Err == nil || got.Secret != nil {
			t.Errorf("%v ahead: got %+v, want Refused", ahead, got)
		}
	}
	check(t, "mints", w.Mints(w.app.Environment, w.app.ID), 0)
}

func TestDeletingThePreviousSecretTwiceSucceeds(t *testing.T) {
	w := newWorld(t)
	fresh := w.Regenerate(w.app.Environment, w.app.ID, time.Hour)
	for range 2 {
		if err := w.deletePrevious(t); err != nil {
			t.Fatal(err)
		}
		check(t, "old secret works", w.Authenticates(w.app.Environment, w.app.ClientID, w.app.Secret), false)
		check(t, "new secret works", w.Authenticates(w.app.Environment, w.app.ClientID, fresh), true)
	}
	check(t, "calls", w.Count(pingonetest.OpDeletePrevious), 2)
}

func TestAnIdThatIsNoUUIDNeverReachesAPath(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"", "..", w.app.ID + "/../" + w.admin.ID, w.app.ID + "?x"} {
		_, err := w.client.Application(t.Context(), w.app.Environment, id)
		if err == nil {
			t.Errorf("application %q: got no error, want one", id)
		}
		if got := w.client.RegenerateSecret(t.Context(), application(id, w.app.ID), time.Time{}); got.Outcome != pingone.Refused || got.Err == nil {
			t.Errorf("environment %q: got %+v, want Refused", id, got)
		}
	}
	check(t, "calls", w.Count(""), 0)
}

func TestEachRequestCarriesTheTransactionAndIsObserved(t *testing.T) {
	w := newWorld(t)
	var observed []string
	w.client.TransactionID = "a3f1c7de-0000-4000-8000-000000000001"
	w.client.Observe = func(op string, _ bool) { observed = append(observed, op) }
	w.warm(t)
	w.read(t)
	w.regenerate(t, time.Time{})
	w.deletePrevious(t)
	w.client.Token(t.Context(), w.credential(w.app), "") // refused: the secret was replaced

	want := []string{"request a token", "read the application", "read the application secret",
		"regenerate the application secret", "delete the previous application secret", "request a token"}
	if !slices.Equal(observed, want) {
		t.Errorf("observed: got %q, want %q", observed, want)
	}
	ids := w.TransactionIDs()
	check(t, "requests", len(ids), len(want))
	for i, id := range ids {
		check(t, want[i], id, w.client.TransactionID)
	}
}
