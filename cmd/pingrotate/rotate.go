package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"pingrotate/rotation"
)

const rotateUsage = `Usage:
    pingrotate rotate SECRET... [--reason TEXT] [--wait DURATION] [-o text|json]
    pingrotate rotate --all | --tag KEY=VALUE... [--canary N] [--yes] ...
    pingrotate rotate ... --emergency swift|contain [--yes]

Rotates secrets now, and reports what was minted, promoted and verified. SECRET is a
name or an ARN. Many are rotated at once, as fast as PingOne allows; when a new secret
was refused, or a rotation has failed, no other one begins.

With --emergency the secret that consumers hold has leaked, and is ended:

    swift            the new secret is promoted first, then the leaked one ends
    contain          the leaked one ends first; consumers are locked out until they
                     read the new one

The report then says what was asked of PingOne to see that the leaked secret is
refused, what is still open, and until when. An emergency may be repeated: it goes on
where it was interrupted.

    --emergency HOW  swift or contain; asks for the secret's name, or wants --yes
    --reason TEXT    for the log and the report
    --wait DURATION  how long to come again while another rotation of the one secret is
                     under way, or PingOne asks to slow down; 5m by default
    --yes            do not ask
` + fleetUsage + "\n" + outputUsage + localUsage + accountUsage + `
Examples:
    pingrotate rotate pingone/orders-api
    pingrotate rotate pingone/orders-api --emergency swift --reason "INC-1234, in a log"
    pingrotate rotate --tag team=payments --canary 2 --reason "CHG-5678"
    pingrotate rotate --all --yes -o json >rotations.jsonl

Exit status 1 says that a secret was not rotated, or that a leaked one may still work.
A secret that was skipped because it has been rotated already is not counted as one.
`

// rotateFlags declares the command rotate.
func rotateFlags(flags *flag.FlagSet) runner {
	var r rotateCommand
	r.account.declareLocal(flags)
	r.output = outputFlag(flags)
	r.emergency = choose(flags, "emergency", "", string(rotation.Swift), string(rotation.Contain))
	flags.StringVar(&r.reason, "reason", "", "")
	flags.DurationVar(&r.wait, "wait", 5*time.Minute, "")
	flags.BoolVar(&r.yes, "yes", false, "")
	r.fleet.declare(flags)
	return r.run
}

type rotateCommand struct {
	account   account
	output    *choice
	emergency *choice
	reason    string
	wait      time.Duration
	yes       bool
	fleet     fleetFlags
}

func (r *rotateCommand) run(ctx context.Context, secrets []string, stdout io.Writer) error {
	if len(secrets) == 0 || r.fleet.wanted(secrets) {
		return r.campaign(ctx, secrets, stdout)
	}
	secret := secrets[0]
	action := rotation.Action{Action: rotation.ActionRotate, SecretID: secret, Emergency: rotation.Emergency(r.emergency.value), Reason: r.reason}
	if err := valid(action); err != nil {
		return usageError{"rotate", err.Error()}
	}
	if err := r.confirm(ctx, secret); err != nil {
		return err
	}
	if err := r.account.open(ctx); err != nil {
		return err
	}
	call, err := r.account.caller(ctx)
	if err != nil {
		return err
	}
	action.By = r.account.by(ctx)
	action.ClientRequestToken = rotation.NewToken()
	raw, report, err := rotateOne(ctx, call, action, r.wait)
	if err != nil {
		return fmt.Errorf("rotate %s: %w", secret, err)
	}
	if r.output.value == "json" {
		err = writeJSON(stdout, raw)
	} else {
		err = tellReport(stdout, secret, report)
	}
	if err != nil {
		return err
	}
	if bad(report.Outcome) {
		return fmt.Errorf("rotate %s: %s; the report says why", secret, headline(report))
	}
	return nil
}

// confirm asks before an emergency, which cannot be undone.
func (r *rotateCommand) confirm(ctx context.Context, secret string) error {
	switch rotation.Emergency(r.emergency.value) {
	case rotation.Swift:
		return confirm(ctx, "rotate", fmt.Sprintf("This ends the secret that consumers of %s hold as soon as there is a new one. Those that keep it in a cache fail until they read again.", secret), secret, r.yes)
	case rotation.Contain:
		return confirm(ctx, "rotate", fmt.Sprintf("This ends the secret that consumers of %s hold at once. All of them fail until they have read the new one.", secret), secret, r.yes)
	}
	return nil
}

// bad reports whether an outcome is not what was asked for.
func bad(o rotation.Outcome) bool {
	switch o {
	case rotation.Promoted, rotation.Ended, rotation.Skipped, rotation.RolledBack:
		return false
	}
	return true
}

// rotateOne asks for one rotation, and asks again for the same one while another is
// under way, while PingOne asks to slow down, and when an answer was lost.
func rotateOne(ctx context.Context, call caller, a rotation.Action, patience time.Duration) (json.RawMessage, rotation.Report, error) {
	deadline := time.Now().Add(patience)
	for {
		done := busy("rotating " + a.SecretID)
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
			log.Printf("%s: what has begun may go on; pingrotate events and pingrotate status show what becomes of it", a.SecretID)
			return nil, report, ctx.Err()
		case errors.Is(err, errUnknown), errors.Is(err, errAtLimit):
			why = err.Error()
		case err != nil:
			return nil, report, err
		case report.Outcome == rotation.Busy:
			again, why = report.RetryAt, "another rotation is under way"
		case report.RateLimited && bad(report.Outcome):
			again, why = report.RetryAt, "PingOne asks to slow down"
		default:
			return raw, report, nil
		}
		if again = latest(again, time.Now().Add(time.Second)); again.After(deadline) {
			return raw, report, err
		}
		log.Printf("%s: %s; asking again at %s", a.SecretID, why, again.Local().Format(time.TimeOnly))
		if err := wait(ctx, time.Until(again)); err != nil {
			return nil, report, err
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// valid checks an action as the function will, before anything is asked.
func valid(a rotation.Action) error {
	event, err := json.Marshal(a)
	if err == nil {
		_, err = rotation.ParseAction(event)
	}
	return err
}

// tellReport tells people what became of a rotation or a rollback.
func tellReport(w io.Writer, secret string, r rotation.Report) error {
	s := story{w: w}
	if r.Name != "" {
		secret = r.Name
	}
	s.say("%s: %s, %v", secret, headline(r), r.Ended.Sub(r.Begun).Round(time.Millisecond))
	mark := func(what string, m *rotation.Mark) {
		if m != nil {
			s.say("  %-9s  %s  %s", what, m.Fingerprint, m.At.UTC().Format(time.RFC3339))
		}
	}
	list := func(what string, lines []string) {
		for _, text := range lines {
			for _, line := range fold(text, 86) {
				s.say("  %-9s  %s", what, line)
				what = ""
			}
		}
	}
	mark("minted", r.Minted)
	mark("promoted", r.Promoted)
	mark("revoked", r.Revoked)
	list("verified", r.Verified)
	list("warning", r.Warnings)
	if r.Error != "" {
		list("because", []string{r.Error})
	}
	list("open", r.StillOpen)
	if !r.RetryAt.IsZero() {
		list("again at", []string{r.RetryAt.UTC().Format(time.RFC3339)})
	}
	return s.err
}

// headline says how a rotation ended; of an emergency that has not ended, what matters
// most.
func headline(r rotation.Report) string {
	if open := outcomes[rotation.Open]; r.Emergency != "" && bad(r.Outcome) && r.Outcome != rotation.Open {
		return open + ": " + outcomes[r.Outcome]
	}
	return outcomes[r.Outcome]
}

// fold breaks a text into lines of the width, at spaces.
func fold(text string, width int) []string {
	var lines []string
	for len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= 0 {
			break
		}
		lines, text = append(lines, text[:at]), text[at+1:]
	}
	return append(lines, text)
}

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
