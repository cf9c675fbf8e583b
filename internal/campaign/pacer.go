package campaign

import (
	"time"

	"pingrotate/internal/waves"
)

// PingOne counts configuration calls by the minute, for the whole licence: "Rate
// limits" in the PingOne Admin documentation. It does not say where a minute begins,
// so no period of a minute may hold more than the limit.
const (
	LicenceLimit = waves.LicenceLimit // configuration calls a minute, what a licence allows by default

	// share of the limit is what a campaign aims at. The rest is for rotations that
	// begin evenly but whose calls arrive in a bunch, and for two that were saved up.
	share = 0.97

	slower   = 0.7      // of the rate is left when PingOne says 429
	faster   = 1.0 / 20 // of the limit comes back in each minute after it
	slowest  = 1.0 / 60 // of the limit; some rotation has to find out whether it is over
	holdBack = 10 * time.Second
)

// A pacer says when the next rotation may begin, so that a campaign uses what PingOne
// allows and not more. It is a bucket of configuration calls that fills evenly, and
// is debited twice: when a rotation begins, by what rotations have taken so far, and
// when it has ended, by the difference to what it took. So the sum is right even
// even if rotations differ, and the pacer need not be told what one costs. Before the
// first has ended that is not known, and it runs alone. The bucket holds two rotations, so
// that a pause is not followed by a burst.
//
// A 429 says that others use the licence too. Then the rate falls by a factor, and
// rises again by steady steps: additive increase and multiplicative decrease, as in
// TCP (RFC 5681), by which any number of campaigns share one limit without
// knowing of each other.
//
// The times given to a pacer must not go backwards. It is not safe for concurrent use.
type pacer struct {
	limit float64 // calls a minute
	rate  float64 // calls a minute, at present
	cost  float64 // calls of a rotation, by experience; 0 before the first has ended

	balance  float64 // calls that may be made; negative when rotations took more than expected
	filled   time.Time
	slowed   time.Time // when the rate last fell
	hold     time.Time // nothing begins before
	underWay int
}

// newPacer returns a pacer for the limit, in configuration calls a minute.
func newPacer(limit int) *pacer {
	return &pacer{limit: float64(limit), rate: share * float64(limit)}
}

// begin lets a rotation begin now, and returns its debit, which end needs. If it
// may not, wait is how long to wait before asking again; without a wait, until a
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

// end accounts for a rotation that has made so many configuration calls. One that was
// cut short by the limit, or had nothing to do, says nothing about the others.
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

// limited takes note of a 429, and of when PingOne wants to be asked again, if it
// said so. The rate falls once a minute at most, because everything under way runs
// into the same full minute.
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
