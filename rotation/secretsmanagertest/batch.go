package secretsmanagertest

import "errors"

// batchLimit is the most secrets that one BatchGetSecretValue reads.
const batchLimit = 20

func (c *call) batchGetSecretValue(in struct {
	SecretIdList []string
	Filters      []filter
	MaxResults   *int
	NextToken    *string
}) (any, error) {
	type failure struct{ SecretId, ErrorCode, Message string }
	ids, next := in.SecretIdList, ""
	switch {
	case (len(ids) == 0) == (len(in.Filters) == 0):
		return nil, refuse("InvalidParameterException", "You must specify either SecretIdList or Filters, and not both.")
	case len(ids) > batchLimit:
		return nil, refuse("ValidationException", "1 validation error detected: Value at 'secretIdList' failed to satisfy constraint: Member must have length less than or equal to %d", batchLimit)
	case len(ids) > 0 && in.MaxResults != nil:
		return nil, refuse("InvalidParameterException", "MaxResults cannot be used with SecretIdList.")
	}
	if len(in.Filters) > 0 {
		found, err := c.search(in.Filters, false, "")
		if err != nil {
			return nil, err
		}
		size := batchLimit
		if in.MaxResults != nil {
			size = min(*in.MaxResults, batchLimit)
		}
		var part []*secret
		if part, next, err = paginate(found, in.NextToken, &size); err != nil {
			return nil, err
		}
		for _, sec := range part {
			ids = append(ids, sec.name)
		}
	}
	values, errs := []any{}, []failure{}
	for _, id := range ids {
		value, err := c.value(&id, nil, nil)
		if err != nil {
			if e, ok := errors.AsType[*wireError](err); ok {
				errs = append(errs, failure{id, e.Type, e.Message})
			}
			continue
		}
		values = append(values, value)
	}
	return struct {
		SecretValues []any
		Errors       []failure
		NextToken    string `json:",omitempty"`
	}{values, errs, next}, nil
}
