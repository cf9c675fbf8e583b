package register_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"pingrotate/internal/register"
)

func TestLeaseIsFreeWhenGivenBackOrPastItsEnd(t *testing.T) {
	taken := register.Item{}.Take("a", "createSecret", noon)
	free := noon.Add(register.LeaseTime + register.Skew)
	for _, row := range []struct {
		what   string
		item   register.Item
		holder string
		at     time.Time
		want   bool
	}{
		{"never taken", register.Item{}, "b", noon, true},
		{"one's own", taken, "a", noon, true},
		{"another's", taken, "b", noon, false},
		{"at its end", taken, "b", noon.Add(register.LeaseTime), false},
		{"a moment too early", taken, "b", free.Add(-1), false},
		{"past its end", taken, "b", free, true},
		{"given back", taken.Release("a"), "b", noon, true},
		{"given back by another", taken.Release("b"), "b", noon, false},
		{"taken by force", taken.Take("c", "emergency", noon.Add(time.Second)), "a", noon.Add(2 * time.Second), false},
	} {
		got, from := row.item.MayTake(row.holder, row.at)
		if got != row.want {
			t.Errorf("%s: got %v, want %v", row.what, got, row.want)
		}
		if later, _ := row.item.MayTake(row.holder, from); !later {
			t.Errorf("%s: still taken at %v, from which on it was to be free", row.what, from)
		}
	}
}

func TestNothingIsSentInTheLastPartOfALease(t *testing.T) {
	taken := register.Item{}.Take("a", "createSecret", noon)
	last := noon.Add(register.LeaseTime - register.SendMargin)
	for _, row := range []struct {
		holder string
		at     time.Time
		want   bool
	}{
		{"a", noon, true}, {"a", last.Add(-1), true}, {"a", last, false}, {"a", last.Add(time.Hour), false}, {"b", noon, false}, {"", noon, false},
	} {
		if got := taken.MaySend(row.holder, row.at); got != row.want {
			t.Errorf("%q at %v: got %v, want %v", row.holder, row.at, got, row.want)
		}
	}
}

// TestLeaseIsNeverHeldByTwo lets processes whose clocks differ by up to Skew take,
// give back and use one lease by compare-and-swap. What one of them has sent must be
// over, which takes up to SendMargin, before another may take the lease.
func TestLeaseIsNeverHeldByTwo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type process struct {
			name string
			skew time.Duration
			last register.Revision // as the process has fetched it
		}
		all := []*process{{name: "a"}, {name: "b"}}
		for _, p := range all {
			p.skew = time.Duration(rapid.Int64Range(0, int64(register.Skew)).Draw(t, p.name+"'s clock"))
		}
		stored := register.Revision{}
		now := noon
		var sender string
		var over time.Time // when all that the sender has sent is over
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 12_000).Draw(t, "milliseconds")) * time.Millisecond)
			p := all[rapid.IntRange(0, 1).Draw(t, "process")]
			if rapid.IntRange(0, 3).Draw(t, "remembers") > 0 {
				p.last = stored
			}
			its := now.Add(p.skew)
			replace := func(next register.Item) {
				if stored.Number == p.last.Number {
					stored = register.Revision{Number: stored.Number + 1, Item: next}
					p.last = stored
				}
			}
			switch rapid.SampledFrom([]string{"take", "send", "send", "take", "send", "send", "release"}).Draw(t, "move") {
			case "take":
				if free, _ := p.last.Item.MayTake(p.name, its); !free {
					continue
				}
				before := stored.Number
				replace(p.last.Item.Take(p.name, "a test", its))
				if stored.Number != before && sender != p.name && now.Before(over) {
					t.Fatalf("%s took the lease at %v, and what %s has sent is over at %v", p.name, now, sender, over)
				}
			case "send":
				// Only the process that holds the stored revision sends: the fence is the
				// replace that announces the act.
				before := stored.Number
				if p.last.Item.MaySend(p.name, its) {
					replace(p.last.Item.Announce(register.Intent{Act: register.Mint}, before+1, its))
					if stored.Number != before {
						sender, over = p.name, now.Add(register.SendMargin)
					}
				}
			case "release":
				if now.Before(over) && sender == p.name {
					continue // it waits for the answer
				}
				replace(p.last.Item.Release(p.name))
			}
		}
	})
}

func TestWhatALostItemAnnouncedIsWaitedFor(t *testing.T) {
	if known, from := (register.Item{}).Known(noon); !known || !from.Equal(noon) {
		t.Errorf("got %v, %v, want an item that was not lost to be known", known, from)
	}
	i := register.Item{}.Begin(noon)
	from := noon.Add(register.ResolveTime)
	for _, at := range []time.Time{noon, from.Add(-1), from, from.Add(time.Hour)} {
		known, when := i.Known(at)
		if known != !at.Before(from) || !when.Equal(from) {
			t.Errorf("at %v: got %v from %v on, want it from %v on", at, known, when, from)
		}
	}
}

func TestTakingALeaseKeepsTheIntent(t *testing.T) {
	i := register.Item{}.Take("a", "createSecret", noon).Announce(register.Intent{Act: register.Mint, Application: "original"}, 2, noon)
	if got := i.Take("b", "audit", noon.Add(time.Hour)); got.Intent == nil || got.Intent.Announced != 2 {
		t.Errorf("got intent %+v, want the one that has no outcome", got.Intent)
	}
}
