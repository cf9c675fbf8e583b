package main

import (
	"encoding/json"
	"net"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

// The secrets, and the version that the files in events/ are about.
const (
	adminSecret   = "pingone/admin"
	ordersSecret  = "pingone/orders-api"
	billingSecret = "pingone/billing-api"

	ordersARN          = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + ordersSecret + "-a1B2c3"
	eventToken         = "5d3a5b1e-2f43-4a0e-9a0c-6a1d1f0c7e42"
	eventRotationToken = "9b1c7d52-0f7e-4a6b-8b0c-2b7f3f1f5a10"
)

// The standIns play PingOne and Secrets Manager. They hold an admin application
// and one to rotate, made up anew at each start.
type standIns struct {
	pingOne *pingonetest.Server
	secrets *secretsmanagertest.Server
	orders  pingonetest.Application
}

func startStandIns(secretsAddr, pingOneAddr string) (*standIns, error) {
	s := &standIns{}
	var err error
	if s.secrets, err = secretsmanagertest.Start(secretsAddr); err != nil {
		return nil, err
	}
	if s.pingOne, err = pingonetest.Start(pingOneAddr); err != nil {
		s.secrets.Close()
		return nil, err
	}
	s.secrets.Follow(time.Now)
	s.pingOne.Follow(time.Now)

	// An admin must hold every role that its target holds. Environment Admin may also
	// give roles to an application that it creates.
	admin := s.add("rotation admin", "Client Application Developer", "Environment Admin", "Identity Data Admin")
	s.orders = s.add("orders API", "Identity Data Admin")
	s.secrets.Put(adminSecret, s.document(admin))
	s.secrets.Put(ordersARN, s.document(s.orders))
	return s, nil
}

func (s *standIns) add(name string, roles ...string) pingonetest.Application {
	app := pingonetest.Application{Name: name}
	for _, role := range roles {
		app.Roles = append(app.Roles, pingonetest.RoleAssignment{Role: role})
	}
	return s.pingOne.AddApplication(app)
}

// document is how an application's credential is stored.
func (s *standIns) document(app pingonetest.Application) string {
	text, err := json.Marshal(credential{
		EnvironmentID: app.Environment,
		Region:        "NA",
		ClientID:      app.ClientID,
		ClientSecret:  app.Secret,
		AuthMethod:    app.TokenEndpointAuthMethod,
		TokenEndpoint: s.pingOneURL() + "/" + app.Environment + "/as/token",
	})
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// A credential is what an application reads of the stored document.
type credential struct {
	EnvironmentID string `json:"environmentId"`
	Region        string `json:"region"`
	ClientID      string `json:"clientId"`
	ClientSecret  string `json:"clientSecret"`
	AuthMethod    string `json:"tokenEndpointAuthMethod"`
	TokenEndpoint string `json:"tokenEndpoint"`
}

func (s *standIns) secretsURL() string { return localURL(s.secrets.Addr()) }
func (s *standIns) pingOneURL() string { return localURL(s.pingOne.Addr()) }

// localURL returns where to call a server that listens on the address. One that
// listens everywhere is called by loopback.
func localURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && net.ParseIP(host).IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + addr
}

// held returns the fingerprint of the secret that a label of the orders secret
// points to, and whether PingOne accepts that secret now. Both are zero if the
// label points to no value.
func (s *standIns) held(label string) (fingerprint string, works bool) {
	var c credential
	if text, ok := s.secrets.Value(ordersSecret, label); !ok || json.Unmarshal([]byte(text), &c) != nil {
		return "", false
	}
	return fingerprintOf(c.ClientSecret), s.pingOne.Authenticates(c.EnvironmentID, c.ClientID, c.ClientSecret)
}

// accepted returns the fingerprints of the secrets that PingOne accepts of the
// orders application, the newest first.
func (s *standIns) accepted() []string {
	secret := s.pingOne.Secret(s.orders.Environment, s.orders.ID)
	all := []string{fingerprintOf(secret.Value)}
	if secret.Previous != "" {
		all = append(all, fingerprintOf(secret.Previous))
	}
	return all
}

func fingerprintOf(secret string) string { return pingone.NewSecret(secret).Fingerprint() }

func (s *standIns) close() {
	s.secrets.Close()
	s.pingOne.Close()
}
