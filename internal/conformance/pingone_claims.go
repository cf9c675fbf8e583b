package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// claimsOf returns the header and the claims of an access token.
func (q *pingOneInquiry) claimsOf(token string) (header, claims object) {
	parts := strings.Split(token, ".")
	if q.blocked() {
		return nil, nil
	}
	decode := func(part string) (o object) {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || json.Unmarshal(text, &o) != nil {
			q.block("an access token is no JWT")
		}
		return o
	}
	if len(parts) != 3 {
		q.block("an access token is no JWT")
		return nil, nil
	}
	return decode(parts[0]), decode(parts[1])
}

// names returns the strings of a claim that has one or several.
func names(claim any) []string {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		var all []string
		for _, one := range claim {
			if s, ok := one.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

func (q *pingOneInquiry) tokenForTheAPI() {
	c := q.worker(applicationDeveloper)
	r := q.token(c, c.secret, nil)
	_, claims := q.claimsOf(r.text("access_token"))
	if q.blocked() {
		return
	}
	if life, _ := r.at("expires_in").(float64); life != 3600 {
		q.differ("it lives for %v s, want 3600", life)
	}
	if !slices.Contains(names(claims["aud"]), q.suite.Environment.API) {
		q.differ("aud is %q, want %s", names(claims["aud"]), q.suite.Environment.API)
	}
	for _, name := range []string{"env", "org"} {
		if claims[name] == nil {
			q.differ("it has no %s", name)
		}
	}
	if claims["scope"] != nil {
		q.differ("it has a scope")
	}
}

func (q *pingOneInquiry) tokenForAResource() {
	c := q.application(nil)
	resource, scopeID, scope := q.custom(object{"audience": "urn:" + q.name()})
	q.must(http.MethodPost, "/resources/"+resource+"/attributes", object{"name": "colour", "value": "blue"})
	audience := q.must(http.MethodGet, "/resources/"+resource, nil).text("audience")
	q.grant(c, resource, scopeID)
	c.scope = scope
	q.awaitToken(c)
	_, claims := q.claimsOf(q.bearer(c))
	if q.blocked() {
		return
	}
	if !slices.Equal(names(claims["aud"]), []string{audience}) {
		q.differ("aud does not name the resource alone")
	}
	for name, want := range map[string]string{"scope": scope, "env": q.suite.Environment.ID, "p1.rid": resource, "colour": "blue"} {
		if claims[name] != want {
			q.differ("%s is not as expected", name)
		}
	}
	if claims["org"] == nil {
		q.differ("it has no org")
	}
}

func (q *pingOneInquiry) typeOfAToken() {
	header, _ := q.claimsOf(q.bearer(q.consumer(nil)))
	switch typ, _ := header["typ"].(string); {
	case q.blocked():
	case typ == "":
		q.note("no typ")
	case typ == "at+jwt":
		q.note("typ is at+jwt")
	default:
		q.differ("typ is %q", masked(typ))
	}
}

func (q *pingOneInquiry) signatureVerifies() {
	c := q.consumer(nil)
	token := q.bearer(c)
	discovery := q.send(request{method: http.MethodGet, url: q.suite.Environment.Auth + "/as/.well-known/openid-configuration"})
	q.want("the discovery document", discovery, http.StatusOK, "")
	keysURL, err := url.Parse(discovery.text("jwks_uri"))
	auth, _ := url.Parse(q.suite.Environment.Auth)
	if q.blocked() {
		return
	}
	if err != nil || auth == nil || keysURL.Host != auth.Host {
		q.differ("the discovery document names no key set of this host")
		return
	}
	keys, _ := q.send(request{method: http.MethodGet, url: keysURL.String()}).at("keys").([]any)
	_, err = jwt.Parse(token, func(t *jwt.Token) (any, error) {
		for _, one := range keys {
			if key, _ := one.(object); key["kid"] == t.Header["kid"] {
				return rsaKey(key)
			}
		}
		return nil, fmt.Errorf("no such key")
	}, jwt.WithoutClaimsValidation(), jwt.WithValidMethods([]string{"RS256", "RS384", "RS512"}))
	if err != nil {
		q.differ("no key of the set verifies the token's signature")
	}
}
