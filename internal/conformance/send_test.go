package conformance

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"pingrotate/pingone"
)

// suites returns a call of each suite to the URL.
func suites(url string) map[string]func(context.Context) (reply, error) {
	aws := &AWS{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("id", "made-up", "session")}
	p := &PingOne{Environment: pingone.Environment{API: url, Auth: url}}
	return map[string]func(context.Context) (reply, error){
		"AWS": func(ctx context.Context) (reply, error) {
			return aws.exchange(ctx, "dynamodb", url, "DynamoDB_20120810.ListTables", "application/x-amz-json-1.0", []byte("{}"))
		},
		"PingOne": func(ctx context.Context) (reply, error) {
			return p.exchange(ctx, request{method: http.MethodPost, url: url, auth: "Bearer x", body: []byte("{}")})
		},
	}
}

func TestNoSuiteFollowsARedirectWithACredential(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	service := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer service.Close()
	for name, call := range suites(service.URL) {
		got, err := call(t.Context())
		if err != nil || got.status != http.StatusTemporaryRedirect || asked.Load() != 0 {
			t.Errorf("%s: got status %d, error %v, and %d requests elsewhere", name, got.status, err, asked.Load())
		}
	}
}

func TestNoSuiteWaitsForAReplyThatSwitchesProtocols(t *testing.T) {
	ended := make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		rw.Flush()
		<-ended
		conn.Close()
	}))
	defer service.Close()
	defer close(ended)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for name, call := range suites(service.URL) {
		if _, err := call(ctx); err != errNoAnswer {
			t.Errorf("%s: got error %v, want no answer", name, err)
		}
	}
}
