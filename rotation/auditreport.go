package rotation

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"pingrotate/internal/register"
)

// An AuditReport says what an audit found, and what it did about it.
type AuditReport struct {
	Action     string    `json:"action"`
	At         time.Time `json:"at"`
	Error      string    `json:"error,omitempty"`
	Secrets    []Health  `json:"secrets"`
	NotReached int       `json:"notReached"`     // secrets that the audit had no time for
	Next       string    `json:"next,omitempty"` // pass it as After to examine those
	Calls      Calls     `json:"calls"`
}

// Health is the state of one secret.
type Health struct {
	SecretID         string            `json:"secretId"`
	Name             string            `json:"name"`
	State            State             `json:"state"`
	Findings         []Finding         `json:"findings,omitempty"` // what is not OK
	Done             []string          `json:"done,omitempty"`     // what the audit completed
	Kind             string            `json:"kind,omitempty"`     // "application" or "resource"
	EnvironmentID    string            `json:"environmentId,omitempty"`
	ApplicationID    string            `json:"applicationId,omitempty"`
	Strategy         string            `json:"strategy,omitempty"`
	Current          string            `json:"current,omitempty"` // fingerprint
	CurrentSince     time.Time         `json:"currentSince,omitzero"`
	NextRotation     time.Time         `json:"nextRotation,omitzero"`
	RotationOff      bool              `json:"rotationOff,omitempty"` // Secrets Manager does not rotate it
	Labels           map[string]string `json:"labels,omitempty"`      // to version ids
	PreviousUntil    time.Time         `json:"previousUntil,omitzero"`
	PreviousLastUsed time.Time         `json:"previousLastUsed,omitzero"`

	client  register.Key // the client whose item the run has read
	nearEnd bool         // the previous secret may end before the next audit could warn again
}

func (r *Rotator) logHealth(ctx context.Context, h *Health) {
	attrs := []slog.Attr{
		slog.String("name", h.Name),
		slog.String("state", string(h.State)),
		slog.String("applicationId", h.ApplicationID),
		slog.String("strategy", h.Strategy),
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"currentSince", h.CurrentSince}, {"nextRotation", h.NextRotation}, {"previousUntil", h.PreviousUntil}, {"previousLastUsed", h.PreviousLastUsed}} {
		if !t.at.IsZero() {
			attrs = append(attrs, slog.String(t.name, t.at.UTC().Format(time.RFC3339)))
		}
	}
	var texts []string
	for _, f := range h.Findings {
		texts = append(texts, f.Point+": "+f.Detail)
	}
	level := slog.LevelInfo
	if len(texts) > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("findings", strings.Join(texts, "; ")))
	}
	if len(h.Done) > 0 {
		attrs = append(attrs, slog.String("done", strings.Join(h.Done, "; ")))
	}
	r.log().LogAttrs(ctx, level, "secret health", attrs...)
}

func (r *Rotator) emitAudit(rep *AuditReport) {
	r.emit(rep.values(), map[string]string{"of": ActionAudit})
}

// values returns the metrics of an audit.
func (rep *AuditReport) values() map[Metric]float64 {
	values := map[Metric]float64{
		SecretsAudited: float64(len(rep.Secrets)), SecretsNotReached: float64(rep.NotReached),
		SecretsFailing: 0, PreviousInUse: 0, PreviousInUseNearEnd: 0, SecretsOverdue: 0, RotationsStuck: 0, EmergenciesOpen: 0, OldestSecretHours: 0,
	}
	for _, h := range rep.Secrets {
		points := map[string]State{}
		for _, f := range h.Findings {
			points[f.Point] = cmp.Or(points[f.Point], f.State)
		}
		if points[pointUnreadable] != "" || points[pointCurrent] == Failure {
			values[SecretsFailing]++
		}
		values[PreviousInUse] += count(points[pointLag] != "")
		values[PreviousInUseNearEnd] += count(points[pointLag] != "" && h.nearEnd)
		values[SecretsOverdue] += count(points[pointOverdue] != "")
		values[RotationsStuck] += count(points[pointStuck] == Failure)
		values[EmergenciesOpen] += count(points[pointLeak] != "")
		if !h.CurrentSince.IsZero() {
			values[OldestSecretHours] = max(values[OldestSecretHours], rep.At.Sub(h.CurrentSince).Hours())
		}
	}
	return values
}
