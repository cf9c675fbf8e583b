package registertest_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"pingrotate/internal/registertest"
)

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

// TestAProjectionShowsTheNamedAttributesAlone: D23.
func TestAProjectionShowsTheNamedAttributesAlone(t *testing.T) {
	_, c := start(t)
	put(t, c, numbered(1))
	scan := func(projection string, names map[string]string) (string, error) {
		out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table), ProjectionExpression: &projection, ExpressionAttributeNames: names})
		if err != nil {
			return "", err
		}
		return strings.Join(slices.Sorted(maps.Keys(out.Items[0])), " "), nil
	}
	for _, row := range []struct {
		projection, want string
		names            map[string]string
	}{
		{"subject, entry", "entry subject", nil},
		{"entry , #n,absent", "entry number", map[string]string{"#n": "number"}},
	} {
		if got, err := scan(row.projection, row.names); got != row.want {
			t.Errorf("%s: got %q, %v, want %q", row.projection, got, err, row.want)
		}
	}
	for projection, words := range map[string]string{
		"entry, entry": "Two document paths overlap", "entry, values": "Attribute name is a reserved keyword", "entry,": "Syntax error", "#x": "An expression attribute name used in the document path is not defined",
	} {
		_, err := scan(projection, nil)
		refused(t, err, "ValidationException", "Invalid ProjectionExpression: "+words)
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
