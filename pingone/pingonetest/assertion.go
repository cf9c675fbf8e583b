package pingonetest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
)

// maxAssertion is how far ahead an assertion may expire.
const maxAssertion = time.Hour

// assertion is a JWT by which a client authenticates (RFC 7523), taken apart.
type assertion struct {
	unsigned  string // what is signed
	signature []byte
	keyID     string
	hash      crypto.Hash
	claims    struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  audience `json:"aud"`
		Expires   float64  `json:"exp"`
		NotBefore float64  `json:"nbf"`
		ID        string   `json:"jti"`
	}
}

// audience is one string or several (RFC 7519, section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

var assertionAlgorithms = map[string]struct {
	method string
	hash   crypto.Hash
}{
	"HS256": {methodSecretJWT, crypto.SHA256}, "HS384": {methodSecretJWT, crypto.SHA384}, "HS512": {methodSecretJWT, crypto.SHA512},
	"RS256": {methodPrivateKeyJWT, crypto.SHA256}, "RS384": {methodPrivateKeyJWT, crypto.SHA384}, "RS512": {methodPrivateKeyJWT, crypto.SHA512},
}

// readAssertion takes the client's id and method from its assertion. It returns why the
// assertion makes no sense, or "" if it does.
func (t *clientRequest) readAssertion(basic bool) string {
	const bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	switch {
	case basic || t.form.Has("client_secret"):
		return "a client assertion beside a client secret"
	case t.form.Get("client_assertion_type") != bearer:
		return "client_assertion_type is not " + bearer
	}
	parts := strings.Split(t.form.Get("client_assertion"), ".")
	if len(parts) != 3 {
		return "client_assertion is not a JWT"
	}
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	a := &assertion{unsigned: parts[0] + "." + parts[1]}
	var err error
	a.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || !decodePart(parts[1], &a.claims) {
		return "client_assertion is not a JWT"
	}
	if id := t.form.Get("client_id"); id != "" && id != a.claims.Subject {
		return "client_id is not the subject of client_assertion"
	}
	algorithm := assertionAlgorithms[header.Algorithm]
	a.keyID, a.hash = header.KeyID, algorithm.hash
	t.assertion, t.clientID, t.method = a, a.claims.Subject, algorithm.method
	return ""
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

func (a *assertion) signedBySecret(secret string) bool {
	mac := hmac.New(a.hash.New, []byte(secret))
	mac.Write([]byte(a.unsigned))
	return hmac.Equal(mac.Sum(nil), a.signature)
}

// signedByKeyOf reports whether an RSA key of the set verifies the signature. If the
// assertion names a key, only that one counts.
func (a *assertion) signedByKeyOf(jwks string) bool {
	var set struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	if json.Unmarshal([]byte(jwks), &set) != nil {
		return false
	}
	h := a.hash.New()
	h.Write([]byte(a.unsigned))
	digest := h.Sum(nil)
	for _, key := range set.Keys {
		n, errN := base64.RawURLEncoding.DecodeString(key.N)
		e, errE := base64.RawURLEncoding.DecodeString(key.E)
		if key.Kty != "RSA" || a.keyID != "" && key.Kid != a.keyID || errN != nil || errE != nil {
			continue
		}
		public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if rsa.VerifyPKCS1v15(public, a.hash, digest, a.signature) == nil {
			return true
		}
	}
	return false
}

// acceptable judges the claims of an assertion whose signature is good. An assertion with
// an id is accepted once.
func (s *Server) acceptable(t *clientRequest) bool {
	c, now := t.assertion.claims, s.Now()
	good := []string{t.issuer, t.issuer + "/token", t.endpoint}
	unix := float64(now.UnixMilli()) / 1000
	for id, expires := range s.assertions {
		if !now.Before(expires) {
			delete(s.assertions, id)
		}
	}
	id := t.clientID + " " + c.ID
	_, used := s.assertions[id]
	switch {
	case c.Issuer != t.clientID || c.Subject != t.clientID:
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(good, a) }):
	case c.Expires <= unix || c.Expires > unix+maxAssertion.Seconds():
	case c.NotBefore > unix:
	case c.ID != "" && used:
	default:
		if c.ID != "" {
			s.assertions[id] = time.Unix(int64(c.Expires)+1, 0)
		}
		return true
	}
	return false
}
