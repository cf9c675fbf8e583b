package rotation

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// report writes the step's one log line. Secrets appear as fingerprints.
func (s *step) report(ctx context.Context, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("step", string(s.event.Step)),
		slog.String("secretId", s.event.SecretID),
		slog.String("version", s.event.ClientRequestToken),
		slog.Int64("durationMs", s.client.Time().Sub(s.begun).Milliseconds()),
		slog.Group("calls",
			slog.Int64("secretsManager", s.calls.secretsManager.Load()),
			slog.Int64("pingOne", s.calls.pingOne.Load())),
	}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("decision", s.decision)
	text("current", s.current.Fingerprint())
	text("pending", s.pending.Fingerprint())
	text("verified", s.verified)
	text("changed", strings.Join(s.changes, ", "))
	if !s.previousUntil.IsZero() {
		text("previousUntil", s.previousUntil.UTC().Format(time.RFC3339))
	}
	if s.warning != "" {
		level = slog.LevelWarn
		text("warning", s.warning)
	}
	if err != nil {
		level = slog.LevelError
		text("error", err.Error())
	}
	s.log().LogAttrs(ctx, level, "rotation step", attrs...)
	s.emit(map[Metric]float64{
		StepDuration:      float64(s.client.Time().Sub(s.begun).Milliseconds()),
		StepErrors:        count(err != nil),
		Rotations:         count(s.did.promoted != nil),
		CredentialRefused: count(pingone.IsRejected(err)),
		DriftFound:        count(s.drifted),
		ConsumersLag:      count(s.lagging),
	}, map[string]string{"secretId": s.event.SecretID, "of": string(s.event.Step)})
}

// note remembers a change to the application for the log line.
func (s *step) note(change string) { s.changes = append(s.changes, change) }

// counted counts the requests that go to Secrets Manager.
type counted struct {
	next secretsmanager.HTTPClient
	n    *atomic.Int64
}

func (c counted) Do(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.Do(r)
}
