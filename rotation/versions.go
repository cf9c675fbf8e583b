package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// The staging labels of the protocol.
const (
	labelCurrent = "AWSCURRENT"
	labelPending = "AWSPENDING"

	labelPrevious = "AWSPREVIOUS"

	// labelCompromised is on the version whose secret has leaked and is not yet shown
	// to be dead. It is set before anything else is done about it, and taken off last.
	labelCompromised = "COMPROMISED"

	// labelByHand is on the version that an action makes. It is not AWSPENDING, because
	// Secrets Manager repeats no rotation but its own, and starts none while another
	// version has that label: an action that dies must not keep it from rotating.
	labelByHand = "PINGROTATE"
)

// versions is what DescribeSecret says of a secret: which version has which labels.
type versions struct {
	arn, name       string
	rotationEnabled bool
	function        string    // the ARN of the rotation function
	rotated         time.Time // when the last rotation was over; zero before the first
	changed         time.Time // when a version or a label last changed
	next            time.Time // when Secrets Manager rotates next; zero if never
	rules           *types.RotationRulesType
	kmsKey          string // "" for aws/secretsmanager
	replicas        []types.ReplicationStatusType
	labels          map[string][]string
}

// holder returns the version that has the label, or "".
func (v versions) holder(label string) string {
	for id, labels := range v.labels {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

// promoted returns when consumers were given the current version. A rotation makes
// its version when it begins, and may take hours to promote it.
func (v versions) promoted(current *stored) time.Time {
	if v.rotated.After(current.created) {
		return v.rotated
	}
	return current.created
}

// underWay returns the version of a rotation that is not over, and the label that it
// has; "" if there is none. What is AWSPREVIOUS was AWSCURRENT, whatever its action
// has left on it.
func (v versions) underWay() (versionID, label string) {
	current, previous := v.holder(labelCurrent), v.holder(labelPrevious)
	for _, label := range []string{labelPending, labelByHand} {
		if id := v.holder(label); id != "" && id != current && (label != labelByHand || id != previous) {
			return id, label
		}
	}
	return "", ""
}

// preflight tells whether the version that the rotation makes is already promoted,
// or else why there is nothing to do for this step. The version has the label until it
// is.
func (v versions) preflight(token, label string) (done bool, err error) {
	labels, ok := v.labels[token]
	switch {
	case !v.rotationEnabled:
		return false, errors.New("rotation is not enabled for this secret; enable it with aws secretsmanager rotate-secret --rotation-lambda-arn")
	case !ok:
		return false, fmt.Errorf("version %s does not exist; ClientRequestToken must be that of a rotation in progress", token)
	case slices.Contains(labels, labelCurrent):
		return true, nil
	case !slices.Contains(labels, label):
		return false, fmt.Errorf("version %s is not labelled %s; this rotation was ended, start another with aws secretsmanager rotate-secret", token, label)
	}
	return false, nil
}

// A stored is a version of the secret.
type stored struct {
	*Document
	versionID string
	created   time.Time
}

func (s *step) describe(ctx context.Context) error {
	out, err := s.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.event.SecretID}, s.count)
	if err != nil {
		return secretsManagerError("describe the secret", err)
	}
	s.versions = versions{
		arn:             aws.ToString(out.ARN),
		name:            aws.ToString(out.Name),
		rotationEnabled: aws.ToBool(out.RotationEnabled),
		function:        aws.ToString(out.RotationLambdaARN),
		rotated:         aws.ToTime(out.LastRotatedDate),
		changed:         aws.ToTime(out.LastChangedDate),
		next:            aws.ToTime(out.NextRotationDate),
		rules:           out.RotationRules,
		kmsKey:          aws.ToString(out.KmsKeyId),
		replicas:        out.ReplicationStatus,
		labels:          out.VersionIdsToStages,
	}
	return nil
}

// read returns a version by its id; labels may lag behind. A version without a
// value is nil. No other error means absence: a throttle or a missing permission
// taken for it would mint a second secret.
func (s *step) read(ctx context.Context, versionID string) (*stored, error) {
	out, err := s.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.arn, VersionId: &versionID}, s.count)
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		return nil, nil
	}
	if err != nil {
		return nil, secretsManagerError("read version "+versionID, err)
	}
	v, err := decode(out)
	if err == nil && v.AuthMethod != "" && !v.AuthMethod.Supported() {
		err = fmt.Errorf("version %s: %w", versionID, document.NewFieldError("tokenEndpointAuthMethod", fmt.Sprintf("must be one of %v to use a client secret", pingone.AuthMethods())))
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func decode(out *secretsmanager.GetSecretValueOutput) (*stored, error) {
	versionID := aws.ToString(out.VersionId)
	if out.SecretString == nil {
		return nil, fmt.Errorf("version %s is binary; store the document as SecretString", versionID)
	}
	d, err := ParseDocument(*out.SecretString)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", versionID, err)
	}
	return &stored{d, versionID, aws.ToTime(out.CreatedDate)}, nil
}

// readCurrent returns the version that consumers use.
func (s *step) readCurrent(ctx context.Context) (*stored, error) {
	id := s.holder(labelCurrent)
	if id == "" {
		return nil, errors.New("no version is labelled AWSCURRENT; store a document with environmentId, region and clientId first")
	}
	current, err := s.read(ctx, id)
	if current == nil && err == nil {
		err = fmt.Errorf("version %s is labelled AWSCURRENT and has no value; store a document with environmentId, region and clientId", id)
	}
	return current, err
}

// readPending returns the version that this rotation makes, in a step that comes
// after the one that stores it. Secrets Manager may take a moment to show it.
func (s *step) readPending(ctx context.Context) (*stored, error) {
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		pending, err := s.read(ctx, s.event.ClientRequestToken)
		if pending != nil || err != nil {
			return pending, err
		}
		if wait > 2*time.Second {
			return nil, fmt.Errorf("version %s has no value yet; createSecret comes first", s.event.ClientRequestToken)
		}
		if err := s.client.Pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("wait for version %s to appear: %w", s.event.ClientRequestToken, err)
		}
	}
}

// put stores the version that this rotation makes. A token that has been used for
// another value is told by errExists.
func (s *step) put(ctx context.Context, d *Document) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId:           &s.arn,
		ClientRequestToken: &s.event.ClientRequestToken,
		SecretString:       aws.String(d.Reveal()),
		VersionStages:      []string{s.label()}, // without it the version would become AWSCURRENT, untested
	}
	if !s.event.RotationToken.IsZero() {
		in.RotationToken = aws.String(s.event.RotationToken.Reveal())
	}
	_, err := s.Secrets.PutSecretValue(ctx, in, s.count)
	var exists *types.ResourceExistsException
	if errors.As(err, &exists) {
		return errExists
	}
	if err != nil {
		return secretsManagerError("store the new secret as "+s.label(), err)
	}
	return nil
}

// label is on the version of this rotation until that is AWSCURRENT.
func (s *step) label() string {
	if s.hand != nil {
		return labelByHand
	}
	return labelPending
}

// putCurrent stores a version of its own as AWSCURRENT. Its id follows from the
// secret, so that two invocations that store the same one make one version.
func (s *step) putCurrent(ctx context.Context, d *Document) error {
	id := sha256.Sum256([]byte(s.arn + " " + d.ClientSecret.Reveal()))
	_, err := s.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:           &s.arn,
		ClientRequestToken: aws.String(hex.EncodeToString(id[:])),
		SecretString:       aws.String(d.Reveal()),
		VersionStages:      []string{labelCurrent},
	}, s.count)
	if err != nil {
		return secretsManagerError("store PingOne's secret as AWSCURRENT", err)
	}
	return nil
}

var errExists = errors.New("store the new secret as AWSPENDING: the version has another value already")

// promote makes the version of this rotation AWSCURRENT. AWSPREVIOUS follows by
// itself, and Secrets Manager takes AWSPENDING away.
func (s *step) promote(ctx context.Context) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:        &s.arn,
		VersionStage:    aws.String(labelCurrent),
		MoveToVersionId: &s.event.ClientRequestToken,
	}
	if old := s.holder(labelCurrent); old != "" {
		in.RemoveFromVersionId = &old
	}
	_, err := s.Secrets.UpdateSecretVersionStage(ctx, in, s.count)
	if err == nil {
		return nil
	}
	// The reply may have been lost after the label moved, and then a repetition is
	// refused because the label is no longer where it was.
	if again := s.describe(ctx); again == nil && s.holder(labelCurrent) == s.event.ClientRequestToken {
		return nil
	}
	return secretsManagerError("move AWSCURRENT to the new version", err)
}

// markCompromised puts the label COMPROMISED on a version. That it is there already
// is success.
func (s *step) markCompromised(ctx context.Context, versionID string) error {
	_, err := s.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:        &s.arn,
		VersionStage:    aws.String(labelCompromised),
		MoveToVersionId: &versionID,
	}, s.count)
	if err != nil {
		return secretsManagerError("label the leaked version COMPROMISED", err)
	}
	return nil
}

// abandon takes AWSPENDING off the version of this rotation, so that another
// rotation can start.
func (s *step) abandon(ctx context.Context) error {
	return s.unlabel(ctx, s.label(), s.event.ClientRequestToken)
}

// unlabel takes a label off a version. That it is gone already is success.
func (s *step) unlabel(ctx context.Context, label, versionID string) error {
	_, err := s.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:            &s.arn,
		VersionStage:        &label,
		RemoveFromVersionId: &versionID,
	}, s.count)
	if err == nil {
		return nil
	}
	// A repetition is refused when the reply of the first was lost.
	if again := s.describe(ctx); again == nil && s.holder(label) != versionID {
		return nil
	}
	return secretsManagerError("take "+label+" off version "+versionID, err)
}

// count makes a call to Secrets Manager count each of its requests, repeats included.
func (s *step) count(o *secretsmanager.Options) {
	o.HTTPClient = counted{o.HTTPClient, &s.calls.secretsManager}
}

// secretsManagerError says what was tried and, where the service's own words do
// not, what to do.
func secretsManagerError(action string, err error) error {
	e := &SecretsManagerError{Action: action, cause: err}
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.message = refusal.ErrorCode(), refusal.ErrorMessage()
	}
	if reply, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.RequestID = reply.ServiceRequestID()
	}
	return e
}

// A SecretsManagerError is a call to Secrets Manager that did not do what was asked.
type SecretsManagerError struct {
	Action    string // what was tried, such as "describe the secret"
	Code      string // Secrets Manager's, such as ResourceNotFoundException; "" when no reply arrived
	RequestID string // what AWS's support asks for

	message string
	cause   error
}

func (e *SecretsManagerError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: %v", e.Action, e.cause)
	}
	text := fmt.Sprintf("%s: Secrets Manager answered %s: %s", e.Action, e.Code, strings.TrimSuffix(e.message, "."))
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	switch e.Code {
	case "ResourceNotFoundException":
		return text + "; check the secret's name and Region"
	case "DecryptionFailure", "EncryptionFailure":
		return text + "; the function's role needs kms:Decrypt and kms:GenerateDataKey on the secret's key"
	case "AccessDeniedException":
		return text + "; the function's role or the secret's policy does not allow it"
	}
	return text
}

// Unwrap returns the SDK's error.
func (e *SecretsManagerError) Unwrap() error { return e.cause }
