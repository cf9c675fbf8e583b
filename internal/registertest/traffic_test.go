package registertest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pingrotate/internal/registertest"
)

// recorder is a TB that records what it is told.
type recorder struct {
	*testing.T
	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestImpossibleTrafficFailsTheTest(t *testing.T) {
	const auth = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature="
	signed := auth + strings.Repeat("0", 64)
	const good = "application/x-amz-json-1.0"
	for _, r := range []struct{ what, auth, target, contentType, body, code string }{
		{"unsigned", "", "DynamoDB_20120810.ListTables", good, "{}", "MissingAuthenticationTokenException"},
		{"unknown action", signed, "DynamoDB_20120810.MakeCoffee", good, "{}", "UnknownOperationException"},
		{"other service", signed, "secretsmanager.ListTables", good, "{}", "UnknownOperationException"},
		{"wrong content type", signed, "DynamoDB_20120810.ListTables", "application/json", "{}", "SerializationException"},
		{"unknown field", signed, "DynamoDB_20120810.ListTables", good, `{"Coffee":1}`, "SerializationException"},
		{"no JSON", signed, "DynamoDB_20120810.ListTables", good, `<xml>`, "SerializationException"},
	} {
		t.Run(r.what, func(t *testing.T) {
			told := &recorder{T: t}
			s := registertest.Run(told)
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", r.auth)
			req.Header.Set("X-Amz-Target", r.target)
			req.Header.Set("Content-Type", r.contentType)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || !strings.Contains(string(body), r.code) {
				t.Errorf("got %d %s, want 400 %s", resp.StatusCode, body, r.code)
			}
			if len(told.errors) != 1 {
				t.Errorf("got complaints %q, want one", told.errors)
			}
		})
	}
}

func TestMisuseEndsTheTest(t *testing.T) {
	s, err := registertest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.CreateTable(table, "subject", "entry", "")
	for what, misuse := range map[string]func(){
		"unknown table": func() { s.Lose("none") },
		"taken name":    func() { s.CreateTable(table, "subject", "", "") },
		"no key":        func() { s.Put(table, map[string]any{"subject": "a"}) },
		"no value":      func() { s.Put(table, map[string]any{"subject": 1.5}) },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic, want one")
				}
			}()
			misuse()
		})
	}
}
