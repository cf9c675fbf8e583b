package register

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const holderPrefix = "holder#"

// PutHolder stores beside the client's item that a managed secret holds the client, before
// the item says so: an emergency must serve that secret even if the item is lost. Storing
// it again changes nothing. The row does not expire. Errors are of type [*Error].
func (t *Table) PutHolder(ctx context.Context, key Key, arn string) error {
	op := "store that a managed secret holds " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	_, err := send(ctx, t.client().PutItem, &dynamodb.PutItemInput{TableName: &t.Name, Item: holderRow(key, arn)})
	if err != nil {
		return t.failed(ctx, op, "PutItem", err)
	}
	return nil
}

// DropHolder deletes what [Table.PutHolder] has stored, of a managed secret that is there
// no more. A crash between this and the item's replacement leaves it in the item, and the
// next audit drops it.
func (t *Table) DropHolder(ctx context.Context, key Key, arn string) error {
	op := "drop a managed secret that held " + key.String()
	if err := t.named(op); err != nil {
		return err
	}
	_, err := send(ctx, t.client().DeleteItem, &dynamodb.DeleteItemInput{TableName: &t.Name, Key: rowKey(key.partition(), holderPrefix+arn)})
	if err != nil {
		return t.failed(ctx, op, "DeleteItem", err)
	}
	return nil
}

func holderRow(key Key, arn string) attributes {
	row := rowKey(key.partition(), holderPrefix+arn)
	row[formatName] = integer(format)
	return row
}

// Holders returns the ARNs of the managed secrets that hold the client, sorted. The read is
// strongly consistent. Errors are of type [*Error].
func (t *Table) Holders(ctx context.Context, key Key) ([]string, error) {
	op := "look for the managed secrets that hold " + key.String()
	if err := t.named(op); err != nil {
		return nil, err
	}
	rows, err := t.beside(ctx, op, key, holderPrefix)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, row := range rows {
		if arn, ok := strings.CutPrefix(textOf(row[sortKey]), holderPrefix); ok {
			all = append(all, arn)
		}
	}
	return all, nil
}
