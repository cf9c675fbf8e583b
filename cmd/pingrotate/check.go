package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"pingrotate/rotation"
)

const checkUsage = `Usage:
    pingrotate check SECRET... [--create-test-user] [-o text|json]

Says point by point whether a rotation of these secrets would succeed now, and what
to do about what would not. It changes nothing.

    --create-test-user
                     create the user that rotation.verify.userSecretId names in
                     PingOne, if there is none: the only thing it ever changes
` + outputUsage + localUsage + accountUsage + `
Examples:
    pingrotate check pingone/orders-api
    pingrotate check pingone/orders-api -o json | jq '.findings[] | select(.state != "ok")'

Exit status 1 says that a rotation would fail.
`

func checkFlags(flags *flag.FlagSet) runner {
	var a account
	a.declareLocal(flags)
	output := outputFlag(flags)
	user := flags.Bool("create-test-user", false, "")
	return func(ctx context.Context, secrets []string, stdout io.Writer) error {
		return check(ctx, &a, secrets, *user, output, stdout)
	}
}

func check(ctx context.Context, account *account, secrets []string, user bool, output *choice, stdout io.Writer) error {
	for _, secret := range secrets {
		if err := valid(rotation.Action{Action: rotation.ActionCheck, SecretID: secret}); err != nil {
			return usageError{"check", err.Error()}
		}
	}
	if err := account.open(ctx); err != nil {
		return err
	}
	call, err := account.caller(ctx)
	if err != nil {
		return err
	}
	failing := 0
	for i, secret := range secrets {
		done := busy("checking " + secret)
		raw, err := call(ctx, rotation.Action{Action: rotation.ActionCheck, SecretID: secret, CreateTestUser: user})
		done()
		if err != nil {
			return fmt.Errorf("check %s: %w", secret, err)
		}
		found, err := readJSON[rotation.Checkup](raw)
		switch {
		case err != nil:
		case output.value == "json":
			err = writeJSON(stdout, raw)
		default:
			if i > 0 {
				fmt.Fprintln(stdout)
			}
			err = tellCheckup(stdout, secret, found)
		}
		if err != nil {
			return err
		}
		if found.State == rotation.Failure {
			failing++
		}
	}
	switch {
	case failing == 0:
		return nil
	case len(secrets) == 1:
		return errors.New("check: a rotation would fail; mend what is marked failure")
	}
	return fmt.Errorf("check: a rotation would fail for %d of %d secrets; mend what is marked failure", failing, len(secrets))
}

// tellCheckup writes the findings for people, one a line.
func tellCheckup(w io.Writer, secret string, c rotation.Checkup) error {
	s := story{w: w}
	if c.Name != "" {
		secret = c.Name
	}
	switch {
	case c.State == rotation.Failure:
		s.say("%s: a rotation would fail", secret)
	case c.Decision != "":
		s.say("%s: a rotation would succeed (%s)", secret, c.Decision)
	default:
		s.say("%s: a rotation would succeed", secret)
	}
	tellFindings(&s, c.Findings)
	return s.err
}

// tellFindings writes findings below the line that says what they are about.
func tellFindings(s *story, findings []rotation.Finding) {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Point))
	}
	for _, f := range findings {
		detail := f.Detail
		if f.Remedy != "" {
			detail += "; " + f.Remedy
		}
		s.say("  %-7s  %-*s  %s", f.State, width, f.Point, detail)
	}
}
