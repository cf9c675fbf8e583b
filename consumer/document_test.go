package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pingrotate/consumer"
	"pingrotate/internal/canary"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// holding is a Secrets Manager that holds one text.
type holding string

func (h holding) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: (*string)(&h), VersionId: aws.String("v")}, nil
}

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const (
	environment = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	hidden      = "n-E_w~.s3cret"
)

// sentTo returns the host to which the source of such a document would send its secret, or
// the error.
func sentTo(t *testing.T, text string, change func(*consumer.Source)) (to string, err error) {
	t.Helper()
	stop := fmt.Errorf("not sent: %w", context.Canceled) // package pingone does not repeat it
	s := &consumer.Source{
		Secrets:  holding(text),
		SecretID: orders,
		HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			to = r.URL.String()
			return nil, stop
		})},
		Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(s)
	}
	_, err = s.Token(t.Context())
	if err == nil {
		t.Fatal("got a token from nowhere")
	}
	if canary.In(err.Error(), hidden) {
		t.Errorf("the error has the secret in it: %v", err)
	}
	if errors.Is(err, stop) {
		err = nil
	}
	return to, err
}

func TestTheRegionDecidesWhereTheSecretGoes(t *testing.T) {
	const text = `{"environmentId":"` + environment + `","region":"EU","clientId":"c","clientSecret":"` + hidden + `",
		"tokenEndpoint":"https://evil.example/as/token","host":"https://evil.example","clientsecret":"other","rotation":{"from":["the future"]}}`
	custom := strings.Replace(text, `"region"`, `"authDomain":"login.example.com","region"`, 1)
	for _, tt := range []struct {
		name, text string
		change     func(*consumer.Source)
		want       string
	}{
		{"the region", text, nil, "https://auth.pingone.eu/" + environment + "/as/token"},
		{"a custom domain that the program allows", custom, func(s *consumer.Source) { s.AuthDomains = []string{"login.example.com"} }, "https://login.example.com/as/token"},
		{"another address in tests", text, func(s *consumer.Source) { s.AuthURL = "http://127.0.0.1:7402/" }, "http://127.0.0.1:7402/" + environment + "/as/token"},
		{"a proxy", text, func(s *consumer.Source) { s.AuthURL = "https://proxy.example.com/p1" }, "https://proxy.example.com/p1/" + environment + "/as/token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := sentTo(t, tt.text, tt.change); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestADocumentThatIsWrongSaysWhere(t *testing.T) {
	const good = `{"environmentId":"` + environment + `","region":"EU","clientId":"c","clientSecret":"` + hidden + `"}`
	without := func(part string) string { return strings.Replace(good, part, "", 1) }
	with := func(part, other string) string { return strings.Replace(good, part, other, 1) }
	for _, tt := range []struct {
		text, word string
		change     func(*consumer.Source)
	}{
		{hidden, "not a JSON object", nil},
		{`"` + hidden + `"`, "not a JSON object", nil},
		{"null", "not a JSON object", nil},
		{without(`"environmentId":"` + environment + `",`), "field environmentId: is missing", nil},
		{with(environment, "../x"), "field environmentId", nil},
		{without(`"region":"EU",`), "field region: is missing", nil},
		{with(`"EU"`, `"US"`), "field region: must be one of", nil},
		{with(`"EU"`, `7`), "field region: must be a string", nil},
		{without(`"clientId":"c",`), "field clientId: is missing; the first rotation writes it", nil},
		{with(`"`+hidden+`"`, `""`), "field clientSecret: is missing; the first rotation writes it", nil},
		{with(`"`+hidden+`"`, `["`+hidden+`"]`), "field clientSecret: must be a string", nil},
		{with(`"region"`, `"tokenEndpointAuthMethod":"PRIVATE_KEY_JWT","region"`), "no secret to rotate", nil},
		{with(`"region"`, `"authDomain":"evil.example","region"`), "field authDomain", nil},
		{strings.Replace(good, "{", `{"more":"`+strings.Repeat("x", 65536)+`",`, 1), "Secrets Manager stores 65536 at most", nil},
		{strings.Repeat(`{"a":`, 13000), "is not a JSON object", nil},
		{good, "AuthURL: must be https", func(s *consumer.Source) { s.AuthURL = "http://192.0.2.1" }},
		{good, "AuthURL: must be a URL", func(s *consumer.Source) { s.AuthURL = "https://" + hidden + "@example.com" }},
	} {
		t.Run(tt.word, func(t *testing.T) {
			to, err := sentTo(t, tt.text, tt.change)
			if err == nil || !strings.Contains(err.Error(), tt.word) {
				t.Errorf("got %v, want an error with %q", err, tt.word)
			}
			if to != "" {
				t.Errorf("the secret went to %s", to)
			}
		})
	}
}

func TestABinarySecretIsNotADocument(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.sm.PutBinary(orders, []byte("{}"))
		w.fails("it is stored as binary")
	})
}

// Whatever a document says, the secret goes only to PingOne, and the error does not quote
// it.
func FuzzDocument(f *testing.F) {
	f.Add("EU", environment, "c", "", "", `"rotation":{}`)
	f.Add("EU", environment, "c", "x", "evil.example", `"tokenEndpoint":"https://evil.example/as/token"`)
	f.Add("EU@evil.example", "../"+environment, "c", "", "", `"region":"NA"`)
	f.Fuzz(func(t *testing.T, region, id, clientID, secret, domain, more string) {
		text := encode(map[string]any{"environmentId": id, "region": region, "clientId": clientID, "clientSecret": hidden + secret, "authDomain": domain})
		to, _ := sentTo(t, strings.TrimSuffix(text, "}")+","+more+"}", nil) // which looks for the secret in the error
		if u, bad := url.Parse(to); to != "" && (bad != nil || u.Scheme != "https" || !pingone.IsAuthHost(u.Host)) {
			t.Errorf("the secret went to %q", to)
		}
	})
}
