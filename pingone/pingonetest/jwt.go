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
	"sync"
	"time"

	"pingrotate/internal/fault"
)

// signingKey is shared by all servers of the process: making a key takes longer
// than most tests, and no test turns on whose key it is.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

const keyID = "pingonetest"

// issueToken makes an access token for a client that has passed all checks.
func (s *Server) issueToken(a *application, at authority, scope string) (any, *refusal) {
	now := s.now()
	expires := now.Add(a.TokenTTL)
	claims := make(map[string]any)
	maps.Copy(claims, a.Claims)
	maps.Copy(claims, map[string]any{
		"iss":       at.issuer,
		"client_id": a.ClientID,
		"iat":       now.Unix(),
		"exp":       expires.Unix(),
		"jti":       newUUID(),
	})
	platform := a.Audience == ""
	if platform {
		claims["aud"], claims["env"], claims["org"] = []string{at.api}, a.Environment, s.organization
	} else {
		claims["aud"], claims["scope"] = []string{a.Audience}, scope
	}
	token, err := sign(claims)
	if err != nil {
		s.t.Errorf("pingonetest: signing a token: %v", err)
		return nil, refuse(http.StatusInternalServerError, "UNEXPECTED_ERROR", msgUnexpected)
	}
	s.tokens[token] = accessToken{client: a, platform: platform, expires: expires, roles: slices.Clone(a.Roles)}
	s.issued = append(s.issued, token)
	return struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope,omitempty"`
	}{token, "Bearer", int64(a.TokenTTL / time.Second), scope}, nil
}

// sign returns the claims as a JWT (RFC 7519) signed with RS256.
func sign(claims map[string]any) (string, error) {
	key, err := signingKey()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	unsigned := encode([]byte(`{"alg":"RS256","kid":"`+keyID+`"}`)) + "." + encode(payload)
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
			"issuer":                                at.issuer,
			"token_endpoint":                        at.issuer + "/token",
			"jwks_uri":                              at.issuer + "/jwks",
			"grant_types_supported":                 []string{"client_credentials"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}, nil
	})
}

// publish serves a document of an environment that anybody may read.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, at authority, operation string, document func() (any, error)) {
	call := fault.Call{Operation: operation, Target: at.environment, Trace: s.transactionID(r)}
	s.Answer(w, r, call, s.words(forbidden()), func() fault.Reply {
		s.mu.Lock()
		defer s.mu.Unlock()
		for key := range s.apps {
			if key.environment == at.environment {
				body, err := document()
				if err != nil {
					s.t.Errorf("pingonetest: %s: %v", operation, err)
					return refuse(http.StatusInternalServerError, "UNEXPECTED_ERROR", msgUnexpected).reply()
				}
				return jsonReply(http.StatusOK, body)
			}
		}
		return notFound().reply()
	})
}
