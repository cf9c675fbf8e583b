package pingonetest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/fault"
)

// signingKey is shared by all servers of the process: making a key takes longer than most
// tests, and no test depends on whose key it is.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 1024)
})

const keyID = "pingonetest"

// ticket is what a token is to be, after all checks.
type ticket struct {
	authority
	client *application
	custom *entitlement // the resource it is for, nil for the PingOne API
	scopes []string
	user   *user  // who signed on, nil if the client acts for itself
	nonce  string // of the authorization request
}

// issueToken returns the reply with a new access token.
func (s *Server) issueToken(t ticket) (any, *refusal) {
	now := s.Now()
	life, scope := t.client.TokenTTL, strings.Join(t.scopes, " ")
	claims := make(map[string]any)
	if t.custom != nil {
		maps.Copy(claims, t.custom.claims)
		life = t.custom.life
		claims["aud"], claims["p1.rid"] = []string{t.custom.audience}, t.custom.resourceID
	} else {
		claims["aud"] = []string{t.api}
	}
	if t.custom == nil || !s.assumed.NoEnvironmentClaim {
		claims["env"], claims["org"] = t.environment, s.organization
	}
	if scope != "" {
		claims["scope"] = scope
	}
	if t.user != nil {
		claims["sub"] = t.user.id
	}
	maps.Copy(claims, map[string]any{
		"iss":       t.issuer,
		"client_id": t.client.ClientID,
		"iat":       now.Unix(),
		"exp":       now.Add(life).Unix(),
		"jti":       newUUID(),
	})
	var body struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope,omitempty"`
		IDToken     string `json:"id_token,omitempty"`
	}
	body.TokenType, body.ExpiresIn, body.Scope = "Bearer", int64(life/time.Second), scope
	var err error
	if body.AccessToken, err = sign(claims, s.assumed.TypedTokens); err == nil && t.user != nil && slices.Contains(t.scopes, "openid") {
		body.IDToken, err = sign(t.identity(now), false)
	}
	if err != nil {
		s.t.Errorf("pingonetest: signing a token: %v", err)
		return nil, refuse(http.StatusInternalServerError, "UNEXPECTED_ERROR", msgUnexpected)
	}
	kept := accessToken{
		client: t.client, user: t.user, platform: t.custom == nil, scopes: t.scopes, claims: claims, expires: now.Add(life),
	}
	if t.user == nil {
		kept.roles = slices.Clone(t.client.Roles)
	}
	if t.custom != nil {
		kept.resource = t.custom.resource
	}
	s.tokens[body.AccessToken] = kept
	s.issued = append(s.issued, body.AccessToken)
	if body.IDToken != "" {
		s.issued = append(s.issued, body.IDToken)
	}
	return body, nil
}

// identity returns what the ID token says about the user (OpenID Connect Core, section 2).
func (t ticket) identity(now time.Time) map[string]any {
	claims := map[string]any{
		"iss": t.issuer, "aud": t.client.ClientID, "sub": t.user.id, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if t.nonce != "" {
		claims["nonce"] = t.nonce
	}
	if slices.Contains(t.scopes, "profile") {
		claims["preferred_username"] = t.user.username
	}
	if slices.Contains(t.scopes, "email") {
		claims["email"] = t.user.attributes["email"]
	}
	t.client.mapClaims(claims, t.user, t.scopes, func(m *attributeMapping) bool { return m.idToken })
	return claims
}

// sign returns the claims as a JWT (RFC 7519) signed with RS256. If typed, its header has
// the type of an access token (RFC 9068, section 2.1).
func sign(claims map[string]any, typed bool) (string, error) {
	key, err := signingKey()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	header := map[string]string{"alg": "RS256", "kid": keyID}
	if typed {
		header["typ"] = "at+jwt"
	}
	first, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	unsigned := encode(first) + "." + encode(payload)
	digest := sha256.Sum256([]byte(unsigned))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return unsigned + "." + encode(signature), nil
}

func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request, at authority) {
	s.publish(w, r, at, OpJWKS, func() (any, error) {
		key, err := signingKey()
		if err != nil {
			return nil, err
		}
		return map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}}, nil
	})
}

func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request, at authority) {
	s.publish(w, r, at, OpDiscovery, func() (any, error) {
		return map[string]any{
			"issuer":                                           at.issuer,
			"authorization_endpoint":                           at.issuer + "/authorize",
			"token_endpoint":                                   at.issuer + "/token",
			"userinfo_endpoint":                                at.issuer + "/userinfo",
			"introspection_endpoint":                           at.issuer + "/introspect",
			"jwks_uri":                                         at.issuer + "/jwks",
			"grant_types_supported":                            []string{"authorization_code", "client_credentials"},
			"response_types_supported":                         []string{"code"},
			"code_challenge_methods_supported":                 []string{"plain", "S256"},
			"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"},
			"token_endpoint_auth_signing_alg_values_supported": slices.Sorted(maps.Keys(assertionAlgorithms)),
		}, nil
	})
}

// publish serves a document of an environment that anyone may read.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, at authority, operation string, document func() (any, error)) {
	call := fault.Call{Operation: operation, Target: at.environment, Trace: s.transactionID(r)}
	s.Answer(w, r, call, s.words(forbidden()), func() fault.Reply {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.environments[at.environment] == nil {
			return notFound().reply()
		}
		body, err := document()
		if err != nil {
			s.t.Errorf("pingonetest: %s: %v", operation, err)
			return refuse(http.StatusInternalServerError, "UNEXPECTED_ERROR", msgUnexpected).reply()
		}
		return jsonReply(http.StatusOK, body)
	})
}
