package rotation_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"
	adminName   = "pingone/admin"
	orders      = "pingone/orders-api"
)

// A world is both services, a rotator between them, an admin application and one managed
// secret. Time moves only when something waits or a test moves it.
type world struct {
	t       testing.TB
	ping    *pingonetest.Server
	sm      *secretsmanagertest.Server
	db      *registertest.Server
	admin   pingonetest.Application
	app     pingonetest.Application
	rotator *rotation.Rotator
	log     *journal

	inspector                               pingonetest.Application // reads the environment for a test
	settings                                rotation.Settings
	toPingOne, toSecretsManager, toRegister http.RoundTripper
	bubble                                  bool
	sockets                                 bool
	fresh                                   bool
	table                                   string                             // the register's, if not its own
	reports                                 []string                           // what actions have returned
	order                                   string                             // the ClientRequestToken of an emergency that is repeated
	die                                     atomic.Pointer[context.CancelFunc] // ends the invocation in progress
}

// quiet is a testing.TB that drops a stand-in's transcript. In a matrix of thousands of
// rotations, only that of a failing one is wanted.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// brief is the testing.TB of a stand-in that is closed before its test ends. A cleanup
// would keep it until then, and a matrix has more worlds than a process has memory.
type brief struct{ quiet }

func (brief) Cleanup(func()) {}

// connect gives the world the rotator of a new process.
func (w *world) connect(toPingOne, toSecretsManager, toRegister http.RoundTripper) {
	w.toPingOne, w.toSecretsManager, w.toRegister = toPingOne, toSecretsManager, toRegister
	dynamo := "http://127.0.0.1:1" // in a bubble there is no socket
	if w.sockets {
		dynamo = w.db.URL()
	}
	w.rotator = &rotation.Rotator{
		Secrets: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(w.sm.URL()),
			Region:       "us-east-1",
			Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
			HTTPClient:   &http.Client{Transport: toSecretsManager, Timeout: 5 * time.Second},
			Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
				if !w.bubble {
					o.MaxBackoff = time.Millisecond
				}
			}),
		}),
		Settings: w.settings,
		Register: &register.Table{
			Name: cmp.Or(w.table, registerTable),
			Connection: register.Connection{
				Region: "us-east-1", Endpoint: dynamo, HTTPClient: &http.Client{Transport: toRegister},
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
			},
			Now: w.ping.Now,
		},
		PingOne: pingone.Client{HTTP: &http.Client{Transport: toPingOne}, Tokens: new(pingone.TokenCache)},
		Log:     slog.New(slog.NewJSONHandler(w.log, nil)),
		Metrics: w.log,

		FunctionARN: functionARN,
	}
}

const registerTable = "pingrotate-register"

// open adds the client's item to the register, as an audit does after a secret was
// attached. Without it, the first rotation waits until no earlier act can take effect any
// more.
func (w *world) open() {
	w.t.Helper()
	if w.fresh {
		return
	}
	key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
	if _, err := w.rotator.Register.Replace(w.t.Context(), key, register.Revision{}, register.Item{}); err != nil {
		w.t.Fatal(err)
	}
}

// bring gives the rotator of a new process the world's clock, outside a bubble.
func (w *world) bring() {
	if w.bubble {
		return
	}
	w.rotator.PingOne.Now = w.ping.Now
	w.rotator.PingOne.Wait = func(ctx context.Context, d time.Duration) error {
		w.advance(d)
		return ctx.Err()
	}
}

// cancelRotation cancels the rotation, as an operator does.
func (w *world) cancelRotation() {
	w.t.Helper()
	sm := w.rotator.Secrets.(*secretsmanager.Client)
	if _, err := sm.CancelRotateSecret(w.t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String(orders)}); err != nil {
		w.t.Fatalf("cancel the rotation: %v", err)
	}
}

// document is what a new secret of an application holds.
func document(a pingonetest.Application) map[string]any {
	return map[string]any{
		"environmentId":           a.Environment,
		"region":                  "EU",
		"clientId":                a.ClientID,
		"clientSecret":            a.Secret,
		"tokenEndpointAuthMethod": a.TokenEndpointAuthMethod,
	}
}

// allow adds an entry for a secret with this document to the admin's allow.
func (w *world) allow(name string, d map[string]any) {
	admin := w.adminDocument()
	all, _ := admin["allow"].([]any)
	admin["allow"] = append(all, entryFor(name, d))
	w.sm.Put(adminName, encode(admin))
}

// put stores a document in a secret, and allows what the document needs.
func (w *world) put(name string, d map[string]any) string {
	w.allow(name, d)
	return w.sm.Put(name, encode(d))
}

// adminDocument returns what the admin's secret holds.
func (w *world) adminDocument() map[string]any {
	text, _ := w.sm.Value(adminName, "AWSCURRENT")
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// entryFor returns the entry of allow that a secret with this document needs. If the
// document does not parse, the entry is for the application that it names.
func entryFor(name string, d map[string]any) (entry map[string]any) {
	parsed, err := rotation.ParseDocument(encode(d))
	if err != nil {
		return map[string]any{"secret": name, "environmentId": d["environmentId"], "applications": d["clientId"]}
	}
	if err := json.Unmarshal([]byte(rotation.EntryFor(name, parsed)), &entry); err != nil {
		panic(err)
	}
	return entry
}

func encode(document map[string]any) string {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// invoke is one invocation of the function as the template deploys it.
func (w *world) invoke(ctx context.Context, event []byte) error {
	return w.invokeFor(ctx, event, 5*time.Minute)
}

func (w *world) invokeFor(ctx context.Context, event []byte, timeout time.Duration) error {
	ctx, cancel := context.WithDeadline(ctx, w.ping.Now().Add(timeout))
	defer cancel()
	w.die.Store(&cancel)
	_, err := w.rotator.Handle(ctx, event)
	return err
}

// root returns a client that may do everything in the environment, to inspect it.
func (w *world) root() *pingone.Client {
	if w.inspector.ID == "" {
		w.inspector = w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "inspector", Roles: []pingonetest.RoleAssignment{
			{Role: "Environment Admin"}, {Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
		}})
	}
	c := w.rotator.PingOne
	c.Admin = w.credential(w.inspector.Secret)
	c.Admin.ClientID, c.Admin.Method = w.inspector.ClientID, pingone.ClientSecretBasic
	c.Tokens = nil
	return &c
}

// credential is the application's, with the secret given.
func (w *world) credential(secret string) pingone.Credential {
	return pingone.Credential{
		Environment: pingone.Environment{ID: w.app.Environment, API: w.ping.URL(), Auth: w.ping.URL() + "/" + w.app.Environment},
		ClientID:    w.app.ClientID,
		Secret:      pingone.NewSecret(secret),
		Method:      pingone.AuthMethod(w.app.TokenEndpointAuthMethod),
	}
}

func (w *world) advance(d time.Duration) {
	if w.bubble {
		<-time.After(d)
		return
	}
	w.ping.Advance(d) // the register's stand-in follows it
	w.sm.Advance(d)
}

// rotate runs one rotation and expects it to succeed.
func (w *world) rotate() {
	w.t.Helper()
	if err := w.sm.Rotate(w.t.Context(), orders); err != nil {
		w.t.Fatalf("rotate: %v\n%s", err, w.log)
	}
}

// rotateFails runs one rotation and expects it to fail with words in its error or in
// the remedy.
func (w *world) rotateFails(words ...string) error {
	w.t.Helper()
	err := w.sm.Rotate(w.t.Context(), orders)
	if err == nil {
		w.t.Fatalf("rotate: got success, want an error with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error()+"; "+pingone.Remedy(err), word) {
			w.t.Errorf("rotate: got error %q, want it to contain %q", err, word)
		}
	}
	w.t.Log(err)
	return err
}

// retry is Secrets Manager's next attempt with the same token.
func (w *world) retry() {
	w.t.Helper()
	if err := w.sm.Attempt(w.t.Context(), orders); err != nil {
		w.t.Fatalf("retry: %v\n%s", err, w.log)
	}
}

// at does something just before the nth call of an operation of Secrets Manager.
func (w *world) at(operation string, n int, do func()) {
	var mu sync.Mutex
	seen := 0
	w.sm.Before(func(c fault.Call) fault.Kind {
		mu.Lock()
		defer mu.Unlock()
		if c.Operation == operation {
			if seen++; seen == n {
				do()
			}
		}
		return fault.None
	})
}

// oneByOne makes a hook that keeps state safe for parallel calls. The hook must not call a
// service itself.
func oneByOne(hook func(fault.Call) fault.Kind) func(fault.Call) fault.Kind {
	var mu sync.Mutex
	return func(c fault.Call) fault.Kind {
		mu.Lock()
		defer mu.Unlock()
		return hook(c)
	}
}

// stick begins a rotation that stores its version and cannot move AWSCURRENT. Nothing can
// foresee that the function loses the right to label after it was tested.
func (w *world) stick() {
	w.t.Helper()
	var mu sync.Mutex
	seen := 0
	w.sm.Before(func(c fault.Call) fault.Kind {
		mu.Lock()
		defer mu.Unlock()
		if c.Operation == "UpdateSecretVersionStage" {
			if seen++; seen > 1 {
				return fault.Denied
			}
		}
		return fault.None
	})
	w.rotateFails("AWSCURRENT")
	w.sm.Before(nil)
}
