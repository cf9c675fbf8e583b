package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// edit has a script in place of an editor.
func (d *deployment) edit(t *testing.T, script string, args ...string) (stderr string, err error) {
	t.Helper()
	t.Setenv("VISUAL", script)
	_, stderr, err = d.run(t, append([]string{"edit", "shop", "--yes"}, args...)...)
	return stderr, err
}

func TestEditChangesTheDocumentAndShowsNoSecret(t *testing.T) {
	d, app := shopping(t)
	if _, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID, "--grace", "24h"); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	d.Secrets.Wait()
	d.Secrets.Advance(time.Hour)
	seen := filepath.Join(t.TempDir(), "seen")
	stderr, err := d.edit(t, "f() { cat \"$1\" >"+seen+"; sed -i 's/24h0m0s/48h/;s/\"24h\"/\"48h\"/' \"$1\"; }; f")
	shown, _ := os.ReadFile(seen)
	if err != nil || len(shown) == 0 || strings.Contains(string(shown)+stderr, app.Secret) {
		t.Fatalf("got %v\n%s\nthe editor was shown\n%s", err, stderr, shown)
	}
	all := d.current(t, "shop")
	policy, _ := all["rotation"].(map[string]any)
	if policy["grace"] != "48h" || all["clientSecret"] != app.Secret {
		t.Errorf("got %v, want the new grace and the same secret; stderr:\n%s", all, stderr)
	}
	for _, c := range []struct{ script, words string }{
		{"true", "nothing was changed"},
		{"sed -i s/grace/garce/", "garce"},
		{"sed -i s/48h/soon/", "grace"},
		{"sed -i s/" + app.ClientID + "/00000000-0000-4000-8000-000000000000/", "client cannot be changed"},
		{"sed -i 's/(the client secret, which edit keeps)/hunter2/'", "client secret cannot be changed"},
		{"false", "run the editor"},
		{"sed -i 's/\"grace\"/\"adminSecretId\": \"pingone\\/admn\", \"grace\"/'", "admn"},
	} {
		before, _ := d.Secrets.Value("shop", "AWSCURRENT")
		stderr, _ := d.edit(t, c.script)
		if after, _ := d.Secrets.Value("shop", "AWSCURRENT"); after != before || !strings.Contains(stderr, c.words) || strings.Contains(stderr, app.Secret) {
			t.Errorf("%s: got %s, want %q, and the secret is as it was: %t", c.script, stderr, c.words, after == before)
		}
	}
	if err := d.Secrets.Rotate(t.Context(), "shop"); err != nil {
		t.Errorf("after the edit: %v", err)
	}
}

func TestDetachEndsTheRotationAndKeepsTheValue(t *testing.T) {
	d, app := shopping(t)
	if _, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	d.Secrets.Wait()
	before, _ := d.Secrets.Value("shop", "AWSCURRENT")
	if _, stderr, err := d.run(t, "detach", "shop"); err == nil || !strings.Contains(stderr, "--yes") {
		t.Errorf("without --yes: got %v\n%s", err, stderr)
	}
	for _, words := range []string{"is no longer rotated", "nothing was left to do"} {
		if _, stderr, err := d.run(t, "detach", "shop", "--yes"); err != nil || !strings.Contains(stderr, words) {
			t.Errorf("got %v\n%s, want %q", err, stderr, words)
		}
	}
	if after, _ := d.Secrets.Value("shop", "AWSCURRENT"); after != before || d.Secrets.VersionID("shop", "AWSPENDING") != "" {
		t.Error("the value was changed, or AWSPENDING stays")
	}
	if _, stderr, err := d.run(t, "detach", "nowhere", "--yes"); err == nil || !strings.Contains(stderr, "there is no secret nowhere") {
		t.Errorf("no such secret: got %v\n%s", err, stderr)
	}
}

func TestRotateDryRunRotatesNothingAndSaysWhatWould(t *testing.T) {
	d, app := shopping(t)
	if _, stderr, err := d.run(t, "adopt", "--secret", "shop", "--environment", app.Environment, "--pingone-region", "NA", "--client-id", app.ClientID); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	d.Secrets.Wait()
	for _, args := range [][]string{{"rotate", "shop", "--dry-run"}, {"rotate", "--all", "--dry-run"}} {
		stdout, stderr, err := d.run(t, args...)
		if err != nil || !strings.Contains(stdout, "shop: would rotate: ") || d.PingOne.Mints(app.Environment, app.ID) != 0 {
			t.Errorf("%q: got %v\n%s%s", args, err, stdout, stderr)
		}
	}
}
