package playground

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The secrets of every world, and the version that the files in events/ name.
const (
	AdminSecret   = "pingone/admin"
	OrdersSecret  = "pingone/orders-api"
	BillingSecret = "pingone/billing-api" // only in the sandbox

	// ShippingSecret is a secret that the sandbox's admin serves as soon as it exists.
	ShippingSecret = "pingone/shipping-api"

	// RegisterTable is the name of the register's table.
	RegisterTable = "pingone-rotator-register"

	OrdersARN          = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + OrdersSecret + "-a1B2c3"
	EventToken         = "5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42"
	EventRotationToken = "9b1c7d52-0f7e-4a6b-8b0c-2b7f3f1f5a10"
)

// A World is PingOne and the AWS services that the function calls. It holds an admin
// application and one to rotate, both made up anew at each start.
type World struct {
	PingOne  *pingonetest.Server
	Secrets  *secretsmanagertest.Server
	Register *registertest.Server
	Orders   pingonetest.Application

	now   func() time.Time // the clock of everything here
	admin pingonetest.Application
	allow []json.RawMessage // the entries of the admin's allow
}

// Start starts the services at the addresses. Nothing else does: the demo, the sandbox and
// the tests of the commands all get their world here. Now is the clock of the services, and
// must be that of the function and its callers: time.Now, or in tests one that jumps when
// they wait.
func Start(at Addresses, now func() time.Time) (*World, error) {
	w := &World{now: now}
	var err error
	if w.Secrets, err = secretsmanagertest.Start(at.SecretsManager); err != nil {
		return nil, err
	}
	if w.PingOne, err = pingonetest.Start(at.PingOne); err != nil {
		w.Secrets.Close()
		return nil, err
	}
	if w.Register, err = registertest.Start(at.Register); err != nil {
		w.Secrets.Close()
		w.PingOne.Close()
		return nil, err
	}
	w.Register.CreateTable(RegisterTable, "subject", "entry", "expires")
	w.Secrets.Follow(now)
	w.PingOne.Follow(now)
	w.Register.Follow(now)

	// An admin must hold every role that its target holds. Environment Admin may also
	// give roles to an application that it creates.
	w.admin = w.Add("rotation admin", "Client Application Developer", "Environment Admin", "Identity Data Admin")
	w.Orders = w.Add("orders API", "Identity Data Admin")
	err = w.Serve(OrdersSecret, w.Document(w.Orders))
	w.Secrets.Put(OrdersARN, w.Document(w.Orders))
	if err = errors.Join(err, w.Know(w.Orders, OrdersARN)); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Serve makes the admin serve a secret with this document.
func (w *World) Serve(name, document string) error {
	d, err := rotation.ParseDocument(document)
	if err != nil {
		return err
	}
	return w.Allow(rotation.EntryFor(name, d))
}

// Allow adds an entry to the admin's allow.
func (w *World) Allow(entry string) error {
	w.allow = append(w.allow, json.RawMessage(entry))
	text, err := json.Marshal(struct {
		Credential
		Allow []json.RawMessage `json:"allow"`
	}{w.credential(w.admin), w.allow})
	if err == nil {
		w.Secrets.Put(AdminSecret, string(text))
	}
	return err
}

// Know gives the register the item of an application's client, as an audit does for the
// managed secrets that hold it, but dated back, so that the first act need not wait.
func (w *World) Know(app pingonetest.Application, arns ...string) error {
	table := register.Table{Name: RegisterTable, Connection: register.Connection{
		Region:      "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("playground", "made-up", ""),
		Endpoint:    w.Endpoints().Register,
	}}
	item := register.Item{}.Begin(w.now().Add(-register.ResolveTime))
	for _, arn := range arns {
		item = item.Holds(arn)
	}
	key := register.Key{EnvironmentID: app.Environment, ID: app.ID}
	_, err := table.Replace(context.Background(), key, register.Revision{}, item)
	return err
}

// Close ends the services.
func (w *World) Close() {
	w.Secrets.Close()
	w.PingOne.Close()
	w.Register.Close()
}

// Endpoints returns the URLs of the services. A world has no [Cloud].
func (w *World) Endpoints() Endpoints {
	return Endpoints{SecretsManager: localURL(w.Secrets.Addr()), PingOne: localURL(w.PingOne.Addr()), Register: localURL(w.Register.Addr())}
}

// Add creates an application with the roles in PingOne.
func (w *World) Add(name string, roles ...string) pingonetest.Application {
	app := pingonetest.Application{Name: name}
	for _, role := range roles {
		app.Roles = append(app.Roles, pingonetest.RoleAssignment{Role: role})
	}
	return w.PingOne.AddApplication(app)
}

// Document returns an application's credential as it is stored.
func (w *World) Document(app pingonetest.Application) string {
	text, err := json.Marshal(w.credential(app))
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

func (w *World) credential(app pingonetest.Application) Credential {
	return Credential{
		EnvironmentID: app.Environment,
		Region:        "NA",
		ClientID:      app.ClientID,
		ClientSecret:  app.Secret,
		AuthMethod:    app.TokenEndpointAuthMethod,
		TokenEndpoint: w.Endpoints().PingOne + "/" + app.Environment + "/as/token",
	}
}

// Held returns the fingerprint of the secret in the version of the orders secret with this
// label, and whether PingOne accepts that secret now; "" and false if the label is on no
// version with a value.
func (w *World) Held(label string) (fingerprint string, works bool) {
	var c Credential
	if text, ok := w.Secrets.Value(OrdersSecret, label); !ok || json.Unmarshal([]byte(text), &c) != nil {
		return "", false
	}
	return Fingerprint(c.ClientSecret), w.PingOne.Authenticates(c.EnvironmentID, c.ClientID, c.ClientSecret)
}

// Accepted returns the fingerprints of the orders application's secrets that PingOne
// accepts, newest first.
func (w *World) Accepted() []string {
	secret := w.PingOne.Secret(w.Orders.Environment, w.Orders.ID)
	all := []string{Fingerprint(secret.Value)}
	if secret.Previous != "" {
		all = append(all, Fingerprint(secret.Previous))
	}
	return all
}

// Fingerprint returns the fingerprint by which a secret is shown.
func Fingerprint(secret string) string { return pingone.NewSecret(secret).Fingerprint() }

// localURL returns the URL of a server that listens on the address: on loopback, if it
// listens on all interfaces.
func localURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && net.ParseIP(host).IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + addr
}
