package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// resource makes a custom resource the managed secret's target.
func (w *world) resource() {
	w.t.Helper()
	root := w.root()
	r, err := root.CreateResource(w.t.Context(), w.app.Environment, "shipping", "", "https://shipping.example")
	if err != nil {
		w.t.Fatal(err)
	}
	w.app = pingonetest.Application{Environment: w.app.Environment, ID: r.ID, ClientID: r.ID, Secret: w.ping.Secret(w.app.Environment, r.ID).Value}
	w.put(orders, w.resourceDocument())
}

func (w *world) resourceDocument() map[string]any {
	d := document(w.app)
	delete(d, "tokenEndpointAuthMethod")
	d["rotation"] = map[string]any{"kind": "resource"}
	return d
}

func TestResourceSecretIsRotatedLikeAnApplications(t *testing.T) {
	w := newWorld(t)
	w.resource()
	if err := w.sm.TestOnly(t.Context(), orders); err != nil {
		t.Errorf("the test of the settings: %v", err)
	}
	for range 3 {
		old := w.secret("AWSCURRENT")
		w.rotate()
		w.checkPromoted()
		if !w.accepts(old) || !w.accepts(w.secret("AWSCURRENT")) {
			t.Error("one of the two secrets does not work")
		}
		w.advance(48*time.Hour + time.Minute)
		if w.accepts(old) {
			t.Error("the old secret outlived its fuse")
		}
	}
	if n := w.ping.Count(pingonetest.OpReadApplication) + w.ping.Count(pingonetest.OpReadSecret); w.mints() != 3 || n != 0 {
		t.Errorf("got %d mints and %d reads of an application, want 3 and 0", w.mints(), n)
	}
	if got := w.stored("AWSCURRENT")["tokenEndpointAuthMethod"]; got != "CLIENT_SECRET_BASIC" {
		t.Errorf("tokenEndpointAuthMethod: got %v, want CLIENT_SECRET_BASIC", got)
	}
	w.checkSilent()
}

func TestResourceSecretThatARunLeftBehindIsAdopted(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied)
	w.rotateFails("store the new secret as AWSPENDING")
	w.retry()
	w.checkPromoted()
	if w.mints() != 1 || !slices.Contains(w.decisions(), "adopt") {
		t.Errorf("got %d mints and decisions %q, want 1 and one to adopt", w.mints(), w.decisions())
	}
}

func TestResourceSecretThatDriftedIsAdopted(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.ping.Regenerate(w.app.Environment, w.app.ID, 0)
	w.rotate()
	w.checkPromoted()
	if w.mints() != 0 || w.log.lines()[0]["decision"] != "drift" {
		t.Errorf("got %d mints and the log %s, want none and a drift", w.mints(), w.log)
	}
}

func TestResourceSecretIsTakenOverByTheFirstRotation(t *testing.T) {
	w := newWorld(t)
	w.resource()
	d := w.resourceDocument()
	delete(d, "clientSecret")
	w.put(orders, d)
	if err := w.sm.TestOnly(t.Context(), orders); err != nil {
		t.Errorf("the test of the settings: %v", err)
	}
	w.rotate()
	w.checkPromoted()
	if w.mints() != 0 || w.secret("AWSCURRENT") != w.app.Secret {
		t.Error("the first rotation did not take over the secret as it is")
	}
}

func TestResourceThatDoesNotExistIsOneClearError(t *testing.T) {
	w := newWorld(t)
	application := w.app.ID
	w.resource()
	for _, id := range []string{appID, application} {
		d := w.resourceDocument()
		d["clientId"] = id
		w.put(orders, d)
		w.rotateFails("createSecret", "read the resource secret: PingOne answered 404", "CUSTOM resources")
		w.unstick()
	}
	d := w.resourceDocument()
	delete(d, "rotation")
	w.put(orders, d)
	w.rotateFails("createSecret", "404")
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
}

// Otherwise the grace would end while each attempt fails to verify the new secret.
func TestResourceWithAnotherMethodStopsTheRotationBeforeTheMint(t *testing.T) {
	w := newWorld(t)
	w.resource()
	d := w.resourceDocument()
	d["tokenEndpointAuthMethod"] = "CLIENT_SECRET_POST"
	w.put(orders, d)
	w.rotateFails("createSecret", "tokenEndpointAuthMethod", "introspectEndpointAuthMethod")
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
	w.put(orders, w.resourceDocument())
	w.rotate()
	w.checkPromoted()
}

func TestResourceIsNotRotatedWhileItsSecretCannotBeJudged(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.ping.Fail(pingonetest.OpIntrospect, many(fault.Throttled)...)
	w.rotateFails("createSecret", "introspect", "429")
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want 0", w.mints())
	}
	// A current secret that is refused for a moment is no reason to wait.
	w.ping.Before(nil)
	w.ping.Fail(pingonetest.OpIntrospect, fault.Denied)
	w.retry()
	w.checkPromoted()
}

func TestResourceSecretIsNotPromotedUntilItWorks(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.ping.PropagationDelay(20 * time.Second)
	w.rotate()
	w.checkPromoted()
	old := w.secret("AWSCURRENT")
	w.ping.PropagationDelay(10 * time.Minute)
	w.advance(25 * time.Hour)
	w.rotateFails("testSecret", "verify the new secret")
	if w.secret("AWSCURRENT") != old || !w.works() {
		t.Error("a secret that does not work yet took the place of one that does")
	}
	w.advance(10 * time.Minute)
	w.retry()
}

func TestRefusalToRotateAResourceNamesIt(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.rotate()
	err := w.rotateFails("resource "+w.app.ID+": refusing to regenerate", "pingrotate end-previous "+orders)
	if strings.Contains(err.Error(), "application") {
		t.Errorf("got %v, want no word of applications", err)
	}
}

// A resource's secret is not a credential at the token endpoint.
func TestTokenEndpointIsNotAskedForAResource(t *testing.T) {
	w := newWorld(t)
	w.resource()
	w.rotate()
	for _, c := range w.ping.Calls() {
		if c.Operation == pingonetest.OpToken && c.Target == w.app.ID {
			t.Fatal("a token was requested for the resource")
		}
	}
	if _, err := w.rotator.PingOne.Introspect(t.Context(), w.resourceCredential(), pingone.NewSecret("none")); err != nil {
		t.Errorf("introspect with AWSCURRENT: %v", err)
	}
}

func (w *world) resourceCredential() pingone.Credential {
	cred := w.credential(w.secret("AWSCURRENT"))
	cred.Method = pingone.ClientSecretBasic
	return cred
}
