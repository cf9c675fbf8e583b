package rotation_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// alternate makes the managed secret's strategy "alternating".
func alternate(o *options) {
	o.creator = true
	o.edit = func(d map[string]any) { d["rotation"] = map[string]any{"strategy": "alternating"} }
}

func (w *world) twin() string {
	rotation, _ := w.stored("AWSCURRENT")["rotation"].(map[string]any)
	id, _ := rotation["twin"].(string)
	return id
}

// A first rotation that fails after creating the twin, before it stores a version, leaves a
// twin that neither a version nor the register names. An emergency finds it by its marker.
func TestEmergencyEndsTheSecretOfATwinThatNothingNames(t *testing.T) {
	w := newWorld(t, alternate)
	twin, before := w.twinThatNothingNames()
	leaked := w.secret("AWSCURRENT")
	w.checkEnded(leaked, w.emergency(rotation.Swift))
	if w.ping.Authenticates(w.app.Environment, twin, before) {
		t.Error("PingOne still accepts the secret that the twin had")
	}
}

// While PingOne does not list the applications, a twin that nothing names may still exist.
func TestEmergencyStaysOpenWhileATwinCannotBeLookedFor(t *testing.T) {
	for _, how := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		t.Run(string(how), func(t *testing.T) {
			w := newWorld(t, alternate)
			twin, before := w.twinThatNothingNames()
			leaked := w.secret("AWSCURRENT")
			w.refuse(pingonetest.OpListApplications)
			rep := w.emergency(how)
			if rep.Outcome == rotation.Ended || !w.emergencyOpen() {
				t.Errorf("got outcome %s, and PingOne accepts the twin's secret: %v", rep.Outcome, w.ping.Authenticates(w.app.Environment, twin, before))
			}
			if w.accepts(leaked) {
				t.Error("AWSCURRENT's leaked secret is accepted: the twin held its end off")
			}
			if !strings.Contains(rep.Error, "find out whether an earlier rotation has created a twin") {
				t.Errorf("got error %q, want it to say what is open", rep.Error)
			}
			w.ping.Before(nil)
			w.auditsFor(2)
			if w.ping.Authenticates(w.app.Environment, twin, before) || w.emergencyOpen() {
				t.Error("audits have not ended the twin's secret")
			}
		})
	}
}

// Another owner's application that has the twin's name is not the twin, and delays nothing.
func TestEmergencyEndsBesideAnApplicationWithTheTwinsName(t *testing.T) {
	w := newWorld(t, alternate)
	w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "orders-api (twin)"})
	w.advance(time.Hour)
	leaked := w.secret("AWSCURRENT")
	w.checkEnded(leaked, w.emergency(rotation.Swift))
}

// twinThatNothingNames makes a rotation fail after it created the twin, and returns the
// twin's id and secret.
func (w *world) twinThatNothingNames() (id, secret string) {
	w.t.Helper()
	w.refuse(pingonetest.OpAssignRole)
	w.rotateFails("assign the role")
	w.ping.Before(nil)
	id, _ = w.applications()["orders-api (twin)"]["id"].(string)
	if secret = w.ping.Secret(w.app.Environment, id).Value; secret == "" {
		w.t.Fatal("the rotation has created no twin")
	}
	w.advance(time.Hour)
	return id, secret
}

// refuse makes PingOne deny an operation from now on.
func (w *world) refuse(operation string) {
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == operation {
			return fault.Denied
		}
		return fault.None
	})
}

func TestAlternatingRotationsFlipBetweenTwoApplications(t *testing.T) {
	w := newWorld(t, alternate, withApp(pingonetest.Application{RedirectURIs: []string{"https://example.com"}}))
	original := w.client()
	w.rotate()
	twin := w.client()
	if twin == original || w.twin() != original {
		t.Fatalf("after the first rotation: client %s, twin %s, want another client than %s and that as the twin", twin, w.twin(), original)
	}
	apps := w.applications()
	if a, b := apps["orders-api"], apps["orders-api (twin)"]; b == nil || fmt.Sprint(a["redirectUris"], a["grantTypes"], a["tokenEndpointAuthMethod"]) != fmt.Sprint(b["redirectUris"], b["grantTypes"], b["tokenEndpointAuthMethod"]) {
		t.Errorf("the twin is not a copy: %v", b)
	}
	if got, want := w.roles(), []string{"Identity Data Admin"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the twin's roles: got %q, want %q", got, want)
	}
	for i := range 4 {
		before, secret := w.stored("AWSCURRENT"), w.secret("AWSCURRENT")
		w.advance(25 * time.Hour)
		w.rotate()
		if w.client() == before["clientId"] || w.twin() != before["clientId"] || !w.works() {
			t.Fatalf("rotation %d did not flip the applications", i+2)
		}
		// The replaced credential is of the other application, and stays as it is.
		if !w.ping.Authenticates(w.app.Environment, before["clientId"].(string), secret) {
			t.Errorf("rotation %d touched the credential that was in use", i+2)
		}
		w.advance(20 * 24 * time.Hour)
		if !w.ping.Authenticates(w.app.Environment, before["clientId"].(string), secret) {
			t.Errorf("after rotation %d AWSPREVIOUS does not work until the next one", i+2)
		}
	}
	if w.mints() != 4 {
		t.Errorf("mints: got %d, want 4", w.mints())
	}
	w.checkSilent()
}

func TestAlternatingRollbackIsALabelMove(t *testing.T) {
	w := newWorld(t, alternate)
	w.rotate()
	w.advance(30 * 24 * time.Hour)
	w.rotate()
	good := w.stored("AWSPREVIOUS")
	w.move("AWSCURRENT", w.sm.VersionID(orders, "AWSPREVIOUS"))
	if w.client() != good["clientId"] || !w.works() {
		t.Error("after the rollback AWSCURRENT does not work")
	}
	w.advance(3 * time.Hour)
	w.rotate()
	if !w.works() || !w.promoted() {
		t.Error("the rotation after the rollback did not lead to a working secret")
	}
}

func TestTwinIsKeptInStep(t *testing.T) {
	w := newWorld(t, alternate, withApp(pingonetest.Application{RedirectURIs: []string{"https://example.com"}}))
	w.rotate()
	w.ping.UpdateApplication(w.app.Environment, w.client(), func(a *pingonetest.Application) {
		a.RedirectURIs = []string{"https://example.com/new"}
		a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Client Application Developer"})
	})
	w.advance(25 * time.Hour)
	w.rotate()
	for _, name := range []string{"orders-api", "orders-api (twin)"} {
		if got := fmt.Sprint(w.applications()[name]["redirectUris"]); got != "[https://example.com/new]" {
			t.Errorf("redirectUris of %s: got %s", name, got)
		}
	}
	if got := fmt.Sprint(w.roles()); got != "[Client Application Developer Identity Data Admin]" {
		t.Errorf("roles of the application in use: got %s", got)
	}
	if !strings.Contains(w.log.String(), "aligned the twin") {
		t.Error("the log does not say that the twin was aligned")
	}
}

// The writer of a document must not reach another application by naming it as the twin.
func TestTwinThatTheRotationDidNotCreateIsRefused(t *testing.T) {
	w := newWorld(t, alternate)
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "billing", Roles: w.app.Roles})
	d := w.stored("AWSCURRENT")
	d["rotation"] = map[string]any{"strategy": "alternating", "twin": other.ID}
	w.sm.Put(orders, encode(d))
	w.rotateFails("rotation.twin")
	if w.ping.Mints(w.app.Environment, other.ID) != 0 {
		t.Error("the other application's secret was regenerated")
	}
}

// The twin's secrets may have leaked too, so contain ends them before consumers are served.
func TestContainEndsTheTwinsSecretsBeforeConsumersAreServed(t *testing.T) {
	w := newWorld(t, alternate)
	flippedBack(w)
	client, twin := w.client(), w.twin()
	leaked := w.accepted(client, twin)
	stored := false
	w.sm.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "PutSecretValue" && !stored {
			stored = true
			alive := w.accepted(client, twin)
			for s := range leaked {
				if alive[s] {
					t.Errorf("a secret of %s works when consumers are served", s.client)
				}
			}
		}
		return fault.None
	})
	rep := w.emergency(rotation.Contain)
	w.sm.Before(nil)
	if rep.Outcome != rotation.Ended || !stored {
		t.Errorf("got %s (%s), want ended", rep.Outcome, rep.Error)
	}
	w.checkPromoted()
}

// If PingOne refuses the twin's mint, consumers still get their new secret.
func TestContainServesConsumersAlthoughPingOneRefusesTheTwinsMint(t *testing.T) {
	w := newWorld(t, alternate)
	flippedBack(w)
	twin, leaked := w.twin(), w.secret("AWSCURRENT")
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpRegenerateSecret && c.Target == twin {
			return fault.Denied
		}
		return fault.None
	})
	rep := w.emergency(rotation.Contain)
	if rep.Outcome != rotation.Open || w.accepts(leaked) || !w.works() || w.secret("AWSCURRENT") == leaked {
		t.Errorf("got %s (%s); leaked secret accepted %t, AWSCURRENT works %t; want it open, and consumers served", rep.Outcome, rep.Error, w.accepts(leaked), w.works())
	}
	w.ping.Before(nil)
	w.advance(time.Hour)
	w.audit()
	if w.emergencyOpen() {
		t.Errorf("the emergency is open after an audit\n%s", w.log)
	}
	w.checkPromoted()
}

// A twin that a person has deleted has no secret that could leak. It must not keep the
// other application's leaked secret alive, nor AWSCURRENT dead.
func TestATwinThatIsDeletedHoldsNothingUp(t *testing.T) {
	deleted := func(t *testing.T) *world {
		w := newWorld(t, alternate)
		for range 2 {
			w.rotate()
			w.advance(25 * time.Hour)
		}
		w.deleteApplication(w.twin())
		return w
	}
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		t.Run(string(e), func(t *testing.T) {
			w := deleted(t)
			leaked := w.secret("AWSCURRENT")
			if rep := w.emergency(e); rep.Outcome != rotation.Ended || w.accepts(leaked) || !w.works() {
				t.Errorf("got %s (%s), the leaked secret is accepted: %t", rep.Outcome, rep.Error, w.accepts(leaked))
			}
		})
	}
	t.Run("an audit", func(t *testing.T) {
		w := deleted(t)
		w.ping.Regenerate(w.app.Environment, w.client(), 0)
		w.advance(time.Minute)
		rep := w.audit()
		if !w.works() {
			t.Errorf("AWSCURRENT is dead: %+v", w.health(rep).Findings)
		}
	})
	t.Run("a rotation", func(t *testing.T) {
		w := deleted(t)
		w.rotateFails("rotation.twin", "remove the field")
		d := w.stored("AWSCURRENT")
		delete(d["rotation"].(map[string]any), "twin")
		w.sm.Put(orders, encode(d))
		w.rotate()
		if !w.works() {
			t.Error("AWSCURRENT is dead")
		}
	})
}

// deleteApplication deletes an application in PingOne, as a person does.
func (w *world) deleteApplication(id string) {
	w.t.Helper()
	root := w.root()
	token, err := root.Token(w.t.Context(), root.Admin, "")
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodDelete, w.ping.URL()+"/v1/environments/"+w.app.Environment+"/applications/"+id, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	resp, err := w.toPingOne.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		w.t.Fatalf("delete the application: %v, %v", resp, err)
	}
	resp.Body.Close()
}

// A person tidies up descriptions at the console, and the marker of the twin is gone. The
// document's word alone gives the twin no authority, so not even an emergency serves it; the
// error says what to put back, and where.
func TestAnErrorSaysWhichMarkerToPutBackIntoTheTwinsDescription(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		w := newWorld(t, alternate)
		w.rotate()
		w.advance(25 * time.Hour)
		twin, leaked := w.client(), w.secret("AWSCURRENT")
		w.ping.UpdateApplication(w.app.Environment, twin, func(a *pingonetest.Application) { a.Description = "The twin." })
		rep := w.emergency(e)
		_, rest, _ := strings.Cut(rep.Error, "if someone edited the description of "+twin+" in PingOne, put ")
		marker, _, found := strings.Cut(rest, " back into it")
		if rep.Outcome == rotation.Ended || !found {
			t.Fatalf("%s: %s, %s", e, rep.Outcome, rep.Error)
		}
		w.ping.UpdateApplication(w.app.Environment, twin, func(a *pingonetest.Application) { a.Description += " " + marker })
		w.checkEnded(leaked, w.emergency(e))
	}
}
