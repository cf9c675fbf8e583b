package awsclient_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
)

// A stored secret is sent only to a peer that can be trusted, and a handshake that does not
// end costs no more than the time of a request. The SDK's error quotes the peer; none of
// that is copied.
func TestAHandshakeThatFailsEndsInTimeAndIsNotQuoted(t *testing.T) {
	const limit = 5 * time.Second
	for _, kind := range fault.Handshakes() {
		t.Run(kind.String(), func(t *testing.T) {
			trusted := fault.TrustedTLS() // its cache is filled outside the bubble
			synctest.Test(t, func(t *testing.T) {
				listener := &memory.Listener{}
				go kind.Serve(listener)
				defer listener.Close()
				sdk := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
					tr.DialContext, tr.TLSClientConfig = listener.DialContext, trusted
				})
				sender := awsclient.Limited{HTTPClient: sdk, Time: limit}
				known := credentials.NewStaticCredentialsProvider("id", "made-up", "session")
				endpoint := aws.String("https://" + fault.HandshakeHost)
				secrets := secretsmanager.New(secretsmanager.Options{Region: "us-east-1", BaseEndpoint: endpoint, HTTPClient: sender, Retryer: aws.NopRetryer{}, Credentials: known})
				tables := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: endpoint, HTTPClient: sender, Retryer: aws.NopRetryer{}, Credentials: known})
				for what, call := range map[string]func() error{
					"Secrets Manager": func() error {
						_, err := secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("a"), SecretString: aws.String("b")})
						return err
					},
					"DynamoDB": func() error {
						_, err := tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("a")})
						return err
					},
				} {
					start := time.Now()
					err := call()
					said, refused := awsclient.Refused(err)
					switch took := time.Since(start); {
					case err == nil || refused || said != awsclient.Refusal{}:
						t.Errorf("%s: got error %v, refused %t, want an error that no service has answered with", what, err, refused)
					case took > limit:
						t.Errorf("%s: took %v, want %v at most", what, took, limit)
					case kind == fault.NeverAnswers && took < limit:
						t.Errorf("%s: took %v: did the peer answer?", what, took)
					case kind == fault.AnotherName && !strings.Contains(err.Error(), "not "+fault.HandshakeHost):
						t.Errorf("%s: got %v, want the SDK's words about another name", what, err)
					}
				}
			})
		})
	}
}
