package conformance

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionProbes are about clients that sign, and about introspection.
var assertionProbes = []pingOneProbe{
	{"B57", true, (*pingOneInquiry).secretSigns},
	{"B58", false, (*pingOneInquiry).privateKeySigns},
	{"B59", false, (*pingOneInquiry).claimsOfAnAssertion},
	{"B60", false, (*pingOneInquiry).assertionAlone},
	{"B61", false, (*pingOneInquiry).ownTokensAreShown},
	{"B62", false, (*pingOneInquiry).resourceIntrospects},
}

// newUUID returns an id that nothing has.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// claims returns the claims of a good assertion by the client.
func (q *pingOneInquiry) claims(c client) jwt.MapClaims {
	now := q.clock.now()
	return jwt.MapClaims{
		"iss": c.id, "sub": c.id, "aud": q.suite.Environment.TokenEndpoint(), "jti": newUUID(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

func hmacAssertion(secret string, claims jwt.MapClaims) string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		panic(err) // a key and claims of the right types
	}
	return signed
}

func (q *pingOneInquiry) assert(form url.Values, assertion string) {
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
}

// signed requests a token with an assertion.
func (q *pingOneInquiry) signed(c client, assertion string, more url.Values) reply {
	form := url.Values{}
	for name, values := range more {
		form[name] = values
	}
	q.assert(form, assertion)
	c.method = ""
	return q.token(c, "", form)
}

func (q *pingOneInquiry) secretSigns() {
	c := q.consumer(object{"tokenEndpointAuthMethod": jwtMethod})
	_, next := q.mint(c, time.Hour)
	if !q.eventually(func() bool { return q.accepted(next, next.secret) }) {
		q.differ("an assertion that is signed with the current secret is refused")
	}
	if q.accepted(c, c.secret) {
		q.differ("an assertion that is signed with the previous secret is accepted, which is better than believed")
	}
}

// clientKeys are two key pairs for a client that signs. Making them takes longer than using
// them.
var clientKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err) // the system has no randomness
		}
	}
	return keys
})

// keySet returns the public half of a key pair, as an application has it.
func keySet(key *rsa.PrivateKey) string {
	part := base64.RawURLEncoding.EncodeToString
	return string(encode(object{"keys": []object{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "conformance",
		"n": part(key.N.Bytes()), "e": part(big.NewInt(int64(key.E)).Bytes()),
	}}}))
}

func rsaAssertion(key *rsa.PrivateKey, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = "conformance"
	signed, err := token.SignedString(key)
	if err != nil {
		panic(err) // a key and claims of the right types
	}
	return signed
}

func rsaKey(key object) (*rsa.PublicKey, error) {
	nText, _ := key["n"].(string)
	eText, _ := key["e"].(string)
	n, errN := base64.RawURLEncoding.DecodeString(nText)
	e, errE := base64.RawURLEncoding.DecodeString(eText)
	if errN != nil || errE != nil || len(n) == 0 || len(e) == 0 || len(e) > 4 {
		return nil, errors.New("not an RSA key")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
}

func (q *pingOneInquiry) privateKeySigns() {
	key, other := clientKeys()[0], clientKeys()[1]
	c := q.application(object{"tokenEndpointAuthMethod": keyMethod, "jwks": keySet(key)})
	shared := q.suite.share(q)
	q.grant(c, shared.id, q.scopeID(shared.id, shared.scope))
	c.scope = shared.scope
	var r reply
	if !q.eventually(func() bool { r = q.signed(c, rsaAssertion(key, q.claims(c)), nil); return r.status == http.StatusOK }) {
		q.differ("an assertion that is signed with the client's key: got %s", r)
	}
	q.want("an assertion that is signed with another key", q.signed(c, rsaAssertion(other, q.claims(c)), nil), http.StatusUnauthorized, "invalid_client")
}

func (q *pingOneInquiry) claimsOfAnAssertion() {
	c := q.consumer(object{"tokenEndpointAuthMethod": jwtMethod})
	if q.blocked() {
		return
	}
	try := func(change func(jwt.MapClaims)) reply {
		claims := q.claims(c)
		change(claims)
		return q.signed(c, hmacAssertion(c.secret, claims), nil)
	}
	refused := func(what string, r reply) { q.want(what, r, http.StatusUnauthorized, "") }
	refused("another audience", try(func(m jwt.MapClaims) { m["aud"] = "https://example.com/" }))
	refused("another issuer", try(func(m jwt.MapClaims) { m["iss"] = newUUID() }))
	refused("an end in the past", try(func(m jwt.MapClaims) { m["exp"] = q.clock.now().Add(-10 * time.Minute).Unix() }))
	refused("an end in three hours", try(func(m jwt.MapClaims) { m["exp"] = q.clock.now().Add(3 * time.Hour).Unix() }))
	refused("a beginning in ten minutes", try(func(m jwt.MapClaims) {
		m["nbf"], m["exp"] = q.clock.now().Add(10*time.Minute).Unix(), q.clock.now().Add(15*time.Minute).Unix()
	}))
	q.want("the issuer as audience", try(func(m jwt.MapClaims) { m["aud"] = q.suite.Environment.Issuer() }), http.StatusOK, "")
	once := hmacAssertion(c.secret, q.claims(c))
	q.want("an assertion", q.signed(c, once, nil), http.StatusOK, "")
	refused("the same assertion again", q.signed(c, once, nil))
}

func (q *pingOneInquiry) assertionAlone() {
	c := q.consumer(object{"tokenEndpointAuthMethod": jwtMethod})
	if q.blocked() {
		return
	}
	good := func() string { return hmacAssertion(c.secret, q.claims(c)) }
	for what, more := range map[string]url.Values{
		"an assertion beside a secret":      {"client_id": {c.id}, "client_secret": {c.secret}},
		"an assertion about another client": {"client_id": {newUUID()}},
	} {
		q.want(what, q.signed(c, good(), more), http.StatusBadRequest, "")
	}
}

func (q *pingOneInquiry) introspected(c client, token string) reply {
	return q.asClient("/as/introspect", c, c.secret, url.Values{"token": {token}})
}

func (q *pingOneInquiry) ownTokensAreShown() {
	c, other := q.consumer(nil), q.consumer(nil)
	token := q.bearer(c)
	own, foreign := q.introspected(c, token), q.introspected(other, token)
	q.want("introspect", own, http.StatusOK, "")
	if own.status == http.StatusOK && own.at("active") != true {
		q.differ("an application's own token is not active")
	}
	q.want("introspect another's token", foreign, http.StatusOK, "")
	if foreign.at("active") == true {
		q.differ("another application's token is active")
	}
	wrong := c
	wrong.secret = randomSecret()
	q.want("introspect with a wrong secret", q.introspected(wrong, token), http.StatusUnauthorized, "")
}

func (q *pingOneInquiry) resourceIntrospects() {
	resource, scopeID, scope := q.custom(nil)
	c := q.application(nil)
	q.grant(c, resource, scopeID)
	c.scope = scope
	q.awaitToken(c)
	token := q.bearer(c)
	secret := q.must(http.MethodGet, "/resources/"+resource+"/secret", nil).text("secret")
	r := q.introspected(client{id: resource, secret: secret, method: basicMethod}, token)
	q.want("a resource introspects", r, http.StatusOK, "")
	if r.status == http.StatusOK && r.at("active") != true {
		q.differ("a token for the resource is not active for it")
	}
}
