package registertest_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"pingrotate/internal/registertest"
)

// TestOfManyWritesOneSucceeds: D1, D2.
func TestOfManyWritesOneSucceeds(t *testing.T) {
	_, c := start(t)
	put(t, c, numbered(1))
	const racers = 20
	errs := make([]error, racers)
	var all sync.WaitGroup
	for n := range racers {
		all.Go(func() { _, errs[n] = c.PutItem(t.Context(), swap(1, numbered(100+n))) })
	}
	all.Wait()
	stored := get(t, c, "a", true)
	won := 0
	for n, err := range errs {
		if err == nil {
			won++
			if !reflect.DeepEqual(stored, numbered(100+n)) {
				t.Errorf("racer %d won, and stored is %v", n, stored)
			}
			continue
		}
		refused(t, err, "ConditionalCheckFailedException", "The conditional request failed")
	}
	if won != 1 {
		t.Errorf("%d won, want 1", won)
	}
}

// TestRefusalHasTheRowIfAsked: D2, D3.
func TestRefusalHasTheRowIfAsked(t *testing.T) {
	s, c := start(t)
	fails := func(in *dynamodb.PutItemInput) row {
		t.Helper()
		before := s.Dump()
		_, err := c.PutItem(t.Context(), in)
		failed, is := errors.AsType[*types.ConditionalCheckFailedException](err)
		if !is {
			t.Fatalf("got %v, want a condition that failed", err)
		}
		if got := s.Dump(); got != before {
			t.Errorf("got\n%s, want nothing changed:\n%s", got, before)
		}
		return failed.Item
	}
	if got := fails(swap(1, numbered(2))); got != nil {
		t.Errorf("got %v of a row that is not there, want nothing", got)
	}
	put(t, c, numbered(7))
	if got := fails(swap(1, numbered(2))); !reflect.DeepEqual(got, numbered(7)) {
		t.Errorf("got %v, want the row as it is", got)
	}
	unasked := swap(1, numbered(2))
	unasked.ReturnValuesOnConditionCheckFailure = ""
	if got := fails(unasked); got != nil {
		t.Errorf("got %v, want nothing that was not asked for", got)
	}
}

// TestConditions: D4, D5. The whole grammar is in testdata/peers.txt, each line of
// which other implementations have answered as well.
func TestConditions(t *testing.T) {
	_, c := start(t)
	i := key("a", "item")
	i["n"], i["s"] = number(10), text("hello")
	for _, r := range []struct {
		condition string
		value     types.AttributeValue
		want      bool
	}{
		{"n = :v", &types.AttributeValueMemberN{Value: "10.00"}, true},
		{"n = :v", text("10"), false},
		{"n <> :v", text("10"), true},
		{"n < :v", text("zzz"), false},
		{"n > :v", number(9), true},
		{"nowhere = :v", number(9), false},
		{"nowhere < :v", number(9), false},
		{"nowhere <> :v", number(9), true},
		{"attribute_not_exists(nowhere) AND n = :v", number(10), true},
		{"attribute_exists(nowhere) OR n = :v", number(10), true},
		{"attribute_exists(s) AND NOT (n = :v OR n = :v)", number(10), false},
	} {
		put(t, c, i)
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(table), Item: i, ConditionExpression: &r.condition, ExpressionAttributeValues: row{":v": r.value},
		})
		if got := err == nil; got != r.want {
			t.Errorf("%s with %v: got %v, want %v (%v)", r.condition, r.value, got, r.want, err)
		}
	}
	i["kept"] = &types.AttributeValueMemberN{Value: "007.50"}
	put(t, c, i)
	if got := get(t, c, "a", true)["kept"]; !reflect.DeepEqual(got, &types.AttributeValueMemberN{Value: "7.5"}) {
		t.Errorf("got %v, want 7.5", got)
	}
}

// TestKeysThatDoNotFit: D8, D18.
func TestKeysThatDoNotFit(t *testing.T) {
	s, c := start(t)
	s.CreateTable("other", "id", "", "")
	for _, r := range []struct{ table, code, store, find string }{
		{"other", "ValidationException", "Missing the key id in the item", "The provided key element does not match the schema"},
		{"none", "ResourceNotFoundException", "Requested resource not found", "Requested resource not found"},
	} {
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &r.table, Item: key("a", "item")})
		refused(t, err, r.code, r.store)
		_, err = c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &r.table, Key: key("a", "item")})
		refused(t, err, r.code, r.find)
		_, err = c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &r.table, Key: key("a", "item")})
		refused(t, err, r.code, r.find)
	}
}

// TestReservedWordsNeedAPlaceholder: D9, D10.
func TestReservedWordsNeedAPlaceholder(t *testing.T) {
	_, c := start(t)
	write := func(condition string, names map[string]string, values row) error {
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(table), Item: numbered(1), ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
		return err
	}
	if err := write("attribute_not_exists(#n)", map[string]string{"#n": "number"}, nil); err != nil {
		t.Errorf("got %v, want success behind a placeholder", err)
	}
	for _, word := range []string{"number", "Number", "item", "format", "ttl"} {
		refused(t, write("attribute_not_exists("+word+")", nil, nil), "ValidationException", "reserved keyword: "+word)
	}
	refused(t, write("attribute_exists(#n)", nil, nil), "ValidationException", "not defined; attribute name: #n")
	refused(t, write("a = :v", nil, nil), "ValidationException", "not defined; attribute value: :v")
	refused(t, write("attribute_exists(a)", map[string]string{"#n": "number"}, nil), "ValidationException", "unused in expressions: keys: {#n}")
	refused(t, write("attribute_exists(a)", nil, row{":v": number(1)}), "ValidationException", "unused in expressions: keys: {:v}")
}

// TestRowsHaveALimit: D11.
func TestRowsHaveALimit(t *testing.T) {
	s := registertest.Run(quiet{t})
	s.CreateTable(table, "subject", "entry", "")
	c := client(s)
	rest := 400<<10 - len("subject"+"a"+"entry"+"item"+"x")
	for _, size := range []int{rest, rest + 1} {
		i := key("a", "item")
		i["x"] = text(strings.Repeat("x", size))
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: i})
		if size > rest {
			refused(t, err, "ValidationException", "Item size has exceeded the maximum allowed size")
		} else if err != nil {
			t.Errorf("got %v, want success", err)
		}
	}
}

// TestTransactionsAreAllOrNothing: D16, D17.
func TestTransactionsAreAllOrNothing(t *testing.T) {
	s, c := start(t)
	write := func(token string, parts ...types.TransactWriteItem) error {
		_, err := c.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{ClientRequestToken: &token, TransactItems: parts})
		return err
	}
	part := func(i row, condition string) types.TransactWriteItem {
		p := &types.Put{TableName: aws.String(table), Item: i}
		if condition != "" {
			p.ConditionExpression = &condition
		}
		return types.TransactWriteItem{Put: p}
	}
	if err := write("t1", part(key("a", "item"), ""), part(key("b", "item"), "")); err != nil {
		t.Fatal(err)
	}
	before := s.Dump()
	err := write("t2", part(key("c", "item"), ""), part(key("a", "item"), "attribute_not_exists(subject)"))
	cancelled, is := errors.AsType[*types.TransactionCanceledException](err)
	if !is || len(cancelled.CancellationReasons) != 2 || *cancelled.CancellationReasons[0].Code != "None" || *cancelled.CancellationReasons[1].Code != "ConditionalCheckFailed" {
		t.Errorf("got %v, want it cancelled by the second part", err)
	}
	if got := s.Dump(); got != before {
		t.Errorf("got\n%s, want nothing changed", got)
	}
	ok[*dynamodb.DeleteItemOutput](t)(c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(table), Key: key("b", "item")}))
	before = s.Dump()
	if err := write("t1", part(key("a", "item"), ""), part(key("b", "item"), "")); err != nil || s.Dump() != before {
		t.Errorf("got %v, want a repetition to succeed and change nothing", err)
	}
	refused(t, write("t1", part(key("z", "item"), "")), "IdempotentParameterMismatchException", "")
	s.Advance(10 * time.Minute)
	if err := write("t1", part(key("z", "item"), "")); err != nil {
		t.Errorf("got %v, want the token to be forgotten", err)
	}
}

// TestDeletingNothingSucceeds: D22.
func TestDeletingNothingSucceeds(t *testing.T) {
	_, c := start(t)
	out := ok[*dynamodb.DeleteItemOutput](t)(c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(table), Key: key("a", "item"), ReturnValues: types.ReturnValueAllOld,
	}))
	if out.Attributes != nil {
		t.Errorf("got %v, want nothing", out.Attributes)
	}
}
