package awsclient_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A sender is an HTTP client made of a function, with which a test sees each request.
type sender func(*http.Request) (*http.Response, error)

func (s sender) Do(r *http.Request) (*http.Response, error) { return s(r) }

// TestALateLookAtTheRequestDoesNotEndTheReply plays net/http, which looks, while a reply
// arrives, whether the request has more to send, though the SDK has closed it. Without
// Whole that look must fail; when it no longer does, Whole is not needed any more.
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

// TestARefusalIsCopiedFieldByField: of a refusal, only what has AWS's form gets into an
// error.
func TestARefusalIsCopiedFieldByField(t *testing.T) {
	const secret = fault.EchoedSecret
	for _, row := range []struct{ code, message, id, wantCode, wantMessage, wantID string }{
		{"ResourceNotFoundException", "Secrets Manager can't find the specified secret.", "5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42", "ResourceNotFoundException", "Secrets Manager can't find the specified secret", "5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42"},
		{"ThrottlingException", "", "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG", "ThrottlingException", "", "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"},
		{secret, secret, secret, "", "…", ""},
		{"invalid", "Value '" + secret + "' at 'secretString'", "x", "", "Value '…' at 'secretString'", ""},
		{"A\nB", "two\nlines", "5d3a5b1e\n", "", "", ""},
		{"ValidationException", `{"clientSecret":"` + secret + `"}`, "", "ValidationException", "", ""},
	} {
		answer := &http.Response{StatusCode: 400, Header: http.Header{}}
		err := error(&awshttp.ResponseError{RequestID: row.id, ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: answer}, Err: &smithy.GenericAPIError{Code: row.code, Message: row.message}}})
		got, ok := awsclient.Refused(err)
		if !ok || got.Code != row.wantCode || got.Message != row.wantMessage || got.RequestID != row.wantID {
			t.Errorf("%.20q: got %+v, want %q, %q, %q", row.code, got, row.wantCode, row.wantMessage, row.wantID)
		}
	}
	if _, ok := awsclient.Refused(errors.New(secret)); ok {
		t.Error("an error of the connection is taken for a refusal")
	}
}

// TestAPeerWithoutAnEndCostsNoMoreThanTheTimeOfACall: a reply that switches protocols would
// outlast the client's own limit.
func TestAPeerWithoutAnEndCostsNoMoreThanTheTimeOfACall(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Upgrade, fault.Endless, fault.EndlessHeader, fault.Drip, fault.GzipBomb, fault.Frames, fault.BadStatus, fault.Deep, fault.Echo} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel() // some cost the whole of that time
			line := &fault.Line{}
			line.Before(func(fault.Call) fault.Kind { return kind })
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				line.Answer(w, r, fault.Call{}, fault.Words{}, func() fault.Reply { return fault.Reply{Status: 200} })
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			client := secretsmanager.New(secretsmanager.Options{
				BaseEndpoint: aws.String(server.URL), Region: "us-east-1", Retryer: aws.NopRetryer{},
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
				HTTPClient:  awsclient.Whole{HTTPClient: awshttp.NewBuildableClient().WithTimeout(2 * time.Second)}, // as the command has it
			})
			begun := time.Now()
			_, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("shop")})
			if took := time.Since(begun); err == nil || took > 10*time.Second {
				t.Errorf("got %v after %v, want an error within the time of a call", err, took)
			}
			server.CloseClientConnections()
			server.Close()
		})
	}
}
