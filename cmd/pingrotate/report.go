package main

import (
	"cmp"
	"encoding/json"
	"time"

	"pingrotate/rotation"
)

// outcomes are what people read of a rotation's outcome.
var outcomes = map[rotation.Outcome]string{
	rotation.Promoted:   "rotated",
	rotation.Ended:      "the leaked secret is refused",
	rotation.Open:       "THE LEAKED SECRET MAY STILL WORK",
	rotation.Refused:    "not rotated, nothing was changed",
	rotation.Skipped:    "not rotated, it is new enough",
	rotation.Busy:       "not rotated, another rotation is under way",
	rotation.Failed:     "failed",
	rotation.RolledBack: "back to the secret before",
}

// bad reports whether an outcome is not what was asked for.
func bad(o rotation.Outcome) bool {
	switch o {
	case rotation.Promoted, rotation.Ended, rotation.Skipped, rotation.RolledBack:
		return false
	}
	return true
}

// headline says how a rotation ended; of an emergency that has not ended, what matters
// most.
func headline(r rotation.Report) string {
	if open := outcomes[rotation.Open]; r.Emergency != "" && bad(r.Outcome) && r.Outcome != rotation.Open {
		return open + ": " + outcomes[r.Outcome]
	}
	return outcomes[r.Outcome]
}

// tellReport tells people how a rotation or a rollback went.
func tellReport(p *page, secret string, r rotation.Report) error {
	if r.Name != "" {
		secret = r.Name
	}
	mood := green
	switch {
	case bad(r.Outcome) && r.Emergency != "":
		mood = alarm
	case bad(r.Outcome):
		mood = red
	}
	p.line(cell{text: secret + ": "}, cell{headline(r), mood}, cell{text: ", " + r.Ended.Sub(r.Begun).Round(time.Millisecond).String()})
	mark := func(what string, m *rotation.Mark) {
		if m != nil {
			p.say("  %-9s  %s  %s", what, m.Fingerprint, m.At.UTC().Format(time.RFC3339))
		}
	}
	list := func(what string, mood style, lines []string) {
		for _, text := range lines {
			p.labelled(cell{what, mood}, 9, text)
		}
	}
	mark("minted", r.Minted)
	mark("promoted", r.Promoted)
	if !r.PreviousUntil.IsZero() && r.Revoked == nil {
		p.say("  %-9s  until %s at the latest", "replaced", r.PreviousUntil.UTC().Format(time.RFC3339))
	}
	mark("revoked", r.Revoked)
	for n := range r.Refused {
		if r.Revoked == nil || r.Refused[n] != *r.Revoked {
			mark("refused", &r.Refused[n])
		}
	}
	list("gone", plain, r.Gone)
	for _, other := range r.Served {
		switch name := cmp.Or(other.Name, other.SecretID); {
		case other.Error != "":
			list("served", yellow, []string{name + ": " + other.Error})
		case other.Promoted != nil:
			list("served", plain, []string{name + ": " + other.Promoted.Fingerprint + " is AWSCURRENT there too"})
		default:
			list("served", plain, []string{name + ": held the new secret already"})
		}
	}
	list("verified", plain, r.Verified)
	list("warning", yellow, r.Warnings)
	if r.Error != "" {
		list("because", red, []string{r.Error})
	}
	list("open", yellow, r.StillOpen)
	if !r.RetryAt.IsZero() {
		list("again at", plain, []string{r.RetryAt.UTC().Format(time.RFC3339)})
	}
	return p.err
}

// valid checks an action as the function will, before anything is asked.
func valid(a rotation.Action) error {
	event, err := json.Marshal(a)
	if err == nil {
		_, err = rotation.ParseAction(event)
	}
	return err
}
