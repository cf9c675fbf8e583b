package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"pingrotate/internal/conformance"
	"pingrotate/internal/remedy"
	"pingrotate/internal/trial"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
)

func newTrial(p *program) *cobra.Command {
	var environment, adminSecret string
	var yes bool
	c := &cobra.Command{
		GroupID: "try",
		Use:     "trial",
		Short:   "Rotate a throw-away secret on real services, and report on it",
		Long: `Tells the whole story on real services, with throw-away objects: creates an application
in a PingOne environment, two secrets and a table in AWS; rotates the secret; kills a
rotation between the new secret and its store, and runs it again; ends a leak by an
emergency. Meanwhile two consumers ask for tokens. Removes everything, also after Ctrl-C.
Prints one page in Markdown that can be shown to a security team.

These rotations are made in a child process with your own rights, as with --local; the
deployed function and its register are not touched.

With --function, or $PINGROTATE_FUNCTION, another secret is attached to the deployed
function first, and Secrets Manager rotates it by the function's four steps. For that the
admin is the function's own, and its allow must have an entry for the trial: if it has
none, the trial ends at once, and shows the entry. The function's register keeps an item
and the events of an application that no longer exists.

The same command runs in the sandbox. Exit status 1 means that something did not go as
promised; the page says what.`,
		Example: `    pingrotate trial --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 \
        --admin-secret pingone/admin --function pingone-rotator --yes >trial.md`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			secret := cmp.Or(adminSecret, os.Getenv("PINGONE_ADMIN_SECRET_ID"))
			switch {
			case !pingone.IsUUID(environment):
				return misuse(c, "--environment must be the UUID of a PingOne environment")
			case secret == "":
				return misuse(c, "--admin-secret is missing, and PINGONE_ADMIN_SECRET_ID is not set")
			case p.local && asksFunction(c):
				return misuse(c, "--local and --function do not go together: Secrets Manager rotates by the deployed function")
			}
			return p.trial(c, environment, secret, yes)
		},
	}
	c.Flags().Var(text{&environment, "UUID"}, "environment", "PingOne environment in which to create the application")
	c.Flags().Var(text{&adminSecret, "SECRET"}, "admin-secret", "secret of the admin, where not $PINGONE_ADMIN_SECRET_ID")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask before anything is created")
	return c
}

func (p *program) trial(c *cobra.Command, environment, adminSecret string, yes bool) error {
	ctx, stop := untilRemoved(c.Context())
	defer stop()
	if err := p.open(ctx); err != nil {
		return err
	}
	admin, region, err := p.readAdmin(ctx, adminSecret)
	if err != nil {
		return err
	}
	at, err := environmentOf(region, environment)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, which runs itself: %w", err)
	}
	cloud := p.awsSuite()
	t := &trial.Trial{
		PingOne: &conformance.PingOne{Environment: at, Admin: admin, Run: cloud.Run}, AWS: cloud,
		Secrets: secretsmanager.NewFromConfig(p.cfg), AdminSecret: adminSecret, PingOneRegion: region,
		Program: self, Flags: p.ownFlags(), Env: os.Environ(), Say: p.note,
	}
	out, err := t.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &adminSecret})
	if err != nil {
		return advise("read the admin secret", "secretsmanager:GetSecretValue", err)
	}
	t.AdminDocument = aws.ToString(out.SecretString)
	if asksFunction(c) {
		if t.Function, err = p.functionARN(ctx); err != nil {
			return err
		}
		t.Serves = func(ctx context.Context, secret, document string) error {
			return p.wouldServe(ctx, at, secret, document)
		}
	}
	say := p.warn
	if yes {
		say = p.note
	}
	for _, line := range trialAnnounced(t) {
		say("%s", line)
	}
	if err := p.confirm(c, "This creates and removes the things above, in an environment and an account that should be for tests.", "yes", yes); err != nil {
		return err
	}
	page, err := t.Run(ctx, version())
	if err != nil {
		err = remedy.With(err, cmp.Or(remedy.Of(err), "what may be left behind, pingrotate conformance removes"))
	}
	if len(page.Stages) > 0 || err == nil {
		var failed error
		if p.json() {
			failed = p.write(page)
		} else {
			_, failed = fmt.Fprint(printable{p.out}, page.Markdown())
		}
		err = cmp.Or(err, failed)
	}
	if err != nil {
		return err
	}
	if !page.Good() {
		return remedy.Errorf("this is a bug, please report it with the page", "trial: not everything went as promised")
	}
	return nil
}

// trialAnnounced says what a trial is going to do.
func trialAnnounced(t *trial.Trial) []string {
	const copied = "one of the secrets is a copy of the admin's credential, which is deleted at the end"
	if t.Function == "" {
		return []string{
			"creates in PingOne an application, a custom resource and a grant; in AWS two secrets and a table, all named " + conformance.Prefix + "…",
			copied, "needs what pingrotate conformance needs; takes three minutes, and costs less than a US cent",
			"leaves out what takes the deployed function, a rotation by Secrets Manager, because no --function is given",
		}
	}
	return []string{
		"creates in PingOne two applications, a custom resource and grants; in AWS three secrets and a table, all named " + conformance.Prefix + "…",
		copied, "attaches one of the secrets to " + t.Function + ", and has Secrets Manager rotate it",
		"needs what pingrotate conformance aws --function needs, and lambda:InvokeFunction on the function's alias " + rotation.OperateAlias,
		"takes four minutes, and up to twenty if the function fails; costs less than a US cent",
		"leaves in the function's register an item and the events of an application that no longer exists",
	}
}

// ownFlags are what a child of this command needs to reach the same account.
func (p *program) ownFlags() (flags []string) {
	for name, value := range map[string]string{"--region": p.cfg.Region, "--profile": p.profile} {
		if value != "" {
			flags = append(flags, name, value)
		}
	}
	return flags
}
