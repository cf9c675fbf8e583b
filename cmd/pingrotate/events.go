package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
)

const eventsUsage = `Usage:
    pingrotate events [SECRET] [--since DURATION] [-o text|json]

Shows recent rotations as evidence, from the function's log: when each began and was
promoted, what was decided, which secret was replaced by which (as fingerprints), and
who asked for it. A rotation that Secrets Manager asked for, on schedule or by
RotateSecret, is said to be by Secrets Manager; CloudTrail knows who called that.

    --since DURATION how far to look back, 24h by default
` + outputUsage + accountUsage + `
Examples:
    pingrotate events
    pingrotate events pingone/orders-api --since 720h -o json >evidence.jsonl
`

func eventsFlags(flags *flag.FlagSet) runner {
	var a account
	a.declare(flags)
	output := outputFlag(flags)
	since := flags.Duration("since", 24*time.Hour, "")
	return func(ctx context.Context, args []string, stdout io.Writer) error {
		if *since <= 0 {
			return usageError{"events", "--since must be more than nothing"}
		}
		secret := ""
		if len(args) == 1 {
			secret = args[0]
		}
		if err := a.open(ctx); err != nil {
			return err
		}
		lines, err := readLog(ctx, &a, time.Now().Add(-*since))
		if err != nil {
			return err
		}
		return tellEvidence(stdout, pickEvidence(join(lines), secret), output.value == "json", *since)
	}
}

// An entry is one of the function's log lines about a step or an action.
type entry struct {
	Message       string    `json:"message"`
	Step          string    `json:"step"`
	Action        string    `json:"action"`
	SecretID      string    `json:"secretId"`
	Version       string    `json:"version"`
	DurationMs    int64     `json:"durationMs"`
	Decision      string    `json:"decision"`
	Current       string    `json:"current"` // fingerprint
	Pending       string    `json:"pending"` // fingerprint
	PreviousUntil time.Time `json:"previousUntil"`
	Verified      string    `json:"verified"`
	Warning       string    `json:"warning"`
	Error         string    `json:"error"`
	Outcome       string    `json:"outcome"`
	Emergency     string    `json:"emergency"`
	Reason        string    `json:"reason"`
	By            string    `json:"by"`
	Revoked       string    `json:"revoked"`  // fingerprint
	Promoted      string    `json:"promoted"` // fingerprint

	at time.Time // when it was written, which is at the end
}

const logPattern = `{ ($.message = "rotation step") || ($.message = "rotation action") }`

// readLog returns what the function has logged of rotations, the oldest first.
// See "FilterLogEvents" in the CloudWatch Logs API reference: an empty page is not
// the last one.
func readLog(ctx context.Context, account *account, since time.Time) ([]entry, error) {
	name := account.function[strings.LastIndexByte(account.function, ':')+1:]
	group := "/aws/lambda/" + name
	done := busy("reading " + group)
	defer done()
	client := cloudwatchlogs.NewFromConfig(account.cfg)
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName:  &group,
		FilterPattern: aws.String(logPattern),
		StartTime:     aws.Int64(since.UnixMilli()),
	})
	var entries []entry
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ResourceNotFoundException" {
			return nil, fmt.Errorf("read the function's log: there is no log group %s in %s; has the function run? --function and --region name another", group, account.cfg.Region)
		}
		if err != nil {
			return nil, advise("read the function's log "+group, "logs:FilterLogEvents", err)
		}
		for _, e := range page.Events {
			var line entry
			if json.Unmarshal([]byte(aws.ToString(e.Message)), &line) == nil {
				line.at = time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC()
				entries = append(entries, line)
			}
		}
	}
	return entries, nil
}

// An evidence is one rotation, or one rollback, as the log tells it.
type evidence struct {
	SecretID      string         `json:"secretId"`
	Name          string         `json:"name"`
	Version       string         `json:"version"`
	Begun         time.Time      `json:"begun"`
	By            string         `json:"by"`
	Reason        string         `json:"reason,omitempty"`
	Emergency     string         `json:"emergency,omitempty"`
	Decision      string         `json:"decision,omitempty"`
	Old           string         `json:"old,omitempty"` // fingerprint
	New           string         `json:"new,omitempty"` // fingerprint
	Outcome       string         `json:"outcome"`       // promoted, failed, underway, tested, or that of an action
	PromotedAt    time.Time      `json:"promotedAt,omitzero"`
	PreviousUntil time.Time      `json:"previousUntil,omitzero"`
	Revoked       string         `json:"revoked,omitempty"` // fingerprint
	Verified      string         `json:"verified,omitempty"`
	Warning       string         `json:"warning,omitempty"`
	Error         string         `json:"error,omitempty"` // of the last step that failed, while it has not been promoted
	Steps         []evidenceStep `json:"steps"`
}

type evidenceStep struct {
	Step     string    `json:"step"`
	At       time.Time `json:"at"`
	Decision string    `json:"decision,omitempty"`
	Error    string    `json:"error,omitempty"`
}

const bySecretsManager = "Secrets Manager"

// join puts together what belongs to one version, in the order of the beginnings.
func join(lines []entry) []*evidence {
	slices.SortStableFunc(lines, func(a, b entry) int { return a.at.Compare(b.at) })
	found := map[string]*evidence{}
	var all []*evidence
	for _, l := range lines {
		if l.Version == "" || l.Action != "" && l.Action != "rotate" && l.Action != "rollback" {
			continue
		}
		// A rollback makes no version: it goes to one that a rotation made.
		key := l.Version
		if l.Action == "rollback" {
			key += " " + l.at.String()
		}
		e := found[key]
		if e == nil {
			begun := l.at.Add(-time.Duration(l.DurationMs) * time.Millisecond)
			e = &evidence{SecretID: l.SecretID, Version: l.Version, Begun: begun, By: bySecretsManager, Outcome: "underway"}
			found[key], all = e, append(all, e)
		}
		if arn.IsARN(l.SecretID) { // an action's steps have the name that was given
			e.SecretID = l.SecretID
		}
		e.Name = nameOf(e.SecretID)
		if l.Action != "" {
			e.addAction(l)
		} else {
			e.addStep(l)
		}
	}
	slices.SortStableFunc(all, func(a, b *evidence) int { return a.Begun.Compare(b.Begun) })
	return all
}

func (e *evidence) addStep(l entry) {
	e.Steps = append(e.Steps, evidenceStep{l.Step, l.at, l.Decision, l.Error})
	if l.Step == "createSecret" && l.Decision != "" && l.Decision != "already stored" && l.Decision != "already promoted" {
		e.Decision = l.Decision
	}
	if l.Pending != "" && l.Pending != l.Current {
		e.New, e.Old = l.Pending, cmp.Or(e.Old, l.Current) // once it is promoted, current is the new one
	}
	e.Warning, e.Verified = cmp.Or(l.Warning, e.Warning), cmp.Or(l.Verified, e.Verified)
	if !l.PreviousUntil.IsZero() {
		e.PreviousUntil = l.PreviousUntil
	}
	switch {
	case !e.PromotedAt.IsZero(): // a step that comes late, or again
	case l.Error != "":
		e.Outcome, e.Error = "failed", l.Error
	case l.Step == "finishSecret":
		e.Outcome, e.Error, e.PromotedAt = "promoted", "", l.at
	case len(e.Steps) == 1 && l.Step == "testSecret": // RotateImmediately=false tests the settings
		e.Outcome, e.Error = "tested", ""
	default:
		e.Outcome, e.Error = "underway", ""
	}
}

func (e *evidence) addAction(l entry) {
	if begun := l.at.Add(-time.Duration(l.DurationMs) * time.Millisecond); begun.Before(e.Begun) {
		e.Begun = begun
	}
	e.By, e.Reason, e.Emergency = cmp.Or(l.By, "unknown"), l.Reason, l.Emergency
	e.Outcome, e.Error, e.Revoked = l.Outcome, l.Error, cmp.Or(l.Revoked, e.Revoked)
	if e.Revoked != "" {
		e.PreviousUntil = time.Time{} // it was ended before
	}
	e.New = cmp.Or(l.Promoted, e.New)
	if l.Action == "rollback" {
		e.Decision = l.Action
		if l.Promoted != "" {
			e.PromotedAt = l.at
		}
	}
}

// nameOf returns the name in a secret's ARN, without the six characters at its end.
func nameOf(secret string) string {
	parsed, err := arn.Parse(secret)
	if err != nil {
		return secret
	}
	name := strings.TrimPrefix(parsed.Resource, "secret:")
	return name[:max(0, len(name)-len("-a1B2c3"))]
}

// pickEvidence returns what is about a secret, by name or ARN; all for none.
func pickEvidence(all []*evidence, secret string) []*evidence {
	return slices.DeleteFunc(all, func(e *evidence) bool {
		return secret != "" && secret != e.Name && secret != e.SecretID
	})
}

// tellEvidence writes it for people, or as one JSON object a line.
func tellEvidence(w io.Writer, all []*evidence, asJSON bool, since time.Duration) error {
	if asJSON {
		for _, e := range all {
			if err := writeJSON(w, e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(w, "No rotation in the last %s.\n", short(since))
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BEGUN\tSECRET\tDECISION\tOLD\tNEW\tOUTCOME\tAT\tBY")
	for _, e := range all {
		promoted := "-"
		if !e.PromotedAt.IsZero() {
			promoted = e.PromotedAt.Format(time.TimeOnly)
		}
		by := e.By
		if who, err := arn.Parse(by); err == nil {
			by = who.Resource
		}
		if e.Emergency != "" {
			by += ", emergency " + e.Emergency
		}
		if e.Reason != "" {
			by += ": " + e.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Begun.Format("2006-01-02 15:04:05Z"), e.Name,
			dash(e.Decision), dash(e.Old), dash(e.New), e.Outcome, promoted, by)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	s := story{w: w}
	for _, e := range all {
		if e.Error != "" {
			s.say("\n%s, version %s: %s", e.Name, e.Version, e.Error)
		}
	}
	return s.err
}
