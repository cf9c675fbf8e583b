package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"pingrotate/internal/conformance"
	"pingrotate/internal/remedy"
	"pingrotate/internal/trial"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// asksFunction reports whether the deployed function is to take part in what otherwise
// does without it: only where it is named.
func asksFunction(c *cobra.Command) bool {
	return c.Flags().Changed("function") || os.Getenv("PINGROTATE_FUNCTION") != ""
}

// wouldServe asks the function whether it will serve a secret that does not exist yet.
func (p *program) wouldServe(ctx context.Context, at pingone.Environment, secret, document string) error {
	done := p.busy("asking the function whether it will serve " + secret)
	raw, err := deployed(p.cfg, p.function)(ctx, rotation.Action{Action: rotation.ActionCheck, SecretID: secret, Document: document, Mark: true, By: p.by(ctx)})
	done()
	if err != nil {
		return fmt.Errorf("ask the function whether it will serve the trial: %w", err)
	}
	found, err := readJSON[rotation.Checkup](raw)
	if err != nil {
		return err
	}
	for _, f := range found.Findings {
		if f.State != rotation.Failure {
			continue
		}
		if strings.Contains(f.Detail, "does not allow") {
			p.warn("the entry that the owner of the admin's secret may add to its allow, for trials in this environment:")
			fmt.Fprintln(printable{p.err}, entryForTrials(at))
		}
		return remedy.Errorf(f.Remedy, "the function would not serve the trial's secret: %s: %s", f.Point, f.Detail)
	}
	return nil
}

// entryForTrials is an entry of an admin's allow for the secrets that trials attach, and
// for the applications that adopt has marked as theirs.
func entryForTrials(at pingone.Environment) string {
	return fmt.Sprintf(`{"secret": "%s*-%s", "environmentId": "%s", "applications": "marked"}`, conformance.Prefix, trial.AttachedPurpose, at.ID)
}
