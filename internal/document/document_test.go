package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

const (
	envID = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	appID = "ae72e133-0935-4935-a84c-4dcf7b5e8b71"
)

func TestUnknownMembersAndOrderSurviveByteForByte(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"compact",
			`{"z":1.0,"environmentId":"` + envID + `","region":"EU","clientSecret":"old","clientId":"` + appID + `","a":{"k":[1,2 ,3]}}`,
			`{"z":1.0,"environmentId":"` + envID + `","region":"EU","clientSecret":"new","clientId":"` + appID + `","a":{"k":[1,2 ,3]},"tokenEndpointAuthMethod":"CLIENT_SECRET_POST","tokenEndpoint":"https://example"}`},
		{"indented",
			"{\n  \"clientId\": \"" + appID + "\",\n  \"environmentId\": \"" + envID + "\",\n  \"note\": \"\\u00e9 é <&>\",\n  \"region\": \"NA\"\n}\n",
			"{\n  \"clientId\": \"" + appID + "\",\n  \"environmentId\": \"" + envID + "\",\n  \"note\": \"\\u00e9 é <&>\",\n  \"region\": \"NA\",\n  \"clientSecret\": \"new\",\n  \"tokenEndpointAuthMethod\": \"CLIENT_SECRET_POST\",\n  \"tokenEndpoint\": \"https://example\"\n}\n"},
		{"everything there",
			`{"tokenEndpoint":"","tokenEndpointAuthMethod" : "CLIENT_SECRET_BASIC" ,"clientSecret":"\u006fld","environmentId":"` + envID + `","region":"SG","clientId":"` + appID + `"}`,
			`{"tokenEndpoint":"https://example","tokenEndpointAuthMethod" : "CLIENT_SECRET_POST" ,"clientSecret":"new","environmentId":"` + envID + `","region":"SG","clientId":"` + appID + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := document.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d.Reveal() != c.text {
				t.Errorf("an unchanged document: got %s, want %s", d.Reveal(), c.text)
			}
			next := d.With(pingone.NewSecret("new"), pingone.ClientSecretPost, "https://example")
			if next.Reveal() != c.want {
				t.Errorf("the next version:\n got %s\nwant %s", next.Reveal(), c.want)
			}
			if d.Reveal() != c.text {
				t.Error("the next version changed the one before it")
			}
		})
	}
}

// valid returns a document with one member replaced, by JSON, or removed by "".
func valid(member, value string) string {
	fields := map[string]json.RawMessage{
		"environmentId": json.RawMessage(`"` + envID + `"`), "region": json.RawMessage(`"NA"`), "clientId": json.RawMessage(`"` + appID + `"`),
	}
	fields[member] = json.RawMessage(value)
	if value == "" {
		delete(fields, member)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var badDocuments = []struct{ name, text, field string }{
	{"empty", "", "empty"},
	{"not JSON", "client_secret=hunter2", "JSON object"},
	{"binary", "\x00\x01\x02", "JSON object"},
	{"array", "[]", "JSON object"},
	{"string", `"text"`, "JSON object"},
	{"null", "null", "JSON object"},
	{"cut off", `{"environmentId":"` + envID, "JSON object"},
	{"two values", valid("", "") + valid("", ""), "JSON object"},
	{"64 KiB", valid("padding", `"`+strings.Repeat("x", 64<<10-200)+`"`), "bytes"},
	{"no environmentId", valid("environmentId", ""), "environmentId"},
	{"environmentId with a path", valid("environmentId", `"../../applications"`), "environmentId"},
	{"environmentId in upper case", valid("environmentId", `"`+strings.ToUpper(envID)+`"`), "environmentId"},
	{"environmentId a number", valid("environmentId", `7`), "environmentId"},
	{"environmentId twice", strings.Replace(valid("", ""), "{", `{"environmentId":"`+appID+`",`, 1), "environmentId"},
	{"no region", valid("region", ""), "region"},
	{"region unknown", valid("region", `"USA"`), "region"},
	{"region in lower case", valid("region", `"eu"`), "region"},
	{"clientId with a line break", valid("clientId", `"a\nb"`), "clientId"},
	{"no clientId", valid("clientId", ""), "clientId"},
	{"imported clientId alone", valid("clientId", `"my-old-client"`), "rotation.applicationId"},
	{"clientSecret a number", valid("clientSecret", `9876543210`), "clientSecret"},
	{"auth method unknown", valid("tokenEndpointAuthMethod", `"NONE"`), "tokenEndpointAuthMethod"},
	{"key id a number", valid("keyId", `7`), "keyId"},
	{"auth domain with a scheme", valid("authDomain", `"https://login.example.com"`), "authDomain"},
	{"auth domain with a port", valid("authDomain", `"login.example.com:8443"`), "authDomain"},
	{"auth domain an address", valid("authDomain", `"169.254.169.254"`), "authDomain"},
	{"rotation a string", valid("rotation", `"daily"`), "rotation"},
	{"rotation with a typo", valid("rotation", `{"grase":"24h"}`), "rotation.grase"},
	{"rotation in another case", valid("rotation", `{"Grace":"24h"}`), "rotation.Grace"},
	{"rotation with a host", valid("rotation", `{"apiUrl":"https://evil.example"}`), "rotation.apiUrl"},
	{"grace too short", valid("rotation", `{"grace":"0s"}`), "rotation.grace"},
	{"grace too long", valid("rotation", `{"grace":"721h"}`), "rotation.grace"},
	{"grace a number", valid("rotation", `{"grace":24}`), "rotation.grace"},
	{"strategy unknown", valid("rotation", `{"strategy":"double"}`), "rotation.strategy"},
	{"kind unknown", valid("rotation", `{"kind":"resources"}`), "rotation.kind"},
	{"resource that alternates", valid("rotation", `{"kind":"resource","strategy":"alternating"}`), "rotation.strategy"},
	{"resource to create", valid("rotation", `{"kind":"resource","application":{"preset":"non-interactive-worker","name":"x"}}`), "rotation.application"},
	{"resource with an applicationId", valid("rotation", `{"kind":"resource","applicationId":"`+appID+`"}`), "rotation.applicationId"},
	{"resource with a scope", valid("rotation", `{"kind":"resource","verify":{"scope":"a"}}`), "rotation.verify"},
	{"resource with a user", valid("rotation", `{"kind":"resource","verify":{"userSecretId":"a"}}`), "rotation.verify"},
	{"resource by its name", strings.Replace(valid("rotation", `{"kind":"resource"}`), appID, "shipping", 1), "clientId"},
	{"user's secret a number", valid("rotation", `{"verify":{"userSecretId":7}}`), "rotation.verify.userSecretId"},
	{"applicationId no UUID", valid("rotation", `{"applicationId":"x/../y"}`), "rotation.applicationId"},
	{"verify with a typo", valid("rotation", `{"verify":{"scopes":"a"}}`), "rotation.verify.scopes"},
	{"claims a list", valid("rotation", `{"verify":{"claims":["groups"]}}`), "rotation.verify.claims"},
	{"allow an object", valid("allow", `{}`), "allow"},
	{"allow with a typo", valid("allow", `[{"secret":"*","environment":"x"}]`), "allow[0].environment"},
	{"allow without environment", valid("allow", `[{"secret":"*"}]`), "allow[0]"},
}

func TestBadDocumentIsOneErrorThatNamesTheFieldAndQuotesNothing(t *testing.T) {
	for _, c := range badDocuments {
		t.Run(c.name, func(t *testing.T) {
			d, err := document.Parse(c.text)
			if err == nil || d != nil {
				t.Fatalf("got the document %v and the error %v, want an error alone", d, err)
			}
			if !strings.Contains(err.Error(), c.field) {
				t.Errorf("got error %q, want it to name %s", err, c.field)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "9876543210") {
				t.Errorf("the error quotes the document: %v", err)
			}
		})
	}
}

func FuzzDocument(f *testing.F) {
	for _, c := range badDocuments {
		f.Add(c.text)
	}
	f.Add(valid("rotation", `{"grace":"24h","verify":{"claims":{"groups":["a"]}}}`))
	f.Add("{\n\t\"clientId\"  :\"" + appID + "\" , \"environmentId\":\"" + envID + "\",\"region\":\"AP\",\"\\u0061\":{}}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := document.Parse(text)
		if err != nil {
			return
		}
		if d.Reveal() != text {
			t.Fatalf("re-encoded: got %q, want %q", d.Reveal(), text)
		}
		secret := pingone.NewSecret("n-E_w~.<\"\\\u2028")
		next, err := document.Parse(d.With(secret, pingone.ClientSecretPost, "https://auth.pingone.eu/x").Reveal())
		if err != nil {
			t.Fatalf("the next version does not parse: %v", err)
		}
		if !next.ClientSecret.Equal(secret) || next.AuthMethod != pingone.ClientSecretPost {
			t.Fatal("the next version does not hold what was written")
		}
		back := next.With(d.ClientSecret, d.AuthMethod, d.TokenEndpoint)
		var was, is map[string]any
		if json.Unmarshal([]byte(text), &was) != nil || json.Unmarshal([]byte(back.Reveal()), &is) != nil {
			t.Fatal("a document that parsed is not JSON")
		}
		for _, written := range []string{"clientSecret", "tokenEndpointAuthMethod", "tokenEndpoint"} {
			delete(was, written)
			delete(is, written)
		}
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(is)
		if string(a) != string(b) {
			t.Fatalf("unknown members: got %s, want %s", b, a)
		}
	})
}
