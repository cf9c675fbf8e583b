package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"pingrotate/internal/conformance"
	"pingrotate/internal/remedy"
	"pingrotate/internal/trial"
	"pingrotate/pingone"

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
		Short:   "Rotate a throw-away secret on real services, and print a page about it",
		Long: `Tells the whole story on real services, with throw-away objects: creates an application
in a PingOne environment, two secrets and a table in AWS; rotates the secret; kills a
rotation between the new secret and its store, and runs it again; ends a leak by an
emergency. Meanwhile two consumers ask for tokens. Removes everything, also after Ctrl-C.
Prints one page in Markdown that can be shown to a security team.

The rotations are made in a child process with your own rights, as with --local; the
deployed function and its register are not touched. The same command runs in the sandbox.

Exit status 1 says that something did not go as promised; the page says what.`,
		Example: `    pingrotate trial --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 \
        --admin-secret pingone/admin --yes >trial.md`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			secret := cmp.Or(adminSecret, os.Getenv("PINGONE_ADMIN_SECRET_ID"))
			switch {
			case !pingone.IsUUID(environment):
				return misuse(c, "--environment must be the UUID of a PingOne environment")
			case secret == "":
				return misuse(c, "--admin-secret is missing, and PINGONE_ADMIN_SECRET_ID is not set")
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
	ctx := c.Context()
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
		Secrets: secretsmanager.NewFromConfig(p.cfg), PingOneRegion: region,
		Program: self, Flags: p.ownFlags(), Env: os.Environ(), Say: p.note,
	}
	out, err := t.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &adminSecret})
	if err != nil {
		return advise("read the admin secret", "secretsmanager:GetSecretValue", err)
	}
	t.AdminDocument = aws.ToString(out.SecretString)
	say := p.warn
	if yes {
		say = p.note
	}
	say("creates in PingOne an application, a custom resource and a grant; in AWS two secrets and a table, all named %s…", conformance.Prefix)
	say("one of the two secrets is a copy of the admin's credential, which is deleted at the end")
	say("needs what pingrotate conformance needs; takes three minutes, and costs less than a US cent")
	if err := p.confirm(c, "This creates and removes the things above, in an environment and an account that should be for tests.", "yes", yes); err != nil {
		return err
	}
	page, err := t.Run(ctx, version())
	if len(page.Stages) > 0 || err == nil {
		if p.json() {
			err = errors.Join(err, p.write(page))
		} else {
			_, failed := fmt.Fprint(printable{p.out}, page.Markdown())
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return remedy.With(err, "what may be left behind, pingrotate conformance removes")
	}
	if !page.Good() {
		return remedy.Errorf("this is a bug, please report it with the page", "trial: not everything went as promised")
	}
	return nil
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
