package rotation_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// sibling is another managed secret of the same client.
const sibling = "pingone/orders-copy"

// An endOfSibling is a way in which it cannot be read any more.
type endOfSibling struct {
	name    string
	end     func(*world)
	readers bool // consumers may still read it
}

var endsOfSiblings = []endOfSibling{
	{"scheduled for deletion", func(w *world) {
		in := &secretsmanager.DeleteSecretInput{SecretId: aws.String(sibling), RecoveryWindowInDays: aws.Int64(30)}
		if _, err := w.rotator.Secrets.(*secretsmanager.Client).DeleteSecret(w.t.Context(), in); err != nil {
			w.t.Fatal(err)
		}
	}, false},
	{"deleted", func(w *world) { w.sm.Remove(sibling) }, false},
	{"not to be read by the function any more", func(w *world) {
		w.sm.Before(func(c fault.Call) fault.Kind {
			if c.Target == sibling && c.Operation != "ListSecrets" {
				return fault.Denied
			}
			return fault.None
		})
	}, true},
}

// twoHold makes a world in which the register knows of two managed secrets of the client.
func twoHold(t *testing.T) *world {
	w := newWorld(t)
	w.put(sibling, document(w.app))
	w.sm.EnableRotation(sibling, functionARN)
	w.do(rotation.Action{Action: "audit"})
	w.advance(time.Hour)
	return w
}

// What becomes of one managed secret of a client must not end the schedule of the other:
// audits ask people to keep one of two.
func TestASecretRotatesAlthoughAnotherOfItsClientCannotBeRead(t *testing.T) {
	for _, c := range endsOfSiblings {
		t.Run(c.name, func(t *testing.T) {
			w := twoHold(t)
			c.end(w)
			w.rotate()
			w.checkPromoted()
			w.advance(3 * time.Hour)
			if c.readers { // of whom some may still hold the secret that was replaced
				w.rotateFails(sibling, "may hold the previous secret")
				w.advance(46 * time.Hour)
				w.retry()
			} else {
				w.rotate()
			}
			w.checkPromoted()
		})
	}
}

// Nor may it keep AWSCURRENT from being promoted before its end.
func TestAWSCURRENTIsPromotedInTimeAlthoughAnotherSecretOfItsClientCannotBeRead(t *testing.T) {
	for _, c := range endsOfSiblings {
		t.Run(c.name, func(t *testing.T) {
			w := twoHold(t)
			w.stick()
			c.end(w)
			w.auditsFor(60)
			w.checkPromoted()
		})
	}
}

func TestEmergencyDoesNotMissASecretThatIsDeleted(t *testing.T) {
	for _, c := range endsOfSiblings {
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			t.Run(c.name+", "+string(e), func(t *testing.T) {
				w := twoHold(t)
				leaked := w.secret("AWSCURRENT")
				c.end(w)
				rep := w.emergency(e)
				w.checkEnded(leaked, rep)
				if missed := len(rep.Served) > 0; missed != c.readers {
					t.Errorf("served: got %+v, want one that consumers are locked out of: %t", rep.Served, c.readers)
				}
			})
		}
	}
}

// The register must not collect those that are deleted: each look asks for them, and audits
// would warn of them for ever.
func TestAuditDropsAManagedSecretThatIsDeletedFromTheRegister(t *testing.T) {
	w := twoHold(t)
	item := func() register.Item {
		rev, err := w.rotator.Register.Fetch(t.Context(), register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID})
		if err != nil {
			t.Fatal(err)
		}
		return rev.Item
	}
	if len(item().Secrets) != 2 {
		t.Fatalf("got %v, want both", item().Secrets)
	}
	w.do(rotation.Action{Action: "audit"})
	if len(item().Secrets) != 2 {
		t.Fatalf("got %v, want both: neither is deleted", item().Secrets)
	}
	w.sm.Remove(sibling)
	w.do(rotation.Action{Action: "audit", ReadOnly: true})
	if len(item().Secrets) != 2 {
		t.Errorf("an audit that only reads has dropped one")
	}
	rep := w.audit()
	if len(item().Secrets) != 1 || strings.Contains(w.db.Dump(), sibling) {
		t.Errorf("got %v, want one\n%s", item().Secrets, w.db.Dump())
	}
	if h := w.health(rep); h.State != rotation.OK {
		t.Errorf("got %+v, want nothing to be wrong", h)
	}
	w.rotate()
	w.checkPromoted()
}
