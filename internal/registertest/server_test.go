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
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
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

// plain sends requests whose body has no WriteTo: see the register's HTTP client.
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
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
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
