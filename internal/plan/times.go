package plan

import (
	"time"

	"pingrotate/internal/register"
)

// IdleAfter is how long a previous secret must have been left alone before it may be
// given up. An hour is the longest that AWS's caching clients keep a stored secret by
// default, and an hour is how long a token for the PingOne API lives: a consumer that
// still holds the previous secret shows up within that time. Twice of it is safe.
const IdleAfter = 2 * time.Hour

// Settling is how long a new secret may take to work everywhere in PingOne.
const Settling = 45 * time.Second

// Quiet is how long after the last change of a secret's versions no step of another
// invocation can be under way any more: a step ends by itself before.
const Quiet = 125 * time.Second

// TwinWaits is how long a twin's new secret may wait for its promotion before an audit
// ends that rotation. The next one adopts the secret.
const TwinWaits = 24 * time.Hour

// MaxGrace is the longest grace that a document may ask for: the fuse is a day longer,
// and PingOne keeps a previous secret for 30 days at most.
const MaxGrace = 695 * time.Hour

// Fuse returns how long after a mint the secret before it ends by itself. It is longer
// than the grace, which is counted from the promotion: a rotation that is stuck has at
// least that day until consumers' secret dies.
func Fuse(grace time.Duration) time.Duration {
	return min(max(grace+24*time.Hour, 48*time.Hour), 719*time.Hour)
}

// promoteBefore returns how long before its end a replaced secret that is still
// AWSCURRENT is promoted away from, whatever the document demands. Half of the fuse is
// enough to live; the grace from then on, and two audits to notice, take longer
// where the grace is long.
func promoteBefore(grace time.Duration) time.Duration {
	return max(Fuse(grace)/2, grace+2*time.Hour)
}

// idleSince returns since when consumers cannot have needed the previous secret.
func idleSince(v View, since time.Time) time.Time {
	if v.LastUsed.After(since) {
		return v.LastUsed
	}
	return since
}

// idle reports whether consumers have let go of the previous secret: it is not in use,
// and they have had the time to take up the one that replaced it at since.
func idle(v View, since time.Time) bool { return v.At.Sub(idleSince(v, since)) >= IdleAfter }

// Lag reports whether a regeneration would take a secret from consumers that still use
// it, and until when that is so.
func Lag(v View, since time.Time, grace time.Duration) (lagging bool, until time.Time) {
	if v.Previous == "" || !v.Expires.After(v.At) || idle(v, since) || v.At.Sub(since) >= grace {
		return false, time.Time{}
	}
	until = idleSince(v, since).Add(IdleAfter)
	for _, t := range []time.Time{v.Expires, since.Add(grace)} {
		if t.Before(until) {
			until = t
		}
	}
	return true, until
}

// stepMade reports whether a step of Secrets Manager's announced the mint.
func stepMade(m register.Minted) bool { return m.By == ByStep }

// Who announces an act.
const (
	ByStep      = "step"
	ByAction    = "action"
	ByAudit     = "audit"
	ByEmergency = "emergency"
	ByRollback  = "rollback"
	ByEnding    = "end-previous"
)
