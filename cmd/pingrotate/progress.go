package main

import (
	"fmt"
	"io"
	"time"
)

// A standing is how far a campaign has come.
type standing struct {
	summary
	underWay int
	held     time.Duration // how long nothing begins yet, because PingOne asked to slow down
	last     string        // the secret that ended last
}

// String returns the standing in one line.
func (s standing) String() string {
	line := fmt.Sprintf("%d of %s", s.done(), counted(s.Secrets, "secret"))
	if s.SecretsPerHour > 0 {
		left := time.Duration(float64(s.Left) / s.SecretsPerHour * float64(time.Hour))
		line += fmt.Sprintf(", %.0f an hour, %s left", s.SecretsPerHour, inWords(left))
	}
	for _, n := range []struct {
		n    int
		what string
	}{{s.Skipped, "skipped"}, {s.Refused, "refused"}, {s.Failed + s.Open, "failed"}} {
		if n.n > 0 {
			line += fmt.Sprintf(", %d %s", n.n, n.what)
		}
	}
	if s.Stopped != "" && s.underWay > 0 {
		return line + fmt.Sprintf("; stopping, %d still under way", s.underWay)
	}
	if s.held > 0 {
		return line + "; waits " + inWords(s.held) + " for PingOne"
	}
	if s.last != "" {
		line += "; last " + s.last
	}
	return line
}

// inWords writes a duration as precisely as anybody wants to know.
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

// A meter shows standings: on a terminal in one line that is kept up to date,
// elsewhere in a line for each 100 secrets, each 30 seconds, and when it stops.
type meter struct {
	w        io.Writer
	terminal bool
	shown    time.Time
	done     int
	stopped  bool
	line     bool // there is one on the terminal
}

func (m *meter) show(s standing) {
	now := time.Now()
	if m.terminal {
		if now.Sub(m.shown) < 100*time.Millisecond && s.Left > 0 {
			return
		}
		m.clear()
		m.shown, m.line = now, true
		line := s.String()
		fmt.Fprint(printable{m.w}, line[:min(len(line), 79)]) // one that wraps could not be taken back
		return
	}
	if m.shown.IsZero() {
		m.shown = now
	}
	if stops := s.Stopped != ""; now.Sub(m.shown) >= 30*time.Second || s.done()/100 > m.done/100 || stops && !m.stopped {
		m.shown, m.done, m.stopped = now, s.done(), stops
		fmt.Fprintf(printable{m.w}, "pingrotate: %s\n", s)
	}
}

// clear takes the line back, before something else is written.
func (m *meter) clear() {
	if m.line {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.line = false
	}
}
