package awsclient_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pingrotate/internal/awsclient"
)

// A 307 asks the SDK's client to send the same request elsewhere, with a stored secret and
// the session's token.
func TestNothingIsSentToWhereAReplyRedirects(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		service := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		for name, hc := range map[string]aws.HTTPClient{
			"whole":   awsclient.Whole{HTTPClient: awshttp.NewBuildableClient()},
			"limited": awsclient.Limited{HTTPClient: awshttp.NewBuildableClient(), Time: 5 * time.Second},
		} {
			client := secretsmanager.New(secretsmanager.Options{
				Region: "us-east-1", BaseEndpoint: &service.URL, HTTPClient: hc, Retryer: aws.NopRetryer{},
				Credentials: credentials.NewStaticCredentialsProvider("id", "made-up", "session"),
			})
			_, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("a"), SecretString: aws.String("b")})
			if err == nil || asked.Load() != 0 {
				t.Errorf("%d, %s: got error %v, and %d requests elsewhere", status, name, err, asked.Load())
			}
		}
		service.Close()
	}
}
