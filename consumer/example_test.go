package consumer_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"pingrotate/consumer"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A client of an API keeps working while its secret is replaced.
func Example() {
	// These take the place of PingOne, Secrets Manager and the API.
	p, err := pingonetest.Start("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	sm, err := secretsmanagertest.Start("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer sm.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Get("Authorization")) < len("Bearer x") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "three orders")
	}))
	defer api.Close()

	// Its tokens expire at once, so each request needs another.
	shop := p.AddApplication(pingonetest.Application{Audience: "https://shop.example", Scopes: []string{"orders"}, TokenTTL: 1})
	store := func(secret string) {
		sm.Put("pingone/orders-api", fmt.Sprintf(`{"environmentId": %q, "region": "EU", "clientId": %q, "clientSecret": %q}`,
			shop.Environment, shop.ClientID, secret))
	}
	store(shop.Secret)

	// This is what a program contains.
	source := &consumer.Source{
		Secrets: secretsmanager.New(secretsmanager.Options{ // secretsmanager.NewFromConfig(cfg), outside of an example
			Region:       "us-east-1",
			BaseEndpoint: aws.String(sm.URL()),
			Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}),
		SecretID: "pingone/orders-api",
		Scope:    "orders",
		AuthURL:  p.URL(), // the region's, outside of an example
		Log:      slog.New(slog.DiscardHandler),
	}
	client := &http.Client{Transport: &consumer.Transport{Source: source}}

	for range 2 {
		resp, err := client.Get(api.URL)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(resp.Status, string(body))

		// An emergency ends the secret that the source holds, once another is stored.
		store(p.Regenerate(shop.Environment, shop.ID, 0))
	}
	token, err := source.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("token:", token.AccessToken, "for", token.Scope)
	// Output:
	// 200 OK three orders
	// 200 OK three orders
	// token: [secret] for orders
}
