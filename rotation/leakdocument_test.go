package rotation_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/rotation"
)

// A document that no longer parses must not protect the leaked secret, if it names the same
// client or none.
func TestEmergencyWorksOnADocumentThatNoLongerParses(t *testing.T) {
	for name, spoil := range map[string]func(w *world, text string){
		"a comma too many": func(w *world, text string) { w.sm.Put(orders, strings.Replace(text, "}", ",}", 1)) },
		"no document":      func(w *world, _ string) { w.sm.Put(orders, "garbage") },
		"a binary":         func(w *world, _ string) { w.sm.PutBinary(orders, []byte("garbage")) },
	} {
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			t.Run(name+", "+string(e), func(t *testing.T) {
				w := newWorld(t)
				w.rotate()
				w.advance(time.Hour)
				leaked := w.secret("AWSCURRENT")
				text, _ := w.sm.Value(orders, "AWSCURRENT")
				spoil(w, text)
				rep := w.emergency(e)
				w.checkEnded(leaked, rep)
			})
		}
	}
}

// Nor must one that parses, names the same client, and leads nowhere.
func TestEmergencyWorksOnADocumentThatLeadsNowhere(t *testing.T) {
	rotations := func(members map[string]any) func(map[string]any) {
		return func(d map[string]any) { d["rotation"] = members }
	}
	for name, spoil := range map[string]func(map[string]any){
		"a private key":         func(d map[string]any) { d["privateKey"] = "made-up" },
		"another Region":        func(d map[string]any) { d["region"] = "NA" },
		"a domain":              func(d map[string]any) { d["authDomain"] = "evil.example" },
		"another admin":         rotations(map[string]any{"adminSecretId": "pingone/other"}),
		"itself as its admin":   rotations(map[string]any{"adminSecretId": orders}),
		"a resource":            rotations(map[string]any{"kind": "resource"}),
		"another application":   rotations(map[string]any{"applicationId": "11111111-2222-4333-8444-555555555555"}),
		"a twin that is no app": rotations(map[string]any{"strategy": "alternating", "twin": "11111111-2222-4333-8444-555555555555"}),
	} {
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			for _, when := range []string{"before", "meanwhile"} {
				t.Run(name+", "+string(e)+", "+when, func(t *testing.T) {
					w := newWorld(t)
					w.rotate()
					w.advance(time.Hour)
					leaked := w.secret("AWSCURRENT")
					d := w.stored("AWSCURRENT")
					spoil(d)
					if when == "meanwhile" {
						w.at("DescribeSecret", 2, func() { w.sm.Put(orders, encode(d)) })
					} else {
						w.sm.Put(orders, encode(d))
						if rep := w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: e, Preview: true}).(*rotation.Report); rep.Outcome != rotation.Previewed {
							t.Errorf("preview: got %s (%s)", rep.Outcome, rep.Error)
						}
					}
					w.checkEnded(leaked, w.emergency(e))
					if !w.works() {
						t.Error("AWSCURRENT is dead")
					}
				})
			}
		}
	}
}

// A document that does not parse and names another client belongs to that client.
func TestEmergencyOfADocumentThatNoLongerParsesAndNamesAnotherClientFails(t *testing.T) {
	w := newWorld(t)
	w.sm.Put(orders, `{"clientId": "11111111-2222-4333-8444-555555555555",}`)
	rep := w.emergency(rotation.Contain)
	if mints := w.ping.Mints(w.app.Environment, w.app.ID); rep.Outcome != rotation.Failed || mints > 0 {
		t.Errorf("got %s (%s) and %d mints, want it refused", rep.Outcome, rep.Error, mints)
	}
}
