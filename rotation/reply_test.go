package rotation_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// A retold reply of PingOne's says something else about a secret than is true: once, to a
// mint.
type retold struct {
	next http.RoundTripper
	tell func(reply map[string]any) map[string]any
	done bool
}

func (r *retold) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || r.done || req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/secret") {
		return resp, err
	}
	r.done = true
	var reply map[string]any
	err = json.NewDecoder(resp.Body).Decode(&reply)
	resp.Body.Close()
	text, _ := json.Marshal(r.tell(reply))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	resp.Header.Del("Content-Length")
	return resp, err
}

// retell connects the world to a PingOne that answers a mint wrongly.
func (w *world) retell(tell func(map[string]any) map[string]any) {
	w.connect(&retold{next: w.toPingOne, tell: tell}, w.toSecretsManager, w.toRegister)
	w.bring()
}

// A reply to a mint beats any later read, so one that shows an old secret as the new one
// would have the register take the true one for replaced, and a leaked one for new.
func TestAReplyToAMintThatShowsAnOldSecretAsNewIsNotBelieved(t *testing.T) {
	for name, tell := range map[string]func(old string) func(map[string]any) map[string]any{
		"the state before": func(old string) func(map[string]any) map[string]any {
			return func(map[string]any) map[string]any { return map[string]any{"secret": old} }
		},
		"both secrets, exchanged": func(old string) func(map[string]any) map[string]any {
			return func(reply map[string]any) map[string]any {
				if p, ok := reply["previous"].(map[string]any); ok {
					reply["secret"], p["secret"] = p["secret"], reply["secret"]
					return reply
				}
				return map[string]any{"secret": old}
			}
		},
	} {
		t.Run(name+", a rotation", func(t *testing.T) {
			w := onSockets(t)
			w.retell(tell(w.secret("AWSCURRENT")))
			w.rotate()
			w.checkPromoted()
			if w.mints() != 1 {
				t.Errorf("%d secrets were minted, want 1", w.mints())
			}
		})
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			t.Run(name+", "+string(e), func(t *testing.T) {
				w := onSockets(t)
				leaked := w.secret("AWSCURRENT")
				w.retell(tell(leaked))
				w.checkEnded(leaked, w.emergency(e))
			})
		}
	}
}

// What PingOne shows for an hour is no stale read. If the register says otherwise, it is
// the register that is wrong: PingOne has gone back to an earlier state.
func TestARegisterThatPingOneContradictsForLongYields(t *testing.T) {
	w := onSockets(t)
	w.rotate()
	w.advance(3 * time.Hour)
	key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
	rev, err := w.rotator.Register.Fetch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	item := rev.Item.Minted(w.app.ID, "00000000", w.ping.Now(), pingone.NewSecret(w.secret("AWSCURRENT")).Fingerprint())
	if _, err := w.rotator.Register.Replace(t.Context(), key, rev, item); err != nil {
		t.Fatal(err)
	}
	w.rotateFails("a read still shows what was replaced a moment ago")
	w.advance(time.Hour)
	w.retry()
	w.checkPromoted()
	leaked := w.secret("AWSCURRENT")
	w.checkEnded(leaked, w.emergency(rotation.Swift))
}
