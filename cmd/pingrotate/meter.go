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
	if onlyWaits(s) {
		return line + "; " + waits(s)
	}
	if s.Last != "" {
		line += "; last " + s.Last
	}
	return line
}

// onlyWaits reports whether nothing is left to do but to try secrets again later.
func onlyWaits(s campaign.Standing) bool {
	return s.Stopped == "" && s.UnderWay == 0 && len(s.Waiting) > 0 && s.Left <= len(s.Waiting)
}

// waits says which secret is waited for, until when, and why.
func waits(s campaign.Standing) string {
	w := s.Waiting[0]
	text := fmt.Sprintf("waits until %s for %s: %s", w.Until.Local().Format(time.TimeOnly), w.Secret, w.Why)
	if n := len(s.Waiting) - 1; n > 0 {
		text += ", and for " + counted(n, "other")
	}
	return text
}

// A meter shows standings: on a terminal in one line that is kept up to date, elsewhere
// in a line for each 100 secrets, each 30 seconds, when only secrets that are tried again
// are left, and when the campaign stops.
type meter struct {
	w       io.Writer
	width   int // of the terminal; 0 where there is none
	shown   time.Time
	done    int
	stopped bool
	line    bool   // there is one on the terminal
	waits   string // the secret that was last waited for
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
	waited := ""
	if onlyWaits(s) {
		waited = s.Waiting[0].Secret
	}
	if stops := s.Stopped != ""; now.Sub(m.shown) >= 30*time.Second || s.Done()/100 > m.done/100 || stops && !m.stopped || waited != "" && waited != m.waits {
		m.shown, m.done, m.stopped, m.waits = now, s.Done(), stops, waited
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
