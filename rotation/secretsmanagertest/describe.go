package secretsmanagertest

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"time"
)

// description is a secret without its values. DescribeSecret and ListSecrets name
// the map of versions differently.
type description struct {
	ARN, Name              string
	Description            string              `json:",omitempty"`
	KmsKeyId               string              `json:",omitempty"`
	RotationEnabled        *bool               `json:",omitempty"`
	RotationLambdaARN      string              `json:",omitempty"`
	RotationRules          *rotationRules      `json:",omitempty"`
	LastRotatedDate        stamp               `json:",omitzero"`
	LastChangedDate        stamp               `json:",omitzero"`
	LastAccessedDate       stamp               `json:",omitzero"`
	NextRotationDate       stamp               `json:",omitzero"`
	DeletedDate            stamp               `json:",omitzero"`
	CreatedDate            stamp               `json:",omitzero"`
	Tags                   []tag               `json:",omitempty"`
	PrimaryRegion          string              `json:",omitempty"`
	ReplicationStatus      []replicaStatus     `json:",omitempty"` // only in DescribeSecret
	VersionIdsToStages     map[string][]string `json:",omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"`
}

func (sec *secret) describe() description {
	d := description{
		ARN:               sec.arn,
		Name:              sec.name,
		Description:       sec.description,
		KmsKeyId:          sec.kmsKey,
		RotationEnabled:   sec.rotationEnabled,
		RotationLambdaARN: sec.function,
		RotationRules:     sec.rules.described(),
		LastRotatedDate:   stamp(sec.rotated),
		LastChangedDate:   stamp(sec.changed),
		LastAccessedDate:  stamp(sec.accessed.UTC().Truncate(24 * time.Hour)),
		DeletedDate:       stamp(sec.deletion),
		CreatedDate:       stamp(sec.created),
		Tags:              sec.tags,
	}
	if len(sec.replicas) > 0 {
		d.PrimaryRegion = sec.region()
	}
	if sec.rotationEnabled != nil && *sec.rotationEnabled {
		d.NextRotationDate = stamp(sec.next)
	}
	return d
}

func (c *call) describeSecret(in secretInput) (any, error) {
	_, sec, err := c.read(in.SecretId)
	if err != nil {
		return nil, err
	}
	d := sec.describe()
	d.ReplicationStatus = sec.replication(c.Now())
	d.VersionIdsToStages = sec.versions.labelled()
	return d, nil
}

func (c *call) listSecretVersionIds(in struct {
	SecretId, NextToken *string
	MaxResults          *int
	IncludeDeprecated   bool
}) (any, error) {
	_, sec, err := c.readLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	type entry struct {
		VersionId        string
		VersionStages    []string `json:",omitempty"`
		CreatedDate      stamp
		LastAccessedDate stamp `json:",omitzero"`
		KmsKeyIds        []string
	}
	key := cmp.Or(sec.kmsKey, "DefaultEncryptionKey")
	all := []entry{}
	for _, v := range sec.versions {
		if len(v.labels) > 0 || in.IncludeDeprecated {
			all = append(all, entry{v.id, v.labels, stamp(v.created), stamp(v.accessed.UTC().Truncate(24 * time.Hour)), []string{key}})
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return struct {
		ARN, Name string
		Versions  []entry
		NextToken string `json:",omitempty"`
	}{sec.arn, sec.name, page, next}, nil
}

func (c *call) listSecrets(in struct {
	NextToken              *string
	MaxResults             *int
	IncludePlannedDeletion bool
	Filters                []filter
	SortOrder              string
	SortBy                 string
}) (any, error) {
	found, err := c.search(in.Filters, in.IncludePlannedDeletion, in.SortOrder)
	if err != nil {
		return nil, err
	}
	part, next, err := paginate(found, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	page := []description{}
	for _, sec := range part {
		d := sec.describe()
		d.SecretVersionsToStages = sec.versions.labelled()
		page = append(page, d)
	}
	return struct {
		SecretList []description
		NextToken  string `json:",omitempty"`
	}{page, next}, nil
}

// paginate returns the page that a token stands for: at most 100 entries, or as many as
// were asked for. The token is the next entry's index, made opaque.
func paginate[T any](all []T, token *string, most *int) (page []T, next string, err error) {
	size, start := 100, 0
	if most != nil {
		size = *most
	}
	if size < 1 || size > 100 {
		return nil, "", refuse("InvalidParameterException", "MaxResults must be between 1 and 100.")
	}
	if token != nil {
		b, err := base64.StdEncoding.DecodeString(*token)
		if err == nil {
			start, err = strconv.Atoi(string(b))
		}
		if err != nil || start < 0 || start > len(all) {
			return nil, "", refuse("InvalidNextTokenException", "Invalid next token.")
		}
	}
	end := min(start+size, len(all))
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return all[start:end], next, nil
}
