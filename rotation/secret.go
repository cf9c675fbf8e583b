package rotation

import (
	"context"
	"errors"
	"fmt"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A secret is one managed secret in Secrets Manager.
type secret struct {
	api           SecretsManager
	id            string         // name or ARN, as the event gives it
	rotationToken pingone.Secret // from the event of a rotation that Secrets Manager started; may be empty
	count         *counter

	description // from the last DescribeSecret, and changed by this run's own writes
}

// names returns what an allowance may call the secret: its name, and its ARN if it has one.
func (s *secret) names() []string {
	if s.arn == "" {
		return []string{s.name}
	}
	return []string{s.name, s.arn}
}

// isCalled reports whether the id is the secret's name or ARN.
func (s *secret) isCalled(id string) bool {
	return id != "" && (id == s.arn || id == s.name || id == s.id)
}

// describe reads which version has which label. The answer may lag.
func (s *secret) describe(ctx context.Context) error {
	out, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.id}, s.count.requests)
	if err != nil {
		e := secretsManagerError("describe the secret", err)
		if e.missing() {
			e.absent = s.id
		}
		return e
	}
	s.description = described(out)
	return nil
}

// value reads a version by its id or its label; one of the two is empty. It returns nil if
// there is no such value. Only ResourceNotFoundException means that: if a throttled or
// forbidden call did too, a second secret would be minted.
func (s *secret) value(ctx context.Context, versionID, label string) (*secretsmanager.GetSecretValueOutput, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &s.id}
	what := "version " + versionID
	if versionID != "" {
		in.VersionId = &versionID
	} else {
		in.VersionStage, what = &label, "the version labelled "+label
	}
	out, err := s.api.GetSecretValue(ctx, in, s.count.requests)
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		return nil, nil
	}
	if err != nil {
		return nil, secretsManagerError("read "+what, err)
	}
	return out, nil
}

// read returns a version by its id or its label, or nil if it has no value.
func (s *secret) read(ctx context.Context, versionID, label string) (*stored, error) {
	out, err := s.value(ctx, versionID, label)
	if err != nil || out == nil {
		return nil, err
	}
	return decode(out)
}

// errExists means that the version has another value. Values cannot be changed.
var errExists = errors.New("the version has another value already")

// put stores a version under a label. Repeating it with the same document changes nothing.
// If the version has another value, the error is errExists.
func (s *secret) put(ctx context.Context, versionID, label string, d *document.Document) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId:           &s.id,
		ClientRequestToken: &versionID,
		SecretString:       aws.String(d.Reveal()),
		VersionStages:      []string{label}, // without a label, the version would become AWSCURRENT, untested
	}
	if !s.rotationToken.IsZero() && label == labelPending {
		in.RotationToken = aws.String(s.rotationToken.Reveal())
	}
	_, err := s.api.PutSecretValue(ctx, in, s.count.requests)
	var exists *types.ResourceExistsException
	if errors.As(err, &exists) {
		return fmt.Errorf("store the new secret as %s: %w", label, errExists)
	}
	if err != nil {
		return secretsManagerError("store the new secret as "+label, err)
	}
	return nil
}

// move moves AWSCURRENT from one version to another. Secrets Manager refuses if the label
// has moved in the meantime. It moves AWSPREVIOUS too.
func (s *secret) move(ctx context.Context, from, to string) error {
	_, err := s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:            &s.id,
		VersionStage:        aws.String(labelCurrent),
		MoveToVersionId:     &to,
		RemoveFromVersionId: &from,
	}, s.count.requests)
	if err == nil {
		s.description = s.relabel(labelCurrent, from, to)
		return nil
	}
	// If the reply was lost after the label moved, the SDK's retry is refused, because the
	// label is no longer on the old version.
	if s.describe(ctx) == nil && s.holder(labelCurrent) == to {
		return nil
	}
	return secretsManagerError("move AWSCURRENT to the new version", err)
}

// untag takes a label off a version. It succeeds if the version no longer has the label.
func (s *secret) untag(ctx context.Context, label, versionID string) error {
	_, err := s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:            &s.id,
		VersionStage:        &label,
		RemoveFromVersionId: &versionID,
	}, s.count.requests)
	if err == nil {
		s.description = s.relabel(label, versionID, "")
		return nil
	}
	// If the reply was lost, the SDK's retry is refused.
	if s.describe(ctx) == nil && s.holder(label) != versionID {
		return nil
	}
	return secretsManagerError("take the label "+label+" off version "+versionID, err)
}

// labelOfCheck is a label that no version ever has.
const labelOfCheck = "pingrotate-check"

// mayWrite checks the permissions that a rotation needs, with two writes that Secrets
// Manager must refuse for another reason. It checks permissions first, so any other refusal
// shows that they are there; no answer shows nothing, and is an error. Nothing changes.
func (s *secret) mayWrite(ctx context.Context, current string) error {
	verdict := func(doing string, err error) error {
		if err == nil { // not expected, but it shows the permission
			return nil
		}
		if e := secretsManagerError(doing, err); e.denied() || !e.refused() {
			return e
		}
		return nil
	}
	return parallel.Do(
		func() error {
			// The version exists with another value, so this write is refused.
			_, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &s.id, ClientRequestToken: &current, SecretString: aws.String("{}"), VersionStages: []string{labelOfCheck},
			}, s.count.requests)
			return verdict("store a version", err)
		},
		func() error {
			_, err := s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &s.id, VersionStage: aws.String(labelOfCheck), RemoveFromVersionId: &current,
			}, s.count.requests)
			return verdict("move a label", err)
		},
	)
}
