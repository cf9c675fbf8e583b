package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// stored is the secret as it was last read, all from one version, because a rotation of
// two applications changes the client id and the secret together.
type stored struct {
	credential pingone.Credential
	version    string
	readAt     time.Time // by the wall clock
	refused    bool
}

// same reports whether PingOne would treat both alike.
func (s *stored) same(other *stored) bool {
	a, b := s.credential, other.credential
	return a.Environment == b.Environment && a.ClientID == b.ClientID && a.Method == b.Method && a.Secret.Equal(b.Secret)
}

// obtain is a flight's work: at most two reads of the secret and two requests for a
// token. It is never run twice at the same time.
func (s *Source) obtain(ctx context.Context) (*pingone.Token, error) {
	if s.Secrets == nil || s.SecretID == "" {
		return nil, errors.New("obtain a token: the Source has no Secrets or no SecretID; set both")
	}
	// Whether the secret was refused in an earlier flight. That flight read it again,
	// and so does this one before it asks PingOne once more.
	refused := s.stored != nil && s.stored.refused
	var readErr error
	if s.stored == nil || refused || s.tooOld() {
		readErr = s.read(ctx)
		switch {
		case readErr != nil && s.stored == nil:
			return nil, fmt.Errorf("obtain a token: %w", readErr)
		case readErr != nil:
			s.log().LogAttrs(ctx, slog.LevelWarn, "secret not read: continuing with the last one", s.attrs(slog.String("error", readErr.Error()))...)
		}
	}
	token, err := s.request(ctx)
	if err == nil || !isRefused(err) {
		return token, err
	}
	if refused {
		return nil, s.refusal(err, readErr)
	}
	before := s.stored
	readErr = s.read(ctx)
	if readErr == nil && !s.stored.same(before) {
		if token, err = s.request(ctx); err == nil || !isRefused(err) {
			return token, err
		}
	}
	s.stored.refused = true
	return nil, s.refusal(err, readErr)
}

// isRefused reports whether another version of the secret may help. That includes a
// refused authentication method, because a rotation stores the method too.
func isRefused(err error) bool { return pingone.IsRejected(err) || pingone.IsWrongMethod(err) }

// request asks PingOne once. Package pingone repeats requests whose failure may pass.
func (s *Source) request(ctx context.Context) (*pingone.Token, error) {
	client := pingone.Client{HTTP: s.HTTP, Now: s.now}
	token, err := client.Token(ctx, s.stored.credential, s.Scope)
	switch {
	case err == nil:
		s.log().LogAttrs(ctx, slog.LevelDebug, "access token obtained", s.attrs(slog.Time("expires", token.ExpiresAt))...)
		return token, nil
	case isRefused(err):
		s.stored.refused = true
		s.log().LogAttrs(ctx, slog.LevelWarn, "secret refused", s.attrs(slog.String("error", err.Error()))...)
		return nil, err
	}
	return nil, fmt.Errorf("obtain a token with %s: %w", s.SecretID, err)
}

// refusal is the error for a secret that is refused even after it was read again.
func (s *Source) refusal(err, readErr error) error {
	who := fmt.Sprintf("AWSCURRENT of %s (version %s, secret %s)", s.SecretID, s.stored.version, s.stored.credential.Secret.Fingerprint())
	if readErr != nil {
		return fmt.Errorf("obtain a token: %w; it was for %s, which cannot be read again: %w", err, who, readErr)
	}
	return fmt.Errorf("obtain a token: %w; it was for %s, which is what Secrets Manager holds now. "+
		"While a leaked secret is being replaced this passes, and a later call tries again; if it stays so, rotate the secret, which repairs it", err, who)
}

// read reads the stored secret. An error leaves the last one in place.
func (s *Source) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout,
		fmt.Errorf("no reply within %v: %w", readTimeout, context.DeadlineExceeded))
	defer cancel()
	out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     &s.SecretID,
		VersionStage: aws.String("AWSCURRENT"),
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("read the secret %s: %w", s.SecretID, err)
	}
	if out.SecretString == nil {
		return fmt.Errorf("read the secret %s: it is stored as binary, not as text", s.SecretID)
	}
	credential, err := s.decode(*out.SecretString)
	if err != nil {
		return fmt.Errorf("read the secret %s, version %s: %w", s.SecretID, aws.ToString(out.VersionId), err)
	}
	next := &stored{credential: credential, version: aws.ToString(out.VersionId), readAt: s.time().Round(0)}
	level, message := slog.LevelInfo, "secret read: it has changed"
	switch {
	case s.stored == nil:
		message = "secret read"
	case s.stored.same(next):
		level, message = slog.LevelDebug, "secret read: unchanged"
	}
	s.stored = next
	s.log().LogAttrs(ctx, level, message, s.attrs()...)
	return nil
}

// tooOld reports whether the secret must be read again before it is used. That includes
// one that was read in the future, because the clock was set back.
func (s *Source) tooOld() bool {
	limit := DefaultMaxAge
	if s.MaxAge > 0 {
		limit = s.MaxAge
	}
	age := s.time().Round(0).Sub(s.stored.readAt)
	return age < 0 || age >= limit
}

// attrs says in a log which secret a line is about.
func (s *Source) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("secretId", s.SecretID),
		slog.String("version", s.stored.version),
		slog.String("clientId", s.stored.credential.ClientID),
		slog.String("secret", s.stored.credential.Secret.Fingerprint()),
	}, more...)
}
