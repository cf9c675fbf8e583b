package pingone

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// expiryMargin is how long before its end a cached token counts as expired, so
	// that it does not end on its way to PingOne.
	expiryMargin = time.Minute

	// cacheSize is more admin applications than one function can plausibly have.
	cacheSize = 64
)

// A TokenCache keeps access tokens of admin applications. A token belongs to one
// token endpoint, client and secret or key, so that it is no longer found once
// the admin's credential has changed. The zero value is ready; it is safe for concurrent
// use.
type TokenCache struct {
	mu      sync.Mutex
	entries map[tokenKey]*tokenEntry
}

type tokenKey struct {
	endpoint, clientID string
	method             AuthMethod
	keyID              string
	secret, privateKey [sha256.Size]byte
}

// tokenEntry is one credential's place. The goroutine that has put an element into turn
// may use token; others wait, and then find the token that it fetched.
type tokenEntry struct {
	turn  chan struct{}
	token *Token
}

func (tc *TokenCache) entry(cred Credential) *tokenEntry {
	digest := func(s Secret) [sha256.Size]byte { return sha256.Sum256([]byte(s.Reveal())) }
	key := tokenKey{
		endpoint:   cred.Environment.TokenEndpoint(),
		clientID:   cred.ClientID,
		method:     cred.Method,
		keyID:      cred.KeyID,
		secret:     digest(cred.Secret),
		privateKey: digest(cred.PrivateKey),
	}
	tc.mu.Lock()
	defer tc.mu.Unlock()
	e := tc.entries[key]
	if e == nil {
		if tc.entries == nil || len(tc.entries) >= cacheSize {
			tc.entries = make(map[tokenKey]*tokenEntry)
		}
		e = &tokenEntry{turn: make(chan struct{}, 1)}
		tc.entries[key] = e
	}
	return e
}

// drop forgets a token that PingOne has refused.
func (tc *TokenCache) drop(cred Credential, refused Secret) {
	if tc == nil {
		return
	}
	e := tc.entry(cred)
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	if e.token != nil && e.token.AccessToken.Equal(refused) {
		e.token = nil
	}
}

// bearer returns an access token of the admin, and whether it came from the cache.
// Parallel calls share one request for a token.
func (c *Client) bearer(ctx context.Context) (token Secret, cached bool, err error) {
	var e *tokenEntry
	if c.Tokens != nil {
		e = c.Tokens.entry(c.Admin)
		select {
		case e.turn <- struct{}{}:
			defer func() { <-e.turn }()
		case <-ctx.Done():
			return Secret{}, false, context.Cause(ctx)
		}
		if t := e.token; t != nil && c.Time().Add(expiryMargin).Before(t.ExpiresAt) {
			return t.AccessToken, true, nil
		}
		e.token = nil
	}
	t, err := c.Token(ctx, c.Admin, "")
	if err != nil {
		return Secret{}, false, err
	}
	if e != nil {
		e.token = t
	}
	return t.AccessToken, false, nil
}
