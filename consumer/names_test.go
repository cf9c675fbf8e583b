package consumer_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/consumer"
)

// named is the document of an application, under the names that other programs read
// already.
func (w *world) named(secret string) string {
	return encode(map[string]any{
		"environmentId": w.app.Environment, "region": "EU", "client_id": w.app.ClientID,
		"db/creds": map[string]any{"client~secret": secret},
		"rotation": map[string]any{"names": map[string]any{"clientId": "client_id", "clientSecret": "/db~1creds/client~0secret", "tokenEndpointAuthMethod": "auth.method"}},
	})
}

// T26 in rotation/testdata/cases.txt.
func TestNamesThatTheDocumentGivesItsMembersAreHonouredThroughARotation(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.sm.Put(orders, w.named(w.app.Secret))
		obtain := func() {
			t.Helper()
			if _, err := w.newSource().Token(w.t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		obtain()
		if err := w.sm.Rotate(w.t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		text, _ := w.sm.Value(orders, "AWSCURRENT")
		if strings.Contains(text, w.app.Secret) || strings.Contains(text, `"clientSecret":"`) && !strings.Contains(text, `"clientSecret":"/db`) {
			t.Error("the old secret is still there, or a second copy")
		}
		if want := w.ping.Secret(w.app.Environment, w.app.ID).Value; !strings.Contains(text, `"client~secret":"`+want+`"`) {
			t.Error("the new secret is not where rotation.names says")
		}
		w.advance(25 * time.Hour)
		obtain()
	})
}

func TestNameOfAMemberThatIsNotThereSaysWhichItIs(t *testing.T) {
	const text = `{"environmentId":"` + environment + `","region":"EU","client_id":"c","a":{"b":"` + hidden + `"},"rotation":{"names":{"clientId":"client_id","clientSecret":NAME}}}`
	for _, tt := range []struct{ name, word string }{
		{`"/a/c"`, `field clientSecret (by rotation.names "/a/c"): is missing`},
		{`"/a/b/c"`, `field clientSecret (by rotation.names "/a/b/c"): is missing`},
		{`"a"`, `field clientSecret (by rotation.names "a"): must be a string`},
		{`"\u001b[2J"`, `"\x1b[2J"): is missing`},
		{`7`, "field clientSecret: is missing"},
	} {
		if _, err := sentTo(t, strings.Replace(text, "NAME", tt.name, 1), nil); err == nil || !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.word)
		}
	}
	if to, err := sentTo(t, strings.Replace(text, "NAME", `"/a/b"`, 1), func(s *consumer.Source) { s.AuthURL = "http://127.0.0.1:1" }); err != nil || to == "" {
		t.Errorf("got %q, %v, want the secret to be found", to, err)
	}
}
