package main

import (
	"fmt"

	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
)

func newDetach(p *program) *cobra.Command {
	yes := false
	c := &cobra.Command{
		GroupID: "act",
		Use:     "detach SECRET",
		Short:   "End the rotation of a secret, which keeps its value",
		Long: `Ends the rotation of a secret. It keeps its value, which continues to work; a replaced
secret ends by itself. AWSPENDING of a rotation that did not end is taken off, so that the
secret can be attached again: pingrotate adopt does that.

status still lists the secret, as detached, and campaigns leave it out, except
emergencies.`,
		Example:           `    pingrotate detach pingone/orders-api`,
		Args:              takes(1, 1, "SECRET"),
		ValidArgsFunction: p.completeSecret,
		RunE:              func(c *cobra.Command, args []string) error { return p.detach(c, args[0], yes) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask for the secret's name")
	return c
}

func (p *program) detach(c *cobra.Command, secret string, yes bool) error {
	ctx := c.Context()
	if err := p.open(ctx); err != nil {
		return err
	}
	function, err := p.functionARN(ctx)
	if err != nil {
		return err
	}
	client := secretsmanager.NewFromConfig(p.cfg)
	now, err := p.lookUp(ctx, client, secret)
	switch {
	case err != nil:
		return err
	case now == nil:
		return p.absent(ctx, "detach", secret)
	case !now.enabled:
		p.note("%s is not rotated; nothing was left to do", secret)
		return nil
	case !namesFunction(function)(now.function):
		return remedy.Errorf("name that with --function", "detach: the secret %s is rotated by %s", secret, now.function)
	}
	question := fmt.Sprintf("This ends the rotation of %s by %s. Its value stays, and continues to work.", now.name, function)
	if err := p.confirm(c, question, now.name, yes); err != nil {
		return err
	}
	if _, err := client.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &now.arn}); err != nil {
		return advise("end the rotation of "+secret, "secretsmanager:CancelRotateSecret", err)
	}
	label := "AWSPENDING"
	if now, err = p.lookUp(ctx, client, secret); err == nil && now != nil && now.pending != "" && now.pending != now.current {
		_, err = client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &now.arn, VersionStage: &label, RemoveFromVersionId: &now.pending})
		if err != nil {
			err = advise("take AWSPENDING off version "+now.pending, "secretsmanager:UpdateSecretVersionStage", err)
		}
	}
	if err != nil {
		return fmt.Errorf("the rotation of %s has ended, but not all is done: %w", secret, err)
	}
	p.note("%s is no longer rotated; its value was not changed. pingrotate adopt --in-place %s attaches it again", secret, secret)
	return nil
}
