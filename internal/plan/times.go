package plan

import (
	"time"

	"pingrotate/internal/register"
)

// IdleAfter is how long a previous secret must have gone unused before it may be ended.
// AWS's caching clients keep a stored secret for an hour by default, and a token for the
// PingOne API lives for an hour: a consumer that still holds the previous secret shows up
// within that time. Twice that is safe.
const IdleAfter = 2 * time.Hour

// Settling is how long a new secret may take to work everywhere in PingOne.
const Settling = 45 * time.Second

// Quiet is how long after the last change of a secret's versions a step of another
// invocation may still be running: every step ends itself sooner.
const Quiet = 125 * time.Second

// TwinWaits is how long a twin's new secret may wait for its promotion before an audit
// ends that rotation. The next one adopts the secret.
const TwinWaits = 24 * time.Hour

// MaxGrace is the longest grace that a document may ask for: the fuse is a day longer,
// and PingOne keeps a previous secret for 30 days at most.
const MaxGrace = 695 * time.Hour

// Fuse returns how long PingOne keeps the replaced secret after a mint. That is longer than
// the grace, which counts from the promotion: a rotation that is stuck has at least a day
// until consumers' secret dies.
func Fuse(grace time.Duration) time.Duration {
	return min(max(grace+24*time.Hour, 48*time.Hour), 719*time.Hour)
}

// promoteBefore returns the time that AWSCURRENT's secret, once replaced, may have left
// before AWSCURRENT moves whatever the document demands. Half the fuse is enough, unless
// the grace, which begins with the move, and the time for two audits to notice are longer.
func promoteBefore(grace time.Duration) time.Duration {
	return max(Fuse(grace)/2, grace+2*time.Hour)
}

// idleSince returns when consumers last needed the previous secret, given that its
// successor reached them at since.
func idleSince(v View, since time.Time) time.Time {
	if v.LastUsed.After(since) {
		return v.LastUsed
	}
	return since
}

// idle reports whether consumers have stopped using the previous secret, and have had time
// to read its successor, which reached them at since.
func idle(v View, since time.Time) bool { return v.At.Sub(idleSince(v, since)) >= IdleAfter }

// Lag reports whether a regeneration would end a secret that consumers still use, and until
// when.
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
