package registertest

import (
	"slices"
)

const pageSize = 1 << 20 // bytes that a query or scan looks at before it ends a page

type getItemInput struct {
	TableName      string
	Key            item
	ConsistentRead bool
}

func (s *Server) getItem(in getItemInput) (any, error) {
	t, err := s.writing(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := in.Key.normal()
	if err != nil {
		return nil, err
	}
	if err := t.given(key); err != nil {
		return nil, err
	}
	out := struct {
		Item item `json:",omitempty"`
	}{}
	if i, ok := t.find(key); ok {
		out.Item = s.seen(t.rows[i], in.ConsistentRead)
	}
	return out, nil
}

// seen returns the item as a read shows it.
func (s *Server) seen(r *row, consistent bool) item {
	if consistent || s.lag == 0 {
		return r.now()
	}
	return r.at(s.Now().Add(-s.lag))
}

type scanInput struct {
	TableName                 string
	ConsistentRead            bool
	FilterExpression          string
	ProjectionExpression      string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]value
	ExclusiveStartKey         item
	Limit                     *int
}

type queryInput struct {
	scanInput
	KeyConditionExpression string
	ScanIndexForward       *bool
}

type page struct {
	Items            []item
	Count            int
	ScannedCount     int
	LastEvaluatedKey item `json:",omitempty"`
}

func (s *Server) scan(in scanInput) (any, error) {
	holder, err := begin(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.FilterExpression, in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	t, err := s.writing(in.TableName)
	if err != nil {
		return nil, err
	}
	return s.page(t, holder, in, nil, false)
}

func (s *Server) query(in queryInput) (any, error) {
	holder, err := begin(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.KeyConditionExpression, in.FilterExpression, in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	if in.KeyConditionExpression == "" {
		return nil, refuse("ValidationException", "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	keys, err := holder.parse("KeyConditionExpression", in.KeyConditionExpression)
	if err != nil {
		return nil, err
	}
	t, err := s.writing(in.TableName)
	if err != nil {
		return nil, err
	}
	if err := t.keyCondition(keys); err != nil {
		return nil, err
	}
	return s.page(t, holder, in.scanInput, keys, in.ScanIndexForward != nil && !*in.ScanIndexForward)
}

// keyCondition refuses a condition that cannot be a query's: it must name one partition,
// and may name one range within it.
func (t *table) keyCondition(c *condition) error {
	parts := []*condition{c}
	if c.op == "AND" {
		parts = c.parts
	}
	named := map[string]string{}
	for _, part := range parts {
		if !slices.Contains([]string{"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}, part.op) {
			return refuse("ValidationException", "Invalid operator used in KeyConditionExpression: %s", part.op)
		}
		if len(part.args[0].path) != 1 || part.args[0].size {
			return refuse("ValidationException", "Invalid KeyConditionExpression: KeyConditionExpressions cannot have nested operations or conditions on nested attributes")
		}
		name := part.args[0].path[0].name
		for _, a := range []keyAttribute{t.hash, t.sort} {
			for _, o := range part.args[1:] {
				if a.name == name && o.value.kind() != a.kind {
					return refuse("ValidationException", "One or more parameter values were invalid: Condition parameter type does not match schema type")
				}
			}
		}
		if named[name] != "" {
			return refuse("ValidationException", "KeyConditionExpressions must only contain one condition per key")
		}
		named[name] = part.op
	}
	switch {
	case named[t.hash.name] == "":
		return refuse("ValidationException", "Query condition missed key schema element: %s", t.hash.name)
	case named[t.hash.name] != "=":
		return refuse("ValidationException", "Query key condition not supported")
	case len(named) == 2 && named[t.sort.name] == "":
		return refuse("ValidationException", "Query condition missed key schema element: %s", t.sort.name)
	}
	return nil
}

// page returns the rows that match keys, in order, until it has seen a page of them.
func (s *Server) page(t *table, holder *substitutes, in scanInput, keys *condition, backward bool) (any, error) {
	filter, err := holder.parse("FilterExpression", in.FilterExpression)
	if err != nil {
		return nil, err
	}
	names, err := holder.projection(in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	if err := holder.end(); err != nil {
		return nil, err
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, refuse("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *in.Limit)
	}
	rows := slices.Clone(t.rows)
	if backward {
		slices.Reverse(rows)
	}
	if in.ExclusiveStartKey != nil {
		start, err := in.ExclusiveStartKey.normal()
		if err == nil {
			err = t.given(start)
		}
		switch {
		case err != nil:
			return nil, refuse("ValidationException", "The provided starting key is invalid")
		case !keys.holdsPartition(t, start):
			return nil, refuse("ValidationException", "The provided starting key is outside query boundaries based on provided conditions")
		case !keys.holds(start):
			return nil, refuse("ValidationException", "The provided starting key does not match the range key predicate")
		}
		rows = slices.DeleteFunc(rows, func(r *row) bool {
			order := t.compare(r.key, start)
			return order == 0 || (order < 0) != backward
		})
	}
	out := page{Items: []item{}}
	size := 0
	for n, r := range rows {
		i := s.seen(r, in.ConsistentRead)
		if i == nil || !keys.holds(r.key) {
			continue
		}
		if size += i.size(); size > pageSize && out.ScannedCount > 0 {
			out.LastEvaluatedKey = rows[lastSeen(rows, n, keys, s, in.ConsistentRead)].key
			return out, nil
		}
		out.ScannedCount++
		if filter.holds(i) {
			out.Items = append(out.Items, i.only(names))
			out.Count++
		}
		if in.Limit != nil && out.ScannedCount == *in.Limit {
			out.LastEvaluatedKey = r.key
			return out, nil
		}
	}
	return out, nil
}

// only returns the item with just these attributes, or with all if names is nil.
func (i item) only(names []string) item {
	if names == nil {
		return i
	}
	part := item{}
	for _, name := range names {
		if v, ok := i[name]; ok {
			part[name] = v
		}
	}
	return part
}

// lastSeen returns the index of the last row before the nth that the page has seen.
func lastSeen(rows []*row, n int, keys *condition, s *Server, consistent bool) int {
	for n--; n > 0; n-- {
		if s.seen(rows[n], consistent) != nil && keys.holds(rows[n].key) {
			break
		}
	}
	return n
}

// holdsPartition reports whether a query may have stopped at this key.
func (c *condition) holdsPartition(t *table, key item) bool {
	if c == nil {
		return true
	}
	if c.op == "AND" {
		return c.parts[0].holdsPartition(t, key) && c.parts[1].holdsPartition(t, key)
	}
	return c.args[0].path[0].name != t.hash.name || c.holds(key)
}
