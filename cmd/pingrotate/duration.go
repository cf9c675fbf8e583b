package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A span is a flag that takes a duration, also in days: 30d, 1d12h, 90m.
type span time.Duration

func (s *span) String() string { return inDays(time.Duration(*s)) }
func (s *span) Type() string   { return "DURATION" }

func (s *span) Set(text string) error {
	d, err := parseSpan(text)
	if err == nil {
		*s = span(d)
	}
	return err
}

// day is how long a day is taken to be. Durations that people write are not calendars.
const day = 24 * time.Hour

func parseSpan(text string) (time.Duration, error) {
	bad := errors.New("must be a duration such as 30d, 12h or 90m")
	var d time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, bad
		}
		if d, text = time.Duration(n)*day, rest; text == "" {
			return d, nil
		}
	}
	more, err := time.ParseDuration(text)
	if err != nil {
		return 0, bad
	}
	return d + more, nil
}

// inDays writes a duration in days where it has no hours, and without the units that are zero.
func inDays(d time.Duration) string {
	if d%day == 0 && d > 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return inUnits(d)
}

// inUnits writes a duration in hours and less, without the units that are zero.
func inUnits(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// short writes a duration in its largest unit.
func short(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d/day))
}

// ago writes how long ago something was, and until in how long something will be. A
// time that is not known is a dash.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(now.Sub(t))
}

func until(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Before(now):
		return short(now.Sub(t)) + " ago"
	}
	return "in " + short(t.Sub(now))
}

// inWords writes how long something still takes, rounded up.
func inWords(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", (d+time.Second-1)/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", (d+time.Minute-1)/time.Minute)
	}
	d += time.Minute - 1
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}
