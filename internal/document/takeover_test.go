package document_test

import (
	"strings"
	"testing"

	"pingrotate/internal/document"
)

const taken = `{
  "CLIENT_ID": "ae72e133-0935-4935-a84c-4dcf7b5e8b71",
  "CLIENT_SECRET": "s3cr3t",
  "db": {"password": "other"}
}`

func TestTakingOverChangesNoExistingByte(t *testing.T) {
	got, err := document.TakeOver(taken, []document.Addition{
		{"environmentId", `"abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"`}, {"region", `"EU"`},
		{"rotation", `{"names": {"clientId": "CLIENT_ID", "clientSecret": "CLIENT_SECRET"}}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, strings.TrimSuffix(taken, "\n}")) {
		t.Errorf("got\n%s\nwant what was there first, byte for byte", got)
	}
	d, err := document.Parse(got)
	if err != nil || d.ClientSecret.Reveal() != "s3cr3t" || d.Region != "EU" {
		t.Fatalf("got %v, %v", d, err)
	}
	outline := d.Outline()
	if strings.Contains(outline, "s3cr3t") || strings.Contains(outline, "other") || strings.Contains(outline, "names") {
		t.Errorf("the outline has what no check needs: %s", outline)
	}
	if o, err := document.Parse(outline); err != nil || o.ClientID != d.ClientID || o.EnvironmentID != d.EnvironmentID {
		t.Errorf("the outline does not parse as the same client: %v, %v", o, err)
	}
	if _, err := document.TakeOver(got, []document.Addition{{"region", `"NA"`}}); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("another value for what is there: got %v", err)
	}
	if again, err := document.TakeOver(got, []document.Addition{{"region", `"EU"`}}); err != nil || again != got {
		t.Errorf("the same value: got %v, %v", again, err)
	}
}

func TestNamesAreGuessedOnlyWhereThereIsOneOfThem(t *testing.T) {
	for _, c := range []struct{ text, id, secret, err string }{
		{taken, "CLIENT_ID", "CLIENT_SECRET", ""},
		{`{"oauth": {"client-id": "a", "client-secret": "b"}}`, "/oauth/client-id", "/oauth/client-secret", ""},
		{`{"spring.security.oauth2.client.registration.x.client-id": "a", "spring.security.oauth2.client.registration.x.client-secret": "b"}`,
			"spring.security.oauth2.client.registration.x.client-id", "spring.security.oauth2.client.registration.x.client-secret", ""},
		{`{"clientId": "a", "clientSecret": "b"}`, "", "", ""},
		{`{"clientId": "a", "client_secret": "b", "old_client_secret": "c"}`, "", "", "several members look like clientSecret"},
		{`{"user": "a", "password": "b"}`, "", "", "no member looks like clientId"},
	} {
		names, err := document.GuessNames(c.text)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, %v, want %q", c.text, names, err, c.err)
			}
			continue
		}
		if err != nil || names["clientId"] != c.id || names["clientSecret"] != c.secret {
			t.Errorf("%s: got %v, %v, want %q and %q", c.text, names, err, c.id, c.secret)
		}
	}
}
