// Package consumer obtains access tokens with a client secret that pingrotate
// rotates, and keeps working through rotations.
//
// A [Source] reads the secret from AWS Secrets Manager, requests a token from PingOne
// with client credentials, and keeps both. A program calls [Source.Token] before each
// request to the API that PingOne protects; a [Transport] does that for an
// http.Client. The source follows the rule for consumers in any language: on
// invalid_client, read the secret again and retry once.
//
//	source := &consumer.Source{
//		Secrets:  secretsmanager.NewFromConfig(cfg),
//		SecretID: "pingone/orders-api",
//	}
//	client := &http.Client{Transport: &consumer.Transport{Source: source}}
//
// # What happens when
//
//   - All is well: for a token that lives an hour, the source requests one about every 45
//     minutes, and reads the secret once before. It renews a token while the old one is
//     still valid, after 70 to 80 % of its life, so that no caller waits for a slow token
//     endpoint. It hands out a token until a minute before its end, or a tenth of its life
//     if that is less.
//   - The secret is rotated: the next request for a token uses the new one, because a
//     secret that is older than [Source.MaxAge] is read again first.
//   - PingOne refuses the secret, as after an emergency: the same call of Token reads it
//     again and repeats the request once. The caller does not notice.
//   - PingOne still refuses it, or the secret has not changed: Token fails and says so.
//     After 1 s, then 2 s, 4 s, and so on up to 1 minute, the next call tries again, with
//     one read and one request. Between these times calls fail at once and send nothing.
//     So a dead secret costs Secrets Manager and PingOne one call a minute each.
//   - The token endpoint is down or asks to slow down: the token is used until its end.
//     The secret is not the cause, so it is not read again. The next try comes after the
//     same waits, or when Retry-After says, but within a minute.
//   - Secrets Manager is down: the last secret that was read stays in use, however old.
//     Only a process that has never read it fails.
//   - Many callers share one read and one request. A caller whose context ends stops
//     waiting; the others get the result.
//
// One read takes at most 5 s, and everything that a call waits for at most 30 s. Only a
// call that finds no valid token, and a renewal under way that then fails, waits longer.
//
// # golang.org/x/oauth2
//
// Its TokenSource has a different token type and no context. Three lines convert one to
// the other:
//
//	func (o adapter) Token() (*oauth2.Token, error) {
//		t, err := o.source.Token(context.Background())
//		return &oauth2.Token{AccessToken: t.AccessToken.Reveal(), Expiry: t.ExpiresAt}, err
//	}
//
// Do not wrap it in oauth2.ReuseTokenSource, which would keep a token that you passed to
// [Source.Invalidate].
package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SecretsManager is the part of Secrets Manager that a [Source] calls. The program's role
// needs secretsmanager:GetSecretValue on the secret and, if it has a customer managed key,
// kms:Decrypt.
type SecretsManager interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

const (
	// DefaultMaxAge is the age from which a secret is read again before it is used. AWS's
	// agent and Lambda extension keep a secret as long. With tokens of an hour this means
	// one read for each token, fewer than 1,000 a month.
	DefaultMaxAge = 5 * time.Minute

	readTimeout   = 5 * time.Second  // of one read of the secret, the SDK's repeats included
	flightTimeout = 30 * time.Second // of all that leads to a token

	firstWait, longestWait = time.Second, time.Minute // after failures

	// youngest is the age from which a token that a server refuses is replaced. So
	// a server that refuses every token, perhaps because it expects another audience,
	// costs PingOne no more than two requests a minute.
	youngest = 30 * time.Second
)

// A Source obtains access tokens with a stored secret. Secrets and SecretID are
// required. It is safe for concurrent use, must not be copied, and need not be closed: it
// does nothing unless it is called.
type Source struct {
	// Secrets reads the secret. A *secretsmanager.Client is one.
	Secrets SecretsManager

	// SecretID is the name or ARN of the secret. Its version labelled AWSCURRENT must be
	// a document as pingrotate stores it.
	SecretID string

	// Scope lists the scopes to request, separated by spaces. Empty requests all that are
	// granted.
	Scope string

	// MaxAge is the age from which the secret is read again before it is used, even if
	// nothing has failed, so that this program stops using a replaced secret long before
	// its grace ends. Zero means DefaultMaxAge.
	MaxAge time.Duration

	// AuthDomains lists the custom domains that the document may name as authDomain. The
	// secret is sent there, and the writer of the document must not choose where.
	AuthDomains []string

	// Regions are PingOne regions that are newer than this release, with the domain of
	// their hosts. See pingone.ParseRegions.
	Regions pingone.Regions

	// AuthURL replaces the region's auth host and a custom domain, for tests.
	// It must be https, or http to a loopback host.
	AuthURL string

	// HTTP sends the requests for tokens. Nil means the default client of package pingone.
	// Redirects are never followed, whatever the client is set to.
	HTTP *http.Client

	// Log gets a line when the secret changes (Info), when PingOne refuses a secret or
	// a failure does not reach callers (Warn), and for each read and token (Debug).
	// It shows secrets as fingerprints. Nil means slog.Default().
	Log *slog.Logger

	token atomic.Pointer[issued]

	mu       sync.Mutex // guards what follows
	flight   *flight
	failures int // in a row
	retryAt  time.Time
	failure  error // the last one

	stored *stored // only the flight in progress uses it

	now func() time.Time // nil means time.Now; tests set the clock
}

// issued is a token with the times, by the wall clock, at which it is renewed and expires.
// The monotonic clock stands still while a laptop sleeps or a Lambda function is frozen;
// a token's life does not.
type issued struct {
	pingone.Token
	since, until int64        // nanoseconds of the Unix epoch
	renewAt      atomic.Int64 // the first call after it begins a flight
}

const never = 1<<63 - 1

func newIssued(t pingone.Token, now time.Time, jitter float64) *issued {
	life := max(0, t.ExpiresAt.Sub(now))
	i := &issued{
		Token: t,
		since: now.UnixNano(),
		until: t.ExpiresAt.Add(-min(time.Minute, life/10)).UnixNano(),
	}
	// Processes that started together spread their requests.
	ahead := life/5 + time.Duration(jitter*float64(life/10))
	i.renewAt.Store(t.ExpiresAt.Add(-ahead).UnixNano())
	return i
}

// A flight is one attempt to obtain a token, on behalf of every caller.
type flight struct {
	ahead bool          // a renewal, begun while the last token was good
	done  chan struct{} // closed when what follows is set
	token pingone.Token
	err   error
}

// Token returns an access token that stays valid for some time: usually the one that the
// source already has, without waiting or allocating. The error concerns the secret,
// PingOne or Secrets Manager and says what to do, or says why the context ended.
// [pingone.IsRejected] reports whether PingOne refused the secret.
func (s *Source) Token(ctx context.Context) (pingone.Token, error) {
	now := s.time().UnixNano()
	t := s.token.Load()
	if t == nil || now >= t.until {
		return s.wait(ctx)
	}
	if at := t.renewAt.Load(); now >= at && t.renewAt.CompareAndSwap(at, never) {
		s.renew(ctx)
	}
	return t.Token, nil
}

// Invalidate drops a token that a server has refused, usually with 401: it may have been
// revoked, or be older than a role or a grant of the application. The next call of Token
// then obtains another. Invalidate ignores a token that has already been replaced, and
// one that is less than 30 s old, because a new one would fare no better.
func (s *Source) Invalidate(refused pingone.Token) {
	t := s.token.Load()
	if t == nil || !t.AccessToken.Equal(refused.AccessToken) {
		return
	}
	// A negative age means that the clock was set, and says nothing.
	if age := s.time().UnixNano() - t.since; age >= 0 && age < int64(youngest) {
		return
	}
	if s.token.CompareAndSwap(t, nil) {
		s.log().Info("access token dropped", "secretId", s.SecretID)
	}
}

// wait returns the token that the flight in progress obtains. It begins one if there is
// none.
func (s *Source) wait(ctx context.Context) (pingone.Token, error) {
	for {
		if ctx.Err() != nil {
			return pingone.Token{}, fmt.Errorf("obtain a token: %w", context.Cause(ctx))
		}
		f, err := s.join(ctx)
		if err != nil {
			return pingone.Token{}, err
		}
		select {
		case <-f.done:
			// A failed renewal may be old: a Lambda function is frozen between its
			// invocations, and the renewal with it. A later caller needs a new one.
			if f.err == nil || !f.ahead {
				return f.token, f.err
			}
		case <-ctx.Done():
			return pingone.Token{}, fmt.Errorf("obtain a token: gave up waiting: %w", context.Cause(ctx))
		}
	}
}

// join returns the flight in progress, one that has just landed, or a new one.
func (s *Source) join(ctx context.Context) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight, nil
	}
	now := s.time()
	if t := s.token.Load(); t != nil && now.UnixNano() < t.until {
		return &flight{done: landed, token: t.Token}, nil
	}
	if now.Before(s.retryAt) {
		return nil, fmt.Errorf("%w (not tried again yet; the next call after %s tries again)", s.failure, s.retryAt.UTC().Format(time.RFC3339))
	}
	return s.begin(ctx, false), nil
}

// landed is closed.
var landed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// renew begins a flight that no caller waits for.
func (s *Source) renew(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil {
		s.begin(ctx, true)
	}
}

// begin begins a flight; the caller holds the lock. The flight has the values of the
// context, such as a trace, and its own deadline.
func (s *Source) begin(ctx context.Context, ahead bool) *flight {
	f := &flight{ahead: ahead, done: make(chan struct{})}
	s.flight = f
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), flightTimeout,
		fmt.Errorf("no token within %v: %w", flightTimeout, context.DeadlineExceeded))
	go func() {
		defer cancel()
		token, err := s.obtain(ctx)
		s.land(ctx, f, token, err)
	}()
	return f
}

// land ends a flight.
func (s *Source) land(ctx context.Context, f *flight, token *pingone.Token, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	s.flight = nil
	now := s.time()
	if err == nil {
		f.token = *token
		f.token.ExpiresAt = token.ExpiresAt.Round(0) // by the wall clock, as in issued
		s.token.Store(newIssued(f.token, now, rand.Float64()))
		s.failures, s.retryAt, s.failure = 0, time.Time{}, nil
		return
	}
	asked, _ := pingone.RateLimit(err)
	next := now.Add(min(longestWait, max(asked, firstWait<<min(s.failures, 6))))
	s.failures++
	f.err = err
	if !f.ahead {
		s.retryAt, s.failure = next, err
		return
	}
	if t := s.token.Load(); t != nil {
		t.renewAt.Store(next.UnixNano())
	}
	s.log().LogAttrs(ctx, slog.LevelWarn, "access token not renewed",
		slog.String("secretId", s.SecretID), slog.Time("again", next), slog.String("error", err.Error()))
}

// time returns the time. Most uses compare the wall clock, which may be set.
func (s *Source) time() time.Time {
	if s.now != nil {
		return s.now()
	}
	return time.Now()
}

func (s *Source) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}
