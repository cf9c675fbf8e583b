package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pingrotate/internal/campaign"
)

// standing returns how far a campaign has come, in one line.
func standing(s campaign.Standing) string {
	line := fmt.Sprintf("%d of %s", s.Done(), counted(s.Secrets, "secret"))
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
	if s.Stopped != "" && s.UnderWay > 0 {
		return line + fmt.Sprintf("; stopping, %d still under way", s.UnderWay)
	}
	if s.Held > 0 {
		return line + "; waits " + inWords(s.Held) + " for PingOne"
	}
	if s.Last != "" {
		line += "; last " + s.Last
	}
	return line
}

// A meter shows standings: on a terminal in one line that is kept up to date, elsewhere
// in a line for each 100 secrets, each 30 seconds, and when the campaign stops.
type meter struct {
	w       io.Writer
	width   int // of the terminal; 0 where there is none
	shown   time.Time
	done    int
	stopped bool
	line    bool // there is one on the terminal
}

func (m *meter) show(s campaign.Standing) {
	now := time.Now()
	if m.width > 0 {
		if now.Sub(m.shown) < 100*time.Millisecond && s.Left > 0 {
			return
		}
		m.clear()
		m.shown, m.line = now, true
		// One that wraps could not be taken back.
		fmt.Fprint(m.w, first(strings.Map(harmless, standing(s)), m.width-1))
		return
	}
	if m.shown.IsZero() {
		m.shown = now
	}
	if stops := s.Stopped != ""; now.Sub(m.shown) >= 30*time.Second || s.Done()/100 > m.done/100 || stops && !m.stopped {
		m.shown, m.done, m.stopped = now, s.Done(), stops
		fmt.Fprintf(printable{m.w}, "pingrotate: %s\n", standing(s))
	}
}

// clear takes the line back, before something else is written.
func (m *meter) clear() {
	if m.line {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.line = false
	}
}
