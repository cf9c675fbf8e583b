package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// led deploys the function with another admin, root, which rotates the one that it has.
func led(t *testing.T) *deployment {
	t.Helper()
	t.Setenv(rotation.AdminsVariable, "pingone/root")
	d := deploy(t, answered)
	d.bill(t)
	root := d.Add("root", "Client Application Developer", "Environment Admin", "Identity Data Admin")
	d.Secrets.Put("pingone/root", d.Document(root))
	d.amend(t, playground.AdminSecret, map[string]any{"rotation": map[string]any{"adminSecretId": "pingone/root"}})
	text, _ := d.Secrets.Value(playground.AdminSecret, "AWSCURRENT")
	admin, err := rotation.ParseDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	d.amend(t, "pingone/root", map[string]any{"allow": []any{json.RawMessage(rotation.EntryFor(playground.AdminSecret, admin))}})
	d.Secrets.EnableRotation(playground.AdminSecret, runtimetest.FunctionARN)
	return d
}

// amend stores a document with other members.
func (d *deployment) amend(t *testing.T, name string, members map[string]any) {
	t.Helper()
	text, _ := d.Secrets.Value(name, "AWSCURRENT")
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for member, value := range members {
		doc[member] = value
	}
	changed, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	d.Secrets.Put(name, string(changed))
}

// minted returns the applications that PingOne has made a secret for, in order.
func (d *deployment) minted() (ids []string) {
	for _, c := range d.PingOne.Calls() {
		if c.Operation == pingonetest.OpRegenerateSecret {
			ids = append(ids, c.Target)
		}
	}
	return ids
}

func (d *deployment) client(t *testing.T, name string) string {
	t.Helper()
	text, _ := d.Secrets.Value(name, "AWSCURRENT")
	var doc struct{ ClientID string }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.ClientID
}

// Anyone who holds the admin's secret could read the new secrets too, until it has ended.
func TestWithTargetsEndsTheAdminFirstAndThenWhatItCouldRead(t *testing.T) {
	d := led(t)
	d.cancel(t, playground.BillingSecret)
	out, said, err := d.run(t, "rotate", playground.AdminSecret, "--emergency", "swift", "--with-targets", "--yes")
	if err != nil {
		t.Fatalf("got %v, want all ended\n%s%s", err, out, said)
	}
	ids := d.minted()
	if len(ids) != 3 || ids[0] != d.client(t, playground.AdminSecret) || !slices.Contains(ids, d.client(t, playground.OrdersSecret)) || !slices.Contains(ids, d.client(t, playground.BillingSecret)) {
		t.Errorf("minted %q, want the admin's first, and both others", ids)
	}
	for _, line := range []string{"  target     " + playground.OrdersSecret, "  target     " + playground.BillingSecret, "ended  3  "} {
		if !strings.Contains(out, line+"\n") && !strings.Contains(out, line) {
			t.Errorf("got %s, want %q in it", out, line)
		}
	}
}

func TestWithTargetsLeavesThemAloneUntilTheAdminsSecretHasEnded(t *testing.T) {
	d := led(t)
	admin := d.client(t, playground.AdminSecret)
	denied := true
	d.PingOne.Before(func(c fault.Call) fault.Kind {
		if denied && c.Operation == pingonetest.OpDeletePrevious && c.Target == admin {
			return fault.Denied
		}
		return fault.None
	})
	out, said, err := d.run(t, "rotate", playground.AdminSecret, "--emergency", "swift", "--with-targets", "--yes", "-o", "json")
	if err == nil || !strings.Contains(err.Error(), "what the admin could read was left alone") || !strings.Contains(out, `"leftOut":["`+playground.BillingSecret+`","`+playground.OrdersSecret+`"]`) {
		t.Errorf("got %v and %s, want the targets left out", err, out)
	}
	if ids := d.minted(); slices.ContainsFunc(ids, func(id string) bool { return id != admin }) {
		t.Errorf("minted %q, want the admin's alone", ids)
	}

	// The command says how to continue, which repeats nothing.
	_, start, ok := strings.Cut(said, "--resume ")
	if !ok {
		t.Fatalf("got %q, want how to continue", said)
	}
	start, _, _ = strings.Cut(start, "\n")
	denied = false
	for range 2 {
		if out, said, err = d.run(t, "rotate", playground.AdminSecret, "--emergency", "swift", "--with-targets", "--yes", "--resume", start); err != nil {
			t.Fatalf("got %v, want all ended\n%s%s", err, out, said)
		}
	}
	if ids := d.minted(); len(ids) != 3 || ids[0] != admin || slices.Contains(ids[1:], admin) {
		t.Errorf("minted %q, want one of the admin and then one of each target", ids)
	}
}

// One target that fails keeps no other from its end, and fails the command.
func TestWithTargetsToleratesATargetThatFails(t *testing.T) {
	d := led(t)
	bad := d.client(t, playground.BillingSecret)
	d.PingOne.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpRegenerateSecret && c.Target == bad {
			return fault.Denied
		}
		return fault.None
	})
	out, _, err := d.run(t, "rotate", playground.AdminSecret, "--emergency", "swift", "--with-targets", "--yes", "-o", "json")
	if err == nil || !strings.Contains(out, `"ended":2`) || !strings.Contains(out, `"open":1`) {
		t.Errorf("got %v and %s, want one open and two ended", err, out)
	}
}

// An admin among the targets could read the others' new secrets with its own: it ends
// before them.
func TestWithTargetsEndsAnAdminAmongThemBeforeTheOthers(t *testing.T) {
	d := led(t)
	text, _ := d.Secrets.Value("pingone/root", "AWSCURRENT")
	root, err := rotation.ParseDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	text, _ = d.Secrets.Value(playground.AdminSecret, "AWSCURRENT")
	var admin struct{ Allow []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &admin); err != nil {
		t.Fatal(err)
	}
	d.amend(t, playground.AdminSecret, map[string]any{"allow": append(admin.Allow, json.RawMessage(rotation.EntryFor("pingone/root", root)))})
	d.Secrets.EnableRotation("pingone/root", runtimetest.FunctionARN)
	out, said, err := d.run(t, "rotate", "pingone/root", "--emergency", "swift", "--with-targets", "--yes")
	if err != nil {
		t.Fatalf("got %v, want all ended\n%s%s", err, out, said)
	}
	ids := d.minted()
	if len(ids) != 4 || ids[0] != d.client(t, "pingone/root") || ids[1] != d.client(t, playground.AdminSecret) {
		t.Errorf("minted %q, want the secret that was named, then the admin's, and then two others", ids)
	}
	others := ids[2:]
	for _, name := range []string{playground.OrdersSecret, playground.BillingSecret} {
		if !slices.Contains(others, d.client(t, name)) {
			t.Errorf("minted %q, want one of %s", others, name)
		}
	}
}

func TestWithTargetsIsForTheEmergencyOfAnAdmin(t *testing.T) {
	d := deploy(t, answered)
	for _, args := range [][]string{
		{"rotate", playground.AdminSecret, "--with-targets"},
		{"rotate", "--all", "--emergency", "swift", "--with-targets"},
		{"rotate", "a", "b", "--emergency", "swift", "--with-targets"},
	} {
		if _, _, err := d.run(t, append(args, "--yes")...); err == nil || !strings.Contains(err.Error(), "--with-targets") {
			t.Errorf("%q: got %v, want it refused", args, err)
		}
	}
	out, _, err := d.run(t, "rotate", playground.OrdersSecret, "--emergency", "swift", "--with-targets", "--yes")
	if err == nil || !strings.Contains(err.Error(), "is not an admin of the function") || !strings.Contains(out, "the leaked secret is refused") {
		t.Errorf("got %v and %s, want the secret ended, and an error", err, out)
	}
}

// The state machine learns by itself whose secrets follow.
func TestWithTargetsCanBeHandedOver(t *testing.T) {
	d := led(t)
	d.withStates(t)
	d.operate(t)
	id, err := d.say(t, "rotate", playground.AdminSecret, "--emergency", "swift", "--with-targets", "--detach", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	said, err := d.say(t, "campaign", "watch", id)
	if err != nil || !strings.Contains(said, "succeeded") {
		t.Errorf("got %v and %q, want all ended", err, said)
	}
	ids := d.minted()
	if len(ids) != 3 || ids[0] != d.client(t, playground.AdminSecret) || !slices.Contains(ids, d.client(t, playground.OrdersSecret)) || !slices.Contains(ids, d.client(t, playground.BillingSecret)) {
		t.Errorf("minted %q, want the admin's first, and both others", ids)
	}
	if _, err := d.say(t, "rotate", playground.OrdersSecret, "--emergency", "swift", "--with-targets", "--detach", "--yes"); err == nil || !strings.Contains(err.Error(), "is not an admin of the function") {
		t.Errorf("got %v, want it refused before a campaign begins", err)
	}
	if ids := d.minted(); len(ids) != 3 {
		t.Errorf("minted %q, want no more", ids)
	}
}
