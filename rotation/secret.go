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
	rotationToken pingone.Secret // of a rotation of Secrets Manager's, where the event has one
	count         *counter

	description // as last described
}

// names returns what allowances may call the secret: its name, and its ARN once it has one.
func (s *secret) names() []string {
	if s.arn == "" {
		return []string{s.name}
	}
	return []string{s.name, s.arn}
}

// isCalled reports whether the id is a name of the secret.
func (s *secret) isCalled(id string) bool {
	return id != "" && (id == s.arn || id == s.name || id == s.id)
}

// describe reads which version has which label. It may lag.
func (s *secret) describe(ctx context.Context) error {
	out, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.id}, s.count.requests)
	if err != nil {
		return secretsManagerError("describe the secret", err)
	}
	s.description = described(out)
	return nil
}

// value reads a version by its id or its label; one of the two is empty. A version
// without a value is nil. Only the typed exception means that: a throttle or a missing
// permission taken for it would mint a second secret.
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

// read returns a version by its id or its label, nil if it has no value.
func (s *secret) read(ctx context.Context, versionID, label string) (*stored, error) {
	out, err := s.value(ctx, versionID, label)
	if err != nil || out == nil {
		return nil, err
	}
	return decode(out)
}

// errExists means that a version has another value already. A value is final.
var errExists = errors.New("the version has another value already")

// put stores a version under a label. To repeat it with the same document is harmless,
// and another value under the same id is told by errExists.
func (s *secret) put(ctx context.Context, versionID, label string, d *document.Document) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId:           &s.id,
		ClientRequestToken: &versionID,
		SecretString:       aws.String(d.Reveal()),
		VersionStages:      []string{label}, // without it the version would become AWSCURRENT, untested
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

// move moves AWSCURRENT from one version to another. Secrets Manager refuses if it is
// no longer where it was. AWSPREVIOUS follows by itself.
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
	// The reply may have been lost after the label moved, and then a repetition is
	// refused because the label is no longer where it was.
	if s.describe(ctx) == nil && s.holder(labelCurrent) == to {
		return nil
	}
	return secretsManagerError("move AWSCURRENT to the new version", err)
}

// untag takes a label off a version. That it is gone already is success.
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
	// A repetition is refused when the reply of the first was lost.
	if s.describe(ctx) == nil && s.holder(label) != versionID {
		return nil
	}
	return secretsManagerError("take the label "+label+" off version "+versionID, err)
}

// labelOfCheck is a label that no version has.
const labelOfCheck = "pingrotate-check"

// mayWrite tries the writes of a rotation in a way that Secrets Manager must refuse
// once it has seen that they are permitted: it checks permissions first. Nothing
// changes.
func (s *secret) mayWrite(ctx context.Context, current string) error {
	return parallel.Do(
		func() error {
			// The version exists, with another value, and so stays as it is.
			_, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &s.id, ClientRequestToken: &current, SecretString: aws.String("{}"), VersionStages: []string{labelOfCheck},
			}, s.count.requests)
			if exists := (*types.ResourceExistsException)(nil); err == nil || errors.As(err, &exists) {
				return nil // no service succeeds; then nothing is known against it
			}
			return secretsManagerError("store a version", err)
		},
		func() error {
			_, err := s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &s.id, VersionStage: aws.String(labelOfCheck), RemoveFromVersionId: &current,
			}, s.count.requests)
			if absent := (*types.InvalidParameterException)(nil); err == nil || errors.As(err, &absent) {
				return nil
			}
			return secretsManagerError("move a label", err)
		},
	)
}
