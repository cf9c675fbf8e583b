package main

import (
	"fmt"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// check has the function check each secret. The error is of those that would not rotate.
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
		} else {
			p.suggest(ctx, secret, found.Because)
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
