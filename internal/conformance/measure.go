package conformance

import (
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// A Limit is a constant of the design, with which a measured time is compared.
type Limit struct {
	Name string
	Time time.Duration
}

// The times that the design relies on. The last is how long an emergency asks whether a
// secret is refused; see rotation's report.
var (
	LimitReads    = Limit{"reads show a change", register.ReadLag}
	LimitSettling = Limit{"a new secret settles", plan.Settling}
	LimitAsking   = Limit{"an emergency asks", 30 * time.Second}
)

// A Measure is a distribution of times: the number of samples, the shortest, the median,
// the one that nine in ten do not exceed, and the longest.
type Measure struct {
	What    string       `json:"what"`
	Samples int          `json:"samples"`
	Min     Milliseconds `json:"minMs"`
	Median  Milliseconds `json:"medianMs"`
	P90     Milliseconds `json:"p90Ms"`
	Max     Milliseconds `json:"maxMs"`
	Limit   string       `json:"limit,omitempty"`   // the constant of the design
	LimitMs Milliseconds `json:"limitMs,omitempty"` // its value
}

// Milliseconds is a duration in a record.
type Milliseconds int64

// Duration returns the value as a [time.Duration].
func (m Milliseconds) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

func ms(d time.Duration) Milliseconds { return Milliseconds(d.Milliseconds()) }

// distribution summarizes the samples, of which there is at least one.
func distribution(what string, samples []time.Duration, limit Limit) Measure {
	sorted := slices.Sorted(slices.Values(samples))
	at := func(share float64) Milliseconds { return ms(sorted[int(share*float64(len(sorted)-1)+0.5)]) }
	return Measure{
		What: what, Samples: len(sorted), Min: at(0), Median: at(0.5), P90: at(0.9), Max: at(1),
		Limit: limit.Name, LimitMs: ms(limit.Time),
	}
}

// measure records a distribution. It is a difference if even one sample exceeds the limit.
func (q *Inquiry) measure(what string, samples []time.Duration, limit Limit) {
	if q.blocked() || len(samples) == 0 {
		return
	}
	m := distribution(what, samples, limit)
	q.measures = append(q.measures, m)
	if limit.Time > 0 && m.Max > m.LimitMs {
		q.differ("%s took %v, and the design counts on %v (%s)", what, m.Max.Duration(), limit.Time, limit.Name)
	}
}

// String returns the distribution in one line.
func (m Measure) String() string {
	short := func(v Milliseconds) string { return v.Duration().Round(10 * time.Millisecond).String() }
	line := fmt.Sprintf("%s: %d times, %s to %s, median %s, 9 in 10 within %s",
		m.What, m.Samples, short(m.Min), short(m.Max), short(m.Median), short(m.P90))
	if m.LimitMs > 0 {
		line += fmt.Sprintf("; the design counts on %v (%s)", m.LimitMs.Duration(), m.Limit)
	}
	return line
}
