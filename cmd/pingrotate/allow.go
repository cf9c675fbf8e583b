package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
)

// An allowing is the command allow. Its fields are flags.
type allowing struct {
	*program
	all bool
}

func newAllow(p *program) *cobra.Command {
	a := &allowing{program: p}
	c := &cobra.Command{
		GroupID: "look",
		Use:     "allow [SECRET...]",
		Short:   "The entry that a secret needs in its admin's document",
		Long: `Prints the entry of allow that each secret needs in the document of its admin, which serves
no secret without one: its application, with the twin if there is one, its test user, and
all that its rotation.application asks for. Read it before you paste it: anyone who can write the
secret can bring about what it allows.

One entry is printed as it is. Several are printed as one object, with the entries of each
admin under the name of its secret. It changes nothing.

Before an upgrade the deployed function does not know entries yet; --local does it here,
with your own right to read the secrets.`,
		Example: `    pingrotate allow pingone/orders-api
    pingrotate allow --all --local >allow.json`,
		Args:              takes(0, manySecrets, "SECRET"),
		ValidArgsFunction: p.completeSecrets,
		RunE:              a.run,
	}
	c.Flags().BoolVar(&a.all, "all", false, "every secret whose rotation function is this one")
	return c
}

func (a *allowing) run(c *cobra.Command, secrets []string) error {
	if a.all == (len(secrets) > 0) {
		return misuse(c, "name secrets, or give --all")
	}
	for _, secret := range secrets {
		if err := valid(rotation.Action{Action: rotation.ActionCheck, SecretID: secret}); err != nil {
			return misuse(c, "%v", err)
		}
	}
	ctx := c.Context()
	call, err := a.call(ctx)
	if err != nil {
		return err
	}
	if a.all {
		function, err := a.functionARN(ctx)
		if err != nil {
			return err
		}
		on, off, err := secretsOf(ctx, secretsmanager.NewFromConfig(a.cfg), namesFunction(function), nil)
		if err != nil {
			return err
		}
		secrets = append(on, off...)
	}
	entries := map[string][]json.RawMessage{}
	var admin string
	var wrong []error
	for _, secret := range secrets {
		found, err := a.need(c, call, secret)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		admin = found.Admin
		entries[admin] = append(entries[admin], found.Allow)
		if f := refusal(found); f != nil && f.Remedy != "" {
			a.note("%s: %s", secret, f.Detail)
		}
	}
	switch {
	case len(entries) == 0:
	case len(secrets) == 1:
		a.note("the entry belongs into allow, in the document of %s", admin)
		err = a.tellEntries(entries[admin][0])
	default:
		err = a.tellEntries(entries)
	}
	return errors.Join(err, errors.Join(wrong...))
}

// need asks what a secret needs. A check stops at what is wrong, and knows that before.
func (a *allowing) need(c *cobra.Command, call campaign.Call, secret string) (found rotation.Checkup, err error) {
	done := a.busy("looking at " + secret)
	raw, err := call(c.Context(), rotation.Action{Action: rotation.ActionCheck, SecretID: secret})
	done()
	if err != nil {
		return found, fmt.Errorf("allow %s: %w", secret, err)
	}
	if found, err = readJSON[rotation.Checkup](raw); err != nil {
		return found, err
	}
	if found.Allow == nil {
		if isAbsent(found.Because) {
			return found, a.absent(c.Context(), "allow", secret)
		}
		if strings.HasPrefix(found.Because, "document: ") || strings.HasPrefix(found.Because, "secret: ") {
			return found, fmt.Errorf("allow %s: %s", secret, because(found))
		}
		return found, fmt.Errorf("allow %s: the function is of a version that knows no entries; --local does without it", secret)
	}
	return found, nil
}

// refusal returns the point at which the admin does not serve the secret.
func refusal(c rotation.Checkup) *rotation.Finding {
	for _, f := range c.Findings {
		if f.Point == "admin" && f.State == rotation.Failure {
			return &f
		}
	}
	return nil
}

// tellEntries writes JSON, to be read by people unless that was asked for otherwise.
func (a *allowing) tellEntries(v any) error {
	if a.json() {
		return a.write(v)
	}
	var compact, b bytes.Buffer
	if err := writeJSON(&compact, v); err != nil {
		return err
	}
	if err := json.Indent(&b, bytes.TrimSpace(compact.Bytes()), "", "  "); err != nil {
		return err
	}
	page := a.page()
	page.say("%s", b.String())
	return page.err
}
