package registertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/registertest"
)

const table = "register"

type row = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// plain sends requests whose body has no WriteTo: see the HTTP client of the register.
type plain struct{}

func (plain) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body = struct{ io.ReadCloser }{r.Body}
	return http.DefaultTransport.RoundTrip(r)
}

// client returns the real SDK's client. It does not retry, so that each test sees each
// answer.
func client(s *registertest.Server) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(s.URL()),
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
		Retryer:      aws.NopRetryer{},
		HTTPClient:   &http.Client{Transport: plain{}},
	})
}

func start(t *testing.T) (*registertest.Server, *dynamodb.Client) {
	t.Helper()
	s := registertest.Run(t)
	s.CreateTable(table, "subject", "entry", "expires")
	return s, client(s)
}

// ok returns the output of a call that must succeed.
func ok[Out any](t *testing.T) func(Out, error) Out {
	return func(out Out, err error) Out {
		t.Helper()
		if err != nil {
			t.Fatalf("got %v, want success", err)
		}
		return out
	}
}

// refused checks for the service's error code and, within its message, words.
func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	var api smithy.APIError
	switch {
	case err == nil:
		t.Errorf("got success, want %s", code)
	case !errors.As(err, &api):
		t.Errorf("got %v, want %s", err, code)
	case api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), words):
		t.Errorf("got %s %q, want %s %q", api.ErrorCode(), api.ErrorMessage(), code, words)
	}
}

func key(subject, entry string) row { return row{"subject": text(subject), "entry": text(entry)} }

func put(t *testing.T, c *dynamodb.Client, i row) {
	t.Helper()
	ok[*dynamodb.PutItemOutput](t)(c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: i}))
}

func get(t *testing.T, c *dynamodb.Client, subject string, consistent bool) row {
	t.Helper()
	return ok[*dynamodb.GetItemOutput](t)(c.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String(table), Key: key(subject, "item"), ConsistentRead: &consistent,
	})).Item
}

// swap replaces the row a/item if its number is still the one given.
func swap(was int, next row) *dynamodb.PutItemInput {
	return &dynamodb.PutItemInput{
		TableName: aws.String(table), Item: next,
		ConditionExpression:                 aws.String("#n = :n"),
		ExpressionAttributeNames:            map[string]string{"#n": "number"},
		ExpressionAttributeValues:           row{":n": number(was)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

func numbered(n int) row {
	i := key("a", "item")
	i["number"] = number(n)
	return i
}

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

// TestReadsLagUnlessConsistent: D6, D7.
func TestReadsLagUnlessConsistent(t *testing.T) {
	s, c := start(t)
	s.LagReads(10 * time.Second)
	put(t, c, numbered(1))
	look := func(consistent bool, want row) {
		t.Helper()
		if got := get(t, c, "a", consistent); !reflect.DeepEqual(got, want) {
			t.Errorf("consistent %v: got %v, want %v", consistent, got, want)
		}
		page := ok[*dynamodb.QueryOutput](t)(c.Query(t.Context(), &dynamodb.QueryInput{
			TableName: aws.String(table), ConsistentRead: &consistent,
			KeyConditionExpression: aws.String("subject = :s"), ExpressionAttributeValues: row{":s": text("a")},
		}))
		if (len(page.Items) == 0) != (want == nil) || len(page.Items) == 1 && !reflect.DeepEqual(page.Items[0], want) {
			t.Errorf("consistent %v: got %v, want %v", consistent, page.Items, want)
		}
	}
	look(true, numbered(1))
	look(false, nil)
	s.Advance(10 * time.Second)
	look(false, numbered(1))
	ok[*dynamodb.DeleteItemOutput](t)(c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(table), Key: key("a", "item")}))
	look(true, nil)
	look(false, numbered(1))
	s.Advance(5 * time.Second)
	put(t, c, numbered(2))
	look(true, numbered(2))
	look(false, numbered(1))
	s.Advance(6 * time.Second)
	look(false, nil)
	s.LagReads(0)
	look(false, numbered(2))
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

// entries reads a whole query, and returns its sort keys and the number of its pages.
func entries(t *testing.T, c *dynamodb.Client, in *dynamodb.QueryInput) (all []string, pages int) {
	t.Helper()
	in.TableName = aws.String(table)
	for p := dynamodb.NewQueryPaginator(c, in); p.HasMorePages(); pages++ {
		page := ok[*dynamodb.QueryOutput](t)(p.NextPage(t.Context()))
		for _, i := range page.Items {
			all = append(all, i["entry"].(*types.AttributeValueMemberS).Value)
		}
	}
	return all, pages
}

// TestQueryReadsOnePartitionInOrderByPages: D12, D13, D14.
func TestQueryReadsOnePartitionInOrderByPages(t *testing.T) {
	s := registertest.Run(quiet{t})
	s.CreateTable(table, "subject", "entry", "")
	c := client(s)
	for n := range 9 {
		i := key("a", fmt.Sprint(n))
		i["x"], i["n"] = text(strings.Repeat("x", 300<<10)), number(n)
		put(t, c, i)
	}
	put(t, c, key("b", "0"))
	for _, r := range []struct {
		what      string
		condition string
		limit     int32
		filter    string
		backward  bool
		want      string
		pages     int
	}{
		{"whole", "subject = :s", 0, "", false, "0 1 2 3 4 5 6 7 8", 3},
		{"backward", "subject = :s", 0, "", true, "8 7 6 5 4 3 2 1 0", 3},
		{"with a limit", "subject = :s", 2, "", false, "0 1 2 3 4 5 6 7 8", 5},
		{"with a limit that comes out even", "subject = :s", 3, "", false, "0 1 2 3 4 5 6 7 8", 4},
		{"filtered", "subject = :s", 0, "n > :n", false, "6 7 8", 3},
		{"a range", "subject = :s AND entry >= :e", 0, "", false, "5 6 7 8", 2},
	} {
		in := &dynamodb.QueryInput{
			KeyConditionExpression: &r.condition, ScanIndexForward: aws.Bool(!r.backward),
			ExpressionAttributeValues: row{":s": text("a")},
		}
		if r.limit > 0 {
			in.Limit = &r.limit
		}
		if r.filter != "" {
			in.FilterExpression, in.ExpressionAttributeValues[":n"] = &r.filter, number(5)
		}
		if strings.Contains(r.condition, ":e") {
			in.ExpressionAttributeValues[":e"] = text("5")
		}
		got, pages := entries(t, c, in)
		if strings.Join(got, " ") != r.want || pages != r.pages {
			t.Errorf("%s: got %v in %d pages, want %s in %d", r.what, got, pages, r.want, r.pages)
		}
	}
}

// TestExpiredRowsStayUntilTheServiceDeletesThem: D15.
func TestExpiredRowsStayUntilTheServiceDeletesThem(t *testing.T) {
	s, c := start(t)
	i := numbered(1)
	i["expires"] = number(int(s.Now().Unix()) + 60)
	put(t, c, i)
	i = key("b", "item")
	i["expires"] = text("no time")
	put(t, c, i)
	s.Advance(time.Hour)
	if got := get(t, c, "a", true); got == nil {
		t.Error("the row is gone by itself")
	}
	if got := s.Expire(); got != 1 || get(t, c, "a", true) != nil || get(t, c, "b", true) == nil {
		t.Errorf("got %d rows deleted, want the one that has expired", got)
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

// TestDeletionProtection: D19.
func TestDeletionProtection(t *testing.T) {
	_, c := start(t)
	name, attribute := "guarded", "id"
	ok[*dynamodb.CreateTableOutput](t)(c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, DeletionProtectionEnabled: aws.Bool(true), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: &attribute, KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &attribute, AttributeType: types.ScalarAttributeTypeS}},
	}))
	_, err := c.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &name})
	refused(t, err, "ValidationException", "deletion")
	ok[*dynamodb.DescribeTableOutput](t)(c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}))
}

// corrupt changes one byte of each reply.
type corrupt struct{ http.RoundTripper }

func (c corrupt) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	changed := strings.Replace(string(body), "hello", "hellu", 1)
	resp.Body = io.NopCloser(strings.NewReader(changed))
	return resp, nil
}

// TestRepliesCarryTheirChecksum: D20.
func TestRepliesCarryTheirChecksum(t *testing.T) {
	_, c := start(t)
	i := key("a", "item")
	i["s"] = text("hello")
	put(t, c, i)
	for _, change := range []bool{false, true} {
		var warnings []string
		warn := logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
			warnings = append(warnings, fmt.Sprintf(format, args...))
		})
		out := ok[*dynamodb.GetItemOutput](t)(dynamodb.New(c.Options(), func(o *dynamodb.Options) {
			o.Logger = warn
			if change {
				o.HTTPClient = &http.Client{Transport: corrupt{http.DefaultTransport}}
			}
		}).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(table), Key: key("a", "item")}))
		said := strings.Contains(strings.Join(warnings, " "), "did not match expected checksum")
		if said != change || reflect.DeepEqual(out.Item, i) == change {
			t.Errorf("changed %v: got %v and warnings %q, want one if a byte is another", change, out.Item, warnings)
		}
	}
}

// TestTheSDKRepeatsAWriteThatHadSucceeded: D21.
func TestTheSDKRepeatsAWriteThatHadSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := registertest.Within(t)
		s.CreateTable(table, "subject", "entry", "")
		c := dynamodb.New(dynamodb.Options{
			Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
			HTTPClient: &http.Client{Transport: &memory.Transport{Handler: s}},
		})
		put(t, c, numbered(1))
		for n, kind := range []fault.Kind{fault.ReplyLost, fault.UnavailableApplied} {
			s.Fail("PutItem", kind)
			before := s.Count("PutItem")
			_, err := c.PutItem(t.Context(), swap(n+1, numbered(n+2)))
			refused(t, err, "ConditionalCheckFailedException", "")
			if got := s.Count("PutItem") - before; got != 2 || !reflect.DeepEqual(get(t, c, "a", true), numbered(n+2)) {
				t.Errorf("%s: got %d requests, want the second to find that the first had succeeded", kind, got)
			}
		}
		for n, kind := range []fault.Kind{fault.Throttled, fault.Unavailable, fault.Refused} {
			s.Fail("PutItem", kind)
			if _, err := c.PutItem(t.Context(), swap(n+3, numbered(n+4))); err != nil {
				t.Errorf("%s: got %v, want the SDK to repeat it", kind, err)
			}
		}
	})
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

func TestFaultsSpeakTheServicesWords(t *testing.T) {
	s, c := start(t)
	write := func() error {
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: numbered(1)})
		return err
	}
	s.Fail("PutItem", fault.Throttled, fault.Unavailable, fault.Denied, fault.Refused)
	refused(t, write(), "ThrottlingException", "Throughput")
	refused(t, write(), "ServiceUnavailableException", "")
	refused(t, write(), "AccessDeniedException", "not authorized")
	if err := write(); err == nil || get(t, c, "a", true) != nil {
		t.Errorf("got %v, want a connection that closes and nothing stored", err)
	}
	s.Fail("PutItem", fault.ReplyLost)
	if err := write(); err == nil || get(t, c, "a", true) == nil {
		t.Errorf("got %v, want a connection that closes and the row stored", err)
	}
	last := s.Calls()[s.Count("")-1]
	if last.Service != "dynamodb" || last.Operation != "GetItem" || last.Target != "a" || last.Trace != "AKIDEXAMPLE" {
		t.Errorf("got %+v, want the last call with its partition and caller", last)
	}
}

func TestSnapshotIsRestoredAnyNumberOfTimes(t *testing.T) {
	s, c := start(t)
	put(t, c, numbered(1))
	saved := s.Snapshot()
	want := s.Dump()
	for range 2 {
		put(t, c, numbered(2))
		put(t, c, key("b", "item"))
		s.Restore(saved)
		if got := s.Dump(); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
	fresh := registertest.Within(t)
	fresh.Restore(saved)
	if got := fresh.Dump(); got != want {
		t.Errorf("got\n%s in another server, want\n%s", got, want)
	}
	s.Lose(table)
	if fresh.Dump() != want || s.Dump() == want {
		t.Error("two servers share their rows")
	}
}

// recorder is a TB that keeps what a test would have been told.
type recorder struct {
	*testing.T
	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestImpossibleTrafficFailsTheTest(t *testing.T) {
	const auth = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature="
	signed := auth + strings.Repeat("0", 64)
	const good = "application/x-amz-json-1.0"
	for _, r := range []struct{ what, auth, target, contentType, body, code string }{
		{"unsigned", "", "DynamoDB_20120810.ListTables", good, "{}", "MissingAuthenticationTokenException"},
		{"unknown action", signed, "DynamoDB_20120810.MakeCoffee", good, "{}", "UnknownOperationException"},
		{"other service", signed, "secretsmanager.ListTables", good, "{}", "UnknownOperationException"},
		{"wrong content type", signed, "DynamoDB_20120810.ListTables", "application/json", "{}", "SerializationException"},
		{"unknown field", signed, "DynamoDB_20120810.ListTables", good, `{"Coffee":1}`, "SerializationException"},
		{"no JSON", signed, "DynamoDB_20120810.ListTables", good, `<xml>`, "SerializationException"},
	} {
		t.Run(r.what, func(t *testing.T) {
			told := &recorder{T: t}
			s := registertest.Run(told)
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", r.auth)
			req.Header.Set("X-Amz-Target", r.target)
			req.Header.Set("Content-Type", r.contentType)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || !strings.Contains(string(body), r.code) {
				t.Errorf("got %d %s, want 400 %s", resp.StatusCode, body, r.code)
			}
			if len(told.errors) != 1 {
				t.Errorf("got complaints %q, want one", told.errors)
			}
		})
	}
}

func TestMisuseEndsTheTest(t *testing.T) {
	s, err := registertest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.CreateTable(table, "subject", "entry", "")
	for what, misuse := range map[string]func(){
		"unknown table": func() { s.Lose("none") },
		"taken name":    func() { s.CreateTable(table, "subject", "", "") },
		"no key":        func() { s.Put(table, map[string]any{"subject": "a"}) },
		"no value":      func() { s.Put(table, map[string]any{"subject": 1.5}) },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic, want one")
				}
			}()
			misuse()
		})
	}
}

// TestCommandLine lets the aws command look at a table, as a person would.
func TestCommandLine(t *testing.T) {
	if testing.Short() {
		t.Skip("the aws command takes seconds to start")
	}
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("needs the aws command")
	}
	s, c := start(t)
	put(t, c, numbered(3))
	run := func(args ...string) map[string]any {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append([]string{"--endpoint-url", s.URL(), "--region", "eu-west-1", "--output", "json", "dynamodb"}, append(args, "--table-name", table)...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=key", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		var reply map[string]any
		if len(out) > 0 {
			if err := json.Unmarshal(out, &reply); err != nil {
				t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		return reply
	}
	if got := fmt.Sprint(run("query", "--key-condition-expression", "subject = :s", "--expression-attribute-values", `{":s":{"S":"a"}}`)["Items"]); !strings.Contains(got, "number:map[N:3]") {
		t.Errorf("query: got %s", got)
	}
	if got := run("scan")["Count"]; got != 1.0 {
		t.Errorf("scan: got %v rows, want 1", got)
	}
	run("delete-item", "--key", `{"subject":{"S":"a"},"entry":{"S":"item"}}`)
	if got := get(t, c, "a", true); got != nil {
		t.Errorf("got %v, want the row deleted", got)
	}
}

// TestEachBeliefIsCitedByATest reads the package comment and the tests.
func TestEachBeliefIsCitedByATest(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("server_test.go")
	if err != nil {
		t.Fatal(err)
	}
	cited := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^// Test\w+: (D[^.]*)\.`).FindAllStringSubmatch(string(tests), -1) {
		for _, d := range strings.Split(line[1], ", ") {
			cited[d] = true
		}
	}
	held := regexp.MustCompile(`(?m)^//   - (D\d+): `).FindAllStringSubmatch(string(doc), -1)
	for n, d := range held {
		if d[1] != fmt.Sprintf("D%d", n+1) {
			t.Errorf("got %s in place %d", d[1], n+1)
		}
		if !cited[d[1]] {
			t.Errorf("%s has no test", d[1])
		}
		delete(cited, d[1])
	}
	if len(cited) > 0 || len(held) == 0 {
		t.Errorf("%d beliefs, and tests cite %v besides", len(held), cited)
	}
}
