package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
)

func newEvents(p *program) *cobra.Command {
	since := span(day)
	c := &cobra.Command{
		GroupID: "look",
		Use:     "events [SECRET]",
		Short:   "Recent rotations as evidence: who, when, decision, fingerprints",
		Long: `Shows recent rotations as evidence, from the function's log: when each began and was
promoted, what was decided, which secret was replaced by which (as fingerprints), and
who asked for it. A rotation that Secrets Manager asked for, on schedule or by
RotateSecret, is said to be by Secrets Manager; CloudTrail knows who called that. What
was done with --local is not in the function's log.`,
		Example: `    pingrotate events
    pingrotate events pingone/orders-api --since 30d -o json >evidence.jsonl`,
		Args:              takes(0, 1, "SECRET"),
		ValidArgsFunction: p.completeSecret,
		RunE: func(c *cobra.Command, args []string) error {
			if since <= 0 {
				return misuse(c, "--since must be more than nothing")
			}
			secret := ""
			if len(args) == 1 {
				secret = args[0]
			}
			return p.events(c.Context(), secret, time.Duration(since))
		},
	}
	c.Flags().Var(&since, "since", "how far to look back, in days, hours or minutes")
	return c
}

func (p *program) events(ctx context.Context, secret string, since time.Duration) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	lines, err := p.readLog(ctx, time.Now().Add(-since))
	if err != nil {
		return err
	}
	found := pickEvidence(join(lines), secret)
	if !p.json() {
		return tellEvidence(p.page(), found, since)
	}
	for _, e := range found {
		if err := p.write(e); err != nil {
			return err
		}
	}
	return nil
}

const logPattern = `{ ($.message = "rotation step") || ($.message = "rotation action") }`

// readLog returns what the function has logged of rotations, the oldest first.
// See "FilterLogEvents" in the CloudWatch Logs API reference: an empty page is not
// the last one.
func (p *program) readLog(ctx context.Context, since time.Time) ([]entry, error) {
	name := p.function[strings.LastIndexByte(p.function, ':')+1:]
	group := "/aws/lambda/" + name
	done := p.busy("reading " + group)
	defer done()
	client := cloudwatchlogs.NewFromConfig(p.cfg)
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName:  &group,
		FilterPattern: aws.String(logPattern),
		StartTime:     aws.Int64(since.UnixMilli()),
	})
	var entries []entry
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ResourceNotFoundException" {
			return nil, remedy.Errorf("has the function run? --function and --region name another", "read the function's log: there is no log group %s in %s", group, p.cfg.Region)
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

// pickEvidence returns what is about a secret, by name or ARN; all for none.
func pickEvidence(all []*evidence, secret string) []*evidence {
	return slices.DeleteFunc(all, func(e *evidence) bool {
		return secret != "" && secret != e.Name && secret != e.SecretID
	})
}

// tellEvidence writes a table for people. An error that several rotations share is
// written once below it.
func tellEvidence(p *page, all []*evidence, since time.Duration) error {
	if len(all) == 0 {
		p.say("No rotation in the last %s.", inDays(since))
		return p.err
	}
	columns := []column{{"BEGUN", 0}, {"SECRET", 0}, {"DECISION", 2}, {"OLD", 3}, {"NEW", 1}, {"OUTCOME", 0}, {"AT", 4}, {"BY", 5}}
	var rows [][]cell
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
		cells := row(e.Begun.Format("2006-01-02 15:04:05Z"), e.Name, dash(e.what()), dash(e.Old), dash(e.New), e.how(), promoted, by)
		if e.Error != "" {
			cells[5].style = red
		}
		rows = append(rows, cells)
	}
	p.table(columns, rows)
	failed := slices.DeleteFunc(slices.Clone(all), func(e *evidence) bool { return e.Error == "" })
	for _, alike := range grouped(failed, func(e *evidence) string { return e.SecretID + "\n" + e.Error }) {
		var versions []string
		for _, e := range alike {
			versions = append(versions, e.Version)
		}
		word := "version"
		if len(versions) > 1 {
			word = "versions"
		}
		p.say("\n%s, %s %s: %s", alike[0].Name, word, enumerated(versions), alike[0].Error)
	}
	return p.err
}
