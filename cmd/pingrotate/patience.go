package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"
)

// rotateOne asks for one rotation, or for the early end of a previous secret, and asks again
// for the same one while another is under way, while PingOne asks to slow down, and when an
// answer was lost. What cannot pass ends it at once. It says what it does, and after some
// seconds what takes so long.
func (p *program) rotateOne(ctx context.Context, call campaign.Call, a rotation.Action, doing string, patience time.Duration) (json.RawMessage, rotation.Report, error) {
	deadline := p.clock.time().Add(patience)
	for {
		done := p.busyLong(doing+" "+a.SecretID, whyLong(a))
		raw, err := call(ctx, a)
		done()
		var report rotation.Report
		if err == nil {
			report, err = readJSON[rotation.Report](raw)
		}
		var again time.Time
		var why string
		switch {
		case err != nil && ctx.Err() != nil:
			p.warn("%s: what has begun may continue; pingrotate events and pingrotate status show how it ends", a.SecretID)
			return nil, report, ctx.Err()
		case errors.Is(err, campaign.ErrUnknown), errors.Is(err, campaign.ErrAtLimit):
			why = remedy.Text(err)
		case err != nil:
			return nil, report, err
		case report.Outcome == rotation.Busy:
			again, why = report.RetryAt, "another rotation is under way"
		case report.RateLimited && bad(report.Outcome):
			again, why = report.RetryAt, "PingOne asks to slow down"
		default:
			return raw, report, nil
		}
		if again = latest(again, p.clock.time().Add(time.Second)); again.After(deadline) {
			return raw, report, err
		}
		p.note("%s: %s; asking again at %s", a.SecretID, why, again.Local().Format(time.TimeOnly))
		if err := p.clock.until(ctx, again); err != nil {
			return nil, report, err
		}
	}
}

// whyLong says what takes the function more than some seconds, as a rule.
func whyLong(a rotation.Action) string {
	switch {
	case a.Action == rotation.ActionEnd:
		return "PingOne is asked for half a minute whether the secret is refused"
	case a.Emergency != "":
		return "PingOne is asked for half a minute whether the leaked secret is refused; for a client that is new to the register, the function waits 45 s before"
	}
	return "the function waits 45 s before a client's first rotation, and for another run that is at work"
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
