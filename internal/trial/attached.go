package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"pingrotate/internal/conformance"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// AttachedPurpose is part of the name of the secret that is attached to the deployed
// function, so that an entry in the allow of the function's admin can match it.
const AttachedPurpose = "scheduled"

// The time that Secrets Manager has for one rotation, with its retries, and the interval at
// which a person who waits is told about it.
const (
	rotationLimit = 15 * time.Minute
	tellEvery     = 30 * time.Second
)

// deployed runs another command of this program, which asks the deployed function.
func (r *run) deployed(ctx context.Context, args ...string) (out, said string, err error) {
	args = append(append(args, "--function", r.Function, "--output", "json", "--quiet"), r.Flags...)
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, r.Program, args...)
	c.Env, c.Stdout, c.Stderr = r.Env, &stdout, &stderr
	err = c.Run()
	return stdout.String(), strings.TrimSpace(stderr.String()), err
}

// attach makes the deployed function take over the application's secret, as an operator
// would. Whatever happens, the rotation is cancelled at the end.
func (r *run) attach(ctx context.Context) (string, bool, error) {
	m := r.attached
	r.AWS.CancelLater(m.secret)
	_, said, err := r.deployed(ctx, "adopt", "--secret", m.secret, "--client-id", m.app.ID, "--environment", r.PingOne.Environment.ID,
		"--pingone-region", string(r.PingOneRegion), "--admin-secret", r.AdminSecret, "--mark")
	if ctx.Err() != nil {
		return "", false, context.Cause(ctx)
	}
	if err != nil {
		return "pingrotate adopt failed: " + oneLine(said), false, nil
	}
	now, err := r.AWS.Rotation(ctx, m.secret)
	if err != nil {
		return "", false, err
	}
	text, err := r.AWS.Current(ctx, m.secret)
	if err != nil {
		return "", false, err
	}
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return err.Error(), false, nil
	}
	holds, own := d.ClientSecret.Fingerprint(), pingone.NewSecret(m.app.Secret).Fingerprint()
	found := fmt.Sprintf("%s, which PingOne had already, is stored as AWSCURRENT; Secrets Manager has tested the rotation, and would rotate first by %s", holds, at(now.Next))
	if holds != own {
		found = holds + " is stored as AWSCURRENT, and PingOne had " + own
	}
	return found, holds == own && now.Enabled && !now.Next.IsZero(), nil
}

// scheduled makes Secrets Manager rotate the secret, and waits until it records the
// rotation as complete.
func (r *run) scheduled(ctx context.Context) (string, bool, error) {
	m := r.attached
	was, err := r.AWS.Rotation(ctx, m.secret)
	if err != nil {
		return "", false, err
	}
	if !was.Enabled {
		return "not done: the secret is not attached", false, nil
	}
	before := m.current
	version, err := r.AWS.Rotate(ctx, m.secret)
	if err != nil {
		return "", false, err
	}
	last, told := "", time.Duration(0)
	now, complete, err := r.AWS.Await(ctx, m.secret, version, was.Rotated, rotationLimit, func(now conformance.Rotation, waited time.Duration) {
		if state := progress(now, version); state != last || waited-told >= tellEvery {
			last, told = state, waited
			r.Say("%s, after %v", state, waited.Round(time.Second))
		}
	})
	if err != nil {
		return "", false, err
	}
	if !complete {
		return fmt.Sprintf("not complete after %v: %s; %s", rotationLimit, progress(now, version), r.why(ctx)), false, nil
	}
	secret, previous, err := r.PingOne.Holds(ctx, m.app.ID)
	if err != nil {
		return "", false, err
	}
	made, kept := pingone.NewSecret(secret).Fingerprint(), pingone.NewSecret(previous).Fingerprint()
	pending := "AWSPENDING is on no version"
	if now.Pending == version {
		pending = "AWSPENDING is still on that version"
	}
	found := fmt.Sprintf("PingOne made %s and kept %s; Secrets Manager recorded the rotation as complete at %s (LastRotatedDate), AWSCURRENT is on the version that it began with, %s, and the next is due by %s",
		made, kept, at(now.Rotated), pending, at(now.Next))
	return found, kept == before && made != before, nil
}

// progress says how far a rotation has come.
func progress(now conformance.Rotation, version string) string {
	switch {
	case now.Current == version:
		return "Secrets Manager: AWSCURRENT has moved to the new version"
	case now.Pending == version && now.Filled:
		return "Secrets Manager: the new secret is stored as AWSPENDING"
	case now.Pending == version:
		return "Secrets Manager: the rotation has begun, and its AWSPENDING is empty"
	}
	return "Secrets Manager: no version of the rotation has a label"
}

// why returns the function's diagnosis, while the secret still exists.
func (r *run) why(ctx context.Context) string {
	out, said, _ := r.deployed(ctx, "check", r.attached.secret)
	var found rotation.Checkup
	if json.Unmarshal([]byte(out), &found) != nil || found.Because == "" {
		return "pingrotate check: " + oneLine(said)
	}
	return "pingrotate check: " + found.Because
}

// oneLine joins the lines of a text, for a cell of a table.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// at writes a time as the reports and errors on the page do.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }
