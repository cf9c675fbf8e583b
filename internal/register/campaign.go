package register

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A Note is what a campaign's item has left, such as how a secret's rotation ended. It
// holds no secret. Nothing that is sent to PingOne or Secrets Manager depends on one.
type Note struct {
	Kind string          // what it tells
	Of   string          // what it is about, unique in its kind
	Text json.RawMessage // JSON
}

// noteName is the attribute with a note's text.
const noteName = "note"

func campaignPartition(id string) string { return "campaign#" + id }

// Note stores a note of the campaign until kept has passed, and replaces an earlier one of
// the same kind about the same subject. Errors are of type [*Error].
//
// After a crash before the write, the campaign takes the secret for one that has not ended:
// it repeats the rotation with the same ClientRequestToken, and finds it over.
func (t *Table) Note(ctx context.Context, campaign string, n Note, kept time.Duration) error {
	op := "note what a campaign has done"
	if err := t.named(op); err != nil {
		return err
	}
	if !json.Valid(n.Text) || len(n.Text) > maxRow {
		return &Error{Op: op, Table: t.Name, Problem: TooLarge}
	}
	row := rowKey(campaignPartition(campaign), n.Kind+"#"+n.Of)
	row[formatName], row[noteName], row[expiryName] = integer(format), text(string(n.Text)), integer(t.now().Add(kept).Unix())
	if _, err := send(ctx, t.client().PutItem, &dynamodb.PutItemInput{TableName: &t.Name, Item: row}); err != nil {
		return t.failed(ctx, op, "PutItem", err)
	}
	return nil
}

// Notes returns a campaign's notes of one kind, or of every kind if it is "", ordered by
// kind and then by subject. It reads them a page at a time, on demand, and includes all
// that were stored before the call. If an error comes, of type [*Error], it is last.
func (t *Table) Notes(ctx context.Context, campaign, kind string) iter.Seq2[Note, error] {
	op := "read what a campaign has done"
	return func(yield func(Note, error) bool) {
		if err := t.named(op); err != nil {
			yield(Note{}, err)
			return
		}
		in := &dynamodb.QueryInput{
			TableName:                 &t.Name,
			ConsistentRead:            aws.Bool(true),
			KeyConditionExpression:    aws.String(fmt.Sprintf("%s = :%[1]s", partitionKey)),
			ExpressionAttributeValues: map[string]types.AttributeValue{":" + partitionKey: text(campaignPartition(campaign))},
		}
		if kind != "" {
			in.KeyConditionExpression = aws.String(*in.KeyConditionExpression + " AND begins_with(" + sortKey + ", :kind)")
			in.ExpressionAttributeValues[":kind"] = text(kind + "#")
		}
		for {
			rows, next, err := t.page(ctx, op, in)
			if err != nil {
				yield(Note{}, err)
				return
			}
			for _, row := range rows {
				if integerOf(row[expiryName]) <= t.now().Unix() {
					continue
				}
				n, problem := noteIn(row)
				if problem != nil {
					yield(Note{}, &Error{Op: op, Action: "Query", Table: t.Name, Problem: *problem})
					return
				}
				if !yield(n, nil) {
					return
				}
			}
			if in.ExclusiveStartKey = next; next == nil {
				return
			}
		}
	}
}

func noteIn(row attributes) (Note, *Problem) {
	if problem := formatOf(row); problem != nil {
		return Note{}, problem
	}
	kind, of, ok := strings.Cut(textOf(row[sortKey]), "#")
	n := Note{Kind: kind, Of: of, Text: json.RawMessage(textOf(row[noteName]))}
	if !ok || !json.Valid(n.Text) {
		return Note{}, new(Foreign)
	}
	return n, nil
}
