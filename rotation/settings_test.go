package rotation_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pingrotate/rotation"
)

func lookup(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestSettingsAreReadFromTheEnvironment(t *testing.T) {
	const api, auth, domains = "PINGONE_API_URL", "PINGONE_AUTH_URL", "PINGONE_AUTH_DOMAINS"
	for _, tt := range []struct {
		name string
		env  map[string]string
		want rotation.Settings
	}{
		{"nothing is required", nil, rotation.Settings{}},
		{"admin", map[string]string{"PINGONE_ADMIN_SECRET_ID": "pingone/admin"}, rotation.Settings{AdminSecretID: "pingone/admin"}},
		{"grace", map[string]string{"ROTATION_GRACE": "36h30m"}, rotation.Settings{Grace: 36*time.Hour + 30*time.Minute}},
		{"audits", map[string]string{"AUDIT_EVERY_HOURS": "6"}, rotation.Settings{AuditEvery: 6 * time.Hour}},
		{"a domain", map[string]string{domains: "auth.example.com"}, rotation.Settings{AuthDomains: []string{"auth.example.com"}}},
		{"domains", map[string]string{domains: "a.example.com, b.example.com,"}, rotation.Settings{AuthDomains: []string{"a.example.com", "b.example.com"}}},
		{"URLs", map[string]string{api: "https://api.example.com/p1/", auth: "https://auth.example.com:8443"},
			rotation.Settings{APIURL: "https://api.example.com/p1", AuthURL: "https://auth.example.com:8443"}},
		{"loopback URLs", map[string]string{api: "http://127.0.0.1:8080/", auth: "http://localhost:8080"},
			rotation.Settings{APIURL: "http://127.0.0.1:8080", AuthURL: "http://localhost:8080"}},
		{"loopback, IPv6", map[string]string{api: "http://[::1]:8080", auth: "http://127.1.2.3"},
			rotation.Settings{APIURL: "http://[::1]:8080", AuthURL: "http://127.1.2.3"}},
		{"under sam local", map[string]string{api: "http://host.docker.internal:1", auth: "http://host.docker.internal:1", "AWS_SAM_LOCAL": "true"},
			rotation.Settings{APIURL: "http://host.docker.internal:1", AuthURL: "http://host.docker.internal:1", Emulated: true}},
		{"Secrets Manager's endpoint is the SDK's", map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1"}, rotation.Settings{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rotation.ParseSettings(lookup(tt.env))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// badSettings are settings that fail the start, one variable at a time.
var badSettings = []struct{ name, variable, value string }{
	{"grace in words", "ROTATION_GRACE", "a day"},
	{"grace without a unit", "ROTATION_GRACE", "24"},
	{"no grace at all", "ROTATION_GRACE", "0s"},
	{"negative grace", "ROTATION_GRACE", "-24h"},
	{"grace below PingOne's least", "ROTATION_GRACE", "1m"},
	{"grace above PingOne's most", "ROTATION_GRACE", "721h"},
	{"audits never", "AUDIT_EVERY_HOURS", "0"},
	{"audits by days", "AUDIT_EVERY_HOURS", "25"},
	{"audits in words", "AUDIT_EVERY_HOURS", "hourly"},
	{"domain with a scheme", "PINGONE_AUTH_DOMAINS", "https://auth.example.com"},
	{"domain with a port", "PINGONE_AUTH_DOMAINS", "auth.example.com:443"},
	{"domain with a path", "PINGONE_AUTH_DOMAINS", "auth.example.com/x"},
	{"domain in upper case", "PINGONE_AUTH_DOMAINS", "Auth.example.com"},
	{"one bad domain of two", "PINGONE_AUTH_DOMAINS", "auth.example.com,*"},
	{"no URL", "PINGONE_API_URL", "api.example.com"},
	{"no host", "PINGONE_API_URL", "https:///v1"},
	{"unreadable URL", "PINGONE_API_URL", "https://%zz"},
	{"URL with a password", "PINGONE_API_URL", "https://user:hunter2@api.example.com"},
	{"URL with a query", "PINGONE_AUTH_URL", "https://auth.example.com?x=1"},
	{"URL with a fragment", "PINGONE_AUTH_URL", "https://auth.example.com#x"},
	{"plain http", "PINGONE_AUTH_URL", "http://auth.example.com"},
	{"plain http to a private address", "PINGONE_API_URL", "http://10.0.0.1"},
	{"plain http to a name like loopback", "PINGONE_API_URL", "http://localhost.example.com"},
	{"another scheme", "PINGONE_API_URL", "ftp://127.0.0.1"},
	{"sam's host without sam", "PINGONE_AUTH_URL", "http://host.docker.internal:1"},
	{"plain http to Secrets Manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://vpce.example.com"},
}

func TestABadSettingIsAnErrorThatNamesTheVariable(t *testing.T) {
	for _, tt := range badSettings {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rotation.ParseSettings(lookup(map[string]string{tt.variable: tt.value}))
			if err == nil || !strings.Contains(err.Error(), "environment variable "+tt.variable+": must be") {
				t.Fatalf("got %v, want an error that names %s", err, tt.variable)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error %q quotes the value", err)
			}
		})
	}
}

func TestSamLocalAllowsNoOtherHost(t *testing.T) {
	for _, sam := range []string{"", "false", "1", "TRUE"} {
		if _, err := parse("http://host.docker.internal", sam); err == nil {
			t.Errorf("AWS_SAM_LOCAL=%q: got no error for host.docker.internal, want one", sam)
		}
	}
	if _, err := parse("http://api.example.com", "true"); err == nil {
		t.Error("got no error for another host under sam local, want one")
	}
}

func parse(url, sam string) (rotation.Settings, error) {
	return rotation.ParseSettings(lookup(map[string]string{"PINGONE_API_URL": url, "PINGONE_AUTH_URL": url, "AWS_SAM_LOCAL": sam}))
}

func TestOnePingOneURLWithoutTheOtherIsAnError(t *testing.T) {
	for _, name := range []string{"PINGONE_API_URL", "PINGONE_AUTH_URL"} {
		_, err := rotation.ParseSettings(lookup(map[string]string{name: "https://pingone.example.com"}))
		if err == nil || !strings.Contains(err.Error(), "PINGONE_API_URL and PINGONE_AUTH_URL") {
			t.Errorf("only %s: got %v, want an error that names both", name, err)
		}
	}
}

func TestARegionOfASettingIsUsedAndADocumentNamesNoHost(t *testing.T) {
	w := newWorld(t, withDocument(func(d map[string]any) { d["region"] = "IN" }))
	w.rotator.Settings.APIURL, w.rotator.Settings.AuthURL = "", "" // nothing may be asked of the network below
	c := w.do(rotation.Action{Action: "check", SecretID: orders}).(*rotation.Checkup)
	if f := point(c.Findings, "region"); f.State != rotation.Failure || !strings.Contains(f.Remedy, "PINGONE_REGIONS") {
		t.Errorf("a region that no setting names: got %+v", f)
	}
	set, err := rotation.ParseSettings(func(name string) string {
		return map[string]string{"PINGONE_REGIONS": "IN=pingone.in"}[name]
	})
	if err != nil || set.Regions["IN"] != "pingone.in" {
		t.Errorf("got %v, %v, want the region of the setting", set.Regions, err)
	}
	if _, err := rotation.ParseSettings(func(name string) string {
		return map[string]string{"PINGONE_REGIONS": "IN=evil.example"}[name]
	}); err == nil || !strings.Contains(err.Error(), "PINGONE_REGIONS") {
		t.Errorf("another's domain: got %v, want an error that names the variable", err)
	}
}
