package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	rotation.RolledBack: "back to the previous secret",
}

// endings are the same of the early end of a previous secret.
var endings = map[rotation.Outcome]string{
	rotation.Ended:   "the previous secret is refused",
	rotation.Open:    "THE PREVIOUS SECRET MAY STILL WORK",
	rotation.Refused: "not ended, nothing was changed",
	rotation.Skipped: "PingOne keeps no previous secret",
	rotation.Busy:    "not ended, a rotation is under way",
	rotation.Failed:  "not ended",
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
	if r.Action == rotation.ActionEnd {
		return endings[r.Outcome]
	}
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
	case bad(r.Outcome) && r.Emergency != "", r.Outcome == rotation.Open:
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
	if len(r.Timeline) > 0 {
		tellTimeline(p, r)
	} else {
		mark("minted", r.Minted)
		mark("promoted", r.Promoted)
	}
	if !r.PreviousUntil.IsZero() && r.Revoked == nil {
		p.say("  %-9s  %s  works until %s at the latest", "replaced", dash(r.Replaced), r.PreviousUntil.UTC().Format(time.RFC3339))
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
	if len(r.Timeline) == 0 {
		list("verified", plain, r.Verified)
	}
	list("waited", plain, r.Waited)
	list("warning", yellow, r.Warnings)
	if r.Error != "" {
		list("because", red, []string{r.Error})
	}
	list("open", yellow, r.StillOpen)
	list("target", yellow, r.Targets.All)
	if !r.RetryAt.IsZero() {
		list("again at", plain, []string{r.RetryAt.UTC().Format(time.RFC3339)})
	}
	return p.err
}

// tellTimeline tells what happened to which secret, and when. The first and the last time
// that a secret was refused are one line.
func tellTimeline(p *page, r rotation.Report) {
	for _, m := range r.Timeline {
		at := m.At.UTC().Format(time.RFC3339)
		switch m.What {
		case rotation.FirstRefused:
			for _, last := range r.Timeline {
				if last.What == rotation.LastRefused && last.Fingerprint == m.Fingerprint {
					at = fmt.Sprintf("%s to %s", at, last.At.UTC().Format(time.RFC3339))
				}
			}
			p.say("  %-9s  %s  %s", "refused", m.Fingerprint, at)
		case rotation.LastRefused:
		default:
			if m.Of != "" {
				at += ", in " + m.Of
			}
			p.say("  %-9s  %s  %s", m.What, m.Fingerprint, at)
		}
	}
}

// valid checks an action as the function will, before anything is asked.
func valid(a rotation.Action) error {
	event, err := json.Marshal(a)
	if err == nil {
		_, err = rotation.ParseAction(event)
	}
	if err == nil {
		return nil
	}
	field, problem, ok := strings.Cut(strings.TrimPrefix(err.Error(), "read the event: field "), ": ")
	if name := ofField[field]; ok && name != "" {
		return errors.New(name + " " + problem)
	}
	return err
}

// ofField names what the command line has for a field of an action.
var ofField = map[string]string{"secretId": "SECRET", "reason": "--reason", "emergency": "--emergency"}
