package secretsmanagertest

import "time"

func (c *call) updateSecret(in struct {
	payload
	SecretId, ClientRequestToken, Description, KmsKeyId *string
}) (any, error) {
	sec, err := c.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := requestToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if err := length("description", in.Description, 0, 2048); err != nil {
		return nil, err
	}
	val, err := in.value()
	if err != nil {
		return nil, err
	}
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	if val != nil {
		v, err := c.put(sec, *in.ClientRequestToken, *val, nil, "")
		if err != nil {
			return nil, err
		}
		out.VersionId = v.id
	} else {
		c.remember(sec, 0)
	}
	if in.Description != nil {
		sec.description = *in.Description
	}
	if in.KmsKeyId != nil {
		sec.kmsKey = *in.KmsKeyId
	}
	sec.changed = c.Now()
	return out, nil
}

// restoreSecret cancels a deletion. It changes nothing if none is scheduled.
func (c *call) restoreSecret(in secretInput) (any, error) {
	sec, err := c.findAny(in.SecretId)
	if err != nil {
		return nil, err
	}
	if !sec.deletion.IsZero() {
		c.remember(sec, 0)
		sec.deletion, sec.changed = time.Time{}, c.Now()
	}
	return secretOutput{ARN: sec.arn, Name: sec.name}, nil
}
