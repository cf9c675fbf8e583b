package registertest

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

type keyElement struct{ AttributeName, KeyType string }

type attributeDefinition struct{ AttributeName, AttributeType string }

type throughput struct{ ReadCapacityUnits, WriteCapacityUnits int64 }

type createTableInput struct {
	TableName                 string
	KeySchema                 []keyElement
	AttributeDefinitions      []attributeDefinition
	BillingMode               string
	ProvisionedThroughput     *throughput
	DeletionProtectionEnabled bool
}

type tableInput struct{ TableName string }

type tableDescription struct {
	AttributeDefinitions      []attributeDefinition
	BillingModeSummary        *billingMode `json:",omitempty"`
	CreationDateTime          float64
	DeletionProtectionEnabled bool
	ItemCount                 int
	KeySchema                 []keyElement
	ProvisionedThroughput     provisioned
	TableArn                  string
	TableId                   string
	TableName                 string
	TableSizeBytes            int
	TableStatus               string
}

type billingMode struct{ BillingMode string }

type provisioned struct {
	NumberOfDecreasesToday int
	ReadCapacityUnits      int64
	WriteCapacityUnits     int64
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

func (s *Server) createTable(in createTableInput) (any, error) {
	if !tableName.MatchString(in.TableName) {
		return nil, refuse("ValidationException", "TableName must be at least 3 characters long and at most 255 characters long, and contain only a-z, A-Z, 0-9, _, . and -: %q", in.TableName)
	}
	if s.tables[in.TableName] != nil {
		return nil, refuse("ResourceInUseException", msgTableExists, in.TableName)
	}
	t := &table{name: in.TableName, id: newUUID(), created: s.Now(), guarded: in.DeletionProtectionEnabled, billing: in.BillingMode}
	kinds := map[string]string{}
	for _, a := range in.AttributeDefinitions {
		if !slices.Contains([]string{"S", "N", "B"}, a.AttributeType) {
			return nil, refuse("ValidationException", "1 validation error detected: Value '%s' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]", a.AttributeType)
		}
		kinds[a.AttributeName] = a.AttributeType
	}
	for n, k := range in.KeySchema {
		a := keyAttribute{k.AttributeName, kinds[k.AttributeName]}
		switch {
		case a.kind == "":
			return nil, refuse("ValidationException", "Invalid KeySchema: Some index key attribute have no definition")
		case n == 0 && k.KeyType == "HASH":
			t.hash = a
		case n == 1 && k.KeyType == "RANGE":
			t.sort = a
		default:
			return nil, refuse("ValidationException", "Invalid KeySchema: The first KeySchemaElement is not a HASH key type, or the second is not a RANGE key type")
		}
	}
	switch {
	case t.hash.name == "":
		return nil, refuse("ValidationException", "1 validation error detected: Value null at 'keySchema' failed to satisfy constraint: Member must not be null")
	case len(kinds) != len(in.KeySchema):
		return nil, refuse("ValidationException", "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	case in.BillingMode == "PAY_PER_REQUEST" && in.ProvisionedThroughput != nil:
		return nil, refuse("ValidationException", "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case in.BillingMode != "PAY_PER_REQUEST" && in.ProvisionedThroughput == nil:
		return nil, refuse("ValidationException", "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case in.ProvisionedThroughput != nil:
		t.read, t.write = in.ProvisionedThroughput.ReadCapacityUnits, in.ProvisionedThroughput.WriteCapacityUnits
	}
	s.tables[in.TableName] = t
	return map[string]any{"TableDescription": s.describe(t, "ACTIVE")}, nil
}

func (s *Server) describe(t *table, status string) tableDescription {
	d := tableDescription{
		CreationDateTime:          float64(t.created.UnixMilli()) / 1000,
		DeletionProtectionEnabled: t.guarded,
		ProvisionedThroughput:     provisioned{ReadCapacityUnits: t.read, WriteCapacityUnits: t.write},
		TableArn:                  "arn:aws:dynamodb:us-east-1:123456789012:table/" + t.name,
		TableId:                   t.id,
		TableName:                 t.name,
		TableStatus:               status,
	}
	if t.billing == "PAY_PER_REQUEST" {
		d.BillingModeSummary = &billingMode{t.billing}
	}
	for n, a := range []keyAttribute{t.hash, t.sort} {
		if a.name != "" {
			d.KeySchema = append(d.KeySchema, keyElement{a.name, []string{"HASH", "RANGE"}[n]})
			d.AttributeDefinitions = append(d.AttributeDefinitions, attributeDefinition{a.name, a.kind})
		}
	}
	for _, r := range t.rows {
		if i := r.now(); i != nil {
			d.ItemCount++
			d.TableSizeBytes += i.size()
		}
	}
	return d
}

func (s *Server) named(name string) (*table, error) {
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, refuse("ResourceNotFoundException", msgNoNamedTable, name)
}

func (s *Server) describeTable(in tableInput) (any, error) {
	t, err := s.named(in.TableName)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Table": s.describe(t, "ACTIVE")}, nil
}

func (s *Server) deleteTable(in tableInput) (any, error) {
	t, err := s.named(in.TableName)
	if err != nil {
		return nil, err
	}
	if t.guarded {
		return nil, refuse("ValidationException", "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	delete(s.tables, in.TableName)
	return map[string]any{"TableDescription": s.describe(t, "DELETING")}, nil
}

type listTablesInput struct {
	ExclusiveStartTableName string
	Limit                   *int
}

func (s *Server) listTables(in listTablesInput) (any, error) {
	limit := 100
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > 100 {
		return nil, refuse("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100", limit)
	}
	names := append([]string{}, slices.Sorted(maps.Keys(s.tables))...)
	names = slices.DeleteFunc(names, func(name string) bool { return name <= in.ExclusiveStartTableName })
	page := map[string]any{"TableNames": names}
	if len(names) > limit {
		page["TableNames"], page["LastEvaluatedTableName"] = names[:limit], names[limit-1]
	}
	return page, nil
}

type timeToLive struct {
	AttributeName string
	Enabled       bool
}

type updateTimeToLiveInput struct {
	TableName               string
	TimeToLiveSpecification timeToLive
}

func (s *Server) updateTimeToLive(in updateTimeToLiveInput) (any, error) {
	t, err := s.named(in.TableName)
	if err != nil {
		return nil, err
	}
	spec := in.TimeToLiveSpecification
	switch {
	case spec.Enabled && t.ttl != "":
		return nil, refuse("ValidationException", "TimeToLive is already enabled")
	case !spec.Enabled && t.ttl == "":
		return nil, refuse("ValidationException", "TimeToLive is already disabled")
	case !spec.Enabled:
		t.ttl = ""
	default:
		t.ttl = spec.AttributeName
	}
	return map[string]any{"TimeToLiveSpecification": spec}, nil
}

func (s *Server) describeTimeToLive(in tableInput) (any, error) {
	t, err := s.named(in.TableName)
	if err != nil {
		return nil, err
	}
	d := map[string]string{"TimeToLiveStatus": "DISABLED"}
	if t.ttl != "" {
		d = map[string]string{"TimeToLiveStatus": "ENABLED", "AttributeName": t.ttl}
	}
	return map[string]any{"TimeToLiveDescription": d}, nil
}

// expired reports whether the service may delete the row.
func (t *table) expired(i item, now time.Time) bool {
	if t.ttl == "" || i[t.ttl].N == nil {
		return false
	}
	at := value{N: i[t.ttl].N}
	text := itoa(now.Unix())
	order, _ := at.compare(value{N: &text})
	return order < 0
}
