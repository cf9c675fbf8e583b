package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pingrotate/pingone"
)

const (
	// quiet is how long after the last change of a secret's versions no step of another
	// invocation can be under way any more: a step ends by itself before.
	quiet = stepLimit + 5*time.Second

	// rotationBudget is what an action sets aside for the four steps, when it waits for
	// another rotation.
	rotationBudget = mintBudget + settle
)

// sameEmergency is for how long after a promotion an emergency that is found unfinished
// is taken for the one that is asked for. Later it is AWSCURRENT that has leaked, too.
const sameEmergency = time.Hour

// rotate carries out all four steps at once, with a version of its own. A rotation that
// is under way is waited for, and one that has stopped is ended.
func (r *Rotator) rotate(ctx context.Context, a Action) *Report {
	h := r.byHand(a)
	return h.carryOut(ctx, h.rotate)
}

// carryOut does what the action is, and reports it.
func (h *hand) carryOut(ctx context.Context, do func(context.Context) error) *Report {
	h.conclude(do(ctx))
	h.logReport(ctx)
	return &h.Report
}

// hand is an action on one secret under way.
type hand struct {
	*Rotator
	Report
	action Action

	completes bool // what another emergency has begun, and begins none

	leaked    string        // the version that an emergency is about
	resumed   bool          // consumers had left it before
	older     bool          // and hold another one for so long that this is another emergency
	rescued   bool          // AWSCURRENT is PingOne's secret, by another version
	lagging   bool          // consumers
	resource  bool          // the leaked secret was a custom resource's
	tokenLife time.Duration // of the application's access tokens
}

func (r *Rotator) byHand(a Action) *hand {
	return &hand{Rotator: r, action: a, Report: Report{
		Action: a.Action, SecretID: a.SecretID, Emergency: a.Emergency, Reason: a.Reason, By: a.By, Begun: r.PingOne.Time().UTC(),
	}}
}

// step prepares a step of the action.
func (h *hand) step(name Step, token string) *step {
	s := h.Rotator.step(Event{Step: name, SecretID: h.action.SecretID, ClientRequestToken: token})
	s.hand = &h.action
	return s
}

func (h *hand) rotate(ctx context.Context) error {
	token, err := h.prepare(ctx)
	switch {
	case err != nil || h.Outcome != "":
		return err
	case h.resumed:
		err = h.take(ctx, FinishSecret, token)
		if errors.Is(err, errCurrentDead) || errors.Is(err, errLeakIsLive) {
			h.resumed = false
			err = h.run(ctx, NewToken())
		}
		if err == nil && h.older && !h.completes {
			h.Warnings = append(h.Warnings, "an earlier emergency was completed first: version "+h.leaked)
			h.leaked, h.resumed, h.older, h.Revoked = "", false, false, nil
			return h.rotate(ctx)
		}
	case token != "":
		err = h.run(ctx, token)
	}
	if err != nil {
		err = h.goOn(ctx, err)
	}
	if err == nil && h.leaked != "" && h.Revoked == nil {
		err = h.confirmEnded(ctx) // by somebody else
	}
	return err
}

// run takes the four steps.
func (h *hand) run(ctx context.Context, token string) (err error) {
	for range 3 {
		h.Version = token
		var last *step
		for _, name := range []Step{CreateSecret, SetSecret, TestSecret, FinishSecret} {
			last = h.step(name, token)
			err = last.do(ctx)
			h.note(last)
			if err != nil {
				break
			}
		}
		h.rescued = last.rescued
		if !last.givenUp && !errors.Is(err, errStillCurrent) {
			return err
		}
		// The version held a secret that can never be promoted, and a fresh one finds
		// PingOne's; or that was the leaked one, and a fresh one leaves it.
		h.Warnings = append(h.Warnings, err.Error())
		token = NewToken()
	}
	return err
}

// goOn looks whether somebody else has done what failed here. Another rotation may have
// promoted its version in the same moment, which is as good, and an emergency is then
// completed with that one.
func (h *hand) goOn(ctx context.Context, failure error) error {
	if h.leaked == "" && !h.rescued {
		return failure
	}
	if h.leaked != "" {
		s := h.step(FinishSecret, "")
		err := s.describe(ctx)
		h.count(s)
		switch current := s.holder(labelCurrent); {
		case err != nil || current == h.leaked || h.resumed:
			return failure
		case s.holder(labelCompromised) == h.leaked:
			if err := h.take(ctx, FinishSecret, current); err != nil {
				return errors.Join(failure, err)
			}
		}
	}
	h.Warnings = append(h.Warnings, failure.Error())
	return nil
}

// take carries out one step.
func (h *hand) take(ctx context.Context, name Step, token string) error {
	s := h.step(name, token)
	err := s.do(ctx)
	h.note(s)
	return err
}

// note takes over what a step has done.
func (h *hand) note(s *step) {
	h.count(s)
	if s.decision != "" && (s.event.Step == CreateSecret || h.Decision == "") {
		h.Decision = s.decision
	}
	for _, m := range []struct{ of, to **Mark }{{&s.did.minted, &h.Minted}, {&s.did.promoted, &h.Promoted}, {&s.did.revoked, &h.Revoked}} {
		if *m.of != nil {
			*m.to = *m.of
		}
	}
	if s.did.revoked != nil {
		h.Verified = append(h.Verified, "PingOne refuses the leaked secret "+s.did.revoked.Fingerprint)
	}
	if s.event.Step == TestSecret && s.did.promoted == nil && !s.refused && s.decision == "verify" && !s.pending.IsZero() {
		what := s.verified
		if what == "" {
			what = "obtained a token"
		}
		h.Verified = append(h.Verified, s.pending.Fingerprint()+": "+what)
	}
	if s.warning != "" {
		h.Warnings = append(h.Warnings, s.warning)
	}
	h.Unverified = h.Unverified || s.refused
	h.lagging = h.lagging || s.lagging
	h.resource = h.resource || s.resource
	if s.tokenLife > 0 {
		h.tokenLife = s.tokenLife
	}
}

func (h *hand) count(s *step) {
	if s.arn != "" {
		h.SecretID, h.Name = s.arn, s.name
	}
	h.Calls.Add(s.callsSoFar())
}

// prepare labels the leaked version, waits for a rotation that is under way, and
// returns the version that the rotation makes; none when consumers have left the
// leaked one meanwhile. With an outcome there is nothing left to do.
func (h *hand) prepare(ctx context.Context) (token string, err error) {
	s := h.step(CreateSecret, h.action.ClientRequestToken)
	defer func() { h.count(s) }()
	if err := s.describe(ctx); err != nil {
		return "", err
	}
	current := s.holder(labelCurrent)
	leaked := s.holder(labelCompromised)
	if h.completes && leaked == "" {
		h.Outcome = Skipped // somebody else has
		return "", nil
	}
	if current != "" && current == h.action.ClientRequestToken && h.action.Emergency != "" && leaked == "" {
		// An answer was lost, and this is the same emergency again. What it has made has
		// not leaked; what it has replaced has.
		h.Version, h.leaked = current, s.holder(labelPrevious)
		if h.leaked == "" {
			h.Outcome = Skipped
		}
		return "", nil
	}
	if token := h.action.ClientRequestToken; token != "" && h.action.Emergency != "" && leaked == "" && !slices.Contains(s.labels[token], labelByHand) {
		// Its version is there, and the label COMPROMISED is not: another run has completed
		// this emergency. AWSCURRENT has not leaked.
		v, err := s.read(ctx, token)
		if err != nil {
			return "", err
		}
		if v != nil {
			h.Outcome, h.Version = Skipped, current
			h.Warnings = append(h.Warnings, "another run has ended the leaked secret that this emergency was about; if AWSCURRENT has leaked as well, run the command anew")
			return "", nil
		}
	}
	if t := h.action.IfStoredBefore; !t.IsZero() && current != "" && (h.action.Emergency == "" || leaked == "") {
		v, err := s.readCurrent(ctx)
		if err != nil {
			return "", err
		}
		if !v.created.Before(t) {
			h.Outcome, h.Version = Skipped, v.versionID
			return "", nil
		}
	}
	lastChange := s.changed
	if h.action.Emergency != "" {
		now, err := s.readCurrent(ctx)
		if h.leaked = leaked; err == nil && leaked != "" && leaked != current {
			// Another version may hold the same secret, if somebody has mended the document.
			var v *stored
			if v, err = s.read(ctx, leaked); err == nil && (v == nil || !v.SameSecret(now.Document)) {
				h.resumed = true
				h.older = s.client.Time().Sub(s.versions.promoted(now)) > sameEmergency
				return current, nil
			}
		}
		if err == nil && now.ClientSecret.IsZero() {
			err = errors.New("AWSCURRENT holds no secret that could have leaked; rotate without emergency, which takes PingOne's over")
		}
		if err != nil {
			return "", err
		}
		if h.leaked == "" {
			h.leaked = current
			// Died before this write: nothing has happened. Died after it: the next run of
			// whatever kind knows that the secret must end.
			if err := s.markCompromised(ctx, current); err != nil {
				return "", err
			}
			if err := s.describe(ctx); err != nil {
				return "", err
			}
		}
	}
	ours := s.changed // of the label, and nobody else's
	for {
		pending, label := s.underWay()
		// An emergency has no version before its mint: whoever completes it lets it.
		if pending == "" && !h.completes || pending != "" && pending == h.action.ClientRequestToken && label == labelByHand {
			break // or it is this action, which has been repeated
		}
		now := s.client.Time()
		if s.changed.After(ours) {
			lastChange = s.changed
		}
		rest := quiet - now.Sub(lastChange)
		if rest <= 0 {
			if pending == "" {
				break
			}
			// It has stopped, and is over with this write; died before it, and it still waits.
			// This run finds in PingOne what it has left there.
			if err := s.unlabel(ctx, label, pending); err != nil {
				return "", err
			}
			break
		}
		if !s.timeFor(ctx, rest+rotationBudget) {
			h.Outcome, h.RetryAt = Busy, now.Add(rest).UTC()
			return "", nil
		}
		if err := s.client.Pause(ctx, min(rest, 3*time.Second)); err != nil {
			return "", fmt.Errorf("wait for the rotation that is under way: %w", err)
		}
		if err := s.describe(ctx); err != nil {
			return "", err
		}
	}
	switch token := h.action.ClientRequestToken; {
	case h.leaked != "" && s.holder(labelCurrent) != current:
		// The rotation that was waited for has given consumers another one.
		if h.resumed = s.holder(labelCompromised) == h.leaked; h.resumed {
			return s.holder(labelCurrent), nil
		}
		return "", nil
	case token != "":
		return token, nil
	}
	return NewToken(), nil
}

// NewToken returns a ClientRequestToken, which becomes a version's id: a random UUID
// (RFC 9562, version 4).
func NewToken() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// conclude says how the action ended.
func (h *hand) conclude(err error) {
	h.Ended = h.PingOne.Time().UTC()
	if err != nil {
		h.Error = err.Error()
		if wait, limited := pingone.RateLimit(err); limited {
			h.RateLimited = true
			if wait > 0 {
				h.RetryAt = h.Ended.Add(wait)
			}
		}
	}
	switch {
	case h.Outcome != "":
	case err != nil && h.lagging:
		h.Outcome = Refused
	case err != nil && h.leaked != "" && (h.Promoted != nil || h.resumed):
		h.Outcome = Open
	case err != nil:
		h.Outcome = Failed
	case h.action.Emergency != "":
		h.Outcome = Ended
	default:
		h.Outcome = Promoted
	}
	if h.leaked != "" && h.Outcome != Busy {
		h.tellWhatIsOpen()
	}
}

func (h *hand) logReport(ctx context.Context) {
	level := slog.LevelInfo
	if h.Error != "" {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("action", h.Action),
		slog.String("outcome", string(h.Outcome)),
		slog.String("secretId", h.SecretID),
		slog.Int64("durationMs", h.Ended.Sub(h.Begun).Milliseconds()),
	}
	for _, f := range []struct{ name, value string }{
		{"emergency", string(h.Emergency)}, {"reason", h.Reason}, {"by", h.By}, {"version", h.Version},
		{"minted", h.Minted.fingerprint()}, {"promoted", h.Promoted.fingerprint()}, {"revoked", h.Revoked.fingerprint()}, {"error", h.Error},
	} {
		if f.value != "" {
			attrs = append(attrs, slog.String(f.name, f.value))
		}
	}
	h.log().LogAttrs(ctx, level, "rotation action", attrs...)
}

func (m *Mark) fingerprint() string {
	if m == nil {
		return ""
	}
	return m.Fingerprint
}
