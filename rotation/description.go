package rotation

import (
	"slices"
	"time"

	"pingrotate/internal/plan"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// The staging labels of Secrets Manager.
const (
	labelCurrent  = "AWSCURRENT"
	labelPending  = plan.PendingLabel
	labelPrevious = "AWSPREVIOUS"

	// labelCompromised tells people that the secret of this version has leaked. Audits start
	// with such a secret; nothing else depends on the label.
	labelCompromised = "COMPROMISED"
)

// A description is what DescribeSecret, or an entry of ListSecrets, says about a secret.
type description struct {
	arn, name       string
	rotationEnabled bool
	function        string    // the ARN of the rotation function
	rotated         time.Time // when the last rotation ended; zero before the first
	changed         time.Time // when a version or a label last changed
	next            time.Time // when Secrets Manager rotates next; zero if never
	rules           *types.RotationRulesType
	kmsKey          string // empty for aws/secretsmanager
	replicas        []types.ReplicationStatusType
	labels          map[string][]string // by version id
}

func described(out *secretsmanager.DescribeSecretOutput) description {
	return description{
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
}

// listed reads an entry of ListSecrets. It may lag five minutes, so it serves to find names
// and nothing is decided by it.
func listed(e types.SecretListEntry) description {
	return description{
		arn:             aws.ToString(e.ARN),
		name:            aws.ToString(e.Name),
		rotationEnabled: aws.ToBool(e.RotationEnabled),
		function:        aws.ToString(e.RotationLambdaARN),
		rotated:         aws.ToTime(e.LastRotatedDate),
		changed:         aws.ToTime(e.LastChangedDate),
		next:            aws.ToTime(e.NextRotationDate),
		rules:           e.RotationRules,
		kmsKey:          aws.ToString(e.KmsKeyId),
		labels:          e.SecretVersionsToStages,
	}
}

// holder returns the version that has the label, or "".
func (d description) holder(label string) string {
	for id, labels := range d.labels {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

// staged returns which versions have the labels that decisions depend on.
func (d description) staged() plan.Labels {
	return plan.Labels{
		Current:  d.holder(labelCurrent),
		Previous: d.holder(labelPrevious),
		Pending:  d.holder(labelPending),
		Manual:   d.holder(plan.ManualLabel),
		Healed:   d.holder(plan.HealLabel),
	}
}

// promoted returns when consumers got the current version, as far as Secrets Manager knows. A
// rotation creates its version at its start and may promote it hours later.
func (d description) promoted(current *stored) time.Time {
	if d.rotated.After(current.created) {
		return d.rotated
	}
	return current.created
}

// replicaBehind returns the Region of a replica that is not in sync, or "" if all are.
func (d description) replicaBehind() string {
	for _, r := range d.replicas {
		if r.Status != types.StatusTypeInSync && r.Region != nil {
			return *r.Region
		}
	}
	return ""
}

// relabel returns the description after a label has moved: our own write is newer than any
// later read, which may lag. An empty version id means no version.
func (d description) relabel(label, from, to string) description {
	next := d
	next.labels = make(map[string][]string, len(d.labels)+1)
	for id, labels := range d.labels {
		next.labels[id] = slices.DeleteFunc(slices.Clone(labels), func(l string) bool {
			return l == label && id == from || label == labelCurrent && l == labelPrevious
		})
	}
	if to != "" && !slices.Contains(next.labels[to], label) {
		next.labels[to] = append(next.labels[to], label)
	}
	if label == labelCurrent && from != "" {
		next.labels[from] = append(next.labels[from], labelPrevious)
	}
	return next
}
