package register

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"pingrotate/internal/parallel"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	emergencyPrefix = "emergency#"

	// listPartition has the rows that list the open emergencies of all clients.
	listPartition = "emergencies"
)

// Mark stores the item with an emergency's mark, as [Table.Replace] does. In the same write
// it stores the emergency in two rows, one beside the item and one among those of all
// clients (see [Table.AllOpened]), and, if the ARN is not empty, the managed secret as one
// that holds the client. A run that finds the item absent restores the mark from these
// rows. Either all of it is stored, or nothing. A row that exists is replaced; the client's
// other open emergencies stay.
func (t *Table) Mark(ctx context.Context, key Key, was Revision, next Item, e Emergency, arn string) (Revision, error) {
	op := "mark the emergency of " + key.String()
	if err := t.named(op); err != nil {
		return Revision{}, err
	}
	encoded, err := json.Marshal(e)
	if err != nil || e.ID == "" || len(encoded) > maxRow {
		return Revision{}, &Error{Op: op, Table: t.Name, Problem: TooLarge}
	}
	rows := []attributes{emergencyRow(key, e.ID, encoded), listedRow(key, e)}
	if arn != "" {
		rows = append(rows, holderRow(key, arn))
	}
	return t.replace(ctx, key, was, next, rows...)
}

// Restate replaces the row of an emergency that is still open. One that has been closed
// stays closed. Errors are of type [*Error].
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

// Opened returns the client's open emergencies, in the order of their ids. The read is
// strongly consistent. Errors are of type [*Error].
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

// beside returns the rows of the client whose sort key begins with the prefix, in the order
// of those keys.
func (t *Table) beside(ctx context.Context, op string, key Key, prefix string) (all []attributes, err error) {
	return t.rows(ctx, op, key.partition(), prefix)
}

// rows returns a partition's rows whose sort key begins with the prefix, in the order of
// those keys.
func (t *Table) rows(ctx context.Context, op, partition, prefix string) (all []attributes, err error) {
	in := &dynamodb.QueryInput{
		TableName:                 &t.Name,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String(partitionKey + " = :" + partitionKey),
		ExpressionAttributeValues: map[string]types.AttributeValue{":" + partitionKey: text(partition)},
	}
	if prefix != "" {
		*in.KeyConditionExpression += " AND begins_with(" + sortKey + ", :prefix)"
		in.ExpressionAttributeValues[":prefix"] = text(prefix)
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

// An Open is an open emergency and its client.
type Open struct {
	Key       Key
	Emergency Emergency // without the secrets that must die, which the client's own rows have
}

// listedRow lists an emergency among those of all clients. Without it, an audit could not
// find one whose client no document names any more.
func listedRow(key Key, e Emergency) attributes {
	e.Commands, e.Must, e.Minted, e.By, e.Reason = nil, nil, nil, "", ""
	encoded, _ := json.Marshal(e) // it has already succeeded with more in it
	row := listedKey(key, e.ID)
	row[formatName], row[emergencyName] = integer(format), text(string(encoded))
	return row
}

func listedKey(key Key, id string) attributes {
	return rowKey(listPartition, key.String()+"#"+id)
}

// AllOpened returns the open emergencies of all clients, in the order of the clients. One
// that its client's item no longer has is over. Errors are of type [*Error].
func (t *Table) AllOpened(ctx context.Context) (all []Open, err error) {
	op := "look for open emergencies"
	if err := t.named(op); err != nil {
		return nil, err
	}
	rows, err := t.rows(ctx, op, listPartition, "")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		problem := formatOf(row)
		var e Emergency
		client, _, _ := strings.Cut(textOf(row[sortKey]), "#")
		environment, id, named := strings.Cut(client, "/")
		if problem == nil && (!named || !unmarshal(textOf(row[emergencyName]), &e)) {
			problem = new(Foreign)
		}
		if problem != nil {
			return nil, &Error{Op: op, Action: "Query", Table: t.Name, Problem: *problem}
		}
		all = append(all, Open{Key{EnvironmentID: environment, ID: id}, e})
	}
	return all, nil
}

// Close deletes the rows of the client's emergencies with these ids. A row that is gone is
// no error. A crash in between leaves rows of ended emergencies, which matter only if the
// item is lost: they would begin again. Errors are of type [*Error].
func (t *Table) Close(ctx context.Context, key Key, ids ...string) error {
	op := "close the emergency of " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	var deletions []func() error
	for _, id := range ids {
		for _, row := range []attributes{rowKey(key.partition(), emergencyPrefix+id), listedKey(key, id)} {
			deletions = append(deletions, func() error {
				in := &dynamodb.DeleteItemInput{TableName: &t.Name, Key: row}
				if _, err := send(ctx, t.client().DeleteItem, in); err != nil {
					return t.failed(ctx, op, "DeleteItem", err)
				}
				return nil
			})
		}
	}
	return parallel.Do(deletions...)
}

// page reads one page of a query.
func (t *Table) page(ctx context.Context, op string, in *dynamodb.QueryInput) (rows []attributes, next attributes, err error) {
	out, err := send(ctx, t.client().Query, in)
	if err != nil {
		return nil, nil, t.failed(ctx, op, "Query", err)
	}
	return out.Items, out.LastEvaluatedKey, nil
}
