package rotation

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// A Report says how a manual rotation, an emergency, a rollback or an endPrevious went.
// Secrets appear as fingerprints.
type Report struct {
	Action    string    `json:"action"`
	SecretID  string    `json:"secretId"` // ARN, once it is known
	Name      string    `json:"name,omitempty"`
	Outcome   Outcome   `json:"outcome"`
	Error     string    `json:"error,omitempty"`
	Emergency Emergency `json:"emergency,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by,omitempty"`        // who asked, in their own words
	RequestID string    `json:"requestId,omitempty"` // of the invocation; CloudTrail records who sent that request
	Version   string    `json:"version,omitempty"`   // the ClientRequestToken
	ClientID  string    `json:"clientId,omitempty"`  // the one in AWSCURRENT when the run ended
	Decision  string    `json:"decision,omitempty"`
	Warnings  []string  `json:"warnings,omitempty"`
	Waited    []string  `json:"waited,omitempty"` // what took 10 s or more: for how long, and what for
	Begun     time.Time `json:"begun"`
	Ended     time.Time `json:"ended"`

	// Unverified says that PingOne refused the new secret. A person should look into it
	// before other secrets are rotated.
	Unverified bool `json:"unverified,omitempty"`
	// RateLimited says that PingOne asked the function to slow down.
	RateLimited bool      `json:"rateLimited,omitempty"`
	RetryAt     time.Time `json:"retryAt,omitzero"` // with Busy, and with RateLimited if PingOne said when

	Minted   *Mark    `json:"minted,omitempty"`   // PingOne made it in this invocation
	Promoted *Mark    `json:"promoted,omitempty"` // it became AWSCURRENT
	Revoked  *Mark    `json:"revoked,omitempty"`  // PingOne was asked and refuses it; the first, if there are several
	Verified []string `json:"verified,omitempty"` // what PingOne was asked, and its answers

	// Replaced is the fingerprint of the secret that was AWSCURRENT when the run began.
	Replaced string `json:"replaced,omitempty"`

	// PreviousUntil is when the replaced secret expires. An audit ends it earlier, once its
	// grace is over and no consumer uses it.
	PreviousUntil time.Time `json:"previousUntil,omitzero"`

	// For an emergency.

	Refused []Mark   `json:"refused,omitempty"` // they had to die; PingOne was asked and refuses them
	Gone    []string `json:"gone,omitempty"`    // they had to die; PingOne no longer shows them, and no version has the value to ask with
	Served  []Served `json:"served,omitempty"`  // other managed secrets of the same client
	Admin   bool     `json:"admin,omitempty"`   // what leaked is an admin of the function
	Targets Targets  `json:"targets,omitzero"`  // what that admin could read

	// Timeline says in order what happened to which secret.
	Timeline []Moment `json:"timeline,omitempty"`

	// Preview, if the action asked for one, says what an emergency, an endPrevious or a
	// rollback would do.
	Preview *Preview `json:"preview,omitempty"`

	// TokensValidUntil is when the last access token expires that was obtained with the
	// leaked or the previous secret.
	TokensValidUntil time.Time `json:"tokensValidUntil,omitzero"`
	// Tokens has that time for each resource that the application may obtain tokens for. It
	// is empty if the resources cannot be read.
	Tokens []Token `json:"tokens,omitempty"`
	// StillOpen says what an emergency leaves open, and what to do about it.
	StillOpen []string `json:"stillOpen,omitempty"`

	Calls Calls `json:"calls"`
}

// A Mark says when something happened to a secret.
type Mark struct {
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"`
}

func (m *Mark) fingerprint() string {
	if m == nil {
		return ""
	}
	return m.Fingerprint
}

func (r *Rotator) newReport(a Action) *Report {
	return &Report{Action: a.Action, SecretID: a.SecretID, Emergency: a.Emergency, Reason: a.Reason, By: a.By, RequestID: a.requestID, Begun: r.PingOne.Time().UTC()}
}

// take adds what a run did to the report.
func (rep *Report) take(n *run) {
	rec := n.record
	if n.secret.arn != "" {
		rep.SecretID, rep.Name = n.secret.arn, n.secret.name
	}
	rep.Calls.Add(n.count.take())
	if rec.decision != "" {
		rep.Decision = rec.decision
	}
	if rec.minted != nil {
		rep.Minted = rec.minted
	}
	if rec.promoted != nil {
		rep.Promoted = rec.promoted
	}
	if d := n.found.current; d != nil {
		rep.ClientID = d.ClientID
	}
	if rep.Replaced == "" {
		rep.Replaced = rec.current.Fingerprint()
	}
	if !rec.previousUntil.IsZero() {
		rep.PreviousUntil = rec.previousUntil.UTC()
	}
	if len(rec.dead) > 0 {
		what := "the leaked secret"
		if n.ending != nil {
			what = "the previous secret"
		}
		rep.Revoked, rep.Refused = &rec.dead[0], rec.dead
		for _, m := range rec.dead {
			rep.Verified = append(rep.Verified, "PingOne refuses "+what+" "+m.Fingerprint)
		}
	}
	if rep.Emergency != "" || n.ending != nil {
		rep.Timeline = sortedTimeline(append(rep.Timeline, rec.timeline...))
	}
	rep.Gone, rep.Served = append(rep.Gone, rec.gone...), append(rep.Served, rec.served...)
	if f := rec.promoted.fingerprint(); f != "" && (n.done.Verified || n.found.answers[f] == plan.Accepted) && !rec.refused {
		what := rec.verified
		if what == "" {
			what = "obtained a token"
		}
		rep.Verified = append(rep.Verified, rec.promoted.Fingerprint+": "+what)
	}
	rep.Waited = append(rep.Waited, rec.longWaits()...)
	for _, w := range rec.warnings {
		if !slices.Contains(rep.Warnings, w) {
			rep.Warnings = append(rep.Warnings, w)
		}
	}
	rep.Unverified = rep.Unverified || rec.refused
}

// limited records that PingOne asked the function to slow down, if the error says so.
func (rep *Report) limited(err error) {
	if wait, limited := pingone.RateLimit(err); limited {
		rep.RateLimited = true
		if wait > 0 {
			rep.RetryAt = rep.Ended.Add(wait)
		}
	}
}

func (r *Rotator) logReport(ctx context.Context, rep *Report) {
	level := slog.LevelInfo
	if rep.Error != "" {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("action", rep.Action),
		slog.String("outcome", string(rep.Outcome)),
		slog.String("secretId", rep.SecretID),
		slog.Int64("durationMs", rep.Ended.Sub(rep.Begun).Milliseconds()),
	}
	for _, f := range []struct{ name, value string }{
		{"emergency", string(rep.Emergency)}, {"reason", rep.Reason}, {claimedBy, rep.By}, {"version", rep.Version}, {"decision", rep.Decision}, {"current", rep.Replaced},
		{"minted", rep.Minted.fingerprint()}, {"promoted", rep.Promoted.fingerprint()}, {"revoked", rep.Revoked.fingerprint()}, {"error", rep.Error},
	} {
		if f.value != "" {
			attrs = append(attrs, slog.String(f.name, f.value))
		}
	}
	if !rep.PreviousUntil.IsZero() {
		attrs = append(attrs, slog.String("previousUntil", rep.PreviousUntil.Format(time.RFC3339)))
	}
	r.log().LogAttrs(ctx, level, "rotation action", attrs...)
}

// reportStep writes the step's one log line and its metrics.
func (r *Rotator) reportStep(ctx context.Context, ev Event, n *run, err error) {
	rec, calls := n.record, n.count.take()
	elapsed := n.client.Time().Sub(rec.begun).Milliseconds()
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("step", string(ev.Step)),
		slog.String("secretId", ev.SecretID),
		slog.String("version", ev.ClientRequestToken),
		slog.Int64("durationMs", elapsed),
		slog.Group("calls",
			slog.Int64("secretsManager", calls.SecretsManager),
			slog.Int64("pingOne", calls.PingOne),
			slog.Int64("register", calls.Register)),
	}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("decision", rec.decision)
	text("current", rec.current.Fingerprint())
	text("pending", rec.pending.Fingerprint())
	text("verified", rec.verified)
	text("waited", strings.Join(rec.longWaits(), "; "))
	text("changed", strings.Join(rec.changes, ", "))
	if !rec.previousUntil.IsZero() {
		text("previousUntil", rec.previousUntil.UTC().Format(time.RFC3339))
	}
	if w := rec.warning(); w != "" {
		level = slog.LevelWarn
		text("warning", w)
	}
	if err != nil {
		level = slog.LevelError
		e, _ := errors.AsType[*StepError](err)
		text("error", e.brief())
		text("remedy", remedy.Of(e.cause))
	}
	r.log().LogAttrs(ctx, level, "rotation step", attrs...)
	r.emitRun(rec, elapsed, err, ev.SecretID, string(ev.Step))
}

// emitRun writes the metrics of a step or an action.
func (r *Rotator) emitRun(rec *record, milliseconds int64, err error, secretID, of string) {
	r.emit(map[Metric]float64{
		StepDuration:      float64(milliseconds),
		StepErrors:        count(err != nil),
		Rotations:         count(rec.promoted != nil),
		CredentialRefused: count(pingone.IsRejected(err)),
		DriftFound:        count(rec.drifted),
		ConsumersLag:      count(rec.lagging),
	}, map[string]string{"secretId": secretID, "of": of})
}
