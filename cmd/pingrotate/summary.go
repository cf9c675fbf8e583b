package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"pingrotate/rotation"
)

// A summary is what became of a campaign, at its end or so far. It is the last line
// that -o json writes.
type summary struct {
	Start    time.Time      `json:"start"` // names the campaign, for --resume
	Secrets  int            `json:"secrets"`
	Promoted int            `json:"promoted"`
	Ended    int            `json:"ended"` // promoted, and the leaked one is refused
	Skipped  int            `json:"skipped"`
	Refused  int            `json:"refused"`
	Busy     int            `json:"busy"`
	Open     int            `json:"open"`
	Failed   int            `json:"failed"`
	Left     int            `json:"left"`
	Stopped  string         `json:"stopped,omitempty"` // why before the end
	Seconds  float64        `json:"seconds"`
	Calls    rotation.Calls `json:"calls"`

	CallsPerRotation float64 `json:"pingOneApiCallsPerRotation"`
	SecretsPerHour   float64 `json:"secretsPerHour"`
	ShareOfLimit     float64 `json:"shareOfLimit"` // of PingOne's configuration calls

	begun  time.Time
	limit  int
	unwell []rotation.Report // those that somebody should look at
}

// add counts a secret that has come to its end.
func (s *summary) add(r rotation.Report) {
	switch r.Outcome {
	case rotation.Promoted:
		s.Promoted++
		return
	case rotation.Ended:
		s.Ended++
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
	s.unwell = append(s.unwell, r)
}

// well returns how many secrets have been rotated.
func (s *summary) well() int { return s.Promoted + s.Ended }

// done returns how many secrets have come to their end.
func (s *summary) done() int { return s.well() + s.Skipped + len(s.unwell) }

// until returns the summary with what depends on the time.
func (s summary) until(now time.Time) summary {
	s.Seconds = now.Sub(s.begun).Seconds()
	s.Left = s.Secrets - s.done()
	s.unwell = slices.Clone(s.unwell)
	if n := s.well(); n > 0 && s.Seconds > 0 {
		s.CallsPerRotation = float64(s.Calls.PingOneAPI) / float64(n)
		s.SecretsPerHour = float64(n) / s.Seconds * 3600
		s.ShareOfLimit = float64(s.Calls.PingOneAPI) / s.Seconds * 60 / float64(s.limit)
	}
	return s
}

// err says that not all secrets ended well.
func (s summary) err() error {
	switch bad := len(s.unwell) + s.Left; {
	case bad == 0:
		return nil
	case s.Stopped != "":
		return fmt.Errorf("rotate: stopped, %s; %d of %s not rotated, go on with --resume %s",
			s.Stopped, bad, counted(s.Secrets, "secret"), s.Start.UTC().Format(startFormat))
	default:
		return fmt.Errorf("rotate: %d of %s not rotated, as listed; when the errors are dealt with, go on with --resume %s",
			bad, counted(s.Secrets, "secret"), s.Start.UTC().Format(startFormat))
	}
}

// write writes the summary for people, with what they should look at if they have not
// been told.
func (s summary) write(w io.Writer, told bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range []struct {
		outcome string
		n       int
		meaning string
	}{
		{"promoted", s.Promoted, "AWSCURRENT is a new secret"},
		{"ended", s.Ended, "AWSCURRENT is a new secret, and the leaked one is refused"},
		{"skipped", s.Skipped, "rotated since the campaign began"},
		{"refused", s.Refused, "consumers lag; nothing was changed"},
		{"busy", s.Busy, "another rotation is under way"},
		{"open", s.Open, "the leaked secret may still work"},
		{"failed", s.Failed, "the error says what to do"},
		{"left", s.Left, "not begun, or not finished"},
	} {
		if row.n > 0 {
			fmt.Fprintf(table, "%s\t%d\t%s\n", row.outcome, row.n, row.meaning)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range s.unwell {
		if told {
			break
		}
		if _, err := fmt.Fprintf(w, "%s %s: %s\n", r.Outcome, subject(r), r.Error); err != nil {
			return err
		}
	}
	if s.well() == 0 {
		return nil
	}
	pace := ""
	if s.Seconds >= 60 { // PingOne counts by the minute
		pace = fmt.Sprintf(", %.0f secrets an hour, %.0f %% of %d calls a minute", s.SecretsPerHour, 100*s.ShareOfLimit, s.limit)
	}
	_, err := fmt.Fprintf(w, "%.1f PingOne configuration calls a rotation%s\n", s.CallsPerRotation, pace)
	return err
}

// counted writes a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
