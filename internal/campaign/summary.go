package campaign

import (
	"fmt"
	"slices"
	"time"

	"pingrotate/rotation"
)

// A Summary is the result of a campaign, at its end or so far.
type Summary struct {
	Start    time.Time      `json:"start"` // names the campaign
	Secrets  int            `json:"secrets"`
	Promoted int            `json:"promoted"`
	Ended    int            `json:"ended"` // of these, promoted while the leaked one is refused
	Skipped  int            `json:"skipped"`
	Refused  int            `json:"refused"`
	Busy     int            `json:"busy"`
	Open     int            `json:"open"`
	Failed   int            `json:"failed"`
	Left     int            `json:"left"`
	LeftOut  []string       `json:"leftOut,omitempty"` // not begun, or not finished
	Stopped  string         `json:"stopped,omitempty"` // why it stopped before the end; "" if it did not
	Seconds  float64        `json:"seconds"`
	Calls    rotation.Calls `json:"calls"`

	CallsPerRotation float64 `json:"pingOneApiCallsPerRotation"`
	SecretsPerHour   float64 `json:"secretsPerHour"`
	ShareOfLimit     float64 `json:"shareOfLimit"` // of PingOne's configuration calls

	Names  []string          `json:"-"` // of the rotated secrets, in the order in which they ended
	Limit  int               `json:"-"` // PingOne's limit, in configuration calls a minute
	Unwell []rotation.Report `json:"-"` // those that did not end well

	begun time.Time
}

// add counts a secret that has ended.
func (s *Summary) add(r rotation.Report) {
	switch r.Outcome {
	case rotation.Promoted:
		s.Promoted++
		s.Names = append(s.Names, Subject(r))
		return
	case rotation.Ended:
		s.Ended++
		s.Names = append(s.Names, Subject(r))
		return
	case rotation.Skipped:
		s.Skipped++
		return
	case rotation.Refused:
		s.Refused++
	case rotation.Busy:
		s.Busy++
	case rotation.Open:
		s.Open++
	default:
		s.Failed++
	}
	s.Unwell = append(s.Unwell, r)
}

// With returns the summary of two runs with one start.
func (s Summary) With(next Summary) Summary {
	s.Secrets, s.Promoted, s.Ended, s.Skipped = s.Secrets+next.Secrets, s.Promoted+next.Promoted, s.Ended+next.Ended, s.Skipped+next.Skipped
	s.Refused, s.Busy, s.Open, s.Failed, s.Left = s.Refused+next.Refused, s.Busy+next.Busy, s.Open+next.Open, s.Failed+next.Failed, s.Left+next.Left
	s.LeftOut, s.Unwell = append(s.LeftOut, next.LeftOut...), append(s.Unwell, next.Unwell...)
	s.Names = append(s.Names, next.Names...)
	if s.Stopped == "" {
		s.Stopped = next.Stopped
	}
	s.Calls.Add(next.Calls)
	return s.paced(s.Seconds + next.Seconds)
}

// Rotated returns how many secrets were rotated.
func (s Summary) Rotated() int { return s.Promoted + s.Ended }

// Done returns how many secrets have ended, well or not.
func (s Summary) Done() int { return s.Rotated() + s.Skipped + len(s.Unwell) }

// until returns the summary at this time.
func (s Summary) until(now time.Time) Summary {
	s.Left = s.Secrets - s.Done()
	s.Unwell, s.Names = slices.Clone(s.Unwell), slices.Clone(s.Names)
	return s.paced(now.Sub(s.begun).Seconds())
}

// paced returns the summary with the numbers that depend on its duration.
func (s Summary) paced(seconds float64) Summary {
	s.Seconds = seconds
	if n := s.Rotated(); n > 0 && s.Seconds > 0 {
		s.CallsPerRotation = float64(s.Calls.PingOneAPI) / float64(n)
		s.SecretsPerHour = float64(n) / s.Seconds * 3600
		s.ShareOfLimit = float64(s.Calls.PingOneAPI) / s.Seconds * 60 / float64(s.Limit)
	}
	return s
}

// err returns an [*Unfinished] unless every secret ended well.
func (s Summary) err() error {
	if bad := len(s.Unwell) + s.Left; bad > 0 {
		return &Unfinished{Start: s.Start, NotRotated: bad, Secrets: s.Secrets, Stopped: s.Stopped}
	}
	return nil
}

// An Unfinished is the error of a campaign in which not every secret ended well. The
// campaign can be resumed under its start.
type Unfinished struct {
	Start               time.Time
	NotRotated, Secrets int
	Stopped             string // why the campaign stopped before its end; "" if it did not
}

func (e *Unfinished) Error() string {
	text := fmt.Sprintf("%d of %d secrets not rotated", e.NotRotated, e.Secrets)
	if e.Secrets == 1 {
		text = "the secret was not rotated"
	}
	if e.Stopped != "" {
		return "stopped, " + e.Stopped + "; " + text
	}
	return text + ", as listed"
}
