package pingone_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// An application's secret is regenerated while its consumers continue with the old one.
func Example() {
	p, err := pingonetest.Start("127.0.0.1:0") // takes the place of PingOne
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	admin := p.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin"}}})
	shop := p.AddApplication(pingonetest.Application{Audience: "https://shop.example", Scopes: []string{"orders"}})

	environment := pingone.Environment{ID: shop.Environment, API: p.URL(), Auth: p.URL() + "/" + shop.Environment}
	client := pingone.Client{Admin: pingone.Credential{
		Environment: environment,
		ClientID:    admin.ClientID,
		Secret:      pingone.NewSecret(admin.Secret),
		Method:      pingone.ClientSecretBasic,
	}}

	ctx := context.Background()
	target := pingone.Target{Kind: pingone.ApplicationKind, EnvironmentID: shop.Environment, ID: shop.ID}
	before, err := client.ReadSecret(ctx, target)
	if err != nil {
		log.Fatal(err)
	}
	regeneration := client.RegenerateSecret(ctx, target, before.AsOf.Add(24*time.Hour))
	if regeneration.Outcome != pingone.Applied {
		log.Fatal(regeneration.Err)
	}
	after := regeneration.Secret
	fmt.Println("secret:", after.Secret)
	fmt.Println("replaced:", after.Replaced(before.Secret), "for", after.Previous.ExpiresAt.Sub(before.AsOf))

	for _, secret := range []pingone.Secret{before.Secret, after.Secret} {
		token, err := client.Token(ctx, pingone.Credential{
			Environment: environment,
			ClientID:    shop.ClientID,
			Secret:      secret,
			Method:      pingone.ClientSecretBasic,
		}, "orders")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("token for:", token.Scope)
	}
	// Output:
	// secret: [secret]
	// replaced: true for 24h0m0s
	// token for: orders
	// token for: orders
}
