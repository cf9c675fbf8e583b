package pingone

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionLife is how long an assertion is valid. PingOne allows an hour; this covers
// clocks that differ.
const assertionLife = 5 * time.Minute

// An authenticator puts a client's credential into a form, or returns it as an
// Authorization header. It is called again for each attempt, because PingOne may take
// an assertion only once.
type authenticator func(form url.Values) (header string, err error)

// authenticator returns the authenticator that presents the credential in exactly the
// form of its method.
func (cred Credential) authenticator(now func() time.Time) (authenticator, error) {
	switch cred.Method {
	case ClientSecretBasic:
		return func(url.Values) (string, error) {
			// Each half is form-encoded before they are joined. That changes nothing in
			// PingOne's own secrets, but imported ones may hold any character.
			pair := url.QueryEscape(cred.ClientID) + ":" + url.QueryEscape(cred.Secret.Reveal())
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
		}, nil
	case ClientSecretPost:
		return func(form url.Values) (string, error) {
			form.Set("client_id", cred.ClientID)
			form.Set("client_secret", cred.Secret.Reveal())
			return "", nil
		}, nil
	case ClientSecretJWT:
		return cred.asserting(jwt.SigningMethodHS256, []byte(cred.Secret.Reveal()), now), nil
	case PrivateKeyJWT:
		key, err := parsePrivateKey(cred.PrivateKey)
		if err != nil {
			return nil, err
		}
		return cred.asserting(jwt.SigningMethodRS256, key, now), nil
	}
	return nil, fmt.Errorf("the authentication method must be one of %v", AdminAuthMethods())
}

// Check reports why no request could present the credential: an unknown method, or an
// invalid private key. It asks no service whether the credential is right, and its error
// says nothing about the key.
func (cred Credential) Check() error {
	_, err := cred.authenticator(time.Now)
	return err
}

// asserting authenticates by a JWT that the client signs (RFC 7523, section 2.2).
func (cred Credential) asserting(method jwt.SigningMethod, key any, now func() time.Time) authenticator {
	return func(form url.Values) (string, error) {
		issued := now()
		token := jwt.NewWithClaims(method, jwt.MapClaims{
			"iss": cred.ClientID,
			"sub": cred.ClientID,
			"aud": cred.Environment.TokenEndpoint(),
			"iat": issued.Unix(),
			"exp": issued.Add(assertionLife).Unix(),
			"jti": rand.Text(),
		})
		if cred.KeyID != "" {
			token.Header["kid"] = cred.KeyID
		}
		signed, err := token.SignedString(key)
		if err != nil {
			return "", errors.New("sign the client's assertion")
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", signed)
		return "", nil
	}
}

// parsePrivateKey reads an RSA key in PEM, PKCS #8 or PKCS #1. Its error says nothing
// about the key.
func parsePrivateKey(text Secret) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, errors.New("the private key is not in PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		parsed, _ := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, _ = parsed.(*rsa.PrivateKey)
	}
	// RFC 7518, section 3.3, allows no shorter key.
	if key == nil || key.N.BitLen() < 2048 {
		return nil, errors.New("the private key must be an RSA key of at least 2048 bits, in PKCS #8 or PKCS #1")
	}
	return key, nil
}
