package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/spf13/cobra"
)

func newEvents(p *program) *cobra.Command {
	since := span(day)
	c := &cobra.Command{
		GroupID: "look",
		Use:     "events [SECRET]",
		Short:   "Recent rotations as evidence: who, when, what, fingerprints",
		Long: `Shows recent rotations, emergencies and acts of audits as evidence, from the register's
table: when each began and was promoted, what was decided, which secret was replaced by
which (as fingerprints), and who asked for it. What was done with --local is among them.
A rotation that Secrets Manager asked for, on schedule or by RotateSecret, is said to be
by Secrets Manager; CloudTrail knows who called that.

The table is that of --register or of $REGISTER_TABLE, or else the one that the deployed
function is set to use. SECRET is a name, or an ARN, which also finds the evidence about
a secret that was deleted.`,
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
	table, err := p.findRegister(ctx)
	if err != nil {
		return err
	}
	query := register.Query{Since: p.clock.time().Add(-since)}
	if arn.IsARN(secret) {
		query.Secret = secret
	} else if secret != "" {
		if query.Secret, err = p.arnOf(ctx, secret); err != nil {
			return err
		}
	}
	all, err := p.readEvidence(ctx, table, query)
	if err != nil {
		return err
	}
	if len(all) == 0 && arn.IsARN(secret) { // a mistyped one must not pass for one that is quiet
		if _, err := p.arnOf(ctx, secret); err != nil {
			return err
		}
	}
	found := join(all)
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

// readEvidence returns what the register's table has, the oldest first.
func (p *program) readEvidence(ctx context.Context, table *register.Table, q register.Query) (all []register.Evidence, err error) {
	done := p.busy("reading " + table.Name)
	defer done()
	for e, err := range table.Evidence(ctx, q) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// arnOf returns the ARN of a managed secret.
func (p *program) arnOf(ctx context.Context, secret string) (string, error) {
	out, err := secretsmanager.NewFromConfig(p.cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret})
	if _, none := errors.AsType[*types.ResourceNotFoundException](err); none {
		return "", remedy.Errorf("check its name and Region; the evidence about a deleted secret is found by its ARN"+p.meant(ctx, secret), "events: there is no secret %s in %s", secret, p.cfg.Region)
	}
	if err != nil {
		return "", advise("events: look for the secret "+secret, "secretsmanager:DescribeSecret, unless you name the secret by its ARN", err)
	}
	return aws.ToString(out.ARN), nil
}

// tellEvidence writes a table for people. An error that several rotations share is
// written once below it.
func tellEvidence(p *page, all []*evidence, since time.Duration) error {
	if len(all) == 0 {
		p.say("No rotation in the last %s.", inDays(since))
		return p.err
	}
	columns := []column{{"BEGUN", 0}, {"SECRET", 0}, {"DECISION", 2}, {"OLD", 3}, {"NEW", 1}, {"OUTCOME", 0}, {"AT", 4}, {"CLAIMED BY", 5}}
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
		about := alike[0].Name
		if versions[0] != "" {
			about += ", " + word + " " + enumerated(versions)
		}
		p.say("\n%s", about)
		p.folded(nil, nil, alike[0].Error, p.width)
	}
	return p.err
}
