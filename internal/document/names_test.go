package document_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

func secret(s string) pingone.Secret { return pingone.NewSecret(s) }

// read is a document that applications read already, with the names that they expect.
const read = `{
  "client_id": "` + appID + `",
  "spring.security.client-secret": "old",
  "nested": {"a/b": {}, "endpoint": ""},
  "environmentId": "` + envID + `", "region": "EU",
  "rotation": {"strategy": "alternating", "names": {
    "clientId": "client_id", "clientSecret": "spring.security.client-secret",
    "tokenEndpoint": "/nested/endpoint", "tokenEndpointAuthMethod": "/nested/a~1b/method"}}
}`

// T26 in rotation/testdata/cases.txt.
func TestNamesOfASecretThatIsReadAlreadyAreKeptAndRotated(t *testing.T) {
	d, err := document.Parse(read)
	if err != nil {
		t.Fatal(err)
	}
	if d.ClientID != appID || !d.ClientSecret.Equal(secret("old")) {
		t.Fatalf("got client id %q", d.ClientID)
	}
	const twin = "11111111-2222-4333-8444-555555555555"
	next := d.Successor(twin).With(secret("new"), pingone.ClientSecretPost, "https://auth.pingone.eu/x/as/token")
	want := strings.NewReplacer(`"old"`, `"new"`, `"client_id": "`+appID, `"client_id": "`+twin, `"endpoint": ""`, `"endpoint": "https://auth.pingone.eu/x/as/token"`,
		`"a/b": {}`, `"a/b": {"method":"CLIENT_SECRET_POST"}`, `a~1b/method"}}`, `a~1b/method"},"twin": "`+appID+`"}`).Replace(read)
	if next.Reveal() != want {
		t.Errorf("the next version:\n got %s\nwant %s", next.Reveal(), want)
	}
	again, err := document.Parse(next.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if again.ClientID != twin || again.Rotation.Twin != appID || !again.ClientSecret.Equal(secret("new")) || again.AuthMethod != pingone.ClientSecretPost {
		t.Errorf("read back: got %+v", again)
	}
	if !again.Follows(d) {
		t.Error("the next version does not follow the one that it was made from")
	}
	if names := next.StaleCopies(secret("new")); len(names) > 0 {
		t.Errorf("stale copies: got %q, want none", names)
	}
}

func TestNamesOfTheFirstVersionAreWrittenWhereTheyAreNamed(t *testing.T) {
	d, err := document.Parse(`{"environmentId":"` + envID + `","region":"EU","db":{},"rotation":{"names":{"clientId":"CLIENT_ID","clientSecret":"/db/secret"},"application":{"preset":"non-interactive-worker","name":"a"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	got := d.Of(appID).With(secret("new"), pingone.ClientSecretBasic, "e").Reveal()
	var all map[string]any
	if json.Unmarshal([]byte(got), &all) != nil || all["CLIENT_ID"] != appID || all["db"].(map[string]any)["secret"] != "new" || all["clientId"] != nil || all["clientSecret"] != nil {
		t.Errorf("got %s", got)
	}
}

func TestWrongNameIsOneErrorThatSaysWhichAndWhy(t *testing.T) {
	named := func(names, members string) string {
		return `{"environmentId":"` + envID + `","region":"EU",` + members + `"rotation":{"names":` + names + `}}`
	}
	id := `"clientId":"` + appID + `",`
	for _, c := range []struct{ name, text, field, word string }{
		{"missing parent", named(`{"clientSecret":"/db/secret"}`, id), "/db/secret", "needs the object db"},
		{"parent of a parent", named(`{"clientSecret":"/a/b/c"}`, id+`"a":{},`), "/a/b/c", "needs the object b"},
		{"array", named(`{"clientSecret":"/all/0"}`, id+`"all":["x"],`), "/all/0", "cannot be in all, which must be a JSON object"},
		{"parent that is text", named(`{"clientSecret":"/a/b"}`, id+`"a":"x",`), "/a/b", "cannot be in a"},
		{"parent with a member twice", named(`{"clientSecret":"/a/b"}`, id+`"a":{"b":"x","b":"y"},`), "/a/b", "has the field b twice"},
		{"number", named(`{"clientSecret":"pin"}`, id+`"pin":9876543210,`), "pin", "must be a string"},
		{"object", named(`{"clientSecret":"/a"}`, id+`"a":{},`), "/a", "must be a string"},
		{"one name for two members", named(`{"clientId":"x","clientSecret":"x"}`, `"x":"`+appID+`",`), "rotation.names", "another member"},
		{"one name, as a pointer too", named(`{"clientId":"x","clientSecret":"/x"}`, `"x":"`+appID+`",`), "rotation.names", "another member"},
		{"inside another one", named(`{"clientId":"/x","clientSecret":"/x/y"}`, `"x":"`+appID+`",`), "rotation.names", "another member"},
		{"two names for one member", named(`{"clientId":"client_id"}`, id+`"client_id":"`+appID+`",`), "clientId", "gives it another name"},
		{"collides with rotation", named(`{"clientSecret":"rotation"}`, id), "rotation.names.clientSecret", "collides with the member rotation"},
		{"inside rotation", named(`{"clientSecret":"/rotation/grace"}`, id), "rotation.names.clientSecret", "collides with the member rotation"},
		{"collides with allow", named(`{"clientSecret":"/allow/0"}`, id), "rotation.names.clientSecret", "collides with the member allow"},
		{"collides with another member", named(`{"clientSecret":"region"}`, id), "rotation.names.clientSecret", "collides with the member region"},
		{"empty", named(`{"clientSecret":""}`, id), "rotation.names.clientSecret", "empty"},
		{"empty part", named(`{"clientSecret":"/a//b"}`, id), "rotation.names.clientSecret", "empty"},
		{"bad escape", named(`{"clientSecret":"/a~2"}`, id), "rotation.names.clientSecret", "JSON Pointer"},
		{"too deep", named(`{"clientSecret":"/a/b/c/d/e/f/g/h/i"}`, id), "rotation.names.clientSecret", "at most 8"},
		{"unknown member", named(`{"secret":"x"}`, id), "rotation.names.secret", "is unknown"},
		{"no string", named(`{"clientSecret":["x"]}`, id), "rotation.names.clientSecret", "must be a string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := document.Parse(c.text)
			wrong, ok := errors.AsType[*document.FieldError](err)
			if !ok || !strings.HasPrefix(wrong.Field, c.field) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("got %v, want an error of the field %s that says %q", err, c.field, c.word)
			}
			if err != nil && strings.Contains(err.Error(), "9876543210") {
				t.Errorf("the error quotes the document: %v", err)
			}
		})
	}
}

func TestStaleCopiesAreFoundWhereverTheyAre(t *testing.T) {
	base := `{"environmentId":"` + envID + `","region":"EU","clientId":"` + appID + `","clientSecret":"s3","CLIENT_SECRET":"\u0073\u0033",` +
		`"/odd":"s3","nested":{"a/b":["x",{"deep":"s3"}],"not":"s33"},"dsn":"id:s3@host","s3":"name","CLIENT_ID":"` + appID + `","rotation":{"verify":{"scope":"s3"}STRATEGY}}`
	for _, c := range []struct {
		strategy string
		want     []string
	}{
		{``, []string{"CLIENT_SECRET", "/~1odd", "/nested/a~1b/1/deep"}},
		{`,"strategy":"alternating"`, []string{"CLIENT_SECRET", "/~1odd", "/nested/a~1b/1/deep", "CLIENT_ID"}},
	} {
		d, err := document.Parse(strings.Replace(base, "STRATEGY", c.strategy, 1))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.StaleCopies(secret("s3")); !slices.Equal(got, c.want) {
			t.Errorf("strategy %q: got %q, want %q", c.strategy, got, c.want)
		}
		if got := d.StaleCopies(secret("other")); c.strategy == "" && len(got) > 0 {
			t.Errorf("another secret: got %q, want none", got)
		}
		if got := d.StaleCopies(secret("")); c.strategy == "" && len(got) > 0 {
			t.Errorf("no secret: got %q, want none", got)
		}
	}
}

// FuzzNames gives the secret any name, in a document with any member, and writes through
// it. What is read back must be what was written, and nothing else may change.
func FuzzNames(f *testing.F) {
	for _, s := range [][2]string{
		{"client_secret", `"a":{}`}, {"/a/b", `"a":{}`}, {"/a/b", `"a":{"b":"x"}`}, {"/a~1b/c~0d", `"a/b":{"x":1}`}, {"/a/0", `"a":["x"]`},
		{"rotation", `"x":1`}, {"/", `"":{}`}, {"a", `"a":null`}, {"/a/b", `"a":{"b":null , "c":[{"b":"x"}]}`}, {"\xff", `"\ufffd":"x"`}, {"/a", `"a":"x","\u0061":"y"`},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, name, member string) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return
		}
		text := `{"environmentId":"` + envID + `",` + member + `,"region":"EU","clientId":"` + appID + `","rotation":{"names":{"clientSecret":` + string(quoted) + `}}}`
		d, err := document.Parse(text)
		if err != nil {
			return
		}
		next := d.With(secret("new"), pingone.ClientSecretBasic, "e")
		again, err := document.Parse(next.Reveal())
		if err != nil {
			t.Fatalf("the next version of %s does not parse: %v\n%s", text, err, next.Reveal())
		}
		if !again.ClientSecret.Equal(secret("new")) {
			t.Fatalf("the next version of %s does not hold what was written: %s", text, next.Reveal())
		}
		if again.EnvironmentID != d.EnvironmentID || again.Region != d.Region || again.ClientID != d.ClientID || !again.Follows(d) {
			t.Fatalf("more was changed than is written: %s", next.Reveal())
		}
		if back := again.With(d.ClientSecret, pingone.ClientSecretBasic, "e"); !d.ClientSecret.IsZero() && back.Reveal() != d.With(d.ClientSecret, pingone.ClientSecretBasic, "e").Reveal() {
			t.Fatalf("not the same bytes again: %s", back.Reveal())
		}
		if names := next.StaleCopies(secret("new")); len(names) > 0 && !strings.Contains(member, "new") {
			t.Fatalf("stale copies: got %q in %s", names, next.Reveal())
		}
	})
}
