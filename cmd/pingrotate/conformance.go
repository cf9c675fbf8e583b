package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"pingrotate/internal/belief"
	"pingrotate/internal/conformance"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/spf13/cobra"
)

// An examination is what conformance was asked to do.
type examination struct {
	*program
	environment string
	adminSecret string
	kmsKey      string
	only        string
	yes         bool
}

func newConformance(p *program) *cobra.Command {
	x := &examination{program: p}
	c := &cobra.Command{
		GroupID: "look",
		Use:     "conformance pingone|aws",
		Short:   "Test whether the real services are as this program believes",
		Long: `Asks a real service about each belief on which this program rests, one after the other:
what is believed, and whether it holds. For that it creates throw-away applications,
resources, users, or secrets and a table, and removes them, also after Ctrl-C; what a
run that was killed has left behind, the next one removes. It changes nothing else. Says
beforehand what it will create, and asks; --yes answers.

pingone needs --environment, a sandbox environment, and --admin-secret: a secret like the
function's admin, whose worker application has Environment Admin and Identity Data Admin
there.

aws asks about Secrets Manager and DynamoDB. What takes a rotation is asked about only
with --function, or $PINGROTATE_FUNCTION: the deployed function is attached to throw-away
secrets, of which it serves none. That takes an hour or more, until Secrets Manager has
tried again often enough. --kms-key tries a key.

--output json is a record to keep. Exit status 1 means that a belief is not true, or that
something could not be removed.`,
		Example: `    pingrotate conformance pingone --admin-secret pingone/admin \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6
    pingrotate conformance pingone --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --only B09,B57 -o json
    pingrotate conformance aws --function pingone-rotator`,
		Args:      takes(1, 1, "service"),
		ValidArgs: []cobra.Completion{"pingone", "aws"},
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "pingone":
				return x.pingOne(c)
			case "aws":
				return x.aws(c)
			}
			return misuse(c, "the service must be pingone or aws, not %q", args[0])
		},
	}
	c.Flags().Var(text{&x.environment, "UUID"}, "environment", "PingOne environment in which to create things")
	c.Flags().Var(text{&x.adminSecret, "SECRET"}, "admin-secret", "secret of the admin, where not $PINGONE_ADMIN_SECRET_ID")
	c.Flags().Var(text{&x.kmsKey, "KEY"}, "kms-key", "id or ARN of a key of KMS to encrypt a secret with")
	c.Flags().Var(text{&x.only, "NUMBERS"}, "only", "ask about these beliefs only, such as B07,B09")
	c.Flags().BoolVar(&x.yes, "yes", false, "do not ask before anything is created")
	return c
}

func (x *examination) pingOne(c *cobra.Command) error {
	if !pingone.IsUUID(x.environment) {
		return misuse(c, "--environment must be the UUID of a PingOne environment")
	}
	secret := cmp.Or(x.adminSecret, os.Getenv("PINGONE_ADMIN_SECRET_ID"))
	if secret == "" {
		return misuse(c, "--admin-secret is missing, and PINGONE_ADMIN_SECRET_ID is not set")
	}
	if err := x.open(c.Context()); err != nil {
		return err
	}
	admin, region, err := x.readAdmin(c.Context(), secret)
	if err != nil {
		return err
	}
	environment, err := environmentOf(region, x.environment)
	if err != nil {
		return err
	}
	suite := &conformance.PingOne{Environment: environment, Admin: admin, Run: runName()}
	return x.examine(c, suite, "pingone", suite.Plan(), suite.Run)
}

func (x *examination) aws(c *cobra.Command) error {
	ctx := c.Context()
	if err := x.open(ctx); err != nil {
		return err
	}
	suite := x.awsSuite()
	suite.KMSKey = x.kmsKey
	if asksFunction(c) {
		arn, err := x.functionARN(ctx)
		if err != nil {
			return err
		}
		suite.Function, suite.LogGroup = arn, "/aws/lambda/"+arn[strings.LastIndex(arn, ":")+1:]
	}
	return x.examine(c, suite, "aws", suite.Plan(), suite.Run)
}

// examine says what will be done, asks, does it and shows what was found out.
func (x *examination) examine(c *cobra.Command, suite conformance.Suite, of string, plan conformance.Plan, run string) error {
	only, err := conformance.Choose(suite, x.only)
	if err != nil {
		return misuse(c, "--only: %v", err)
	}
	say := x.warn // with a question after it
	if x.yes {
		say = x.note
	}
	for _, line := range announced(plan) {
		say("%s", line)
	}
	if err := x.confirm(c, "This creates and removes the things above, in "+map[string]string{"pingone": "a PingOne environment", "aws": "an AWS account"}[of]+" that should be for tests.", "yes", x.yes); err != nil {
		return err
	}
	ctx, stop := untilRemoved(c.Context())
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	page := x.page()
	asking := func() {}
	options := conformance.Options{
		Of: of, Run: run, Only: only,
		Asking: func(b belief.Belief, n, of int) {
			asking = x.busy(fmt.Sprintf("%d of %d, %s: %s", n, of, b.ID, b.Text))
		},
		Tell: func(r conformance.Result, _, _ int) {
			asking()
			asking = func() {}
			if !x.json() {
				tellResult(page, r)
			}
			if page.err != nil { // no one reads it
				end(page.err)
			}
		},
	}
	record, err := conformance.Run(ctx, suite, options)
	for _, name := range record.Swept {
		x.note("removed %s, which an earlier run had left behind", name)
	}
	for _, name := range record.Left {
		x.warn("could not remove %s; the next run tries again", name)
	}
	if x.json() {
		err = errors.Join(err, x.write(record))
	} else {
		tellCounts(page, record)
		if !errors.Is(err, page.err) { // which ended the run, or is none
			err = errors.Join(err, page.err)
		}
	}
	if err != nil {
		return err
	}
	if different := record.Differences(); len(different) > 0 {
		return remedy.Errorf("docs/conformance.md says what follows from each, and where to report it",
			"%s: %s not as believed: %s", of, counted(len(different), "belief"), strings.Join(different, ", "))
	}
	return nil
}

// announced says what a run is going to do.
func announced(plan conformance.Plan) []string {
	var lines []string
	add := func(what string, texts ...string) {
		for _, text := range texts {
			lines = append(lines, what+" "+text)
		}
	}
	add("creates and removes", plan.Creates...)
	add("needs", plan.Rights...)
	add("costs", plan.Cost)
	add("leaves behind", plan.Leaves)
	add("takes", "about "+inWords(plan.Lasts))
	return lines
}

var verdictStyles = map[conformance.Verdict]style{
	conformance.Holds: green, conformance.Differs: alarm, conformance.Undecided: yellow, conformance.Skipped: plain,
}

// tellResult shows what was found out about a belief.
func tellResult(page *page, r conformance.Result) {
	page.folded([]cell{{string(r.Verdict), verdictStyles[r.Verdict]}, {text: r.Belief}}, []int{len(conformance.Undecided), 3}, r.Text, cmp.Or(page.width, 100))
	for _, more := range []struct{ label, text string }{{"seen:", r.Seen}, {"why:", r.Why}} {
		if more.text != "" {
			page.folded([]cell{{}, {text: more.label}}, []int{len(conformance.Undecided), 5}, more.text, cmp.Or(page.width, 100))
		}
	}
	for _, m := range r.Measures {
		page.folded([]cell{{}, {text: "took:"}}, []int{len(conformance.Undecided), 5}, m.String(), cmp.Or(page.width, 100))
	}
}

func tellCounts(page *page, record conformance.Record) {
	var parts []string
	for _, v := range conformance.Verdicts() {
		if n := record.Count[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", v, n))
		}
	}
	page.say("\n%s: %s, in %s", counted(len(record.Results), "belief"), strings.Join(parts, ", "), inWords(record.Ended.Sub(record.Begun)))
}
