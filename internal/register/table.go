package register

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// A Table is the register's store, on one DynamoDB table. The zero value has no name, and
// each use of it fails with [NoName]. It is safe for concurrent use, and must not be copied
// after first use.
//
// The table has the partition key "subject" and the sort key "entry", both strings, and the
// attribute "expires" for time to live:
//
//	subject                         entry
//	client#<environment>/<id>       item               the client's item
//	client#<environment>/<id>       emergency#<token>  an open emergency of the client
//	client#<environment>/<id>       holder#<ARN>       a managed secret that holds the client
//	emergencies                     <environment>/<id>#<token>  the same emergency, among those of all clients
//	secret#<ARN>                    <time>#<id>        evidence about a managed secret
//	month#<year>-<month>            <time>#<id>        the same evidence, of all secrets
//	campaign#<id>                   <kind>#<of>        a campaign's notes
type Table struct {
	Name       string
	Connection Connection

	// Now returns the time by which evidence expires. Nil means [time.Now].
	Now func() time.Time

	// Retention is how long evidence is kept. Zero means [DefaultRetention].
	Retention time.Duration

	once       sync.Once
	calls      *dynamodb.Client
	remembered remembered
}

func (t *Table) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

func (t *Table) client() *dynamodb.Client {
	t.once.Do(func() { t.calls = t.Connection.client() })
	return t.calls
}

func (t *Table) named(op string) error {
	if t.Name == "" {
		return &Error{Op: op, Problem: NoName}
	}
	return nil
}

// Fetch returns the client's item, or the zero Revision if there is none. The read is
// strongly consistent. Errors are of type [*Error].
func (t *Table) Fetch(ctx context.Context, key Key) (Revision, error) {
	op := "fetch the register's item of " + key.String()
	if err := t.named(op); err != nil {
		return Revision{}, err
	}
	r, err := t.fetch(ctx, op, key)
	if err == nil {
		t.remembered.keep(key, r)
	}
	return r, err
}

func (t *Table) fetch(ctx context.Context, op string, key Key) (Revision, error) {
	in := &dynamodb.GetItemInput{TableName: &t.Name, Key: itemKey(key), ConsistentRead: aws.Bool(true)}
	out, err := send(ctx, t.client().GetItem, in)
	if err != nil {
		return Revision{}, t.failed(ctx, op, "GetItem", err)
	}
	r, problem := t.decode(out.Item)
	if problem != nil {
		return Revision{}, &Error{Op: op, Action: "GetItem", Table: t.Name, Problem: *problem}
	}
	return r, nil
}

// send makes a call that may be repeated without harm, and repeats it if the reply could
// not be read. The SDK repeats it after no reply, or after a passing error.
func send[In, Out any](ctx context.Context, call func(context.Context, In, ...func(*dynamodb.Options)) (Out, error), in In) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	out, err := call(ctx, in)
	if _, unreadable := errors.AsType[*smithy.DeserializationError](err); unreadable && ctx.Err() == nil {
		return call(ctx, in)
	}
	return out, err
}

// replaceTries is how often a replacement is sent that did not arrive, in up to two
// requests each.
const replaceTries = 3

// Replace stores the client's item in place of the revision that the caller has fetched or
// remembers, or as its first if that is the zero Revision. It returns the new revision as a
// fetch would show it.
//
// The error is an [*OvertakenError], which wraps [ErrOvertaken], if another revision is
// stored by now, and an [*Error] otherwise. After any error, send nothing that relies on
// the item.
//
// Every call of Replace has its own nonce, by which it recognizes its own write if the
// reply was lost. A crash before the write leaves the old revision; one after it leaves the
// new, whose intent the next holder resolves.
func (t *Table) Replace(ctx context.Context, key Key, was Revision, next Item) (Revision, error) {
	return t.replace(ctx, key, was, next)
}

// replace is [Table.Replace], which stores rows beside the item in the same transaction.
func (t *Table) replace(ctx context.Context, key Key, was Revision, next Item, beside ...attributes) (Revision, error) {
	op := "replace the register's item of " + key.String()
	if err := t.named(op); err != nil {
		return Revision{}, err
	}
	r := Revision{Number: was.Number + 1, Nonce: rand.Text(), Item: next}
	r.Item.Table = nameOf(t.Name)
	row, problem := encode(key, r)
	if problem == nil {
		r, problem = decode(row)
	}
	if problem != nil {
		return Revision{}, &Error{Op: op, Table: t.Name, Problem: *problem}
	}
	in := &dynamodb.PutItemInput{
		TableName:                           &t.Name,
		Item:                                row,
		ConditionExpression:                 aws.String("attribute_not_exists(" + partitionKey + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if was.Number != 0 {
		// The nonce too: an item that was lost and begun again counts from 1.
		in.ConditionExpression = aws.String("#number = :number AND #nonce = :nonce")
		in.ExpressionAttributeNames = map[string]string{"#number": numberName, "#nonce": nonceName}
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":number": integer(was.Number), ":nonce": text(was.Nonce)}
	}
	limit, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for try := 1; ; try++ {
		err := t.write(limit, in, r.Nonce, beside)
		if err == nil {
			t.remembered.keep(key, r)
			return r, nil
		}
		found, known, readErr := t.found(limit, op, key, err)
		switch {
		case known && found.Nonce == r.Nonce && found.Number == r.Number:
			t.remembered.keep(key, r)
			return r, nil // the SDK repeated a write that had succeeded, or its reply was lost
		case known && (found.Number != was.Number || found.Nonce != was.Nonce):
			t.remembered.keep(key, found)
			return Revision{}, &OvertakenError{found}
		}
		failed := t.failed(ctx, op, "PutItem", err)
		switch {
		case readErr != nil && readErr.Problem != OutOfReach && failed.Problem == OutOfReach:
			readErr.Unconfirmed = true // it says more
			return Revision{}, readErr
		case !known:
			failed.Unconfirmed = true
			return Revision{}, failed
		case failed.Problem > Throttled || try == replaceTries || limit.Err() != nil:
			// A request that is still under way finds its condition false, or leaves an
			// intent that nothing was sent for.
			return Revision{}, failed
		}
	}
}

// write sends a replacement, with the rows that stand or fall with it. The SDK repeats it
// with the same token, so a repetition changes nothing.
func (t *Table) write(ctx context.Context, in *dynamodb.PutItemInput, token string, beside []attributes) error {
	if len(beside) == 0 {
		_, err := t.client().PutItem(ctx, in, twice)
		return err
	}
	all := &dynamodb.TransactWriteItemsInput{ClientRequestToken: &token, TransactItems: []types.TransactWriteItem{{Put: &types.Put{
		TableName: in.TableName, Item: in.Item, ConditionExpression: in.ConditionExpression,
		ExpressionAttributeNames: in.ExpressionAttributeNames, ExpressionAttributeValues: in.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: in.ReturnValuesOnConditionCheckFailure,
	}}}}
	for _, row := range beside {
		all.TransactItems = append(all.TransactItems, types.TransactWriteItem{Put: &types.Put{TableName: in.TableName, Item: row}})
	}
	_, err := t.client().TransactWriteItems(ctx, all, twice)
	return err
}

// twice limits a write to two requests, which leaves time to read back.
func twice(o *dynamodb.Options) { o.RetryMaxAttempts = 2 }

// found returns what is stored after a write that failed with err, and whether it could be
// read.
func (t *Table) found(ctx context.Context, op string, key Key, err error) (r Revision, known bool, _ *Error) {
	if row := refusedBy(err); len(row) > 0 {
		r, problem := t.decode(row)
		if problem == nil {
			return r, true, nil
		}
		return Revision{}, false, &Error{Op: op, Action: "PutItem", Table: t.Name, Problem: *problem}
	}
	r, err = t.fetch(ctx, op, key)
	if err != nil {
		e, _ := errors.AsType[*Error](err)
		return Revision{}, false, e
	}
	return r, true, nil
}

// refusedBy returns the row that failed a condition, if the answer has it.
func refusedBy(err error) attributes {
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return refused.Item
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok && len(cancelled.CancellationReasons) > 0 {
		return cancelled.CancellationReasons[0].Item // the item comes first
	}
	return nil
}

// decode returns the revision in a row. One that was written to another table says nothing
// about what has happened since.
func (t *Table) decode(row attributes) (Revision, *Problem) {
	r, problem := decode(row)
	if problem == nil && r.Item.Table != "" && nameOf(r.Item.Table) != nameOf(t.Name) {
		r.Item, r.Copied = Item{}, true
	}
	return r, problem
}

// nameOf returns a table's name, which may be given by an ARN.
func nameOf(table string) string { return table[strings.LastIndexByte(table, '/')+1:] }
