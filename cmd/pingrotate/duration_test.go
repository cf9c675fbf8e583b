package main

import (
	"testing"
	"time"
)

func TestTimesAreWrittenInOneUnit(t *testing.T) {
	now := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "in 0s", 59 * time.Second: "in 59s", 90 * time.Minute: "in 1h", 47 * time.Hour: "in 47h", 72 * time.Hour: "in 3d", -72 * time.Hour: "3d ago",
	} {
		if got := until(now.Add(d), now); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := ago(time.Time{}, now) + until(time.Time{}, now); got != "--" {
		t.Errorf("no time: got %s, want dashes", got)
	}
}

func TestDurationsAreAlsoInDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute, "1d1s": 24*time.Hour + time.Second, "0d": 0,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "-1d", "1.5d", "1d2", "1d1d", "99999d", "month"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
	for d, want := range map[time.Duration]string{
		24 * time.Hour: "1d", 30 * day: "30d", 36 * time.Hour: "36h", 90 * time.Minute: "1h30m", 5 * time.Minute: "5m", 10 * time.Second: "10s", 10 * time.Hour: "10h",
	} {
		if got := inDays(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestGraceInDaysIsStoredInHours(t *testing.T) {
	for given, want := range map[string]string{"": "", "24h": "24h", "7d": "168h", "soon": "soon", "dawn": "dawn"} {
		if got := inHours(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

func TestDurationsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0 s",
		1:                               "1 s",
		59 * time.Second:                "59 s",
		time.Minute:                     "1 min",
		time.Minute + 1:                 "2 min",
		time.Hour:                       "1 h 00 min",
		time.Hour + 25*time.Minute + 57: "1 h 26 min",
		27*time.Hour + 59*time.Minute:   "27 h 59 min",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
