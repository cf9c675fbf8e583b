package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A secretSnapshot is what one look shows of the managed secret.
type secretSnapshot struct {
	current, own *stored
	admin        adminSecret
}

// readSecret reads the managed secret and merges the result into what the run knows.
func (r *run) readSecret(ctx context.Context) error {
	found, err := r.fetchSecret(ctx)
	if err != nil {
		return err
	}
	return r.mergeSecret(ctx, found)
}

// fetchSecret reads the managed secret: its labels, AWSCURRENT and the run's version. It
// also reads the default admin's secret, because most documents name no admin.
func (r *run) fetchSecret(ctx context.Context) (found secretSnapshot, err error) {
	adminID := r.Settings.AdminSecretID
	reads := []func() error{
		func() error { return r.secret.describe(ctx) },
		func() (err error) { found.current, err = r.current(ctx, ""); return err },
	}
	if r.token != "" && r.found.own == nil && r.by != plan.ByRollback {
		reads = append(reads, func() (err error) { found.own, err = r.secret.read(ctx, r.token, ""); return err })
	}
	if r.found.acting == nil && adminID != "" {
		reads = append(reads, func() error { found.admin = r.secret.readAdmin(ctx, adminID); return nil })
	}
	return found, parallel.Do(reads...)
}

// mergeSecret merges a snapshot of the managed secret into what the run knows.
func (r *run) mergeSecret(ctx context.Context, found secretSnapshot) error {
	current := found.current
	if found.own != nil {
		r.found.own = found.own
	}
	if found.admin.id != "" {
		r.found.admin = found.admin
	}
	if err := r.qualified(r.secret.function); err != nil {
		return err
	}
	id := r.secret.holder(labelCurrent)
	if id == "" {
		return remedy.With(errors.New("no version is labelled AWSCURRENT"), "store a document with environmentId, region and clientId first")
	}
	if current == nil || current.versionID != id {
		// AWSCURRENT moved between the two reads, or one of them lags. The description alone
		// decides about labels.
		var err error
		if current, err = r.current(ctx, id); err != nil {
			return err
		}
		if current == nil {
			return remedy.With(fmt.Errorf("version %s is labelled AWSCURRENT and has no value", id), "store a document with environmentId, region and clientId")
		}
	}
	switch old := r.found.current; {
	case old != nil && r.by == plan.ByEmergency && old.lost(current):
		r.record.warn("AWSCURRENT was changed during the emergency, and no longer leads to the leaked client; it is moved back to that client")
		current = &stored{old.Document, current.versionID, current.created, true}
	case old != nil && old.EnvironmentID+old.ClientID != current.EnvironmentID+current.ClientID && !old.MayFollow(current.ClientID):
		return remedy.With(errors.New("AWSCURRENT was changed during this run, and names another client now"), "run it again")
	default:
		if err := current.rotatable(); err != nil {
			return err
		}
	}
	r.found.current = current
	if r.record.current.IsZero() {
		r.record.current = current.ClientSecret // the secret that the run may replace
	}
	r.remember(current.ClientSecret)
	if r.found.own != nil {
		r.remember(r.found.own.ClientSecret)
	}
	return nil
}

// current returns the version labelled AWSCURRENT, or the version with the id, if the label
// was read elsewhere.
//
// In an emergency, a document that does not parse must not delay anything. What the run
// read before stands in for it, or else another version of the client whose ids its text
// contains. If its text contains no id, any other version does.
func (r *run) current(ctx context.Context, id string) (*stored, error) {
	label := ""
	if id == "" {
		label = labelCurrent
	}
	out, err := r.secret.value(ctx, id, label)
	if err != nil || out == nil {
		return nil, err
	}
	v, err := decode(out)
	if err == nil || r.by != plan.ByEmergency {
		return v, err
	}
	if old := r.found.current; old != nil {
		r.record.warn("AWSCURRENT cannot be read (%v); the emergency continues with what it held at the start", err)
		return &stored{old.Document, aws.ToString(out.VersionId), aws.ToTime(out.CreatedDate), true}, nil
	}
	text := aws.ToString(out.SecretString) // "" if the version is binary
	for _, l := range []string{labelPrevious, plan.HealLabel, plan.ManualLabel, labelPending} {
		other, readErr := r.secret.read(ctx, "", l)
		if readErr != nil || other == nil || other.ClientID == "" {
			continue
		}
		if strings.Contains(text, other.ClientID) && strings.Contains(text, other.EnvironmentID) || !looksLikeID.MatchString(text) {
			r.record.warn("AWSCURRENT cannot be read (%v); the emergency continues with the version labelled %s", err, l)
			return &stored{other.Document, aws.ToString(out.VersionId), aws.ToTime(out.CreatedDate), true}, nil
		}
	}
	return nil, err
}
