package awsclient_test

import (
	"io"
	"net/http"
	"testing"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/memory"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A sender is an HTTP client that a test looks over the shoulder of.
type sender func(*http.Request) (*http.Response, error)

func (s sender) Do(r *http.Request) (*http.Response, error) { return s(r) }

// TestALateLookAtTheRequestDoesNotEndTheReply plays net/http, which looks whether a
// request has more to send while the reply arrives, when the SDK has closed it. Without
// Whole that look fails, or Whole is not needed any more.
func TestALateLookAtTheRequestDoesNotEndTheReply(t *testing.T) {
	s := secretsmanagertest.Run(t)
	s.Put("shop", `{"a":"b"}`)
	late := func(wrap func(aws.HTTPClient) aws.HTTPClient) error {
		var body io.Reader
		client := secretsmanager.New(secretsmanager.Options{
			Region:      "eu-west-1",
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
			HTTPClient: wrap(sender(func(r *http.Request) (*http.Response, error) {
				body = r.Body
				return (&memory.Transport{Handler: s}).RoundTrip(r)
			})),
		})
		if _, err := client.ListSecrets(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		_, err := io.Copy(io.Discard, body)
		return err
	}
	if err := late(func(c aws.HTTPClient) aws.HTTPClient { return awsclient.Whole{HTTPClient: c} }); err != nil {
		t.Errorf("got %v, want nothing more to send", err)
	}
	if err := late(func(c aws.HTTPClient) aws.HTTPClient { return c }); err == nil {
		t.Error("the SDK's own request ends well; Whole is not needed any more")
	}
}
