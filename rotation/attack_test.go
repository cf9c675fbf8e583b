package rotation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// evil is a managed secret whose writer attacks, with nothing allowed but what a test says.
const evil = "pingone/evil"

// attach stores a document in the attacker's secret and attaches it to the function.
func (w *world) attach(name, text string) {
	w.t.Helper()
	w.sm.Put(name, text)
	w.sm.EnableRotation(name, functionARN)
}

// gained fails the test if any version of the attacker's secret holds a secret of PingOne's
// that the attacker did not store there.
func (w *world) gained(name string, own ...string) {
	w.t.Helper()
	for _, label := range []string{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "PINGROTATE", "PINGROTATE-HEAL"} {
		text, _ := w.sm.Value(name, label)
		for _, s := range append(w.ping.Issued(), w.secret("AWSCURRENT")) {
			if s != "" && strings.Contains(text, s) && !strings.Contains(strings.Join(own, " "), s) {
				w.t.Errorf("%s of %s holds a secret of another application", label, name)
			}
		}
	}
	w.checkSilent(w.reports...)
}

// provoke runs everything that may touch the attacker's secret and must not serve it:
// rotations, audits, checks, and emergencies of the victim's secret.
func (w *world) provoke(name string) {
	w.t.Helper()
	for range 2 {
		if err := w.sm.Rotate(w.t.Context(), name); err == nil {
			w.t.Errorf("a rotation of %s succeeds", name)
		}
		w.do(rotation.Action{Action: "check", SecretID: name})
		w.do(rotation.Action{Action: "rotate", SecretID: name})
		w.do(rotation.Action{Action: "rotate", SecretID: name, Emergency: rotation.Swift})
		w.do(rotation.Action{Action: "audit"})
		w.advance(time.Hour)
	}
}

// The writer of one secret claims another team's application. An emergency gives the new
// secret to each managed secret that holds the client, but it must not give it to the
// attacker's, which is not allowed the client. Nor may the attacker's secret delay the
// victim's rotations.
func TestWriterWhoClaimsAnothersClientGetsNoSecretAndHoldsUpNothing(t *testing.T) {
	for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
		for _, guess := range []string{"made-up", ""} {
			for _, fresh := range []bool{false, true} { // fresh: the emergency looks for holders itself
				t.Run(fmt.Sprintf("%s, with the secret %q, fresh %t", e, guess, fresh), func(t *testing.T) {
					w := newWorld(t, func(o *options) { o.fresh = fresh })
					d := document(w.app)
					if d["clientSecret"] = guess; guess == "" {
						delete(d, "clientSecret")
					}
					w.attach(evil, encode(d))
					w.do(rotation.Action{Action: "audit"})
					leaked := w.secret("AWSCURRENT")
					rep := w.emergency(e)
					w.checkEnded(leaked, rep)
					w.gained(evil)
					w.advance(3 * time.Hour)
					w.rotate()
					w.checkPromoted()
					w.provoke(evil)
					w.gained(evil)
				})
			}
		}
	}
}

// Two parsers could see different members in one document. The function must use what it
// checked, or refuse the document.
func TestWriterOfADocumentWithTwoMeaningsGainsNothing(t *testing.T) {
	w := newWorld(t)
	mine := w.ping.AddApplication(w.neighbour("mine"))
	base := fmt.Sprintf(`"region":"EU","environmentId":%q`, w.app.Environment)
	own, victims := fmt.Sprintf(`"clientId":%q`, mine.ID), fmt.Sprintf(`"clientId":%q`, w.app.ID)
	texts := map[string]string{
		"twice, the victim's last":         `{` + base + `,` + own + `,` + victims + `}`,
		"twice, the victim's first":        `{` + base + `,` + victims + `,` + own + `}`,
		"in another case":                  `{` + base + `,` + own + `,"ClientID":"` + w.app.ID + `"}`,
		"escaped, the victim's":            `{` + base + `,` + own + `,"clientI\u0064":"` + w.app.ID + `"}`,
		"by names, the victim's":           `{` + base + `,` + own + `,"x":"` + w.app.ID + `","rotation":{"names":{"clientId":"x"}}}`,
		"by names, at a pointer":           `{` + base + `,` + own + `,"x":{"y":"` + w.app.ID + `"},"rotation":{"names":{"clientId":"/x/y"}}}`,
		"by names, the secret as the id":   `{` + base + `,` + victims + `,"rotation":{"names":{"clientSecret":"clientId"}}}`,
		"by names, into rotation itself":   `{` + base + `,` + own + `,"rotation":{"applicationId":"` + w.app.ID + `","names":{"clientId":"/rotation/applicationId"}}}`,
		"as an imported one":               `{` + base + `,` + own + `,"rotation":{"applicationId":"` + w.app.ID + `"}}`,
		"imported, twice":                  `{` + base + `,` + own + `,"rotation":{"applicationId":"` + mine.ID + `","applicationId":"` + w.app.ID + `"}}`,
		"with an id in capitals":           `{` + base + `,"clientId":"` + strings.ToUpper(w.app.ID) + `"}`,
		"with an id that leads elsewhere":  `{` + base + `,"clientId":"` + mine.ID + `/../` + w.app.ID + `"}`,
		"with an id that asks for more":    `{` + base + `,"clientId":"` + mine.ID + `?x=` + w.app.ID + `"}`,
		"with an environment in the path":  `{"region":"EU","environmentId":"` + w.app.Environment + `/../` + w.app.Environment + `",` + victims + `}`,
		"with a twin that is the victim's": `{` + base + `,` + own + `,"rotation":{"strategy":"alternating","twin":"` + w.app.ID + `"}}`,
	}
	w.allowAlso(map[string]any{"secret": evil, "environmentId": w.app.Environment, "applications": []any{mine.ID}})
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			before, mints := w.secret("AWSCURRENT"), w.ping.Mints(w.app.Environment, w.app.ID)
			w.attach(evil, text)
			w.sm.Rotate(t.Context(), evil) // it may succeed for the attacker's own application
			w.do(rotation.Action{Action: "rotate", SecretID: evil, Emergency: rotation.Swift})
			w.do(rotation.Action{Action: "audit"})
			if w.ping.Mints(w.app.Environment, w.app.ID) != mints || w.secret("AWSCURRENT") != before || !w.accepts(before) {
				t.Error("the victim's secret was replaced or ended")
			}
			stored, _ := w.sm.Value(evil, "AWSCURRENT")
			pending, _ := w.sm.Value(evil, "AWSPENDING")
			if strings.Contains(stored+pending, before) {
				t.Error("the victim's secret is in the attacker's")
			}
			w.checkSilent(w.reports...)
			w.advance(time.Hour)
		})
	}
}

// The secret's name is almost that of an entry of allow, or of an admin.
func TestWriterOfASecretWithNearlyTheNameOfAnotherIsNotServed(t *testing.T) {
	for _, name := range []string{
		orders + "-a1B2c3", // as the ARN of the other ends
		"pingone/Orders-api", "pingone/orders-api/", "pingone/orders-api/x", "pingone//orders-api", "xpingone/orders-api",
		"pingone/orders_api", "pingone/orders-ap", "pingone/orders-api.", "pingone/orders-api=",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := document(w.app)
			delete(d, "clientSecret")
			w.attach(name, encode(d))
			w.provoke(name)
			w.gained(name)
			if w.mints() != 0 {
				t.Errorf("got %d mints, want none", w.mints())
			}
		})
	}
}

// The document names the attacker's second secret, or another team's, as its admin, in
// every form that a name can have.
func TestWriterWhoBringsAnAdminAlongIsNotServed(t *testing.T) {
	for _, form := range []string{"own", "own ARN", "like the admin", "the admin's name with the end of an ARN", "with a space", "another account's"} {
		t.Run(form, func(t *testing.T) {
			w := newWorld(t)
			boss := document(w.admin) // even with the admin's real credential, only the settings make a secret an admin
			boss["clientSecret"] = "made-up"
			boss["allow"] = []any{map[string]any{"secret": "**", "environmentId": w.app.Environment, "applications": "*"}}
			name := map[string]string{
				"like the admin": "pingone/Admin", "the admin's name with the end of an ARN": adminName + "-a1B2c3",
			}[form]
			if name == "" {
				name = "pingone/boss"
			}
			w.sm.Put(name, encode(boss))
			id := name
			switch form {
			case "own ARN":
				id = w.sm.ARN(name)
			case "with a space":
				id = " " + adminName
			case "another account's":
				id = strings.Replace(w.sm.ARN(adminName), "123456789012", "210987654321", 1)
			}
			d := document(w.app)
			delete(d, "clientSecret")
			d["rotation"] = map[string]any{"adminSecretId": id}
			w.attach(evil, encode(d))
			w.provoke(evil)
			w.gained(evil)
			if w.mints() != 0 {
				t.Errorf("got %d mints, want none", w.mints())
			}
		})
	}
}

// The function reads a test user from a secret that the document names. Its content must go to
// PingOne only.
func TestWriterWhoNamesAnAdminAsATestUserLearnsNothing(t *testing.T) {
	for _, id := range []string{adminName, orders} {
		w := newWorld(t)
		mine := w.ping.AddApplication(w.neighbour("mine"))
		w.allowAlso(map[string]any{"secret": evil, "environmentId": w.app.Environment, "applications": []any{mine.ID}})
		d := document(mine)
		d["rotation"] = map[string]any{"verify": map[string]any{"userSecretId": id}}
		w.attach(evil, encode(d))
		w.sm.Rotate(t.Context(), evil)
		w.do(rotation.Action{Action: "check", SecretID: evil, CreateTestUser: true})
		w.do(rotation.Action{Action: "audit"})
		w.checkSilent(w.reports...)
		if w.mints() != 0 {
			t.Errorf("%s: got %d mints of the victim's, want none", id, w.mints())
		}
	}
}

// The writer's application may sign on users of the same environment, such as the test user of
// another team. Its password is not even read.
func TestWriterWhoNamesAnotherTeamsTestUserSignsNoOneOn(t *testing.T) {
	w := newWorld(t, signedOn)
	w.addUser()
	w.rotate()
	mine := w.ping.AddApplication(pingonetest.Application{
		Environment: w.app.Environment, Name: "mine", Type: "WEB_APP", GrantTypes: []string{"AUTHORIZATION_CODE"},
		ResponseTypes: []string{"CODE"}, RedirectURIs: []string{"https://example.com/callback"},
	})
	w.allowAlso(map[string]any{"secret": evil, "environmentId": w.app.Environment, "applications": []any{mine.ID}})
	d := document(mine)
	d["rotation"] = map[string]any{"verify": map[string]any{"userSecretId": testUserName}}
	w.attach(evil, encode(d))
	before := len(w.sm.Calls())
	if err := w.sm.TestOnly(t.Context(), evil); err == nil { // as when a secret is attached
		t.Error("testSecret alone succeeded")
	}
	err := w.sm.Rotate(t.Context(), evil)
	found := w.do(rotation.Action{Action: "check", SecretID: evil, CreateTestUser: true}).(*rotation.Checkup)
	if err == nil || found.WouldRotate || !strings.Contains(found.Because, "does not allow this secret the test user "+testUserName) {
		t.Errorf("got %v; check says %s", err, found.Because)
	}
	for _, c := range w.sm.Calls()[before:] {
		if c.Target == testUserName {
			t.Errorf("the test user's secret was read: %s", c)
		}
	}
	if w.ping.Secret(w.app.Environment, mine.ID).Value != mine.Secret {
		t.Error("the writer's secret was regenerated")
	}
}

// Someone who may attach a secret may invoke the function. They forge steps for other teams'
// secrets, with versions that belong to no rotation.
func TestAttacherWhoForgesStepsChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.rotate()
	w.advance(3 * time.Hour)
	before, mints := w.state(), w.mints()
	versions := []string{w.sm.VersionID(orders, "AWSCURRENT"), w.sm.VersionID(orders, "AWSPREVIOUS"), "0123456789abcdef0123456789abcdef", strings.Repeat("A", 64)}
	for _, version := range versions {
		for _, step := range append(steps, "deleteSecret", "CreateSecret", "createSecret\x00") {
			for _, id := range []string{orders, w.sm.ARN(orders), adminName, strings.ToUpper(orders)} {
				event, err := json.Marshal(map[string]string{"Step": step, "SecretId": id, "ClientRequestToken": version, "RotationToken": "forged-forged-forged"})
				if err != nil {
					t.Fatal(err)
				}
				w.rotator.Invoke(t.Context(), functionARN, event) // only the attacker sees the result
			}
		}
	}
	if w.state() != before || w.mints() != mints {
		t.Error("something was changed")
	}
	w.checkSilent()
}

// Someone who may move labels and invoke the function makes an old version pending, and
// asks for its promotion.
func TestWriterOfLabelsBringsNoOldSecretBack(t *testing.T) {
	for _, label := range []string{"AWSPENDING", "PINGROTATE", "PINGROTATE-HEAL", "COMPROMISED"} {
		t.Run(label, func(t *testing.T) {
			w := newWorld(t)
			w.rotate()
			w.advance(3 * time.Hour)
			current, old := w.secret("AWSCURRENT"), w.sm.VersionID(orders, "AWSPREVIOUS")
			if w.sm.VersionID(orders, label) != "" {
				w.move(label, old)
			} else if _, err := w.rotator.Secrets.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: aws.String(orders), VersionStage: &label, MoveToVersionId: &old,
			}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for _, step := range steps {
					event := fmt.Sprintf(`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q}`, step, orders, old)
					w.rotator.Invoke(t.Context(), functionARN, []byte(event))
				}
				w.do(rotation.Action{Action: "audit"})
			}
			if w.secret("AWSCURRENT") != current && w.secret("AWSCURRENT") != w.live().value || !w.works() {
				t.Error("an old secret is AWSCURRENT, or it does not work")
			}
			if w.sm.VersionID(orders, "AWSCURRENT") == old {
				t.Error("the old version was promoted")
			}
			w.checkSilent(w.reports...)
			w.advance(3 * time.Hour)
			if err := w.sm.Rotate(t.Context(), orders); err != nil {
				t.Logf("the next rotation: %v", err)
				w.do(rotation.Action{Action: "audit"})
				w.rotate()
			}
			w.checkPromoted()
		})
	}
}

// The caller of an action chooses the id of the new version. Here it chooses one that exists.
func TestOperatorsPayloadBringsNoOldVersionBack(t *testing.T) {
	for _, label := range []string{"AWSPREVIOUS", "AWSCURRENT"} {
		for _, e := range []rotation.Emergency{"", rotation.Swift} {
			t.Run(fmt.Sprint(label, " ", e), func(t *testing.T) {
				w := newWorld(t)
				w.rotate()
				w.advance(3 * time.Hour)
				current, taken := w.secret("AWSCURRENT"), w.sm.VersionID(orders, label)
				old := w.secret("AWSPREVIOUS")
				w.do(rotation.Action{Action: "rotate", SecretID: orders, ClientRequestToken: taken, Emergency: e})
				if now := w.secret("AWSCURRENT"); now == old || !w.works() || now != current && now != w.live().value {
					t.Error("an old secret is AWSCURRENT, or it does not work")
				}
				w.checkSilent(w.reports...)
			})
		}
	}
}

// The action names a secret that does not belong to the function.
func TestOperatorsPayloadReachesNoSecretThatIsNotTheFunctions(t *testing.T) {
	w := newWorld(t)
	w.sm.Put("other/secret", "hunter2-hunter2-hunter2-hunter2")
	before := w.state()
	for _, id := range []string{adminName, "other/secret", "other", strings.Repeat("x", 2048), "arn:aws:secretsmanager:us-east-1:123456789012:secret:*", "*", "../x"} {
		for _, a := range []rotation.Action{
			{Action: "rotate", SecretID: id}, {Action: "rotate", SecretID: id, Emergency: rotation.Contain}, {Action: "check", SecretID: id}, {Action: "rollback", SecretID: id},
			{Action: rotation.ActionEnd, SecretID: id, LockOut: true}, {Action: rotation.ActionEnd, SecretID: id, Preview: true},
		} {
			w.do(a)
		}
	}
	if w.state() != before || w.mints() != 0 {
		t.Error("something was changed")
	}
	if all := w.log.String() + strings.Join(w.reports, "\n"); strings.Contains(all, "hunter2") {
		t.Error("a value was repeated")
	}
	w.checkSilent(w.reports...)
}

// neighbour is an application like the world's own.
func (w *world) neighbour(name string) pingonetest.Application {
	return pingonetest.Application{Environment: w.app.Environment, Name: name, Roles: w.app.Roles}
}

// allowAlso adds an entry to the admin's allow.
func (w *world) allowAlso(entry map[string]any) {
	admin := w.adminDocument()
	all, _ := admin["allow"].([]any)
	admin["allow"] = append(all, entry)
	w.sm.Put(adminName, encode(admin))
}
