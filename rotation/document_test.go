package rotation_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	envID = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	appID = "ae72e133-0935-4935-a84c-4dcf7b5e8b71"
)

// valid returns a document with one member replaced by a JSON value, or removed if that is "".
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
	{"not JSON", "client_secret=hunter2", "JSON object"},
	{"64 KiB", valid("padding", `"`+strings.Repeat("x", 64<<10-200)+`"`), "bytes"},
	{"no environmentId", valid("environmentId", ""), "environmentId"},
	{"environmentId with a path", valid("environmentId", `"../../applications"`), "environmentId"},
	{"clientSecret a number", valid("clientSecret", `9876543210`), "clientSecret"},
	{"auth method of an admin", valid("tokenEndpointAuthMethod", `"PRIVATE_KEY_JWT"`), "tokenEndpointAuthMethod"},
	{"auth domain not allowed", valid("authDomain", `"login.example.com"`), "authDomain"},
	{"rotation with a host", valid("rotation", `{"apiUrl":"https://evil.example"}`), "rotation.apiUrl"},
	{"resource by its name", strings.Replace(valid("rotation", `{"kind":"resource"}`), appID, "shipping", 1), "clientId"},
	{"specification without a preset", valid("rotation", `{"application":{"name":"a"}}`), "rotation.application.preset"},
	{"admin is the secret itself", valid("rotation", `{"adminSecretId":"`+orders+`"}`), "rotation.adminSecretId"},
}

// Each bad document is stored and rotated through both services.
func TestBadDocumentIsOneClearErrorAndChangesNothing(t *testing.T) {
	for _, c := range badDocuments {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.sm.Put(orders, c.text)
			err := w.rotateFails("createSecret", c.field)
			if n := len(w.ping.Calls()); n != 0 {
				t.Errorf("calls to PingOne: got %d, want none", n)
			}
			if got, _ := w.sm.Value(orders, "AWSCURRENT"); got != c.text {
				t.Error("the stored secret has changed")
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "9876543210") {
				t.Error("the error quotes the document")
			}
			w.checkSilent(err.Error())
		})
	}
}

func TestBinarySecretIsOneClearError(t *testing.T) {
	w := newWorld(t)
	w.sm.PutBinary(orders, []byte{0, 1, 2})
	w.rotateFails("binary", "SecretString")
}

func TestForeignTokenEndpointIsRefused(t *testing.T) {
	w := newWorld(t)
	w.rotator.Settings.AuthURL, w.rotator.Settings.APIURL = "", "" // as deployed: the region decides
	w.sm.Put(orders, valid("tokenEndpoint", `"https://evil.example/as/token"`))
	w.rotateFails("tokenEndpoint")
	if n := len(w.ping.Calls()); n != 0 {
		t.Errorf("calls to PingOne: got %d, want none", n)
	}
}
