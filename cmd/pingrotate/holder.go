package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A holder is a secret as DescribeSecret shows it.
type holder struct {
	arn, name, function string
	current, pending    string // version ids
	versions            []string
	enabled             bool
	next                time.Time
	changed             time.Time
	schedule, window    string
	deleted             bool
	tags                []types.Tag
}

// lookUp describes a secret; nil if there is none.
func (p *program) lookUp(ctx context.Context, client *secretsmanager.Client, secret string) (*holder, error) {
	out, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret})
	if _, absent := errors.AsType[*types.ResourceNotFoundException](err); absent {
		return nil, nil
	}
	if err != nil {
		return nil, advise("describe the secret "+secret, "secretsmanager:DescribeSecret", err)
	}
	h := &holder{
		arn:      aws.ToString(out.ARN),
		name:     aws.ToString(out.Name),
		function: aws.ToString(out.RotationLambdaARN),
		enabled:  aws.ToBool(out.RotationEnabled),
		next:     aws.ToTime(out.NextRotationDate),
		changed:  aws.ToTime(out.LastChangedDate),
		versions: slices.Collect(maps.Keys(out.VersionIdsToStages)),
		deleted:  out.DeletedDate != nil,
		tags:     out.Tags,
	}
	if out.RotationRules != nil {
		h.schedule, h.window = aws.ToString(out.RotationRules.ScheduleExpression), aws.ToString(out.RotationRules.Duration)
	}
	for id, labels := range out.VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") {
			h.current = id
		}
		if slices.Contains(labels, "AWSPENDING") {
			h.pending = id
		}
	}
	return h, nil
}

// underWay reports whether a rotation of Secrets Manager's may be at work.
func (h *holder) underWay(now time.Time) bool {
	return h.pending != "" && h.pending != h.current && now.Sub(h.changed) < 15*time.Minute
}

// text reads the document in AWSCURRENT; "" where nothing is stored.
func (p *program) text(ctx context.Context, client *secretsmanager.Client, h *holder) (string, error) {
	if h.current == "" {
		return "", nil
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &h.arn, VersionId: &h.current})
	if err != nil {
		return "", advise("read the secret "+h.name, "secretsmanager:GetSecretValue", err)
	}
	if out.SecretString == nil {
		return "", remedy.Errorf("store the document as SecretString", "read the secret %s: it is binary", h.name)
	}
	return *out.SecretString, nil
}

// editLabel is on a version that this command stores, until that is AWSCURRENT.
const editLabel = "PINGROTATE-EDIT"

// replaceCurrent stores a text and makes it AWSCURRENT in place of the version that was
// read. If another version has become AWSCURRENT meanwhile, nothing changes.
//
// Died before the move: consumers read what they read before, and the version with the
// label is replaced by the next run. Died after it: the label stays on AWSCURRENT, where it
// does no harm, until the next run.
func (p *program) replaceCurrent(ctx context.Context, client *secretsmanager.Client, h *holder, token, text string) error {
	_, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &h.arn, ClientRequestToken: &token, SecretString: &text, VersionStages: []string{editLabel},
	})
	if err != nil {
		return advise("store a version of "+h.name, "secretsmanager:PutSecretValue", err)
	}
	move := func(label, from, to string) error {
		in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &h.arn, VersionStage: &label, RemoveFromVersionId: &from}
		if to != "" {
			in.MoveToVersionId = &to
		}
		if from == "" {
			in.RemoveFromVersionId = nil
		}
		_, err := client.UpdateSecretVersionStage(ctx, in)
		return err
	}
	if h.pending != "" && h.pending == h.current { // there it would keep Secrets Manager from rotating
		if err := move("AWSPENDING", h.pending, ""); err != nil {
			return advise("take AWSPENDING off version "+h.pending, "secretsmanager:UpdateSecretVersionStage", err)
		}
	}
	if err := move("AWSCURRENT", h.current, token); err != nil {
		if strings.Contains(said(err), "RemoveFromVersionId") {
			return remedy.Errorf("run the same command again", "make the new version of %s AWSCURRENT: another version has become that meanwhile, and nothing was changed", h.name)
		}
		return advise("make the new version of "+h.name+" AWSCURRENT", "secretsmanager:UpdateSecretVersionStage", err)
	}
	if err := move(editLabel, token, ""); err != nil {
		p.note("%s stays on the version, which does no harm: %s", editLabel, said(err))
	}
	return nil
}
