package main

import (
	"errors"
	"fmt"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

func newCheck(p *program) *cobra.Command {
	createTestUser := false
	c := &cobra.Command{
		GroupID: "look",
		Use:     "check SECRET...",
		Short:   "Whether a rotation would succeed now, point by point",
		Long: `Says point by point whether a rotation of these secrets would succeed now, and what
to do about what would not. It changes nothing.

Exit status 1 says that a rotation would fail, or would be refused.`,
		Example: `    pingrotate check pingone/orders-api
    pingrotate check pingone/orders-api -o json | jq '.findings[] | select(.state != "ok")'`,
		Args:              takes(1, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE: func(c *cobra.Command, secrets []string) error {
			return p.check(c, secrets, createTestUser)
		},
	}
	c.Flags().BoolVar(&createTestUser, "create-test-user", false, "create the user that rotation.verify.userSecretId names in PingOne, if there is none: the only thing that check ever changes")
	return c
}

func (p *program) check(c *cobra.Command, secrets []string, createTestUser bool) error {
	for _, secret := range secrets {
		if err := valid(rotation.Action{Action: rotation.ActionCheck, SecretID: secret}); err != nil {
			return misuse(c, "%v", err)
		}
	}
	ctx := c.Context()
	call, err := p.call(ctx)
	if err != nil {
		return err
	}
	would := 0
	for i, secret := range secrets {
		done := p.busy("checking " + secret)
		raw, err := call(ctx, rotation.Action{Action: rotation.ActionCheck, SecretID: secret, CreateTestUser: createTestUser})
		done()
		if err != nil {
			return fmt.Errorf("check %s: %w", secret, err)
		}
		found, err := readJSON[rotation.Checkup](raw)
		switch {
		case err != nil:
		case p.json():
			err = p.write(raw)
		default:
			page := p.page()
			if i > 0 {
				page.say("")
			}
			err = tellCheckup(page, secret, found)
		}
		if err != nil {
			return err
		}
		if wouldRotate(found) {
			would++
		}
	}
	switch {
	case would == len(secrets):
		return nil
	case len(secrets) == 1:
		return errors.New("check: a rotation now would not succeed; the points above say why, and what to do")
	}
	return fmt.Errorf("check: a rotation now would not succeed for %d of %d secrets; the points above say why, and what to do", len(secrets)-would, len(secrets))
}

// wouldRotate reports whether a rotation now would succeed.
func wouldRotate(c rotation.Checkup) bool {
	return c.State != rotation.Failure && c.Decision != rotation.Refuse
}

// tellCheckup writes the findings for people, one a line.
func tellCheckup(p *page, secret string, c rotation.Checkup) error {
	if c.Name != "" {
		secret = c.Name
	}
	verdict := cell{"a rotation would succeed", green}
	switch {
	case c.State == rotation.Failure:
		verdict = cell{"a rotation would fail", red}
	case c.Decision == rotation.Refuse:
		verdict = cell{"a rotation would be refused", red}
	case c.Decision != "":
		verdict.text += " (" + string(c.Decision) + ")"
	}
	p.line(cell{text: secret + ": "}, verdict)
	tellFindings(p, c.Findings)
	return p.err
}
