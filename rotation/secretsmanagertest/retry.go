package secretsmanagertest

import (
	"context"
	"time"
)

// RetryAfter makes the service repeat a failed rotation this long after the failure, until
// the rotation is complete, abandoned or cancelled, or its secret is deleted. It applies to
// rotations that start over the wire from now on. With 0, the default, the caller plays
// retries with [Server.Attempt].
func (s *Server) RetryAfter(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAfter = d
}

// runAndRetry is run with the retries of RetryAfter. It is for rotations started over
// the wire, and ends when the server is closed.
func (s *Server) runAndRetry(ctx context.Context, sec *secret, r *rotation) error {
	for {
		err := s.run(ctx, sec, r)
		s.mu.Lock()
		pause := s.retryAfter
		s.mu.Unlock()
		if err == nil || pause == 0 {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		if !s.unfinished(sec, r) {
			return err
		}
	}
}

// unfinished reports whether the rotation is still the secret's, and the secret still
// exists.
func (s *Server) unfinished(sec *secret, r *rotation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sec.rotation == r && sec.deletion.IsZero()
}
