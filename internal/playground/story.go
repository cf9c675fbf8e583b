package playground

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A story tells people on paper what happens. It keeps the first write error.
type story struct {
	w   io.Writer
	err error
}

func (s *story) say(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format+"\n", args...)
	}
}

// step tells one step in one line. The last sample shows what a process that died could not
// tell.
func (s *story) step(st Step, last Sample, now time.Time) {
	decision, detail := st.Decision, st.Pending
	switch {
	case st.Ended != "":
		decision = st.Ended
		if decision == "signal: killed" {
			decision = "killed (SIGKILL)"
		}
		s.say("  %-12s  %-18s  PingOne made %s, stored nowhere yet", st.Step, decision, last.PingOne[0])
		return
	case st.Error != "":
		s.say("  %-12s  %-18s  %s", st.Step, "failed", st.Error)
		return
	case strings.HasPrefix(st.Decision, "regenerate"):
		detail = fmt.Sprintf("%s (kept until %s) → %s", st.Current, clock(st.PreviousUntil, now), st.Pending)
	case st.Decision == "adopt":
		detail = fmt.Sprintf("%s was minted by the run that died", st.Pending)
	case st.Decision == "in PingOne already":
		detail = fmt.Sprintf("PingOne's secret is %s, as stored", st.Pending)
	case st.Decision == "verify":
		detail = fmt.Sprintf("%s obtained a token", st.Pending)
		if st.Verified != "" {
			detail = st.Pending + ": " + st.Verified
		}
	case st.Decision == "promote":
		detail = fmt.Sprintf("AWSCURRENT moves to %s", st.Pending)
	}
	s.say("  %-12s  %-18s  %-47s %4d ms %2d calls", st.Step, decision, detail, st.DurationMs, st.Calls.SecretsManager+st.Calls.PingOne+st.Calls.Register)
	if st.Warning != "" {
		s.say("  %-12s  warning: %s", "", st.Warning)
	}
}

// clock returns a time as people say it, relative to now.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	switch day(t) {
	case day(now):
		return "today " + t.Format("15:04")
	case day(now.AddDate(0, 0, 1)):
		return "tomorrow " + t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}
