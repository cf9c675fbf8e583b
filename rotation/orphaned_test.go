package rotation_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/internal/register"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// pointAway makes AWSCURRENT a document of another client that the admin allows.
func (w *world) pointAway() pingonetest.Application {
	w.t.Helper()
	other := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other", Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}})
	w.put(orders, document(other))
	return other
}

// leftOpen begins an emergency that cannot be completed, and returns the leaked secret.
func (w *world) leftOpen() (leaked string) {
	w.t.Helper()
	leaked = w.secret("AWSCURRENT")
	w.deny("DELETE application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		w.t.Fatalf("got %s, want open", rep.Outcome)
	}
	w.ping.Before(nil)
	return leaked
}

// leak returns an audit's finding about the leak of a managed secret.
func (w *world) leak(name string) rotation.Finding {
	w.t.Helper()
	for _, h := range w.do(rotation.Action{Action: "audit"}).(*rotation.AuditReport).Secrets {
		if h.Name == name {
			return point(h.Findings, "leak")
		}
	}
	return rotation.Finding{}
}

// An emergency belongs to a client. The writer of the managed secret cannot hide it from
// audits by pointing AWSCURRENT at another client.
func TestAuditFindsTheEmergencyOfAClientThatAWSCURRENTDoesNotNameAnyMore(t *testing.T) {
	w := newWorld(t)
	leaked := w.leftOpen()
	text, _ := w.sm.Value(orders, "AWSCURRENT")
	w.pointAway()
	w.advance(time.Hour)
	for range 2 { // an audit does not forget it
		if f := w.leak(orders); f.State != rotation.Failure || !strings.Contains(f.Detail, w.app.ID) || f.Remedy == "" {
			t.Fatalf("got %+v, want a failure that names the client", f)
		}
	}
	if !w.accepts(leaked) {
		t.Fatal("the leaked secret is dead, and the emergency says that it is open")
	}
	w.sm.Put(orders, text)
	w.advance(time.Hour)
	if f := w.leak(orders); f.State != "" || w.accepts(leaked) || w.emergencyOpen() {
		t.Errorf("got %+v, leaked secret accepted %t, want the audit to end it", f, w.accepts(leaked))
	}
	if open, err := w.rotator.Register.AllOpened(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("the table lists %v, %v, want none", open, err)
	}
}

// Nor can detaching the secret from the function, or deleting it, hide the emergency.
func TestAuditFindsTheEmergencyOfASecretThatIsNotTheFunctionsAnyMore(t *testing.T) {
	w := newWorld(t)
	w.leftOpen()
	w.put(copyName, document(w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "other"})))
	w.sm.EnableRotation(copyName, functionARN)
	sm := w.rotator.Secrets.(*secretsmanager.Client)
	if _, err := sm.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(orders), ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if f := w.leak(orders); f.State != rotation.Failure || !strings.Contains(f.Detail, w.app.ID) {
		t.Errorf("got %+v, want a failure that names the client", f)
	}
}

// A command given for the other client reports that the first client's emergency is open.
func TestEmergencySaysThatAnotherClientsIsOpen(t *testing.T) {
	w := newWorld(t)
	w.leftOpen()
	w.pointAway()
	w.advance(time.Hour)
	rep := w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: rotation.Swift}).(*rotation.Report)
	if open := strings.Join(rep.StillOpen, "\n"); !strings.Contains(open, "an emergency of PingOne client") || !strings.Contains(open, w.app.ID) {
		t.Errorf("got %s: %q, want it to name the client whose emergency is open", rep.Outcome, open)
	}
}

// A row left behind by an emergency that has ended is no alarm, and an audit deletes it.
func TestAuditClosesTheRowOfAnEmergencyThatHasEnded(t *testing.T) {
	w := newWorld(t)
	leaked := w.leftOpen()
	open, err := w.rotator.Register.AllOpened(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("the table lists %v, %v, want one", open, err)
	}
	key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
	rev, err := w.rotator.Register.Fetch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.rotator.Register.Replace(t.Context(), key, rev, rev.Item.Over(w.ping.Now())); err != nil {
		t.Fatal(err)
	}
	w.pointAway()
	w.advance(time.Hour)
	if f := w.leak(orders); f.State != "" || leaked == "" {
		t.Errorf("got %+v, want nothing", f)
	}
	if open, err := w.rotator.Register.AllOpened(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("the table lists %v, %v, want none", open, err)
	}
}
