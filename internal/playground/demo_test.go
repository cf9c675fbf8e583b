package playground

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTimelineShowsEachState(t *testing.T) {
	at := func(day int, current, pending string, pingOne ...string) Sample {
		return Sample{Day: day, Step: "createSecret", Current: current, Works: slices.Contains(pingOne, current), Pending: pending, PingOne: pingOne}
	}
	killed := at(2, "bbbbbbbb", "", "cccccccc", "bbbbbbbb")
	killed.Killed = true
	lost := at(2, "bbbbbbbb", "", "cccccccc")
	night := at(1, "bbbbbbbb", "", "bbbbbbbb")
	night.Step = ""
	story := []Sample{
		at(1, "aaaaaaaa", "", "aaaaaaaa"),
		at(1, "aaaaaaaa", "", "bbbbbbbb", "aaaaaaaa"),
		at(1, "aaaaaaaa", "bbbbbbbb", "bbbbbbbb", "aaaaaaaa"),
		at(1, "bbbbbbbb", "bbbbbbbb", "bbbbbbbb", "aaaaaaaa"),
		night,
		at(2, "bbbbbbbb", "", "bbbbbbbb"),
		killed,
		lost,
	}
	const head = "            "
	for _, tt := range []struct {
		name    string
		samples []Sample
		columns int
		want    []string
	}{
		{"nothing", nil, 60, nil},
		{"each Sample", story[:4], 60, []string{
			head + "day 1",
			"  aaaaaaaa  ███▒",
			"  bbbbbbbb   ·░█"}},
		{"gaps and words that would overlap", story, 60, []string{
			head + "day 1 the next 25 hours day 2",
			"  aaaaaaaa  ███▒",
			"  bbbbbbbb   ·░█ █ ██✗",
			"  cccccccc          ··",
			head + "        ↑ killed"}},
		{"the rarest state of a column", story[5:], 1, []string{
			head + "day 2",
			"  bbbbbbbb  ✗",
			"  cccccccc  ·",
			head + "↑ killed"}},
	} {
		want := strings.Join(tt.want, "\n")
		if got := strings.TrimSuffix(draw(tt.samples, tt.columns), "\n"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, want)
		}
	}
}

func TestLeakIsFoundInEveryForm(t *testing.T) {
	const secret = "vJ~x8Q.s_r-aZ3kPq0/+ =&%"
	pair := func(id string) []byte { return []byte(id + ":" + secret + "!") }
	for _, text := range []string{
		"secret " + secret,
		"client_secret=vJ~x8Q.s_r-aZ3kPq0%2F%2B+%3D%26%25",
		"Basic " + base64.StdEncoding.EncodeToString(pair("a")),
		"Basic " + base64.StdEncoding.EncodeToString(pair("ab")),
		"Basic " + base64.URLEncoding.EncodeToString(pair("abc")),
		base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if got := leaks(text, []string{"another one", secret}); !slices.Equal(got, []string{Fingerprint(secret)}) {
			t.Errorf("%s: got %v, want %s", text, got, Fingerprint(secret))
		}
	}
	if got := leaks("nothing "+Fingerprint(secret), []string{secret}); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestClockSpeaksFromNow(t *testing.T) {
	now := time.Date(2026, 3, 31, 22, 0, 0, 0, time.Local)
	for after, want := range map[time.Duration]string{
		time.Hour: "today 23:00", 24 * time.Hour: "tomorrow 22:00", 72 * time.Hour: "3 Apr 22:00",
	} {
		if got := clock(now.Add(after), now); got != want {
			t.Errorf("in %v: got %s, want %s", after, got, want)
		}
	}
}
