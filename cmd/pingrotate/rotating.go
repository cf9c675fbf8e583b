package main

import (
	"fmt"
	"time"

	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// A rotating is what rotate is asked to do. Its fields are flags.
type rotating struct {
	*program
	emergency choice
	reason    string
	wait      span
	yes       bool
	dryRun    bool
	fleet     fleetFlags
}

// one rotates one secret.
func (r *rotating) one(c *cobra.Command, secret string) error {
	ctx := c.Context()
	action := rotation.Action{Action: rotation.ActionRotate, SecretID: secret, Emergency: rotation.Emergency(r.emergency.value), Reason: r.reason}
	if err := valid(action); err != nil {
		return misuse(c, "%v", err)
	}
	if question := r.question(secret); question != "" {
		if err := r.confirm(c, question, secret, r.yes); err != nil {
			return err
		}
	}
	call, err := r.call(ctx)
	if err != nil {
		return err
	}
	action.By = r.by(ctx)
	action.ClientRequestToken = rotation.NewToken()
	raw, report, err := r.rotateOne(ctx, call, action, time.Duration(r.wait))
	if err != nil {
		return fmt.Errorf("rotate %s: %w", secret, err)
	}
	if r.json() {
		err = r.write(raw)
	} else {
		err = tellReport(r.page(), secret, report)
	}
	if err == nil && bad(report.Outcome) {
		err = fmt.Errorf("rotate %s: %s; the report says why", secret, headline(report))
	}
	return err
}

// question is what to ask before an emergency, which cannot be undone; "" before
// anything else.
func (r *rotating) question(secret string) string {
	switch rotation.Emergency(r.emergency.value) {
	case rotation.Swift:
		return fmt.Sprintf("This ends the secret that consumers of %s hold as soon as there is a new one. Those that keep it in a cache fail until they read again.", secret)
	case rotation.Contain:
		return fmt.Sprintf("This ends the secret that consumers of %s hold at once. All of them fail until they have read the new one.", secret)
	}
	return ""
}
