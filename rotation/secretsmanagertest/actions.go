package secretsmanagertest

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"
)

// stamp is a time in AWS JSON's form: a number of seconds since 1970.
type stamp time.Time

func (t stamp) IsZero() bool { return time.Time(t).IsZero() }

func (t stamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', 3, 64), nil
}

// payload is the value in the input of two actions.
type payload struct {
	SecretString *string
	SecretBinary []byte
}

// value returns nil if there is none. An empty string counts as none.
func (p payload) value() (*value, error) {
	var val value
	switch {
	case p.SecretString != nil && p.SecretBinary != nil:
		return nil, refuse("InvalidParameterException", msgTwoValues)
	case len(p.SecretBinary) > 0:
		val = value{binary: true, data: string(p.SecretBinary)}
	case p.SecretString != nil && *p.SecretString != "":
		val = value{data: *p.SecretString}
	default:
		return nil, nil
	}
	return &val, val.check()
}

func (v value) check() error {
	switch {
	case v.data == "":
		return refuse("InvalidRequestException", msgNoValue)
	case len(v.data) > maxValue: // the value itself is not repeated: it is a secret
		return refuse("ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to %d", maxValue)
	}
	return nil
}

type secretInput struct{ SecretId *string }

type secretOutput struct {
	ARN, Name     string
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	DeletionDate  stamp    `json:",omitzero"`
}

func (c *call) createSecret(in struct {
	payload
	Name, ClientRequestToken, Description, KmsKeyId *string
	Tags                                            []tag
}) (any, error) {
	if err := cmp.Or(
		required("name", in.Name),
		requestToken(in.ClientRequestToken),
		length("description", in.Description, 0, 2048),
	); err != nil {
		return nil, err
	}
	val, err := in.value()
	if err != nil {
		return nil, err
	}
	token := *in.ClientRequestToken
	if sec := c.lookup(*in.Name); sec != nil && sec.name == *in.Name && sec.deletion.IsZero() && val != nil {
		if v := sec.versions.byID(token); v != nil && v.value != nil {
			if *v.value != *val {
				return nil, refuse("ResourceExistsException", msgTokenUsed, token, sec.arn)
			}
			return secretOutput{ARN: sec.arn, Name: sec.name, VersionId: v.id}, nil
		}
	}
	sec, err := c.create(*in.Name, c.region)
	if err != nil {
		return nil, err
	}
	defer func() { sec.fresh = false }()
	c.pastOf(sec.name).Push(nil, c.Now(), 0)
	sec.tags = in.Tags
	if in.Description != nil {
		sec.description = *in.Description
	}
	if in.KmsKeyId != nil {
		sec.kmsKey = *in.KmsKeyId
	}
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	if val != nil {
		if _, err := c.put(sec, token, *val, nil, ""); err != nil {
			return nil, err
		}
		out.VersionId = token
	}
	return out, nil
}

func (c *call) putSecretValue(in struct {
	payload
	SecretId, ClientRequestToken, RotationToken *string
	VersionStages                               []string
}) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	checks := []error{requestToken(in.ClientRequestToken)}
	if in.VersionStages != nil && (len(in.VersionStages) == 0 || len(in.VersionStages) > maxLabels) {
		checks = append(checks, refuse("ValidationException", "1 validation error detected: Value at 'versionStages' failed to satisfy constraint: Member must have length between 1 and %d", maxLabels))
	}
	for _, label := range in.VersionStages {
		checks = append(checks, length("versionStages", &label, 1, 256))
	}
	rotationToken := ""
	if in.RotationToken != nil {
		rotationToken = *in.RotationToken
		if len(rotationToken) < 36 || len(rotationToken) > 256 { // not repeated, because it is sensitive
			checks = append(checks, refuse("ValidationException", "1 validation error detected: Value at 'rotationToken' failed to satisfy constraint: Member must have length between 36 and 256"))
		}
	}
	if err := cmp.Or(checks...); err != nil {
		return nil, err
	}
	val, err := in.value()
	if err != nil {
		return nil, err
	}
	if val == nil {
		return nil, refuse("InvalidRequestException", msgNoValue)
	}
	token := *in.ClientRequestToken
	v, err := c.put(sec, token, *val, in.VersionStages, rotationToken)
	if err != nil {
		return nil, err
	}
	return secretOutput{ARN: sec.arn, Name: sec.name, VersionId: v.id, VersionStages: v.labels}, nil
}

func (c *call) getSecretValue(in struct{ SecretId, VersionId, VersionStage *string }) (any, error) {
	return c.value(in.SecretId, in.VersionId, in.VersionStage)
}

// value returns a version's value, by id, by label or by both; without either,
// AWSCURRENT's.
func (c *call) value(secretID, versionID, versionStage *string) (any, error) {
	sec, seen, err := c.readLive(secretID)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(length("versionId", versionID, 32, 64), length("versionStage", versionStage, 1, 256)); err != nil {
		return nil, err
	}
	vs := seen.versions
	var v *version
	if versionID != nil {
		v = vs.byID(*versionID)
		if v != nil && versionStage != nil && !v.has(*versionStage) {
			return nil, refuse("InvalidRequestException", msgMismatch)
		}
		if v == nil || v.value == nil {
			return nil, refuse("ResourceNotFoundException", msgNoVersion, *versionID)
		}
	} else {
		label := current
		if versionStage != nil {
			label = *versionStage
		}
		v = vs.holding(label)
		if v == nil || v.value == nil {
			return nil, refuse("ResourceNotFoundException", msgNoLabel, label)
		}
	}
	sec.accessed = c.Now()
	if now := sec.versions.byID(v.id); now != nil {
		now.accessed = c.Now()
	}
	out := struct {
		secretOutput
		CreatedDate  stamp
		SecretString *string `json:",omitempty"`
		SecretBinary []byte  `json:",omitempty"`
	}{
		secretOutput: secretOutput{ARN: sec.arn, Name: sec.name, VersionId: v.id, VersionStages: v.labels},
		CreatedDate:  stamp(v.created),
	}
	if v.value.binary {
		out.SecretBinary = []byte(v.value.data)
	} else {
		out.SecretString = &v.value.data
	}
	return out, nil
}

func (c *call) updateSecretVersionStage(in struct{ SecretId, VersionStage, RemoveFromVersionId, MoveToVersionId *string }) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(
		required("versionStage", in.VersionStage),
		length("versionStage", in.VersionStage, 1, 256),
		length("removeFromVersionId", in.RemoveFromVersionId, 32, 64),
		length("moveToVersionId", in.MoveToVersionId, 32, 64),
	); err != nil {
		return nil, err
	}
	label := *in.VersionStage
	var to *version
	if in.MoveToVersionId != nil {
		if to = sec.versions.byID(*in.MoveToVersionId); to == nil {
			return nil, refuse("ResourceNotFoundException", msgNoVersion, *in.MoveToVersionId)
		}
	}
	holder := sec.versions.holding(label)
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	switch {
	case to != nil && to.value == nil && c.emptyRefuses:
		return nil, refuse("ResourceNotFoundException", msgNoVersion, to.id)
	case c.repeatable && holder == to && (to != nil || in.RemoveFromVersionId != nil):
		return out, nil // it is done already
	case to == nil && in.RemoveFromVersionId == nil:
		return nil, refuse("InvalidParameterException", "You must specify MoveToVersionId or RemoveFromVersionId.")
	case to == nil && label == current:
		return nil, refuse("InvalidParameterException", msgRemoveCurrent)
	case in.RemoveFromVersionId == nil && holder != nil && holder != to:
		return nil, refuse("InvalidParameterException", msgRemoveEmpty, label, holder.id)
	case in.RemoveFromVersionId != nil && (holder == nil || holder.id != *in.RemoveFromVersionId):
		return nil, refuse("InvalidParameterException", msgRemoveWrong, label)
	case holder == nil && len(sec.versions.labels(label)) > maxLabels:
		return nil, refuse("LimitExceededException", msgQuota)
	}
	c.changing(sec)
	sec.versions.move(label, to)
	return out, nil
}

func (c *call) rotateSecret(in struct {
	SecretId, ClientRequestToken, RotationLambdaARN *string
	RotationRules                                   *rotationRules
	RotateImmediately                               *bool
}) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := requestToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if in.RotationRules != nil {
		if err := in.RotationRules.check(); err != nil {
			return nil, err
		}
	}
	token := *in.ClientRequestToken
	out := secretOutput{ARN: sec.arn, Name: sec.name, VersionId: token}
	if sec.versions.byID(token) != nil {
		return out, nil
	}
	if c.life.Err() != nil {
		return nil, refuse("InternalServiceError", "An error occurred on the server side.")
	}
	function, test := sec.function, in.RotateImmediately != nil && !*in.RotateImmediately
	if in.RotationLambdaARN != nil {
		function = *in.RotationLambdaARN
	}
	r, err := c.begin(sec, function, token, newID(), test)
	if err != nil {
		return nil, err
	}
	if in.RotationRules != nil {
		sec.rules = in.RotationRules
		sec.next = sec.rules.next(c.Now())
	}
	run := c.runAndRetry
	if test {
		run = c.runTest
	}
	c.running.Add(1)
	c.after = func() {
		go func() {
			defer c.running.Done()
			run(c.life, sec, r) // a failure is in the events
		}()
	}
	return out, nil
}

func (c *call) cancelRotateSecret(in secretInput) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.remember(sec, 0)
	off := false
	sec.rotationEnabled, sec.changed = &off, c.Now()
	if sec.rotation != nil {
		sec.rotation.ended = "cancelled"
		sec.rotation = nil
	}
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	if v := sec.versions.holding(pending); v != nil && !v.has(current) {
		out.VersionId = v.id
	}
	return out, nil
}

func (c *call) tagResource(in struct {
	SecretId *string
	Tags     []tag
}) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.remember(sec, 0)
	sec.changed = c.Now()
	for _, t := range in.Tags {
		sec.tags = slices.DeleteFunc(sec.tags, func(old tag) bool { return old.Key == t.Key })
		sec.tags = append(sec.tags, t)
	}
	return nil, nil
}

func (c *call) untagResource(in struct {
	SecretId *string
	TagKeys  []string
}) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.remember(sec, 0)
	sec.changed = c.Now()
	sec.tags = slices.DeleteFunc(slices.Clone(sec.tags), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	return nil, nil
}

func (c *call) deleteSecret(in struct {
	SecretId                   *string
	RecoveryWindowInDays       *int
	ForceDeleteWithoutRecovery bool
}) (any, error) {
	find := c.find
	if in.ForceDeleteWithoutRecovery {
		find = c.findAny
	}
	sec, err := find(in.SecretId)
	if e, ok := errors.AsType[*wireError](err); ok && e.Type == "ResourceNotFoundException" && in.ForceDeleteWithoutRecovery {
		return secretOutput{ARN: newARN(c.region, *in.SecretId), Name: *in.SecretId, DeletionDate: stamp(c.Now())}, nil
	}
	if err != nil {
		return nil, err
	}
	days := 30
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	switch {
	case in.ForceDeleteWithoutRecovery && in.RecoveryWindowInDays != nil:
		return nil, refuse("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days < 7 || days > 30:
		return nil, refuse("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case in.ForceDeleteWithoutRecovery:
		days = 0
	}
	c.remember(sec, 0)
	sec.deletion, sec.changed = c.Now().AddDate(0, 0, days), c.Now()
	return secretOutput{ARN: sec.arn, Name: sec.name, DeletionDate: stamp(sec.deletion)}, nil
}
