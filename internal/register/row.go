package register

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Names of a row's attributes. Those of the keys are deliberately unusual: in a table whose
// only key had the same name, all rows of a client would be one. Several of the others are
// reserved words, which expressions must name by placeholders.
const (
	partitionKey  = "subject"
	sortKey       = "entry"
	formatName    = "format"    // of the row, see [format]
	numberName    = "number"    // of the revision
	nonceName     = "nonce"     // of the revision
	itemName      = "item"      // JSON
	emergencyName = "emergency" // JSON
	evidenceName  = "evidence"  // JSON
	expiryName    = "expires"   // seconds since 1970, for the table's time to live
)

// format is the version of the form in which rows are written. It rises with every member
// that a program of the version before would drop.
const format = 1

// maxRow is the most bytes that the JSON of a row may have. DynamoDB keeps 400 KB in one
// item.
const maxRow = 380 << 10

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func integer(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func (k Key) partition() string { return "client#" + k.String() }

func rowKey(partition, sort string) attributes {
	return attributes{partitionKey: text(partition), sortKey: text(sort)}
}

func itemKey(k Key) attributes { return rowKey(k.partition(), "item") }

func encode(key Key, r Revision) (attributes, *Problem) {
	encoded, err := json.Marshal(r.Item)
	switch {
	case err != nil: // a time outside the years 0 to 9999
		return nil, new(Foreign)
	case len(encoded) > maxRow:
		return nil, new(TooLarge)
	}
	row := itemKey(key)
	row[formatName], row[numberName], row[nonceName], row[itemName] = integer(format), integer(r.Number), text(r.Nonce), text(string(encoded))
	return row, nil
}

// decode returns the revision in a row, or the zero Revision if there is no row.
func decode(row attributes) (Revision, *Problem) {
	if len(row) == 0 {
		return Revision{}, nil
	}
	if problem := formatOf(row); problem != nil {
		return Revision{}, problem
	}
	r := Revision{Number: integerOf(row[numberName]), Nonce: textOf(row[nonceName])}
	if r.Number < 1 || r.Nonce == "" || !unmarshal(textOf(row[itemName]), &r.Item) {
		return Revision{}, new(Foreign)
	}
	return r, nil
}

func formatOf(row attributes) *Problem {
	switch f := integerOf(row[formatName]); {
	case f > format:
		return new(Newer)
	case f < 1:
		return new(Foreign)
	}
	return nil
}

// unmarshal decodes JSON that this program wrote, and reports whether it could.
func unmarshal(encoded string, into any) bool {
	if encoded == "" || len(encoded) > maxRow {
		return false
	}
	d := json.NewDecoder(bytes.NewReader([]byte(encoded)))
	d.DisallowUnknownFields() // writing it back would drop them
	if d.Decode(into) != nil {
		return false
	}
	_, err := d.Token()
	return err == io.EOF
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func integerOf(v types.AttributeValue) int64 {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return i
		}
	}
	return 0
}

// instant returns a time in the form of sort keys, which sort in order of time.
const instantForm = "2006-01-02T15:04:05.000000000Z"

func instant(t time.Time) string { return t.UTC().Format(instantForm) }
