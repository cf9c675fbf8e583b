package rotation_test

import (
	"fmt"
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/rotation"
)

// TestDecideCoversEveryState goes through every combination of what AWSCURRENT may
// hold, what PingOne may hold, and when the previous secret was last seen.
func TestDecideCoversEveryState(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	ages := map[string]time.Time{
		"never": {}, "just now": now, "within the hour": ago(59 * time.Minute),
		"almost idle": ago(2*time.Hour - time.Nanosecond), "idle": ago(2 * time.Hour), "long ago": ago(20 * time.Hour),
	}
	recent := map[string]bool{"just now": true, "within the hour": true, "almost idle": true}

	cases := 0
	for _, current := range []string{"", "A", "B", "C"} {
		for _, previous := range []string{"", "A", "B"} {
			for stored, storedAt := range ages {
				for used, usedAt := range ages {
					live := &pingone.ApplicationSecret{Secret: pingone.NewSecret("A"), AsOf: now}
					if previous != "" {
						live.Previous = &pingone.PreviousSecret{Secret: pingone.NewSecret(previous), ExpiresAt: now.Add(time.Hour), LastUsed: usedAt}
					}
					want := rotation.Regenerate
					switch {
					case current == "":
						want = rotation.Seed
					case current == previous:
						want = rotation.Adopt
					case current != "A":
						want = rotation.Drift
					case previous != "" && (recent[stored] || recent[used]):
						want = rotation.Refuse
					}
					got := rotation.Decide(rotation.Observation{Current: pingone.NewSecret(current), CurrentAt: storedAt, Live: live, Now: now})
					if got != want {
						t.Errorf("AWSCURRENT %q stored %s; PingOne A, previous %q used %s: got %s, want %s", current, stored, previous, used, got, want)
					}
					cases++
				}
			}
		}
	}
	t.Log(fmt.Sprint(cases, " states"))
}
