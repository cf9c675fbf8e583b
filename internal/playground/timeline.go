package playground

import (
	"fmt"
	"slices"
	"strings"
)

// How a secret stands. A column that covers several samples shows the highest of these:
// what lasts for only one call must not disappear.
const (
	gone = iota
	current
	replaced
	pending
	minted
	refused
)

var symbols = [...]rune{
	gone:     ' ',
	current:  '█',
	replaced: '▒',
	pending:  '░',
	minted:   '·',
	refused:  '✗',
}

const legend = `█ AWSCURRENT   · in PingOne only   ░ stored as AWSPENDING   ▒ replaced, PingOne still accepts it`

// stands returns how the secret with this fingerprint stood in the sample.
func (s Sample) stands(secret string) int {
	switch {
	case secret == s.Current && s.Works:
		return current
	case secret == s.Current:
		return refused
	case !slices.Contains(s.PingOne, secret):
		return gone
	case secret != s.PingOne[0]:
		return replaced
	case secret == s.Pending:
		return pending
	}
	return minted
}

// draw draws the life of each secret, with one column for each sample or, if there are more
// samples than columns, for each few. Gaps separate the days.
func draw(samples []Sample, columns int) string {
	width := (len(samples) + columns - 1) / columns // samples in a column
	if width == 0 {
		return ""
	}
	var secrets []string
	for _, s := range samples {
		for _, secret := range append([]string{s.Current}, s.PingOne...) {
			if !slices.Contains(secrets, secret) {
				secrets = append(secrets, secret)
			}
		}
	}
	var days, kills strings.Builder
	rows := make([]strings.Builder, len(secrets))
	column, when := 0, ""
	for start := 0; start < len(samples); {
		if now := samples[start].when(); now != when {
			if when != "" {
				column++
				for i := range rows {
					rows[i].WriteByte(' ')
				}
			}
			when = now
			at(&days, column, when)
		}
		end := start
		for end < len(samples) && end < start+width && samples[end].when() == when {
			if samples[end].Killed {
				at(&kills, column, "↑ killed")
			}
			end++
		}
		for i, secret := range secrets {
			most := gone
			for _, s := range samples[start:end] {
				most = max(most, s.stands(secret))
			}
			rows[i].WriteRune(symbols[most])
		}
		start = end
		column++
	}

	var b strings.Builder
	line := func(head, text string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-8s  %s", head, text), " ") + "\n")
	}
	line("", days.String())
	for i, secret := range secrets {
		line(secret, rows[i].String())
	}
	if kills.Len() > 0 {
		line("", kills.String())
	}
	return b.String()
}

// at continues a line of text with words that start in the column, or after a space if the
// line is already longer.
func at(b *strings.Builder, column int, words string) {
	have := len([]rune(b.String()))
	if have > 0 && column <= have {
		column = have + 1
	}
	b.WriteString(strings.Repeat(" ", column-have) + words)
}
