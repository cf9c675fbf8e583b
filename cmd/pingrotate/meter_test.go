package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"
)

// A campaign whose last secret has a rotation under way may wait for a minute.
func TestMeterSaysWhatIsWaitedFor(t *testing.T) {
	for _, width := range []int{0, 140} {
		var out bytes.Buffer
		m := &meter{w: &out, width: width}
		until := time.Now().Add(time.Minute)
		s := campaign.Standing{Waiting: []campaign.Waiting{
			{Secret: "pingone/orders-api", Until: until, Why: "another rotation is under way"},
			{Secret: "pingone/carts", Until: until.Add(time.Second), Why: "no answer of the function arrived"},
		}}
		s.Secrets, s.Promoted, s.Left = 3, 1, 2
		m.show(s)
		m.show(s)
		want := "waits until " + until.Local().Format(time.TimeOnly) + " for pingone/orders-api: another rotation is under way, and for 1 other"
		if got := out.String(); strings.Count(got, want) != 1 {
			t.Errorf("%d columns: got %q, want once %q", width, got, want)
		}
		s.Left = 3 // one may begin
		if got := standing(s); strings.Contains(got, "waits") {
			t.Errorf("while another may begin: got %q", got)
		}
	}
}

// TestMeter checks what people see of a campaign that ends a secret each second.
func TestMeter(t *testing.T) {
	play := func(m *meter, ends int, s campaign.Standing) {
		begun := time.Now()
		s.Secrets, s.Limit = 250, campaign.LicenceLimit
		for i := range ends {
			<-time.After(time.Second)
			s.Promoted++
			s.Left = s.Secrets - s.Done()
			s.SecretsPerHour = float64(s.Promoted) / time.Since(begun).Hours()
			s.Last = "pingone/orders-" + string(rune('a'+i%26))
			m.show(s)
		}
		s.Stopped, s.UnderWay = "interrupted", 3
		m.show(s)
		m.clear()
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		play(&meter{w: &out}, 240, campaign.Standing{})
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
		s := campaign.Standing{Held: 9 * time.Second}
		s.Refused, s.Unwell = 1, []rotation.Report{{Outcome: rotation.Refused}}
		play(&meter{w: &out, width: 80}, 2, s)
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
