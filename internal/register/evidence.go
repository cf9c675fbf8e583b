package register

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// DefaultRetention is how long evidence is kept unless a setting says otherwise.
const DefaultRetention = 400 * 24 * time.Hour

// MaxReport is how many bytes of a report are kept with evidence.
const MaxReport = 64 << 10

// Evidence is a record of one step or action, for auditors. It holds no secret.
type Evidence struct {
	ID            string          `json:"id"` // unique; Append fills it in
	At            time.Time       `json:"at"` // Append fills it in
	Secret        string          `json:"secret,omitempty"`
	EnvironmentID string          `json:"environmentId,omitempty"` // of the PingOne client
	ClientID      string          `json:"clientId,omitempty"`      // the id in its Key
	Rotation      string          `json:"rotation,omitempty"`      // ClientRequestToken
	What          string          `json:"what"`                    // a step or an action
	Who           string          `json:"who,omitempty"`           // as the caller claims
	Decision      string          `json:"decision,omitempty"`
	Failed        bool            `json:"failed,omitempty"`
	Fingerprints  []string        `json:"fingerprints,omitempty"` // of secrets that were made, promoted or ended
	Report        json.RawMessage `json:"report,omitempty"`       // JSON, at most MaxReport bytes
	Omitted       int             `json:"omitted,omitempty"`      // size in bytes of a report that was too large to keep
}

// Append stores evidence in two rows at once: one under its managed secret, if it is about
// one, and one under its month. A report that is not JSON, or is larger than [MaxReport],
// is left out and only its size is kept.
func (t *Table) Append(ctx context.Context, e Evidence) error {
	op := "append evidence"
	if err := t.named(op); err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = t.now()
	}
	e.At = e.At.UTC().Round(0)
	e.ID = cmp.Or(e.ID, rand.Text())
	if len(e.Report) > MaxReport || len(e.Report) > 0 && !json.Valid(e.Report) {
		e.Report, e.Omitted = nil, len(e.Report)
	}
	encoded, err := json.Marshal(e)
	if err != nil || len(encoded) > maxRow {
		return &Error{Op: op, Table: t.Name, Problem: TooLarge}
	}
	expires := e.At.Add(cmp.Or(t.Retention, DefaultRetention)).Unix()
	in := &dynamodb.TransactWriteItemsInput{
		// The SDK repeats the call with the same token, so a repetition changes nothing.
		ClientRequestToken: aws.String(rand.Text()),
	}
	for _, partition := range []string{secretPartition(e.Secret), monthPartition(e.At)} {
		if partition == "" {
			continue
		}
		row := rowKey(partition, instant(e.At)+"#"+e.ID)
		row[formatName], row[evidenceName], row[expiryName] = integer(format), text(string(encoded)), integer(expires)
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &types.Put{TableName: &t.Name, Item: row}})
	}
	_, err = send(ctx, t.client().TransactWriteItems, in)
	if err != nil {
		return t.failed(ctx, op, "PutItem", err) // the permission that this transaction needs
	}
	return nil
}

func secretPartition(arn string) string {
	if arn == "" {
		return ""
	}
	return "secret#" + arn
}

func monthPartition(at time.Time) string { return "month#" + at.UTC().Format("2006-01") }

// A Query chooses evidence.
type Query struct {
	Secret string    // ARN of a managed secret; "" means all evidence
	Since  time.Time // from this moment; zero means as far back as evidence is kept
	Until  time.Time // before this moment; zero means now
	Newest bool      // newest first; otherwise oldest first
}

// Evidence returns the evidence that the query chooses, in order of time. It reads a page
// at a time, on demand, and includes all that was appended before the call. Expired
// evidence is left out, even if the table still has it. If an error comes, of type
// [*Error], it is last.
func (t *Table) Evidence(ctx context.Context, q Query) iter.Seq2[Evidence, error] {
	op := "read evidence"
	return func(yield func(Evidence, error) bool) {
		if err := t.named(op); err != nil {
			yield(Evidence{}, err)
			return
		}
		now := t.now()
		if q.Until.IsZero() {
			q.Until = now.Add(Skew) // another writer's clock may be ahead
		}
		if kept := now.Add(-cmp.Or(t.Retention, DefaultRetention)); q.Since.Before(kept) {
			q.Since = kept
		}
		if !q.Since.Before(q.Until) {
			return
		}
		for _, partition := range q.partitions() {
			in := &dynamodb.QueryInput{
				TableName:              &t.Name,
				ConsistentRead:         aws.Bool(true),
				ScanIndexForward:       aws.Bool(!q.Newest),
				KeyConditionExpression: aws.String(fmt.Sprintf("%s = :%[1]s AND %s BETWEEN :since AND :until", partitionKey, sortKey)),
				ExpressionAttributeValues: map[string]types.AttributeValue{
					":" + partitionKey: text(partition),
					":since":           text(instant(q.Since)),
					":until":           text(instant(q.Until)), // a key of that moment is longer, so it sorts after this
				},
			}
			for {
				rows, next, err := t.page(ctx, op, in)
				if err != nil {
					yield(Evidence{}, err)
					return
				}
				for _, row := range rows {
					if integerOf(row[expiryName]) <= now.Unix() {
						continue
					}
					e, err := t.evidence(op, row)
					if !yield(e, err) || err != nil {
						return
					}
				}
				if in.ExclusiveStartKey = next; next == nil {
					break
				}
			}
		}
	}
}

func (t *Table) evidence(op string, row attributes) (Evidence, error) {
	problem := formatOf(row)
	var e Evidence
	if problem == nil && !unmarshal(textOf(row[evidenceName]), &e) {
		problem = new(Foreign)
	}
	if problem != nil {
		return Evidence{}, &Error{Op: op, Action: "Query", Table: t.Name, Problem: *problem}
	}
	return e, nil
}

// partitions returns the partitions that have the evidence, in the order to read them.
func (q Query) partitions() []string {
	if q.Secret != "" {
		return []string{secretPartition(q.Secret)}
	}
	since, last := q.Since.UTC(), q.Until.UTC()
	var all []string
	for month := time.Date(since.Year(), since.Month(), 1, 0, 0, 0, 0, time.UTC); month.Before(last); month = month.AddDate(0, 1, 0) {
		if q.Newest {
			all = append([]string{monthPartition(month)}, all...)
		} else {
			all = append(all, monthPartition(month))
		}
	}
	return all
}
