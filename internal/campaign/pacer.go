package campaign

import (
	"time"

	"pingrotate/internal/waves"
)

// PingOne counts configuration calls by the minute, for the whole licence: "Rate limits" in
// the PingOne Admin documentation. It does not say where a minute begins, so no period of a
// minute may hold more than the limit.
const (
	LicenceLimit = waves.LicenceLimit // configuration calls a minute that a licence allows by default

	// share is the part of the limit that a campaign aims at. The rest is for rotations
	// that begin evenly but whose calls arrive together, and for the two that the bucket
	// saves up.
	share = 0.97

	slower   = 0.7      // the part of the rate that is left when PingOne answers 429
	faster   = 1.0 / 20 // the part of the limit that comes back in each minute after that
	slowest  = 1.0 / 60 // the least part of the limit; some rotation must find out whether it is over
	holdBack = 10 * time.Second
)

// A pacer says when the next rotation may begin, so that a campaign uses all that PingOne
// allows and no more. It is a bucket of configuration calls that fills evenly. A rotation
// is debited twice: when it begins, by the average so far, and when it has ended, by the
// difference from what it took. So the sum is right even if rotations differ, and the pacer
// need not be told what one costs. Until the first has ended, the cost is not known, and it
// runs alone. The bucket holds two rotations, so that no burst follows a pause.
//
// A 429 means that others use the licence too. The rate then falls by a factor, and rises
// again by steady steps: additive increase and multiplicative decrease, as in TCP (RFC
// 5681). So any number of campaigns share one limit without knowing about each other.
//
// The times given to a pacer must not go backwards. It is not safe for concurrent use.
type pacer struct {
	limit float64 // calls a minute
	rate  float64 // calls a minute, at present
	cost  float64 // calls of a rotation, by experience; 0 until the first has ended

	balance  float64 // calls that may be made; negative if rotations took more than expected
	filled   time.Time
	slowed   time.Time // when the rate last fell
	hold     time.Time // no rotation begins before this
	underWay int
}

// newPacer returns a pacer for the limit, in configuration calls a minute.
func newPacer(limit int) *pacer {
	return &pacer{limit: float64(limit), rate: share * float64(limit)}
}

// begin lets a rotation begin now, and returns its debit, which end needs. If it may not
// begin, wait is how long to wait before asking again; a wait of zero means until a
// rotation has ended.
func (p *pacer) begin(now time.Time) (debit float64, wait time.Duration, ok bool) {
	p.fill(now)
	switch {
	case now.Before(p.hold):
		return 0, p.hold.Sub(now), false
	case p.cost == 0 && p.underWay > 0:
		return 0, 0, false
	case p.balance < p.cost:
		minutes := (p.cost - p.balance) / p.rate
		return 0, time.Duration(minutes*float64(time.Minute)) + time.Microsecond, false
	}
	p.underWay++
	p.balance -= p.cost
	return p.cost, 0, true
}

// end accounts for a rotation that made this many configuration calls. It is not typical if
// the limit cut it short, or it had nothing to do; then it says nothing about the others.
func (p *pacer) end(now time.Time, debit float64, calls int64, typical bool) {
	p.fill(now)
	p.underWay--
	p.balance += debit - float64(calls)
	switch {
	case !typical || calls == 0:
	case p.cost == 0:
		p.cost = float64(calls)
	default:
		p.cost += (float64(calls) - p.cost) / 8
	}
}

// limited takes note of a 429, and of when PingOne wants to be asked again, if it said so.
// The rate falls at most once a minute, because every rotation under way meets the same
// exhausted minute.
func (p *pacer) limited(now, retryAt time.Time) {
	p.fill(now)
	if now.Sub(p.slowed) >= time.Minute {
		p.rate, p.slowed = max(slower*p.rate, slowest*p.limit), now
	}
	if !retryAt.After(now) {
		retryAt = now.Add(holdBack)
	}
	if retryAt.After(p.hold) {
		p.hold = retryAt
	}
}

func (p *pacer) fill(now time.Time) {
	if p.filled.IsZero() {
		p.filled = now
	}
	minutes := now.Sub(p.filled).Minutes()
	p.filled = now
	p.rate = min(p.rate+faster*p.limit*minutes, share*p.limit)
	p.balance = min(p.balance+p.rate*minutes, 2*p.cost)
}
