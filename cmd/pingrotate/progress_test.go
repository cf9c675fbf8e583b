package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/rotation"
)

// TestMeter checks what people see of a campaign that ends a secret each second.
func TestMeter(t *testing.T) {
	play := func(m *meter, ends int, s standing) {
		s.Secrets, s.limit, s.begun = 250, licenceLimit, time.Now()
		for i := range ends {
			<-time.After(time.Second)
			s.add(rotation.Report{Outcome: rotation.Promoted})
			s.summary, s.last = s.until(time.Now()), "pingone/orders-"+string(rune('a'+i%26))
			m.show(s)
		}
		s.Stopped, s.underWay = "interrupted", 3
		m.show(s)
		m.clear()
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		play(&meter{w: &out}, 240, standing{})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 10 { // at 31, 61, 91, 100, 130, 160, 190, 200, 230, and the end
			t.Fatalf("got %d lines, want one for each 30 seconds and each 100 secrets:\n%s", len(lines), &out)
		}
		for i, want := range map[int]string{
			0: "pingrotate: 31 of 250 secrets, 3600 an hour, 4 min left; last pingone/orders-e",
			9: "pingrotate: 240 of 250 secrets, 3600 an hour, 10 s left; stopping, 3 still under way",
		} {
			if lines[i] != want {
				t.Errorf("line %d: got %q, want %q", i, lines[i], want)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := standing{held: 9 * time.Second}
		s.add(rotation.Report{Outcome: rotation.Refused})
		play(&meter{w: &out, terminal: true}, 2, s)
		want := strings.Join([]string{
			"2 of 250 secrets, 3600 an hour, 5 min left, 1 refused; waits 9 s for PingOne",
			"3 of 250 secrets, 3600 an hour, 5 min left, 1 refused; waits 9 s for PingOne",
			"",
		}, "\r\x1b[K")
		if got := out.String(); got != want {
			t.Errorf("on a terminal: got %q, want %q", got, want)
		}
	})
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
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
