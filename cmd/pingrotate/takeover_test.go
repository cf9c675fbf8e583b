package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pingrotate/pingone/pingonetest"
)

// run carries a command line out as the operator, and returns what it writes.
func (d *deployment) run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": operatorKey, "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": d.Endpoints().SecretsManager, "AWS_ENDPOINT_URL_LAMBDA": d.cloud.URL(), "AWS_ENDPOINT_URL_STS": d.cloud.URL(),
	} {
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	p := &program{output: outputs(), out: &out, err: &errs}
	root := newRoot(p)
	root.SetArgs(args)
	if err = root.ExecuteContext(t.Context()); err != nil {
		p.fail(err)
	}
	return out.String(), errs.String(), err
}

// oauth is a secret as applications may have it that know nothing of this function.
func oauth(app pingonetest.Application) string {
	return fmt.Sprintf(`{
  "CLIENT_ID": %q,
  "CLIENT_SECRET": %q,
  "database": {"user": "shop", "password": "d4tabase"}
}`, app.ClientID, app.Secret)
}

// shopping is a deployment whose admin serves every secret of one application.
func shopping(t *testing.T) (*deployment, pingonetest.Application) {
	t.Helper()
	d := deploy(t, answered)
	app := d.Add("shop", "Identity Data Admin")
	if err := d.Allow(fmt.Sprintf(`{"secret": "**", "environmentId": %q, "applications": [%q]}`, app.Environment, app.ID)); err != nil {
		t.Fatal(err)
	}
	return d, app
}

func (d *deployment) current(t *testing.T, secret string) map[string]any {
	t.Helper()
	text, _ := d.Secrets.Value(secret, "AWSCURRENT")
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAdoptInPlaceKeepsWhatApplicationsReadAndRotatesIt(t *testing.T) {
	d, app := shopping(t)
	before := oauth(app)
	d.Secrets.Put("shop/oauth", before)
	adopt := []string{"adopt", "--in-place", "shop/oauth", "--environment", app.Environment, "--pingone-region", "NA"}

	stdout, stderr, err := d.run(t, append(adopt, "--dry-run")...)
	if text, _ := d.Secrets.Value("shop/oauth", "AWSCURRENT"); err != nil || text != before || !strings.Contains(stderr, "would add environmentId, region and rotation to shop/oauth") {
		t.Fatalf("--dry-run: got %v, %s%s, and the secret is as it was: %t", err, stdout, stderr, text == before)
	}
	for range 2 { // the second time finds all done
		stdout, stderr, err = d.run(t, adopt...)
		if err != nil || !strings.HasPrefix(stdout, "arn:aws:secretsmanager:") {
			t.Fatalf("got %v\n%s%s", err, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, app.Secret) || strings.Contains(stdout+stderr, "d4tabase") {
			t.Errorf("a secret was written:\n%s%s", stdout, stderr)
		}
	}
	text, _ := d.Secrets.Value("shop/oauth", "AWSCURRENT")
	if !strings.HasPrefix(text, strings.TrimSuffix(before, "\n}")) {
		t.Errorf("got\n%s\nwant what was there, byte for byte", text)
	}
	if d.PingOne.Mints(app.Environment, app.ID) != 0 {
		t.Error("the secret was regenerated")
	}
	d.Secrets.Wait()
	if err := d.Secrets.Rotate(t.Context(), "shop/oauth"); err != nil {
		t.Fatal(err)
	}
	all := d.current(t, "shop/oauth")
	secret, _ := all["CLIENT_SECRET"].(string)
	if secret == app.Secret || !d.PingOne.Authenticates(app.Environment, app.ClientID, secret) {
		t.Errorf("CLIENT_SECRET was not rotated, or does not work: %v", all)
	}
	if all["clientSecret"] != nil || all["CLIENT_ID"] != app.ClientID || fmt.Sprint(all["database"]) != "map[password:d4tabase user:shop]" {
		t.Errorf("got %v, want no second copy, and the rest as it was", all)
	}
}

func TestAdoptInPlaceRefusesWhatItWouldBreak(t *testing.T) {
	d, app := shopping(t)
	other := d.Add("other", "Identity Data Admin")
	for _, c := range []struct{ name, text, words string }{
		{"the secret of another application", strings.ReplaceAll(oauth(app), app.Secret, other.Secret), "is not the secret that PingOne has"},
		{"a copy", strings.Replace(oauth(app), `"shop"`, fmt.Sprintf("%q", app.Secret), 1), "/database/user would still hold the old secret"},
		{"a mask", strings.ReplaceAll(oauth(app), app.Secret, "********"), "is a mask"},
		{"no client secret", `{"user": "a", "password": "b"}`, "no member looks like clientId"},
		{"two of them", strings.Replace(oauth(app), `"database"`, `"old_client_secret": "x", "database"`, 1), "several members look like clientSecret"},
		{"no JSON", "hunter2", "JSON"},
		{"a byte order mark", "\ufeff" + oauth(app), "byte order mark"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "shop/" + strings.ReplaceAll(c.name, " ", "-")
			d.Secrets.Put(name, c.text)
			stdout, stderr, err := d.run(t, "adopt", "--in-place", name, "--environment", app.Environment, "--pingone-region", "NA")
			if err == nil || !strings.Contains(stderr, c.words) {
				t.Errorf("got %v\n%s%s, want %q", err, stdout, stderr, c.words)
			}
			if text, _ := d.Secrets.Value(name, "AWSCURRENT"); text != c.text {
				t.Error("the secret was changed")
			}
		})
	}
}

// A mistyped document leads nowhere no more: the same command with the right flags replaces
// it, as long as nothing was filled in.
func TestAdoptReplacesTheDocumentOfASecretThatIsNotFilled(t *testing.T) {
	d, app := shopping(t)
	wrong := fmt.Sprintf(`{"environmentId": %q, "region": "NA", "clientId": "00000000-0000-4000-8000-000000000000"}`, app.Environment)
	d.Secrets.Put("shop", wrong)
	stdout, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID, "--tag", "team=shop")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	if all := d.current(t, "shop"); all["clientId"] != app.ClientID || all["clientSecret"] != app.Secret {
		t.Errorf("got %v, want the application's secret", all)
	}
}

func TestNewTakesTheNamesThatApplicationsRead(t *testing.T) {
	d, app := shopping(t)
	stdout, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID,
		"--names", "clientId=/oauth/id,clientSecret=/oauth/secret")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	inner, _ := d.current(t, "shop")["oauth"].(map[string]any)
	if inner["id"] != app.ClientID || inner["secret"] != app.Secret {
		t.Errorf("got %v, want the id and the secret where applications read them", d.current(t, "shop"))
	}
}

func TestASecondSecretForOneClientIsRefused(t *testing.T) {
	d, app := shopping(t)
	for n, name := range []string{"shop", "second"} {
		_, stderr, err := d.run(t, "adopt", "--secret", name, "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID)
		switch {
		case n == 0 && err != nil:
			t.Fatalf("the first: %v\n%s", err, stderr)
		case n == 1 && (err == nil || !strings.Contains(stderr, "client: the managed secret shop holds this client already")):
			t.Errorf("the second: got %v\n%s", err, stderr)
		}
	}
	if strings.Contains(d.Secrets.Dump(), "second") {
		t.Error("the second was made")
	}
}

func TestAMistypedClientIDMakesNothing(t *testing.T) {
	d, app := shopping(t)
	wrong := "00000000-0000-4000-8000-000000000000"
	if err := d.Allow(fmt.Sprintf(`{"secret": "**", "environmentId": %q, "applications": [%q]}`, app.Environment, wrong)); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", wrong)
	if err == nil || !strings.Contains(stderr, "has no application "+wrong) {
		t.Errorf("got %v\n%s, want the id to be named", err, stderr)
	}
	if strings.Contains(d.Secrets.Dump(), "shop") {
		t.Error("a secret was made")
	}
}
