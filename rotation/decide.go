package rotation

import (
	"time"

	"pingrotate/pingone"
)

// A Decision is what createSecret does about the secret.
type Decision string

const (
	// Regenerate: PingOne makes a new secret and keeps the one so far for the grace.
	Regenerate Decision = "regenerate"
	// Refuse: consumers still use the previous secret, and a regeneration would end it.
	Refuse Decision = "refuse"
	// Adopt: an earlier run regenerated and died before it stored the new secret.
	Adopt Decision = "adopt"
	// Drift: somebody regenerated without the rotation, and what consumers hold is dead.
	Drift Decision = "drift"
	// Seed: nothing is stored yet; PingOne's secret is taken over as it is.
	Seed Decision = "seed"
)

// idleAfter is how long a previous secret must have been left alone before it may
// be given up. An hour is the longest that AWS's caching clients keep a stored
// secret, and an hour is how long a token for the PingOne API lives: whoever still
// holds the previous secret shows up within that time. Twice of it is safe.
const idleAfter = 2 * time.Hour

// An Observation is all that a decision depends on.
type Observation struct {
	Current   pingone.Secret             // the stored secret that is labelled AWSCURRENT; zero before the first rotation
	CurrentAt time.Time                  // when consumers were given that version
	Leaked    bool                       // the stored secret is labelled COMPROMISED
	Live      *pingone.ApplicationSecret // what PingOne accepts
	Now       time.Time                  // on PingOne's clock
}

// Decide returns what to do about an observation. Only [Regenerate] changes
// anything in PingOne, and it is reached only when consumers' secret is PingOne's
// current one, so that it becomes the previous one and lives on.
func Decide(o Observation) Decision {
	switch {
	case o.Current.IsZero():
		return Seed
	case o.Live.Replaced(o.Current):
		return Adopt
	case !o.Live.Secret.Equal(o.Current):
		return Drift
	case o.Live.Previous != nil && !o.idle() && !o.Leaked: // a leak does not wait for anybody
		return Refuse
	}
	return Regenerate
}

// idle reports whether consumers have let go of the previous secret: it is not in
// use, and they have had the time to take up the current one.
func (o Observation) idle() bool {
	since := o.CurrentAt
	if used := o.Live.Previous.LastUsed; used.After(since) {
		since = used
	}
	return o.Now.Sub(since) >= idleAfter
}
