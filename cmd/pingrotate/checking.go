package main

import (
	"fmt"
	"slices"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// check has the function check each secret. The error is of those that would not rotate.
// Points that are well are left out for people if it is to be brief.
func (p *program) check(c *cobra.Command, secrets []string, createTestUser, brief bool) error {
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
			if i > 0 && !brief {
				page.say("")
			}
			if brief {
				found.Findings = slices.DeleteFunc(found.Findings, func(f rotation.Finding) bool { return f.State == rotation.OK })
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
		return fmt.Errorf("check: %s would not rotate now; the points say what to do", secrets[0])
	}
	return fmt.Errorf("check: %d of %d secrets would not rotate now; their points say what to do", len(secrets)-would, len(secrets))
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
	p.line(cell{text: secret + ": "}, verdict, cell{text: reason(c)})
	tellFindings(p, c.Findings)
	return p.err
}

// reason says why, for the headline: a point that is told in full below it is only named.
func reason(c rotation.Checkup) string {
	for _, f := range c.Findings {
		if c.Because == f.Point+": "+f.Detail {
			if len(c.Findings) == 1 {
				return ""
			}
			return ", see the point " + f.Point
		}
	}
	return ": " + c.Because
}
