package waves

import (
	"math"
	"time"
)

// LicenceLimit is how many configuration calls a minute PingOne allows a licence by
// default: "Rate limits" in the PingOne Admin documentation.
const LicenceLimit = 600

const (
	share      = 0.98 // of the limit is what a campaign aims at
	auditShare = 0.5  // and an audit, so that rotations are not starved

	// What PingOne has to be asked for a rotation and an emergency, until a campaign knows
	// better: one call less where the admin's document names the applications.
	rotationCalls  = 6
	emergencyCalls = 14

	// What they take, at most as a rule.
	rotationTime  = 5 * time.Second
	emergencyTime = 40 * time.Second
	batchTime     = 12 * time.Second

	slower = 0.7  // of the share is left when PingOne has said 429 to many of a page
	faster = 0.05 // of the limit comes back with each page after it
)

// A Pace says how many items may be under way at once, and how long each of them holds
// its place. Their quotient is the rate at which items begin. A place is held for much
// longer than the work takes, so that the pace does not depend on how long that is;
// where it takes r of w, a fraction of r²/2w² is lost, and what an engine needs to begin
// an item is lost of each w.
type Pace struct {
	Concurrency int
	Hold        time.Duration // whole seconds: an ASL state waits for no parts of one
}

// most is the largest concurrency of a Distributed Map that a page is worth: one
// execution of a child for each place waits most of its time.
const most = 1000

// paceOf returns the pace of items that take so many calls and so long, at the rate of
// calls a minute.
func paceOf(rate, calls float64, takes time.Duration) Pace {
	perSecond := rate / calls / 60
	hold := 5 * max(takes, rotationTime)
	if perSecond*hold.Seconds() < 1 {
		hold = time.Duration(math.Ceil(1/perSecond)) * time.Second
	}
	// Of these, the hold whose concurrency loses least to whole numbers.
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

// Delay returns how long the i-th item of a page waits in its place before its work
// begins: the places of a page are taken at the same moment, and their work is spread
// evenly over the hold.
func (p Pace) Delay(i int) time.Duration {
	part := float64(i%p.Concurrency) / float64(p.Concurrency)
	return time.Duration(part*p.Hold.Seconds()) * time.Second
}
