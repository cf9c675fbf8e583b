package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/campaign"
	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// at returns a program with credentials, whose AWS is at the URL.
func at(url string) *program {
	p, _ := quietly(aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "made-up", ""),
		BaseEndpoint: &url,
		Retryer:      func() aws.Retryer { return patient() },
		HTTPClient:   awshttp.NewBuildableClient().WithTimeout(callLimit),
	})
	return p
}

// nowhere returns a URL at which nothing listens.
func nowhere(t *testing.T) string {
	t.Helper()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	return "http://" + gone.Addr().String()
}

// TestNoConnectionIsAnErrorAtOnce asks services that are not there: nothing was sent,
// which the error says, and nothing is repeated.
func TestNoConnectionIsAnErrorAtOnce(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, url := range map[string]string{
		"nothing listens":      nowhere(t),
		"an unknown authority": untrusted.URL,
		"no TLS":               strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		p := at(url)
		begun := time.Now()
		_, err := deployed(p.cfg, p.function)(t.Context(), rotateOrders())
		if !errors.Is(err, campaign.ErrUnreachable) || errors.Is(err, campaign.ErrUnknown) {
			t.Errorf("%s: invoke: got %v, want an error that says that nothing was sent", name, err)
		}
		if _, _, err := p.rotateOne(t.Context(), deployed(p.cfg, p.function), rotateOrders(), "rotating", 20*time.Second); !errors.Is(err, campaign.ErrUnreachable) {
			t.Errorf("%s: rotate: got %v, want the same", name, err)
		}
		if _, err := p.identity(t.Context()); !errors.Is(err, campaign.ErrUnreachable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: STS: got %v, want an error in one line that says that nothing was sent", name, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s: took %v, want no repetition", name, took)
		}
	}
}

func TestCallThatMayHaveArrivedIsNotCalledUnreached(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the connection breaks": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a proxy gives up":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) },
	} {
		server := httptest.NewServer(answer)
		defer server.Close()
		p := at(server.URL)
		_, err := deployed(p.cfg, p.function)(t.Context(), rotateOrders())
		if !errors.Is(err, campaign.ErrUnknown) || errors.Is(err, campaign.ErrUnreachable) {
			t.Errorf("%s: got %v, want an error that leaves open whether it was carried out", name, err)
		}
	}
}

func TestInvocationErrorsSayWhetherToTryAgain(t *testing.T) {
	for code, want := range map[string]error{
		"TooManyRequestsException": campaign.ErrAtLimit, "AccessDeniedException": nil, "ResourceNotFoundException": nil,
	} {
		err := invokeError("pingone-rotator", "us-east-1", &smithy.GenericAPIError{Code: code})
		for _, other := range []error{campaign.ErrAtLimit, campaign.ErrUnknown, campaign.ErrUnreachable} {
			if errors.Is(err, other) != (other == want) {
				t.Errorf("%s: got %v", code, err)
			}
		}
	}
	err := invokeError("pingone-rotator", "us-east-1", &smithy.GenericAPIError{Code: "ServiceException", Fault: smithy.FaultServer})
	if !errors.Is(err, campaign.ErrUnknown) {
		t.Errorf("a fault of the server: got %v, want an error that leaves open whether it was carried out", err)
	}
}

func TestFunctionsARNNeedsNoSTSWhereItCanBeKnown(t *testing.T) {
	const arn = "arn:aws-cn:lambda:us-east-1:210987654321:function:mine"
	p := at(nowhere(t))
	p.function = arn
	if got, err := p.functionARN(t.Context()); err != nil || got != arn {
		t.Errorf("named by an ARN: got %s, %v", got, err)
	}
	p.function = "mine"
	t.Setenv(register.TableVariable, "arn:aws-cn:dynamodb:us-east-1:210987654321:table/register")
	if got, err := p.functionARN(t.Context()); err != nil || got != arn {
		t.Errorf("beside the register's table: got %s, %v", got, err)
	}
	t.Setenv(register.TableVariable, "register")
	if got, err := p.functionARN(t.Context()); err == nil {
		t.Errorf("with names alone: got %s, want an error", got)
	}
}

// TestMissingCredentialsAreAnErrorAtOnce has a metadata service that takes connections
// and never answers, as a network that swallows packets looks to the SDK.
func TestMissingCredentialsAreAnErrorAtOnce(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://" + silent.Addr().String(), "AWS_EC2_METADATA_DISABLED": "", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(name, value)
	}
	begun := time.Now()
	err = new(account).open(t.Context())
	if took := time.Since(begun); err == nil || !strings.HasPrefix(err.Error(), "there are no AWS credentials ") || took > 10*time.Second {
		t.Errorf("got %v after %v, want an error about credentials within seconds", err, took)
	}
}

func TestAnswerOfAProxyIsNamedAsOne(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p := at(server.URL)
	_, invoke := deployed(p.cfg, p.function)(t.Context(), rotateOrders())
	_, ask := p.identity(t.Context())
	for _, err := range []error{invoke, ask} {
		if err == nil || !strings.Contains(remedy.Text(err), "an answer 404 that is not of AWS; look at the network, a proxy, and AWS_ENDPOINT_URL") || strings.Contains(err.Error(), "RequestID") {
			t.Errorf("got %v, want an error that names the answer", err)
		}
	}
}

// TestWhatAPeerSaysInPlaceOfAWSStaysOffTheTerminal: net/http and the SDK quote what they
// cannot read.
func TestWhatAPeerSaysInPlaceOfAWSStaysOffTheTerminal(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Upgrade, fault.BadStatus, fault.Frames, fault.Echo, fault.Deep, fault.Malformed} {
		line := &fault.Line{}
		line.Before(func(fault.Call) fault.Kind { return kind })
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			line.Answer(w, r, fault.Call{}, fault.Words{}, func() fault.Reply { return fault.Reply{Status: 200} })
		}))
		p := at(server.URL)
		p.cfg.HTTPClient = awsclient.Whole{HTTPClient: awshttp.NewBuildableClient().WithTimeout(time.Second)}
		p.cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		plain := p.cfg
		plain.HTTPClient = awsclient.Whole{HTTPClient: &http.Client{Timeout: time.Second}} // the command's own waits as long as a function may take
		for name, ask := range map[string]func() error{
			"identity": func() error { _, err := p.identity(t.Context()); return err },
			"invoke":   func() error { _, err := deployed(plain, p.function)(t.Context(), rotateOrders()); return err },
			"list": func() error {
				_, _, err := secretsOf(t.Context(), secretsmanager.NewFromConfig(p.cfg), namesFunction(p.function), nil)
				return err
			},
		} {
			err := ask()
			if name == "invoke" && (kind == fault.Deep || kind == fault.Malformed) {
				continue // to Lambda's client it is an answer, whose reader then refuses it
			}
			if err == nil {
				t.Errorf("%v, %s: got no error", kind, name)
				continue
			}
			if text := remedy.Text(err); strings.Contains(text, fault.Canary) || strings.Contains(text, fault.EchoedSecret) || strings.Contains(text, "canary") || strings.Contains(text, "\n") {
				t.Errorf("%v, %s: got %q, want one line without the peer's words", kind, name, text)
			}
		}
		server.CloseClientConnections()
		server.Close()
	}
}
