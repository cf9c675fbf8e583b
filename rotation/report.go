package rotation

import (
	"context"
	"fmt"
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
		text("remedy", pingone.Remedy(err))
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

// unknownTokenLife is how long access tokens are taken to live when none was
// obtained: those for the PingOne API live an hour.
const unknownTokenLife = time.Hour

// tellWhatIsOpen says what a leak still allows.
func (h *hand) tellWhatIsOpen() {
	life := h.tokenLife
	if life == 0 {
		life = unknownTokenLife
	}
	if h.Revoked == nil {
		h.StillOpen = append(h.StillOpen, "the leaked secret may still obtain tokens; run the same command again, and what it has done so far stays done")
		return
	}
	if h.resource {
		h.StillOpen = append(h.StillOpen, "whoever had the leaked secret could introspect the tokens that this resource was sent until "+h.Revoked.At.Format(time.RFC3339)+", and knows what is in those")
	} else {
		h.tellOfTokens(life)
	}
	if h.resumed {
		h.StillOpen = append(h.StillOpen, "this completed an emergency that was begun earlier; AWSCURRENT is less than an hour old and was not rotated again. If that one has leaked too, run the command once more")
	}
	h.StillOpen = append(h.StillOpen, "consumers that cache the secret are refused until they read it again")
}

func (h *hand) tellOfTokens(life time.Duration) {
	h.TokensValidUntil = h.Revoked.At.Add(life)
	h.StillOpen = append(h.StillOpen, fmt.Sprintf("access tokens obtained with the leaked secret live until %s; PingOne cannot revoke them. "+
		"Resource servers can refuse tokens of this client that were issued (iat) before %s. For the PingOne API, take the application's roles away until then, or disable it, and see whether a token is refused: no page of PingOne's promises that",
		h.TokensValidUntil.Format(time.RFC3339), h.Revoked.At.Format(time.RFC3339)))
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
