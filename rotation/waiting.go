package rotation

import (
	"fmt"
	"time"

	"pingrotate/internal/plan"
)

// worthTelling is how long a run must have waited for something before its report says so.
const worthTelling = 10 * time.Second

// A waiting is what a run has waited for, and for how long altogether.
type waiting struct {
	what string
	time time.Duration
}

// wait adds a wait to those for the same.
func (rec *record) wait(what string, d time.Duration) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for i, w := range rec.waits {
		if w.what == what {
			rec.waits[i].time += d
			return
		}
	}
	rec.waits = append(rec.waits, waiting{what, d})
}

// longWaits says what was waited for that took long.
func (rec *record) longWaits() (all []string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, w := range rec.waits {
		if w.time >= worthTelling {
			all = append(all, fmt.Sprintf("%s: %s", inUnits(w.time.Round(time.Second)), w.what))
		}
	}
	return all
}

// whyWaits says what a run waits for that looks again.
func whyWaits(why plan.Why) string {
	switch why {
	case plan.Stale:
		return "a read still showed what was replaced a moment before"
	case plan.Contradiction:
		return "PingOne accepted AWSCURRENT's secret, and did not show it"
	case plan.Unresolved:
		return "an act of an earlier run could still take effect"
	case plan.Unknown:
		return "the register knew nothing of this client yet"
	case plan.NotAccepted:
		return "PingOne did not accept its own current secret yet"
	}
	return why.String()
}
