package main

import (
	"fmt"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"
)

// tellSummary writes how a campaign ended, with the secrets that need attention unless
// they were told of before. What is the same with several of them is said once.
func tellSummary(p *page, s campaign.Summary, told bool) error {
	var rows [][]cell
	for _, outcome := range []struct {
		name    string
		n       int
		meaning string
		mood    style
	}{
		{"promoted", s.Promoted, "AWSCURRENT is a new secret", green},
		{"ended", s.Ended, "AWSCURRENT is a new secret, and the leaked one is refused", green},
		{"skipped", s.Skipped, "rotated since the campaign began", plain},
		{"refused", s.Refused, "consumers lag; nothing was changed", yellow},
		{"busy", s.Busy, "another rotation is under way", yellow},
		{"open", s.Open, "the leaked secret may still work", alarm},
		{"failed", s.Failed, "the error says what to do", red},
		{"left", s.Left, "not begun, or not finished", yellow},
	} {
		if outcome.n > 0 {
			cells := row(outcome.name, fmt.Sprint(outcome.n), outcome.meaning)
			cells[0].style = outcome.mood
			rows = append(rows, cells)
		}
	}
	if len(rows) > 0 {
		p.table(make([]column, 3), rows)
	}
	if !told {
		for _, alike := range grouped(s.Unwell, func(r rotation.Report) string { return string(r.Outcome) + r.Error }) {
			var names []string
			for _, r := range alike {
				names = append(names, campaign.Subject(r))
			}
			p.say("%s %s: %s", alike[0].Outcome, enumerated(names), alike[0].Error)
		}
	}
	if s.Stopped != "" && !told && len(s.Names) > 0 {
		p.say("rotated: %s", enumerated(s.Names))
	}
	if len(s.LeftOut) > 0 {
		p.say("left out: %s", enumerated(s.LeftOut))
	}
	if s.Rotated() == 0 {
		return p.err
	}
	pace := ""
	if s.Seconds >= 60 { // PingOne counts by the minute
		pace = fmt.Sprintf(", %.0f secrets an hour, %.0f %% of %d calls a minute", s.SecretsPerHour, 100*s.ShareOfLimit, s.Limit)
	}
	p.say("%.1f PingOne configuration calls a rotation%s", s.CallsPerRotation, pace)
	return p.err
}
