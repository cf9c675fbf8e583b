package rotation

import (
	"fmt"
	"testing"
	"time"
)

// However often audits run, and however few secrets each of them reaches, every secret gets
// its turn.
func TestAuditsThatReachFewSecretsComeRoundToAll(t *testing.T) {
	for _, c := range []struct{ secrets, reach, everyHours int }{
		{1200, 950, 24}, {9600, 950, 24}, {10000, 153, 1}, {10000, 950, 1}, {10000, 950, 6}, {777, 100, 7},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			var all []description
			for i := range c.secrets {
				all = append(all, description{name: fmt.Sprintf("s%05d", i)})
			}
			seen := map[string]bool{}
			audits := 0
			for now := time.Date(2026, 11, 24, 0, 17, 0, 0, time.UTC); len(seen) < c.secrets && audits < 100*c.secrets/c.reach; now = now.Add(time.Duration(c.everyHours) * time.Hour) {
				order, _ := auditOrder(all, "", now)
				for _, v := range order[:min(c.reach, len(order))] {
					seen[v.name] = true
				}
				audits++
			}
			rounds := float64(audits*c.reach) / float64(c.secrets)
			if len(seen) < c.secrets || rounds > 8 {
				t.Errorf("after %d audits, %.1f times what it would take at best, %d of %d secrets have been looked at", audits, rounds, len(seen), c.secrets)
			}
			t.Logf("%d audits, %.1f times what it would take at best", audits, rounds)
		})
	}
}
