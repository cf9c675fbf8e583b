package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tableProbes are about DynamoDB, as the register uses it.
var tableProbes = []awsProbe{
	{"D1", true, (*awsInquiry).oneWriterWins},
	{"D2", true, (*awsInquiry).falseConditionChangesNothing},
	{"D3", false, (*awsInquiry).refusalShowsTheRow},
	{"D4", false, (*awsInquiry).missingAttributes},
	{"D5", false, (*awsInquiry).typesAndNumbers},
	{"D6", true, (*awsInquiry).consistentReads},
	{"D7", false, (*awsInquiry).noRowIsAnAnswer},
	{"D8", false, (*awsInquiry).keysMustFit},
	{"D9", false, (*awsInquiry).reservedWords},
	{"D10", false, (*awsInquiry).placeholders},
	{"D11", false, (*awsInquiry).largestRow},
	{"D12", false, (*awsInquiry).queriesAreInOrder},
	{"D13", false, (*awsInquiry).fullPages},
	{"D14", false, (*awsInquiry).filtersComeLast},
	{"D16", false, (*awsInquiry).allOrNone},
	{"D17", false, (*awsInquiry).repeatedTransactions},
	{"D18", false, (*awsInquiry).noSuchTable},
	{"D20", false, (*awsInquiry).repliesHaveSums},
	{"D22", false, (*awsInquiry).deletingNothing},
	{"D23", false, (*awsInquiry).projections},
}

// textValue and numberValue return values in DynamoDB's form.
func textValue(s string) object   { return object{"S": s} }
func numberValue(n string) object { return object{"N": n} }

// tableFor returns the table that all probes share. The first call creates it.
func (q *awsInquiry) tableFor() string {
	if q.suite.DynamoDB == "" {
		q.skip("needs the endpoint of DynamoDB")
		return ""
	}
	if q.suite.table != "" || q.blocked() {
		return q.suite.table
	}
	name := Prefix + q.suite.Run + tableSuffix
	r := q.dynamo("CreateTable", object{
		"TableName": name, "BillingMode": "PAY_PER_REQUEST",
		"KeySchema":            []object{{"AttributeName": "subject", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}},
		"AttributeDefinitions": []object{{"AttributeName": "subject", "AttributeType": "S"}, {"AttributeName": "entry", "AttributeType": "S"}},
	})
	if r.code() != "ResourceInUseException" { // then it existed before
		q.suite.shared.later("table "+name, func(ctx context.Context) error { return q.suite.lending(ctx).deleteTable(name) })
	}
	q.must("create a table", r)
	if !q.eventually(func() bool {
		return q.dynamo("DescribeTable", object{"TableName": name}).text("Table", "TableStatus") == "ACTIVE"
	}) {
		q.block("a new table does not become active")
	}
	if !q.blocked() {
		q.suite.table = name
	}
	return name
}

func (q *awsInquiry) deleteTable(name string) error {
	var last reply
	q.eventually(func() bool {
		last = q.dynamo("DeleteTable", object{"TableName": name})
		return last.code() != "ResourceInUseException"
	})
	switch {
	case q.obstacle != nil:
		return q.obstacle
	case last.status != http.StatusOK && last.code() != "ResourceNotFoundException":
		return fmt.Errorf("delete %s: %s", name, last)
	}
	return nil
}

// row returns the key of a row.
func (q *awsInquiry) row(entry string) object {
	return object{"subject": textValue(q.belief), "entry": textValue(entry)}
}

// write stores a row with attributes, if the condition holds.
func (q *awsInquiry) write(entry string, attributes object, more object) reply {
	in := object{"TableName": q.tableFor()}
	item := q.row(entry)
	for name, value := range attributes {
		item[name] = value
	}
	in["Item"] = item
	for name, value := range more {
		in[name] = value
	}
	return q.dynamo("PutItem", in)
}

func (q *awsInquiry) read(entry string, consistent bool) reply {
	return q.dynamo("GetItem", object{"TableName": q.tableFor(), "Key": q.row(entry), "ConsistentRead": consistent})
}

// ifRevision returns the condition that a row has this revision.
func ifRevision(n string) object {
	return object{"ConditionExpression": "revision = :r", "ExpressionAttributeValues": object{":r": numberValue(n)}}
}

func revision(n int) object { return object{"revision": numberValue(strconv.Itoa(n))} }

func (q *awsInquiry) oneWriterWins() {
	q.must("write", q.write("a", revision(1), nil))
	if q.blocked() {
		return
	}
	in := object{"TableName": q.tableFor(), "Item": object{"subject": textValue(q.belief), "entry": textValue("a"), "revision": numberValue("2")}}
	for name, value := range ifRevision("1") {
		in[name] = value
	}
	body := encode(in)
	codes := make([]string, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			r, err := q.suite.exchange(q.ctx, "dynamodb", q.suite.DynamoDB, "DynamoDB_20120810.PutItem", "application/x-amz-json-1.0", body)
			if codes[i] = r.code(); err != nil {
				codes[i] = err.Error()
			}
		})
	}
	all.Wait()
	won := 0
	for _, code := range codes {
		switch code {
		case "":
			won++
		case "ConditionalCheckFailedException", "TransactionConflictException":
		default:
			q.block("a writer got %s", masked(code))
		}
	}
	if won != 1 {
		q.differ("of 8 writers that want the same revision %d succeed, want 1", won)
	}
}

func (q *awsInquiry) falseConditionChangesNothing() {
	q.must("write", q.write("a", revision(1), nil))
	q.want("write with a false condition", q.write("a", revision(3), ifRevision("2")), "ConditionalCheckFailedException", "")
	if n := q.read("a", true).text("Item", "revision", "N"); !q.blocked() && n != "1" {
		q.differ("a refused write changes the row")
	}
}

func (q *awsInquiry) refusalShowsTheRow() {
	q.must("write", q.write("a", revision(1), nil))
	condition := ifRevision("2")
	plain := q.write("a", revision(3), condition)
	if plain.at("Item") != nil {
		q.differ("a refusal shows the row unasked")
	}
	condition["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
	shown := q.write("a", revision(3), condition)
	q.want("write with a false condition", shown, "ConditionalCheckFailedException", "")
	if !q.blocked() && shown.text("Item", "revision", "N") != "1" {
		q.differ("a refusal does not show the row as it is")
	}
}

func (q *awsInquiry) missingAttributes() {
	for expression, want := range map[string]bool{
		"revision = :r": false, "revision < :r": false, "revision > :r": false,
		"revision <> :r": true, "attribute_not_exists(revision)": true, "attribute_exists(revision)": false,
	} {
		more := object{"ConditionExpression": expression}
		if strings.Contains(expression, ":r") {
			more["ExpressionAttributeValues"] = object{":r": numberValue("1")}
		}
		r := q.write("absent "+expression, revision(1), more)
		if !q.blocked() && (r.status == http.StatusOK) != want {
			q.differ("%s of an attribute that is missing: got %s", expression, r)
		}
	}
}

func (q *awsInquiry) typesAndNumbers() {
	q.must("write", q.write("a", object{"revision": numberValue("1.50")}, nil))
	if n := q.read("a", true).text("Item", "revision", "N"); !q.blocked() && n != "1.5" {
		q.differ("a number is kept as it was written, and not by its value")
	}
	q.want("a number is equal to another writing of it", q.write("a", object{"revision": numberValue("2")}, ifRevision("15e-1")), "", "")
	text := object{"ConditionExpression": "revision = :r", "ExpressionAttributeValues": object{":r": textValue("2")}}
	q.want("a number is equal to a text", q.write("a", object{"revision": numberValue("3")}, text), "ConditionalCheckFailedException", "")
}

func (q *awsInquiry) consistentReads() {
	var eventual []time.Duration
	for n := range 4 * samples {
		want := strconv.Itoa(n)
		q.must("write", q.write("a", revision(n), nil))
		if got := q.read("a", true).text("Item", "revision", "N"); !q.blocked() && got != want {
			q.differ("a consistent read misses a write that was answered before")
		}
		took, _ := q.until(q.clock.now(), patience, func() bool { return q.read("a", false).text("Item", "revision", "N") == want })
		eventual = append(eventual, took)
	}
	q.measure("a read that is not consistent shows a write", eventual, Limit{})
}

func (q *awsInquiry) noRowIsAnAnswer() {
	r := q.read("nothing", true)
	q.want("read a row that does not exist", r, "", "")
	if r.at("Item") != nil {
		q.differ("there is a row where there is none")
	}
}

func (q *awsInquiry) keysMustFit() {
	table := q.tableFor()
	found := q.dynamo("GetItem", object{"TableName": table, "Key": object{"subject": textValue("a")}})
	put := q.dynamo("PutItem", object{"TableName": table, "Item": object{"subject": textValue("a")}})
	q.want("find a row by half a key", found, "ValidationException", "")
	q.want("store a row with half a key", put, "ValidationException", "")
	if !q.blocked() && found.text("message") == put.text("message") {
		q.differ("the two are refused in the same words")
	}
}

func (q *awsInquiry) reservedWords() {
	q.want("a reserved word in an expression", q.write("a", revision(1), object{"ConditionExpression": "attribute_not_exists(StAtUs)"}), "ValidationException", "reserved")
	q.want("the same behind a placeholder", q.write("a", revision(1), object{
		"ConditionExpression": "attribute_not_exists(#s)", "ExpressionAttributeNames": object{"#s": "status"},
	}), "", "")
}

func (q *awsInquiry) placeholders() {
	q.want("a placeholder that is not defined", q.write("a", revision(1), object{"ConditionExpression": "revision = :none"}), "ValidationException", "")
	unused := ifRevision("1")
	unused["ExpressionAttributeValues"].(object)[":other"] = numberValue("2")
	q.want("one that is not used", q.write("a", revision(1), unused), "ValidationException", "")
}

func (q *awsInquiry) largestRow() {
	filler := func(bytes int) object { return object{"filler": textValue(strings.Repeat("x", bytes))} }
	q.want("a row of more than 400 KB", q.write("large", filler(409601), nil), "ValidationException", "")
	q.want("a row of 399 KB", q.write("large", filler(399<<10), nil), "", "")
}

// query returns the probe's rows.
func (q *awsInquiry) query(more object) reply {
	in := object{
		"TableName": q.tableFor(), "KeyConditionExpression": "subject = :s", "ConsistentRead": true,
		"ExpressionAttributeValues": object{":s": textValue(q.belief)},
	}
	for name, value := range more {
		in[name] = value
	}
	return q.must("query", q.dynamo("Query", in))
}

func entries(r reply) string {
	items, _ := r.at("Items").([]any)
	var all []string
	for i := range items {
		all = append(all, r.text("Items", strconv.Itoa(i), "entry", "S"))
	}
	return strings.Join(all, " ")
}

func (q *awsInquiry) rows(names ...string) {
	for n, name := range names {
		q.must("write", q.write(name, revision(n), nil))
	}
}

func (q *awsInquiry) queriesAreInOrder() {
	q.rows("b", "c", "a")
	if got := entries(q.query(nil)); !q.blocked() && got != "a b c" {
		q.differ("a query is in the order %s", got)
	}
	if got := entries(q.query(object{"ScanIndexForward": false})); !q.blocked() && got != "c b a" {
		q.differ("a query backwards is in the order %s", got)
	}
}

func (q *awsInquiry) fullPages() {
	q.rows("a", "b")
	r := q.query(object{"Limit": 2})
	if !q.blocked() && (entries(r) != "a b" || r.text("LastEvaluatedKey", "entry", "S") != "b") {
		q.differ("a page with as many rows as Limit does not name its last row's key")
	}
}

func (q *awsInquiry) filtersComeLast() {
	q.rows("a", "b")
	r := q.query(object{
		"Limit": 1, "FilterExpression": "revision = :r",
		"ExpressionAttributeValues": object{":s": textValue(q.belief), ":r": numberValue("1")},
	})
	if !q.blocked() && (entries(r) != "" || r.at("LastEvaluatedKey") == nil) {
		q.differ("a filtered page of one is not empty with a next one: it has %q", entries(r))
	}
}

// both runs a transaction that writes two rows, on the condition that the second one has
// this revision, if one is given.
func (q *awsInquiry) both(token, ifSecond string, n int) reply {
	put := func(entry string) object {
		item := q.row(entry)
		item["revision"] = numberValue(strconv.Itoa(n))
		return object{"TableName": q.tableFor(), "Item": item}
	}
	second := put("b")
	if ifSecond != "" {
		for name, value := range ifRevision(ifSecond) {
			second[name] = value
		}
	}
	return q.dynamo("TransactWriteItems", object{
		"ClientRequestToken": token, "TransactItems": []object{{"Put": put("a")}, {"Put": second}},
	})
}

func (q *awsInquiry) allOrNone() {
	q.rows("a", "b")
	r := q.both(newUUID()[:36], "7", 9)
	q.want("a transaction with a false condition", r, "TransactionCanceledException", "")
	if reasons, _ := r.at("CancellationReasons").([]any); !q.blocked() && (len(reasons) != 2 || r.text("CancellationReasons", "1", "Code") != "ConditionalCheckFailed") {
		q.differ("the refusal has %d reasons, or not the one for the second write", len(reasons))
	}
	if n := q.read("a", true).text("Item", "revision", "N"); !q.blocked() && n != "0" {
		q.differ("a refused transaction changes a row")
	}
}

func (q *awsInquiry) repeatedTransactions() {
	q.rows("a", "b")
	token := newUUID()[:36]
	q.want("a transaction", q.both(token, "", 5), "", "")
	q.must("write", q.write("a", revision(6), nil))
	q.want("the same again", q.both(token, "", 5), "", "")
	if n := q.read("a", true).text("Item", "revision", "N"); !q.blocked() && n != "6" {
		q.differ("a repeated transaction is carried out again")
	}
	q.want("other content with the same token", q.both(token, "", 8), "IdempotentParameterMismatchException", "")
}

func (q *awsInquiry) noSuchTable() {
	q.tableFor()
	r := q.dynamo("GetItem", object{"TableName": Prefix + "no-such-table", "Key": q.row("a")})
	q.want("read from a table that does not exist", r, "ResourceNotFoundException", "")
}

func (q *awsInquiry) repliesHaveSums() {
	q.rows("a")
	r := q.read("a", true)
	if !q.blocked() && r.header.Get("X-Amz-Crc32") != strconv.FormatUint(uint64(r.sum), 10) {
		q.differ("X-Amz-Crc32 is not the sum of the reply")
	}
}

func (q *awsInquiry) deletingNothing() {
	r := q.dynamo("DeleteItem", object{"TableName": q.tableFor(), "Key": q.row("nothing")})
	q.want("delete a row that does not exist", r, "", "")
}

func (q *awsInquiry) projections() {
	q.rows("a", "b")
	r := q.query(object{"Limit": 1, "ProjectionExpression": "revision"})
	row, _ := r.at("Items", "0").(object)
	if q.blocked() {
		return
	}
	if len(row) != 1 || r.text("Items", "0", "revision", "N") != "0" {
		q.differ("a query for one attribute shows %d", len(row))
	}
	if count, _ := r.at("Count").(float64); count != 1 || r.text("LastEvaluatedKey", "entry", "S") != "a" {
		q.differ("a query for one attribute counts or pages otherwise than without")
	}
	twice := q.dynamo("Query", object{
		"TableName": q.tableFor(), "KeyConditionExpression": "subject = :s", "ProjectionExpression": "revision, revision",
		"ExpressionAttributeValues": object{":s": textValue(q.belief)},
	})
	q.want("an attribute named twice", twice, "ValidationException", "")
}
