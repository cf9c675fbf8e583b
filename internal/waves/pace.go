package waves

import (
	"math"
	"time"
)

// LicenceLimit is how many configuration calls a minute PingOne allows a licence by
// default. See "Rate limits" in the PingOne Admin documentation.
const LicenceLimit = 600

const (
	share      = 0.98 // the part of the limit that a campaign aims at
	auditShare = 0.5  // that an audit aims at, so that rotations are not starved

	// PingOne's configuration calls for a rotation and an emergency, until a campaign knows
	// better; one less if the admin's document names the applications.
	rotationCalls  = 6
	emergencyCalls = 14

	// How long they usually take at most.
	rotationTime  = 5 * time.Second
	emergencyTime = 40 * time.Second
	batchTime     = 12 * time.Second

	slower = 0.7  // the part of the share that is left when PingOne has answered many of a page with 429
	faster = 0.05 // the part of the limit that comes back with each page after that
)

// A Pace says how many items may be under way at once, and how long each of them holds its
// place. The quotient is the rate at which items begin. A place is held for much longer
// than the work takes, so that the pace hardly depends on how long that is: work of length
// r in a hold of w loses r²/2w² of the pace. The time that an engine needs to begin an item
// is lost once in each hold.
type Pace struct {
	Concurrency int
	Hold        time.Duration // in whole seconds, as an ASL state waits
}

// most is the largest useful concurrency of a Distributed Map: each place is a child
// execution, which spends most of its time waiting.
const most = 1000

// paceOf returns the pace of items that take this many calls and this long each, at a rate
// of calls a minute.
func paceOf(rate, calls float64, takes time.Duration) Pace {
	perSecond := rate / calls / 60
	hold := 5 * max(takes, rotationTime)
	if perSecond*hold.Seconds() < 1 {
		hold = time.Duration(math.Ceil(1/perSecond)) * time.Second
	}
	// Take the hold whose concurrency loses least to rounding.
	best := Pace{1, hold}
	for w := hold; w <= hold+hold/3; w += time.Second {
		n := math.Floor(perSecond*w.Seconds() + 1e-9)
		if p := (Pace{int(min(n, most)), w}); p.Concurrency > 0 && p.perSecond() > best.perSecond()+1e-9 {
			best = p
		}
	}
	return best
}

func (p Pace) perSecond() float64 { return float64(p.Concurrency) / p.Hold.Seconds() }

// Delay returns how long the i-th item of a page waits in its place before its work begins.
// All places are taken at the same moment; this spreads their work evenly over the hold.
func (p Pace) Delay(i int) time.Duration {
	part := float64(i%p.Concurrency) / float64(p.Concurrency)
	return time.Duration(part*p.Hold.Seconds()) * time.Second
}
