package register_test

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

// A store is a table of the register in one implementation of DynamoDB.
type store struct {
	url, table   string
	transactions bool // the implementation has transactions
	atomic       bool // it checks a condition and writes in one step
	now          time.Time
}

// inEachStore runs a test with the stand-in, and with each independent implementation that
// is running, whose URL is in the variable.
func inEachStore(t *testing.T, do func(*testing.T, store)) {
	t.Helper()
	for _, of := range []struct {
		name, variable string
		transactions   bool
		atomic         bool
	}{
		{"stand-in", "", true, true},
		// moto checks a condition and writes in two steps: of two simultaneous requests
		// both can succeed, which DynamoDB rules out.
		{"moto", "MOTO_URL", true, false},
		{"dynalite", "DYNALITE_URL", false, true},
	} {
		t.Run(of.name, func(t *testing.T) {
			s := store{url: os.Getenv(of.variable), table: "register-" + rand.Text(), transactions: of.transactions, atomic: of.atomic, now: noon}
			switch {
			case of.variable == "":
				s.url = registertest.Run(quiet{t}).URL()
			case s.url == "":
				t.Skipf("needs %s, whose URL is in %s; .ci/register-peers runs one", of.name, of.variable)
			}
			s.create(t)
			do(t, s)
		})
	}
}

// withEvidence skips the test where evidence cannot be appended.
func withEvidence(do func(*testing.T, store)) func(*testing.T, store) {
	return func(t *testing.T, s store) {
		if !s.transactions {
			t.Skip("it has no transactions")
		}
		do(t, s)
	}
}

// open returns a client of the table, as another process would have one.
func (s store) open() *register.Table {
	return &register.Table{
		Name: s.table,
		Now:  func() time.Time { return s.now },
		Connection: register.Connection{
			Region:      "eu-west-1",
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
			Endpoint:    s.url,
		},
	}
}

func (s store) sdk() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &s.url,
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
	})
}

func (s store) create(t *testing.T) {
	t.Helper()
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	ok[*dynamodb.CreateTableOutput](t)(s.sdk().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            &s.table,
		BillingMode:          types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{key("subject", types.KeyTypeHash), key("entry", types.KeyTypeRange)},
		AttributeDefinitions: []types.AttributeDefinition{text("subject"), text("entry")},
	}))
	waiter := dynamodb.NewTableExistsWaiter(s.sdk(), func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = time.Millisecond })
	if err := waiter.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &s.table}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

// lose deletes a client's item.
func (s store) lose(t *testing.T, key register.Key) {
	t.Helper()
	row := map[string]types.AttributeValue{
		"subject": &types.AttributeValueMemberS{Value: "client#" + key.String()},
		"entry":   &types.AttributeValueMemberS{Value: "item"},
	}
	ok[*dynamodb.DeleteItemOutput](t)(s.sdk().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(s.table), Key: row}))
}
