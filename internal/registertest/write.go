package registertest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxItem        = 400 << 10 // bytes, names included
	maxTransaction = 100       // actions
)

// conditional is the part that every write may have.
type conditional struct {
	ConditionExpression                 string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           map[string]value
	ReturnValuesOnConditionCheckFailure string
}

// check refuses the write if its condition does not hold for what is stored. The refusal
// has what is stored, if the request asks for it.
func (c conditional) check(stored item) error {
	if c.ConditionExpression == "" && c.ExpressionAttributeNames == nil && c.ExpressionAttributeValues != nil {
		return refuse("ValidationException", "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null")
	}
	holder, err := begin(c.ExpressionAttributeNames, c.ExpressionAttributeValues, c.ConditionExpression)
	if err != nil {
		return err
	}
	condition, err := holder.parse("ConditionExpression", c.ConditionExpression)
	if err != nil {
		return err
	}
	if err := holder.end(); err != nil {
		return err
	}
	if condition.holds(stored) {
		return nil
	}
	failed := refuse("ConditionalCheckFailedException", msgCondition).(*wireError)
	if c.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
		failed.Item = stored
	}
	return failed
}

type putItemInput struct {
	TableName    string
	Item         item
	ReturnValues string
	conditional
}

type deleteItemInput struct {
	TableName    string
	Key          item
	ReturnValues string
	conditional
}

// A write is what a request asks to store, before its condition is checked.
type write struct {
	table     *table
	key, next item // next is nil for a deletion
	conditional
}

// do checks the condition and stores the item. It returns what was stored before.
func (w write) do(now time.Time) (before item, err error) {
	before = w.table.get(w.key)
	if err := w.check(before); err != nil {
		return nil, err
	}
	w.table.set(w.key, w.next, now)
	return before, nil
}

func (s *Server) writing(name string) (*table, error) {
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, refuse("ResourceNotFoundException", msgNoTable)
}

func (s *Server) put(in putItemInput) (write, error) {
	t, err := s.writing(in.TableName)
	if err != nil {
		return write{}, err
	}
	kept, err := in.Item.normal()
	if err != nil {
		return write{}, err
	}
	key, err := t.key(kept)
	if err != nil {
		return write{}, err
	}
	if kept.size() > maxItem {
		return write{}, refuse("ValidationException", msgItemSize)
	}
	return write{t, key, kept, in.conditional}, nil
}

func (s *Server) remove(in deleteItemInput) (write, error) {
	t, err := s.writing(in.TableName)
	if err != nil {
		return write{}, err
	}
	key, err := in.Key.normal()
	if err != nil {
		return write{}, err
	}
	if err := t.given(key); err != nil {
		return write{}, err
	}
	return write{t, key, nil, in.conditional}, nil
}

func (s *Server) putItem(in putItemInput) (any, error) {
	w, err := s.put(in)
	if err != nil {
		return nil, err
	}
	return s.written(w, in.ReturnValues)
}

func (s *Server) deleteItem(in deleteItemInput) (any, error) {
	w, err := s.remove(in)
	if err != nil {
		return nil, err
	}
	return s.written(w, in.ReturnValues)
}

func (s *Server) written(w write, returnValues string) (any, error) {
	if !slices.Contains([]string{"", "NONE", "ALL_OLD"}, returnValues) {
		return nil, refuse("ValidationException", "ReturnValues can only be ALL_OLD or NONE")
	}
	before, err := w.do(s.Now())
	if err != nil {
		return nil, err
	}
	out := struct {
		Attributes item `json:",omitempty"`
	}{}
	if returnValues == "ALL_OLD" {
		out.Attributes = before
	}
	return out, nil
}

type transactWriteItemsInput struct {
	ClientRequestToken string
	TransactItems      []struct {
		Put            *putItemInput
		Delete         *deleteItemInput
		ConditionCheck *deleteItemInput
	}
}

// transactWriteItems carries out all of its writes or none.
func (s *Server) transactWriteItems(in transactWriteItemsInput) (any, error) {
	n := len(in.TransactItems)
	if n == 0 || n > maxTransaction {
		return nil, refuse("ValidationException", "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and %d", maxTransaction)
	}
	body, err := json.Marshal(in.TransactItems)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	if sent, ok := s.tokens[in.ClientRequestToken]; ok && s.Now().Sub(sent.at) < 10*time.Minute {
		if sent.body != string(body) {
			return nil, refuse("IdempotentParameterMismatchException", "Request ID already exists but with different parameters")
		}
		return struct{}{}, nil
	}
	writes := make([]write, n)
	for i, part := range in.TransactItems {
		switch {
		case part.Put != nil:
			writes[i], err = s.put(*part.Put)
		case part.Delete != nil:
			writes[i], err = s.remove(*part.Delete)
		case part.ConditionCheck != nil:
			if writes[i], err = s.remove(*part.ConditionCheck); err == nil {
				writes[i].next = writes[i].table.get(writes[i].key)
			}
		default:
			err = refuse("ValidationException", "TransactItems can only contain one of Check, Put, Update or Delete")
		}
		if err != nil {
			return nil, err
		}
		for _, other := range writes[:i] {
			if other.table == writes[i].table && other.table.compare(other.key, writes[i].key) == 0 {
				return nil, refuse("ValidationException", "Transaction request cannot include multiple operations on one item")
			}
		}
	}
	reasons := make([]reason, n)
	codes := make([]string, n)
	failed := false
	for i, w := range writes {
		codes[i] = "None"
		if err := w.check(w.table.get(w.key)); err != nil {
			refusal := err.(*wireError)
			if !strings.HasSuffix(refusal.Type, "#ConditionalCheckFailedException") {
				return nil, err
			}
			codes[i], failed = "ConditionalCheckFailed", true
			reasons[i] = reason{Message: refusal.Text, Item: refusal.Item}
		}
		reasons[i].Code = codes[i]
	}
	if failed {
		err := refuse("TransactionCanceledException", msgCancelled, strings.Join(codes, ", ")).(*wireError)
		err.Reasons = reasons
		return nil, err
	}
	for _, w := range writes {
		w.table.set(w.key, w.next, s.Now())
	}
	if in.ClientRequestToken != "" {
		s.tokens[in.ClientRequestToken] = sentBefore{string(body), s.Now()}
	}
	return struct{}{}, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
