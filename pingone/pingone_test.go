package pingone_test

import (
	"slices"
	"strings"
	"testing"

	"pingrotate/pingone"
)

const someUUID = "11111111-1111-4111-8111-111111111111"

var someTarget = application(someUUID, someUUID)

func application(env, id string) pingone.Target { return pingone.Target{EnvironmentID: env, ID: id} }

func TestEachRegionHasItsOwnHosts(t *testing.T) {
	for _, tt := range []struct{ code, domain string }{
		{"NA", "pingone.com"}, {"CA", "pingone.ca"}, {"EU", "pingone.eu"},
		{"AU", "pingone.com.au"}, {"SG", "pingone.sg"}, {"AP", "pingone.asia"},
	} {
		r, err := pingone.ParseRegion(tt.code)
		if err != nil {
			t.Fatalf("%s: %v", tt.code, err)
		}
		env := r.Environment(someUUID)
		check(t, tt.code+" id", env.ID, someUUID)
		check(t, tt.code+" API", env.API, "https://api."+tt.domain)
		check(t, tt.code+" token endpoint", env.TokenEndpoint(), "https://auth."+tt.domain+"/"+someUUID+"/as/token")
		check(t, tt.code+" issuer", env.Issuer(), "https://auth."+tt.domain+"/"+someUUID+"/as")
		check(t, tt.code+" auth host", pingone.IsAuthHost("auth."+tt.domain), true)
	}
}

func TestNoRegionIsAssumed(t *testing.T) {
	for _, code := range []string{"", "na", "US", "NA ", "pingone.com"} {
		_, err := pingone.ParseRegion(code)
		if err == nil || !strings.Contains(err.Error(), "NA, CA, EU, AU, SG, AP") {
			t.Errorf("%q: got %v, want an error that lists the regions", code, err)
		}
	}
}

func TestOnlyPingOneHostsAreAuthHosts(t *testing.T) {
	for _, host := range []string{"", "auth.", "pingone.com", "api.pingone.com", "auth.pingone.com.evil.example", "AUTH.pingone.com", "auth.pingone.com:443"} {
		check(t, host, pingone.IsAuthHost(host), false)
	}
}

func TestUUIDForm(t *testing.T) {
	for _, tt := range []struct {
		id   string
		want bool
	}{
		{someUUID, true},
		{strings.ToUpper("a" + someUUID[1:]), false},
		{someUUID + "/secret", false},
		{"x" + someUUID, false},
		{someUUID[:35] + "/", false},
		{"", false},
	} {
		check(t, tt.id, pingone.IsUUID(tt.id), tt.want)
	}
}

func TestSupportedAuthMethods(t *testing.T) {
	for _, tt := range []struct {
		method pingone.AuthMethod
		want   bool
	}{
		{"CLIENT_SECRET_BASIC", true}, {"CLIENT_SECRET_POST", true}, {"CLIENT_SECRET_JWT", true},
		{"PRIVATE_KEY_JWT", false}, {"NONE", false}, {"", false}, {"client_secret_basic", false},
	} {
		check(t, string(tt.method), tt.method.Supported(), tt.want)
	}
	check(t, "an admin may have a key instead", slices.Contains(pingone.AdminAuthMethods(), pingone.PrivateKeyJWT), true)
	check(t, "and all that uses a secret", len(pingone.AdminAuthMethods()), len(pingone.AuthMethods())+1)
}
