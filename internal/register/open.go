package register

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const emergencyPrefix = "emergency#"

// PutOpen stores an emergency of the client beside its item, before the item is
// marked: who finds the item absent restores the mark from here. To store it again
// replaces it. The client's other open emergencies stay.
//
// A crash after it leaves an emergency that the item does not have, which is begun by
// the next command or by a run that finds no item.
func (t *Table) PutOpen(ctx context.Context, key Key, e Emergency) error {
	op := "store the open emergency of " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	encoded, err := json.Marshal(e)
	if err != nil || e.ID == "" || len(encoded) > maxRow {
		return &Error{Op: op, Table: t.Name, Problem: TooLarge}
	}
	in := &dynamodb.PutItemInput{TableName: &t.Name, Item: emergencyRow(key, e.ID, encoded)}
	_, err = send(ctx, t.client().PutItem, in)
	if err != nil {
		return t.failed(ctx, op, "PutItem", err)
	}
	return nil
}

// Restate replaces the row of an emergency that is still open. One that was closed
// meanwhile stays so.
func (t *Table) Restate(ctx context.Context, key Key, e Emergency) error {
	op := "restate the open emergency of " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	encoded, err := json.Marshal(e)
	if err != nil || e.ID == "" || len(encoded) > maxRow {
		return &Error{Op: op, Table: t.Name, Problem: TooLarge}
	}
	in := &dynamodb.PutItemInput{TableName: &t.Name, Item: emergencyRow(key, e.ID, encoded), ConditionExpression: aws.String("attribute_exists(" + partitionKey + ")")}
	_, err = send(ctx, t.client().PutItem, in)
	if _, closed := errors.AsType[*types.ConditionalCheckFailedException](err); err == nil || closed {
		return nil
	}
	return t.failed(ctx, op, "PutItem", err)
}

func emergencyRow(key Key, id string, encoded []byte) attributes {
	row := rowKey(key.partition(), emergencyPrefix+id)
	row[formatName], row[emergencyName] = integer(format), text(string(encoded))
	return row
}

// Opened returns the client's emergencies that were opened and not closed, in the
// order of their ids. What it returns is as of this moment.
func (t *Table) Opened(ctx context.Context, key Key) ([]Emergency, error) {
	op := "look for open emergencies of " + key.String()
	if err := t.named(op); err != nil {
		return nil, err
	}
	rows, err := t.beside(ctx, op, key, emergencyPrefix)
	if err != nil {
		return nil, err
	}
	var all []Emergency
	for _, row := range rows {
		problem := formatOf(row)
		var e Emergency
		if problem == nil && !unmarshal(textOf(row[emergencyName]), &e) {
			problem = new(Foreign)
		}
		if problem != nil {
			return nil, &Error{Op: op, Action: "Query", Table: t.Name, Problem: *problem}
		}
		all = append(all, e)
	}
	return all, nil
}

// beside returns the rows that stand beside the client's item and whose sort key begins
// with the prefix, in the order of those keys.
func (t *Table) beside(ctx context.Context, op string, key Key, prefix string) (all []attributes, err error) {
	in := &dynamodb.QueryInput{
		TableName:              &t.Name,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String(partitionKey + " = :" + partitionKey + " AND begins_with(" + sortKey + ", :prefix)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":" + partitionKey: text(key.partition()), ":prefix": text(prefix),
		},
	}
	for {
		rows, next, err := t.page(ctx, op, in)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if in.ExclusiveStartKey = next; next == nil {
			return all, nil
		}
	}
}

// Close deletes the client's open emergencies with these ids. One that is not there is
// closed already. A crash in between leaves some that have ended, which do no more
// than to begin again in an item that was lost.
func (t *Table) Close(ctx context.Context, key Key, ids ...string) error {
	op := "close the emergency of " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	for _, id := range ids {
		in := &dynamodb.DeleteItemInput{TableName: &t.Name, Key: rowKey(key.partition(), emergencyPrefix+id)}
		_, err := send(ctx, t.client().DeleteItem, in)
		if err != nil {
			return t.failed(ctx, op, "DeleteItem", err)
		}
	}
	return nil
}

// page reads one page of a query.
func (t *Table) page(ctx context.Context, op string, in *dynamodb.QueryInput) (rows []attributes, next attributes, err error) {
	out, err := send(ctx, t.client().Query, in)
	if err != nil {
		return nil, nil, t.failed(ctx, op, "Query", err)
	}
	return out.Items, out.LastEvaluatedKey, nil
}
