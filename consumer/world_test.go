package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/consumer"
	"pingrotate/internal/canary"
	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"
	adminName   = "pingone/admin"
	orders      = "pingone/orders-api"
)

// A world is both services, the rotator, an application with its secret, and a source of
// tokens for it, in a synctest bubble: time passes when all goroutines wait, and costs
// nothing.
type world struct {
	t       *testing.T
	ping    *pingonetest.Server
	sm      *secretsmanagertest.Server
	admin   pingonetest.Application
	app     pingonetest.Application
	rotator *rotation.Rotator
	source  *consumer.Source
	log     *journal
	errs    []string // from every call of Token through the world
}

// quiet is a testing.TB that keeps a stand-in's transcript to itself.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// inBubble runs a test in a world of its own. At its end it looks for secrets in the log
// and in the errors.
func inBubble(t *testing.T, app pingonetest.Application, run func(*world)) {
	t.Helper()
	ping, sm := pingonetest.Run(quiet{t}), secretsmanagertest.Run(quiet{t})
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		w := &world{t: t, ping: ping, sm: sm, log: &journal{}}
		w.admin = ping.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{
			{Role: "Environment Admin"}, {Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
		}})
		app.Name, app.Environment = "orders-api", w.admin.Environment
		if app.Audience == "" {
			app.Roles = []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}
		}
		w.app = ping.AddApplication(app)
		admin := document(w.admin)
		admin["allow"] = []any{map[string]any{"secret": orders, "environmentId": app.Environment, "applications": w.app.ID}}
		sm.Put(adminName, encode(admin))
		sm.Put(orders, encode(document(w.app)))
		db := registertest.Within(quiet{t})
		db.Follow(time.Now)
		db.CreateTable("register", "subject", "entry", "expires")
		table := &register.Table{Name: "register", Connection: register.Connection{
			Region: "us-east-1", Endpoint: "http://127.0.0.1:1", HTTPClient: &http.Client{Transport: &memory.Transport{Handler: db}},
			Credentials: credentials.NewStaticCredentialsProvider("function", "made-up", ""),
		}}
		key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
		if _, err := table.Replace(t.Context(), key, register.Revision{}, register.Item{}); err != nil { // otherwise the first rotation waits
			t.Fatal(err)
		}
		w.rotator = &rotation.Rotator{
			Register: table,
			Secrets:  w.secretsManager("function"),
			Settings: rotation.Settings{AdminSecretID: adminName, APIURL: ping.URL(), AuthURL: ping.URL()},
			PingOne:  pingone.Client{HTTP: w.toPingOne(), Tokens: new(pingone.TokenCache)},
			Log:      slog.New(slog.DiscardHandler),

			FunctionARN: functionARN,
		}
		sm.AddFunction(functionARN, func(ctx context.Context, event []byte) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
			defer cancel()
			_, err := w.rotator.Handle(ctx, event)
			return err
		})
		sm.EnableRotation(orders, functionARN)
		w.source = w.newSource()
		run(w)
		synctest.Wait()
		w.checkSilent()
	})
}

// newSource returns a source as in another process.
func (w *world) newSource() *consumer.Source {
	return &consumer.Source{
		Secrets:  w.secretsManager("consumer"),
		SecretID: orders,
		AuthURL:  w.ping.URL(),
		HTTP:     w.toPingOne(),
		Log:      slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// secretsManager returns a client whose name tells hooks its calls apart.
func (w *world) secretsManager(name string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(w.sm.URL()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(name, "made-up", ""),
		HTTPClient:   &http.Client{Transport: &memory.Transport{Handler: w.sm}},
	})
}

func (w *world) toPingOne() *http.Client {
	return &http.Client{Transport: &memory.Transport{Handler: w.ping}}
}

// document is the document of a new secret of an application.
func document(a pingonetest.Application) map[string]any {
	return map[string]any{
		"environmentId":           a.Environment,
		"region":                  "EU",
		"clientId":                a.ClientID,
		"clientSecret":            a.Secret,
		"tokenEndpointAuthMethod": a.TokenEndpointAuthMethod,
	}
}

func encode(document map[string]any) string {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// stored returns the document in AWSCURRENT.
func (w *world) stored() map[string]any {
	w.t.Helper()
	text, _ := w.sm.Value(orders, "AWSCURRENT")
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		w.t.Fatalf("decode AWSCURRENT: %v", err)
	}
	return d
}

func (w *world) rotate() {
	w.t.Helper()
	if err := w.sm.Rotate(w.t.Context(), orders); err != nil {
		w.t.Fatalf("rotate: %v", err)
	}
}

// emergency ends the secret that all consumers hold.
func (w *world) emergency(e rotation.Emergency) {
	w.t.Helper()
	event := fmt.Sprintf(`{"action": "rotate", "secretId": %q, "emergency": %q}`, orders, e)
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	report, err := w.rotator.Handle(ctx, []byte(event))
	if err != nil {
		w.t.Fatalf("end the leak: %v", err)
	}
	if r := report.(*rotation.Report); r.Outcome != rotation.Ended {
		w.t.Fatalf("end the leak: got %s: %s", r.Outcome, r.Error)
	}
}

func (w *world) advance(d time.Duration) { <-time.After(d) }

// token obtains a token, which must be good.
func (w *world) token() pingone.Token {
	w.t.Helper()
	token, err := w.try()
	if err != nil {
		w.t.Fatalf("obtain a token: %v\n%s", err, w.log)
	}
	return token
}

// try obtains a token or an error.
func (w *world) try() (pingone.Token, error) {
	w.t.Helper()
	token, err := w.source.Token(w.t.Context())
	switch {
	case err != nil:
		w.errs = append(w.errs, err.Error())
	case !time.Now().Before(token.ExpiresAt):
		w.t.Errorf("got a token that ended at %v", token.ExpiresAt)
	}
	return token, err
}

// fails expects an error with these words, and returns it.
func (w *world) fails(words ...string) error {
	w.t.Helper()
	_, err := w.try()
	if err == nil {
		w.t.Fatalf("obtain a token: got one, want an error with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("obtain a token: got error %q, want it to contain %q", err, word)
		}
	}
	w.t.Log(err)
	return err
}

// reads counts the consumers' reads of the secret, and asks their requests for a token with
// it.
func (w *world) reads() (n int) {
	for _, c := range w.sm.Calls() {
		if c.Trace == "consumer" {
			n++
		}
	}
	return n
}

func (w *world) asks() (n int) {
	for _, c := range w.ping.Calls() {
		if c.Operation == pingonetest.OpToken && c.Trace == "" {
			n++
		}
	}
	return n
}

// count returns a function that checks how often the services were called since it was last
// called.
func (w *world) count() func(reads, asks int) {
	reads, asks := w.reads(), w.asks()
	return func(wantReads, wantAsks int) {
		w.t.Helper()
		if r, a := w.reads()-reads, w.asks()-asks; r != wantReads || a != wantAsks {
			w.t.Errorf("got %d reads of the secret and %d requests for a token, want %d and %d\n%s", r, a, wantReads, wantAsks, w.log)
		}
		reads, asks = w.reads(), w.asks()
	}
}

// down makes calls of one operation fail.
func down(operation string, kind fault.Kind) func(fault.Call) fault.Kind {
	return func(c fault.Call) fault.Kind {
		if c.Operation == operation {
			return kind
		}
		return fault.None
	}
}

func (w *world) checkSilent() {
	w.t.Helper()
	text := w.log.String() + strings.Join(w.errs, "\n")
	for _, secret := range w.ping.Issued() {
		if canary.In(text, secret) {
			w.t.Error("a secret or a token has reached the log or an error")
		}
	}
}

// journal keeps log lines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}
