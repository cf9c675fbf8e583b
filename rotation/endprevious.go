package rotation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
)

// An ending is the state of an endPrevious action.
type ending struct {
	named   []string          // the fingerprints that the caller named, from a preview
	lockOut bool              // lock out consumers that still use the secret
	victims []register.Victim // the secrets to end, as the first look found them
	sent    bool              // a request to end a secret was sent, and PingOne has not refused it
}

// A KeptSecret is a secret that PingOne accepts besides an application's current one.
type KeptSecret struct {
	Application string    `json:"application"` // or resource, by id
	Fingerprint string    `json:"fingerprint"`
	Until       time.Time `json:"until"`             // when it expires
	LastUsed    time.Time `json:"lastUsed,omitzero"` // zero if it was not used since it was replaced
}

// endPrevious ends the secrets that PingOne keeps besides the client's current ones before
// their grace is over, and shows that they are refused. It never ends a secret that
// AWSCURRENT, a replica or another managed secret of the client holds.
//
// A crash before the end is announced changes nothing. After one following it, the next run
// waits until the end has taken effect or no longer can; the same command then ends what is
// left.
func (r *Rotator) endPrevious(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	n := r.begin(a.SecretID, plan.ByEnding, "end of the previous secret", "")
	n.filesReport, n.readOnly = true, a.Preview
	n.ending = &ending{named: a.Previous, lockOut: a.LockOut}
	defer func() { r.logReport(ctx, rep) }()
	nothing, err := n.endPrevious(ctx, rep)
	rep.take(n)
	rep.Replaced = "" // AWSCURRENT has not changed
	switch {
	case err == nil && nothing:
		rep.Outcome = Skipped
	case err == nil && a.Preview:
		rep.Outcome = Previewed
	case err == nil:
		rep.Outcome = Ended
		at := rep.Revoked.at(n.client.Time().UTC())
		if !n.found.current.IsResource() {
			rep.TokensValidUntil = at.Add(max(n.record.tokenLife, unknownTokenLife))
			rep.Tokens = n.record.tokensUntil(at)
			rep.StillOpen = append(rep.StillOpen, "access tokens obtained with it live until "+rep.TokensValidUntil.Format(time.RFC3339))
		}
		rep.StillOpen = append(rep.StillOpen, "consumers that still hold it are refused until they read the secret again")
	case n.ending.sent:
		rep.Outcome = Open
		rep.StillOpen = append(rep.StillOpen, "the previous secret may still obtain tokens; run the same command again")
	}
	rep.conclude(n, err)
	if !a.Preview {
		r.file(ctx, n, rep, err)
	}
	return rep
}

// endPrevious does the work of [Rotator.endPrevious], and reports whether there was nothing to
// end. A preview fills the report with what is known, even if the plan would refuse.
func (r *run) endPrevious(ctx context.Context, rep *Report) (nothing bool, err error) {
	if err := r.look(ctx, plan.EndPrevious); err != nil {
		return false, err
	}
	kept := r.keptSecrets()
	if r.readOnly {
		p, err := r.buildPreview(ctx)
		if err != nil {
			return false, err
		}
		p.MustDie, p.Previous = nil, kept
		for _, k := range kept {
			p.MustDie = append(p.MustDie, k.Fingerprint)
		}
		rep.Preview = p
	}
	if r.item().Emergency == nil { // if one is open, the plan refuses
		if err := r.chooseVictims(kept); err != nil {
			return false, err
		}
		if len(r.ending.victims) == 0 {
			return true, nil
		}
	}
	_, err = r.reachAfterLook(ctx, plan.EndPrevious)
	return false, err
}

// keptSecrets lists the secrets that PingOne keeps besides the current ones of AWSCURRENT's
// application and its twin.
func (r *run) keptSecrets() (all []KeptSecret) {
	for _, id := range slices.Sorted(maps.Keys(r.found.views)) {
		v := r.found.views[id]
		if v == nil || v.Previous == nil || !slices.Contains(r.applications(), id) {
			continue
		}
		all = append(all, KeptSecret{Application: id, Fingerprint: v.Previous.Secret.Fingerprint(), Until: v.Previous.ExpiresAt.UTC(), LastUsed: v.Previous.LastUsed.UTC()})
	}
	return all
}

// chooseVictims decides which secrets end: those that the caller named, even if some are
// gone meanwhile, or else all that PingOne keeps. If the caller named some and PingOne
// keeps another, the client was rotated in between, and the caller did not mean that
// secret.
func (r *run) chooseVictims(kept []KeptSecret) error {
	e := r.ending
	if len(e.named) == 0 {
		for _, k := range kept {
			e.victims = append(e.victims, register.Victim{Application: k.Application, Fingerprint: k.Fingerprint})
		}
		return nil
	}
	for _, k := range kept {
		if !slices.Contains(e.named, k.Fingerprint) {
			return remedy.With(fmt.Errorf("PingOne keeps the previous secret %s, which is not the one to end: %s", k.Fingerprint, strings.Join(e.named, ", ")),
				"the client was rotated meanwhile; look at it again")
		}
	}
	for _, f := range e.named {
		v := register.Victim{Application: r.applicationID(), Fingerprint: f}
		for _, k := range kept {
			if k.Fingerprint == f {
				v.Application = k.Application
			}
		}
		for _, s := range r.found.others {
			if s.ClientSecret.Fingerprint() == f {
				v.Application = s.ApplicationID()
			}
		}
		e.victims = append(e.victims, v)
	}
	return nil
}

// whyKept explains why a previous secret is left alone.
func (r *run) whyKept(m plan.Move) (text, remedy string) {
	switch m.Why {
	case plan.Lagging:
		state := "was replaced less than 2 h ago"
		if used := viewOf(r.found.views[m.Application]).LastUsed; !used.IsZero() {
			state = "was last used at " + used.UTC().Format(time.RFC3339)
		}
		return fmt.Sprintf("the previous secret %s %s, and consumers that still hold it would be locked out", m.Fingerprint, state),
			fmt.Sprintf("find them, or run the command again after %s, when it has been idle for %s; to lock them out, add --lock-out", m.Until.UTC().Format(time.RFC3339), inUnits(plan.IdleAfter))
	case plan.Behind:
		return "AWSCURRENT does not hold PingOne's current secret, so consumers may need the previous one", "rotate the secret first, which adopts PingOne's current one"
	case plan.Replicas:
		return fmt.Sprintf("the replica in %s is not in sync, and consumers there may hold the previous secret", r.secret.replicaBehind()), "repair the replication, and run the command again"
	case plan.OtherLags:
		return r.otherLags()
	case plan.NotAccepted:
		return "PingOne does not accept AWSCURRENT, which it shows as its current secret", "run the command again in a minute; if it still fails, run pingrotate check to see what is wrong"
	}
	return "", ""
}
