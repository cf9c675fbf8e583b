package rotation_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A thief moves AWSCURRENT or stores versions while the emergency runs.
func TestEmergencyIsNotHeldOffByAThiefWhoRewritesLabels(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(w *world, first string)
	}{
		{"moves AWSCURRENT back", func(w *world, first string) {
			if w.sm.VersionID(orders, "AWSCURRENT") != first {
				w.move("AWSCURRENT", first)
			}
		}},
		{"stores a made-up AWSCURRENT", func(w *world, _ string) {
			d := document(w.app)
			d["clientSecret"] = "made-up"
			w.sm.Put(orders, encode(d))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaked, first := w.secret("AWSCURRENT"), w.sm.VersionID(orders, "AWSCURRENT")
			var mu sync.Mutex
			acted := 0
			w.ping.Before(func(k fault.Call) fault.Kind {
				mu.Lock()
				defer mu.Unlock()
				if k.Operation == pingonetest.OpReadSecret && acted < 4 {
					acted++
					c.act(w, first)
				}
				return fault.None
			})
			rep := w.emergency(rotation.Swift)
			w.ping.Before(nil)
			if rep.Outcome != rotation.Ended {
				w.advance(time.Minute)
				rep = w.emergency(rotation.Swift)
			}
			w.checkEnded(leaked, rep)
			if !w.works() {
				t.Error("AWSCURRENT is dead")
			}
		})
	}
}

// T31: two managed secrets of one client.
func TestEmergencyServesTheOtherManagedSecretOfTheClient(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		w := newWorld(t)
		const other = "pingone/orders-copy"
		w.put(other, document(w.app))
		w.sm.EnableRotation(other, functionARN)
		w.do(rotation.Action{Action: "audit"}) // adds both to the register
		leaked := w.secret("AWSCURRENT")
		rep := w.emergency(e)
		w.checkEnded(leaked, rep)
		text, _ := w.sm.Value(other, "AWSCURRENT")
		if !strings.Contains(text, w.secret("AWSCURRENT")) || len(rep.Served) != 1 || rep.Served[0].Name != other || rep.Served[0].Error != "" {
			t.Errorf("%s: the other managed secret was not served: %+v", e, rep.Served)
		}
	}
}

// One refusal is no reason to lock out the other's consumers. After a second one, the
// emergency does not wait.
func TestSwiftEmergencyAsksTwiceBeforeTheOtherManagedSecretIsLockedOut(t *testing.T) {
	for _, operation := range []string{"DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} {
		for refused := range 3 {
			w := newWorld(t)
			heldTwice(w)
			leaked := w.secret("AWSCURRENT")
			var seen atomic.Int32
			w.sm.Before(func(c fault.Call) fault.Kind {
				if c.Operation == operation && strings.Contains(c.Target, copyName) && int(seen.Add(1)) <= refused {
					return fault.Denied
				}
				return fault.None
			})
			rep := w.emergency(rotation.Swift)
			w.checkEnded(leaked, rep)
			text, _ := w.sm.Value(copyName, "AWSCURRENT")
			served := strings.Contains(text, w.secret("AWSCURRENT"))
			if refused < 2 && !served || len(rep.Served) != 1 || served != (rep.Served[0].Error == "") {
				t.Errorf("%s refused %d times: served %t, and the report says %+v", operation, refused, served, rep.Served)
			}
		}
	}
}

// Another managed secret's consumers may be in another Region. swift waits until they have
// the new secret, and names the Region for which it waits.
func TestSwiftEmergencyWaitsForTheReplicasOfTheOtherManagedSecret(t *testing.T) {
	w := newWorld(t)
	heldTwice(w)
	leaked := w.secret("AWSCURRENT")
	w.sm.SetReplica(copyName, "eu-west-1", secretsmanagertest.InSync)
	w.sm.LagReplicas(5 * time.Second)
	state := func() string {
		out, err := w.rotator.Secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(copyName)})
		if err != nil || len(out.ReplicationStatus) != 1 {
			t.Fatal(err)
		}
		return string(out.ReplicationStatus[0].Status)
	}
	early := false
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "DELETE application secret" {
			early = state() != "InSync"
		}
		return fault.None
	})
	w.checkEnded(leaked, w.emergency(rotation.Swift))
	if early {
		t.Error("the leaked secret was ended while consumers of the other managed secret elsewhere held nothing else")
	}

	leaked = w.secret("AWSCURRENT")
	w.sm.SetReplica(copyName, "eu-west-1", secretsmanagertest.Failed)
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open || !strings.Contains(rep.Error, "eu-west-1") || !w.accepts(leaked) {
		t.Errorf("got %s (%s), want open because of eu-west-1", rep.Outcome, rep.Error)
	}
	w.checkEnded(leaked, w.emergency(rotation.Contain))
}

// Containing a leak waits for no other managed secret. Reporting its end does.
func TestEmergencyToContainEndsOnceTheOtherManagedSecretIsServed(t *testing.T) {
	for _, c := range []struct {
		name string
		out  time.Duration // how long the other one cannot be stored
		want rotation.Outcome
	}{{"out of reach for a while", 20 * time.Second, rotation.Ended}, {"for longer", time.Hour, rotation.Open}} {
		w := newWorld(t)
		heldTwice(w)
		leaked, begun := w.secret("AWSCURRENT"), w.ping.Now()
		w.sm.Before(func(k fault.Call) fault.Kind {
			if k.Operation == "PutSecretValue" && strings.Contains(k.Target, copyName) && w.ping.Now().Sub(begun) < c.out {
				return fault.Unavailable
			}
			return fault.None
		})
		rep := w.emergency(rotation.Contain)
		if rep.Outcome != c.want || w.accepts(leaked) {
			t.Errorf("%s: got %s (%s), want %s, and the leaked secret dead", c.name, rep.Outcome, rep.Error, c.want)
		}
		w.sm.Before(nil)
		for range 3 {
			w.advance(time.Hour)
			w.audit()
		}
		if text, _ := w.sm.Value(copyName, "AWSCURRENT"); !strings.Contains(text, w.secret("AWSCURRENT")) || w.emergencyOpen() {
			t.Errorf("%s: the other managed secret does not hold the new secret, or the emergency is open (%t)", c.name, w.emergencyOpen())
		}
	}
}

// The same after the loss of the item: a row in the register's table names the other
// managed secret.
func TestEmergencyServesTheOtherManagedSecretAfterTheItemWasLost(t *testing.T) {
	w := newWorld(t)
	const other = "pingone/orders-copy"
	w.put(other, document(w.app))
	w.sm.EnableRotation(other, functionARN)
	w.do(rotation.Action{Action: "audit"})
	w.loseItem()
	leaked := w.secret("AWSCURRENT")
	rep := w.emergency(rotation.Swift)
	w.checkEnded(leaked, rep)
	if len(rep.Served) != 1 {
		t.Errorf("served: %+v, want the other managed secret", rep.Served)
	}
}

// A rotation finds it too, and does not evict the secret that it holds.
func TestRotationAfterTheItemWasLostSparesTheOtherManagedSecret(t *testing.T) {
	w := newWorld(t)
	w.put(copyName, document(w.app))
	w.sm.EnableRotation(copyName, functionARN)
	w.do(rotation.Action{Action: "audit"})
	w.rotate()
	w.advance(25 * time.Hour)
	w.loseItem()
	w.rotateFails("another managed secret of the same PingOne client")
	if w.mints() != 1 {
		t.Errorf("%d mints, want the first alone", w.mints())
	}
}

// An open emergency survives the loss of the item.
func TestOpenEmergencyOutlivesTheLossOfTheItem(t *testing.T) {
	w := newWorld(t)
	leaked := w.secret("AWSCURRENT")
	w.deny("POST application secret")
	if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
		t.Fatalf("got %s (%s), want open", rep.Outcome, rep.Error)
	}
	w.ping.Before(nil)
	w.loseItem()
	w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
	w.bring()
	for range 4 {
		w.do(rotation.Action{Action: "audit"})
		w.advance(time.Hour)
	}
	if w.accepts(leaked) || w.emergencyOpen() {
		t.Errorf("leaked secret accepted %t, emergency open %t", w.accepts(leaked), w.emergencyOpen())
	}
	w.checkPromoted()
}

// If an admin leaked, the report names what it could read.
func TestEmergencyOfAnAdminNamesWhatItCouldRead(t *testing.T) {
	w := newWorld(t)
	root := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "root", Roles: []pingonetest.RoleAssignment{
		{Role: "Environment Admin"}, {Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
	}})
	d := w.adminDocument()
	above := document(root)
	above["allow"] = []any{entryFor(adminName, d)}
	w.sm.Put("pingone/root", encode(above))
	w.rotator.Settings.AdminSecretIDs = []string{"pingone/root"}
	d["rotation"] = map[string]any{"adminSecretId": "pingone/root"}
	w.sm.Put(adminName, encode(d))
	w.sm.EnableRotation(adminName, functionARN)
	rep := w.do(rotation.Action{Action: "rotate", SecretID: adminName, Emergency: rotation.Swift}).(*rotation.Report)
	if rep.Outcome != rotation.Ended || !slices.Equal(rep.Targets.All, []string{orders}) || !rep.Admin {
		t.Errorf("got %s (%s), targets %q, want ended and %q", rep.Outcome, rep.Error, rep.Targets.All, orders)
	}
}

// Two admins rotate each other, so a thief could read one with the other, and then what
// that one could read. An entry of allow reaches as far as a document that names the admin.
func TestEmergencyOfAnAdminNamesWhatItsAdminsCouldRead(t *testing.T) {
	for _, c := range []struct {
		name        string
		named       bool // the other admin names this one
		admins, all []string
	}{
		{"by the documents", true, []string{adminName}, []string{adminName, orders}},
		{"by allow", false, nil, []string{orders}},
	} {
		w := newWorld(t)
		w.rotator.Settings.AdminSecretIDs = []string{"pingone/root"}
		root := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "root", Roles: []pingonetest.RoleAssignment{
			{Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
		}})
		above := document(root)
		w.allow("pingone/root", above)
		d := w.adminDocument()
		if c.named {
			d["rotation"] = map[string]any{"adminSecretId": "pingone/root"}
			above["allow"] = []any{entryFor(adminName, d)}
		} else {
			above["allow"] = []any{entryFor(orders, document(w.app))}
		}
		w.sm.Put("pingone/root", encode(above))
		w.sm.EnableRotation("pingone/root", functionARN)
		w.sm.Put(adminName, encode(d))
		w.sm.EnableRotation(adminName, functionARN)
		rep := w.do(rotation.Action{Action: "rotate", SecretID: "pingone/root", Emergency: rotation.Swift}).(*rotation.Report)
		if rep.Outcome != rotation.Ended || !slices.Equal(rep.Targets.Admins, c.admins) || !slices.Equal(rep.Targets.All, c.all) {
			t.Errorf("%s: got %s (%s), targets %+v, want the other admin first, and what that could read", c.name, rep.Outcome, rep.Error, rep.Targets)
		}
	}
}

// If what leaked is not a client secret, the error names it and says what to do.
func TestEmergencyOfWhatIsNoClientSecretSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	keyed := document(w.admin)
	delete(keyed, "clientSecret")
	keyed["tokenEndpointAuthMethod"], keyed["privateKey"] = "PRIVATE_KEY_JWT", "-----BEGIN PRIVATE KEY-----"
	for name, c := range map[string]struct {
		document map[string]any
		word     string
	}{
		"pingone/keyed": {keyed, "give the application another one in PingOne"},
		"pingone/user":  {testUser(w.app.Environment), "set a new one for the user in PingOne"},
	} {
		w.sm.Put(name, encode(c.document))
		w.sm.EnableRotation(name, functionARN)
		for _, preview := range []bool{true, false} {
			rep := w.do(rotation.Action{Action: "rotate", SecretID: name, Emergency: rotation.Swift, Preview: preview}).(*rotation.Report)
			if rep.Outcome != rotation.Failed || !strings.Contains(rep.Error, c.word) {
				t.Errorf("%s: got %s (%s), want %q", name, rep.Outcome, rep.Error, c.word)
			}
		}
	}
}

func TestPreviewOfAnEmergencyShowsWhatItIsAboutAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	heldTwice(w)
	w.rotate()
	w.advance(time.Minute)
	before, table := w.sm.Dump()+w.ping.Dump(), w.db.Dump()
	rep := w.do(rotation.Action{Action: "rotate", SecretID: orders, Emergency: rotation.Contain, Preview: true}).(*rotation.Report)
	p := rep.Preview
	if rep.Outcome != rotation.Previewed || p == nil || p.ClientID != w.app.ClientID || len(p.MustDie) != 2 || !slices.Equal(p.Holders, []string{copyName}) || p.Admin || !p.OpenSince.IsZero() {
		t.Errorf("got %s (%s), %+v, want the client, two secrets that must die, and who else holds it", rep.Outcome, rep.Error, p)
	}
	if w.sm.Dump()+w.ping.Dump() != before || w.db.Dump() != table {
		t.Error("the preview has changed something")
	}
	w.checkSilent(w.reports...)
}

// The timeline names each secret with what happened to it, in order.
func TestReportOfAnEmergencyHasATimeline(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		w := newWorld(t)
		heldTwice(w)
		leaked := pingone.NewSecret(w.secret("AWSCURRENT")).Fingerprint()
		rep := w.emergency(e)
		made := pingone.NewSecret(w.secret("AWSCURRENT")).Fingerprint()
		var got []string
		for i, m := range rep.Timeline {
			got = append(got, strings.TrimSpace(strings.NewReplacer(leaked, "leaked", made, "made").Replace(string(m.What)+" "+m.Fingerprint+" "+m.Of)))
			if m.At.IsZero() || i > 0 && m.At.Before(rep.Timeline[i-1].At) {
				t.Errorf("%s: the timeline is not in order: %+v", e, rep.Timeline)
			}
		}
		want := []string{"must die leaked", "minted made", "promoted made", "promoted made " + copyName, "ended leaked", "refused first leaked", "refused last leaked"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", e, got, want)
		}
		if span := rep.Timeline[len(got)-1].At.Sub(rep.Timeline[len(got)-2].At); span < 30*time.Second {
			t.Errorf("%s: refused for %v, want 30s", e, span)
		}
	}
}

// A copy of the secret in another member of the document would go stale.
func TestCopyOfTheSecretRefusesTheMint(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["client_secret"] = d["clientSecret"] }))
	w.rotateFails("createSecret", "client_secret", "rotation.names")
	if w.mints() != 0 {
		t.Errorf("mints: got %d, want none", w.mints())
	}
	if f := point(w.check().Findings, "copies"); f.State != rotation.Failure || !strings.Contains(f.Detail, "client_secret") {
		t.Errorf("check: got %+v", f)
	}
}

// While the register's table is out of reach, nothing is minted, and AWSCURRENT moves only
// away from PingOne's previous secret.
func TestWithTheRegisterOutOfReachNothingIsMintedAndAWSCURRENTOutlivesIt(t *testing.T) {
	w := newWorld(t)
	w.stick()
	w.db.Before(func(fault.Call) fault.Kind { return fault.Unavailable })
	mints := w.mints()
	for h := range 60 {
		w.do(rotation.Action{Action: "audit"})
		if !w.works() {
			t.Fatalf("AWSCURRENT is dead after %d hours", h)
		}
		w.advance(time.Hour)
	}
	if w.mints() != mints {
		t.Errorf("%d mints without the register", w.mints()-mints)
	}
	w.checkPromoted()
}
