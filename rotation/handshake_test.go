package rotation_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/register"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Something other than Secrets Manager answers at its address. The step fails in time, and
// neither its error nor its log line quotes the peer.
func TestAPeerThatCannotBeTrustedEndsAStepInTime(t *testing.T) {
	for _, kind := range fault.Handshakes() {
		t.Run(kind.String(), func(t *testing.T) {
			trusted := fault.TrustedTLS() // what it keeps is made outside of the bubble
			synctest.Test(t, func(t *testing.T) {
				listener := &memory.Listener{}
				go kind.Serve(listener)
				defer listener.Close()
				sender := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
					tr.DialContext, tr.TLSClientConfig = listener.DialContext, trusted
				})
				known := credentials.NewStaticCredentialsProvider("id", "made-up", "")
				endpoint := "https://" + fault.HandshakeHost
				var lines bytes.Buffer
				r := &rotation.Rotator{
					Secrets: secretsmanager.New(secretsmanager.Options{
						Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: known,
						HTTPClient: awsclient.Limited{HTTPClient: sender, Time: 5 * time.Second},
					}),
					Register: &register.Table{Name: "register", Connection: register.Connection{Region: "us-east-1", Credentials: known, Endpoint: endpoint, HTTPClient: sender}},
					Settings: rotation.Settings{AdminSecretID: "pingone/admin"},
					Log:      slog.New(slog.NewJSONHandler(&lines, nil)),
				}
				start := time.Now()
				_, err := r.Handle(t.Context(), fmt.Appendf(nil, `{"Step":"createSecret","SecretId":%q,"ClientRequestToken":"5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42"}`,
					"arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/orders-api-a1B2c3"))
				if err == nil || !strings.Contains(err.Error(), "no answer from Secrets Manager") || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want one line that says so", err)
				}
				if took := time.Since(start); took > rotation.StepLimit {
					t.Errorf("took %v, want %v at most", took, rotation.StepLimit)
				}
				if all := fmt.Sprint(err) + lines.String(); strings.Contains(all, fault.Canary) || !strings.Contains(all, `"error"`) {
					t.Errorf("the peer's words are in it, or there is no log line:\n%s", all)
				}
			})
		})
	}
}
