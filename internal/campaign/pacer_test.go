package campaign

import (
	"math"
	"testing"
	"time"
)

// TestPacerStaysBelowTheLimit begins rotations of different costs as soon as the pacer
// allows, and counts the calls in every minute, wherever it begins.
func TestPacerStaysBelowTheLimit(t *testing.T) {
	for _, limit := range []int{60, 600, 6000} {
		for name, cost := range map[string]func(i int) int{
			"all alike":       func(int) int { return 8 },
			"two kinds":       func(i int) int { return 5 + i%2*9 },
			"one is special":  func(i int) int { return 8 + 40*(max(0, i%50-48)) },
			"cheap, then not": func(i int) int { return 4 + 8*min(1, i/300) },
		} {
			p := newPacer(limit)
			now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
			begun := now
			var calls []time.Time
			for i := 0; now.Sub(begun) < 10*time.Minute; i++ {
				debit, wait, ok := p.begin(now)
				for !ok {
					now = now.Add(wait)
					debit, wait, ok = p.begin(now)
				}
				for range cost(i) {
					calls = append(calls, now)
				}
				now = now.Add(time.Duration(cost(i)) * time.Millisecond)
				p.end(now, debit, int64(cost(i)), true)
			}
			most, first := 0, 0
			for last := range calls {
				for calls[last].Sub(calls[first]) >= time.Minute {
					first++
				}
				most = max(most, last-first+1)
			}
			used := float64(len(calls)) / now.Sub(begun).Minutes() / float64(limit)
			t.Logf("limit %d, %s: at most %d calls in a minute, %.3f of the limit", limit, name, most, used)
			dearest := 0
			for i := range 400 {
				dearest = max(dearest, cost(i))
			}
			// Two rotations may have been saved up. They fit between the target and the
			// limit, unless the limit is only a few rotations.
			if want := int(share*float64(limit)) + 2*dearest; most > want {
				t.Errorf("limit %d, %s: got %d calls in one minute, want at most %d", limit, name, most, want)
			}
			if used < 0.9 {
				t.Errorf("limit %d, %s: got %.3f of the limit, want at least 0.9", limit, name, used)
			}
		}
	}
}

// TestPacerLearnsFirst checks that nothing runs beside the first rotation.
func TestPacerLearnsFirst(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	p := newPacer(600)
	debit, _, ok := p.begin(now)
	if !ok || debit != 0 {
		t.Fatalf("begin the first: got %v, %v", debit, ok)
	}
	if _, wait, ok := p.begin(now.Add(time.Hour)); ok || wait != 0 {
		t.Errorf("begin a second beside it: got %v after %v, want to wait for the first", ok, wait)
	}
	p.end(now.Add(time.Hour), debit, 8, true)
	_, wait, ok := p.begin(now.Add(time.Hour))
	if want := 16 * time.Minute / 582; ok || (wait-want).Abs() > time.Millisecond {
		t.Errorf("begin the second after it: got %v in %v, want it in %v, when both are paid for", ok, wait, want)
	}
}

// TestPacerShares checks that the rate falls once for the refusals of one minute, that
// nothing begins while PingOne's Retry-After lasts, and that the rate recovers.
func TestPacerShares(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	p := newPacer(600)
	rate := func(want float64) {
		t.Helper()
		if math.Abs(p.rate-want) > 0.01 {
			t.Errorf("got %.2f calls a minute, want %.2f", p.rate, want)
		}
	}
	rate(582)
	debit, _, _ := p.begin(now)
	p.end(now, debit, 8, true)
	p.limited(now, now.Add(5*time.Second))
	p.limited(now, time.Time{})
	p.limited(now, now.Add(3*time.Second))
	rate(0.7 * 582)
	if _, wait, ok := p.begin(now); ok || wait != holdBack {
		t.Errorf("begin after a 429: got %v in %v, want it in %v", ok, wait, holdBack)
	}
	p.limited(now.Add(time.Minute), time.Time{})
	rate(0.7 * (0.7*582 + 30))
	p.fill(now.Add(time.Minute + 5*time.Minute))
	rate(0.7*(0.7*582+30) + 150)
	p.fill(now.Add(time.Hour))
	rate(582)
	for range 100 {
		now = now.Add(time.Minute)
		p.limited(now.Add(time.Hour), time.Time{})
	}
	if p.rate < slowest*600 {
		t.Errorf("got %.2f calls a minute, want at least %.2f", p.rate, slowest*600)
	}
}
