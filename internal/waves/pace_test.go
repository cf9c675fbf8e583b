package waves

import (
	"fmt"
	"testing"
	"time"
)

// TestThePaceNeverPassesTheLimitAndComesCloseToIt tries limits and costs.
func TestThePaceNeverPassesTheLimitAndComesCloseToIt(t *testing.T) {
	for _, c := range []struct {
		rate, calls float64
		takes       time.Duration
		least       float64 // of the rate
	}{
		{588, 5, rotationTime, 0.99}, {588, 12, emergencyTime, 0.99}, {588, 9.37, rotationTime, 0.99}, {6000, 5, rotationTime, 0.99},
		{300, Batch, batchTime, 0.99}, {210, 5, rotationTime, 0.98}, {30, 5, rotationTime, 0.9}, {1, 5, rotationTime, 0.99}, {60, Batch, batchTime, 0.99},
	} {
		p := paceOf(c.rate, c.calls, c.takes)
		used := p.perSecond() * 60 * c.calls / c.rate
		if used > 1+1e-9 || used < c.least || p.Hold < 5*c.takes || p.Hold%time.Second != 0 {
			t.Errorf("%+v: %d places for %v use %.3f of the rate, want %.2f to 1", c, p.Concurrency, p.Hold, used, c.least)
		}
	}
}

// TestNoMinuteHoldsMoreThanTheLimit plays a page: each place takes its next item once it
// has held the last one long enough, and the work begins after its delay.
func TestNoMinuteHoldsMoreThanTheLimit(t *testing.T) {
	p := paceOf(share*LicenceLimit, rotationCalls, rotationTime)
	var begins []int // in seconds
	for i := range 10 * p.Concurrency {
		place := i / p.Concurrency
		begins = append(begins, place*int(p.Hold/time.Second)+int(p.Delay(i)/time.Second))
	}
	most := 0
	for from := range begins[len(begins)-1] {
		n := 0
		for _, at := range begins {
			if at >= from && at < from+60 {
				n++
			}
		}
		most = max(most, n)
	}
	if calls := most * rotationCalls; calls > LicenceLimit || calls < LicenceLimit*9/10 {
		t.Errorf("a minute holds %d calls at most, want less than %d and not much less", calls, LicenceLimit)
	}
}

func TestAPlaceIsHeldForLongerThanTheWorkTakes(t *testing.T) {
	for _, takes := range []time.Duration{0, rotationTime, emergencyTime, 5 * time.Minute} {
		if p := paceOf(588, 5, takes); p.Hold < 5*takes {
			t.Errorf("%v: held for %v", takes, p.Hold)
		}
	}
}

// TestOthersWhoUseTheLicenceAreGivenRoom plays pages in which some tries were cut short.
func TestOthersWhoUseTheLicenceAreGivenRoom(t *testing.T) {
	begun := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	tally := func(ended, cut int) (t Tally) {
		for i := range ended {
			t.Endings = append(t.Endings, Ending{Secret: fmt.Sprint(i), Outcome: promoted, Well: true, Calls: 5, At: begun.Add(time.Minute)})
		}
		for i := range cut {
			t.Limited = append(t.Limited, Ending{Secret: fmt.Sprint(i), Again: RateLimited, At: begun.Add(time.Minute)})
		}
		return t
	}
	m := Memory{Phase: Wave, Begun: begun}
	for _, c := range []struct {
		before     float64
		ended, cut int
		want       float64
	}{
		{0, 100, 0, share}, {share, 100, 5, share}, {share, 100, 50, share * slower}, {0.5, 100, 0, 0.55}, {0.05, 1, 100, 0.05},
	} {
		m.Share = c.before
		if got := tally(c.ended, c.cut).share(m); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("%+v: got %.3f", c, got)
		}
	}
}
