package main

import (
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
		Long: `Says whether a rotation of each secret would succeed now, and why; then point by
point what was looked at, and what to do about what is wrong. It changes nothing.

Exit status 0 says that every one would rotate, 1 that at least one would not. A warning
does not change that, so that check can be a gate in a pipeline. In JSON the same answer
is in wouldRotate and because.`,
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
		if found.WouldRotate {
			would++
		}
	}
	switch {
	case would == len(secrets):
		return nil
	case len(secrets) == 1:
		return fmt.Errorf("check: %s would not rotate now; what to do stands beside the points", secrets[0])
	}
	return fmt.Errorf("check: %d of %d secrets would not rotate now; what to do stands beside their points", len(secrets)-would, len(secrets))
}

// tellCheckup writes the findings for people, one a line.
func tellCheckup(p *page, secret string, c rotation.Checkup) error {
	if c.Name != "" {
		secret = c.Name
	}
	verdict := cell{"would rotate", green}
	if !c.WouldRotate {
		verdict = cell{"would not rotate now", red}
	}
	p.line(cell{text: secret + ": "}, verdict, cell{text: ": " + c.Because})
	tellFindings(p, c.Findings)
	return p.err
}
