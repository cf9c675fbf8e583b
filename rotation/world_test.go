package rotation_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"
	adminName   = "pingone/admin"
	orders      = "pingone/orders-api"
)

// A world is both services, a rotator between them, an admin application and one
// managed secret. Its clock moves only when something waits or a test says so.
type world struct {
	t       testing.TB
	ping    *pingonetest.Server
	sm      *secretsmanagertest.Server
	admin   pingonetest.Application
	app     pingonetest.Application
	rotator *rotation.Rotator
	log     *journal
}

// quiet is a testing.TB that keeps a stand-in's transcript to itself: in a matrix
// of thousands of rotations it is only wanted of the one that fails.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// option changes a world before its first call.
type option func(*options)

type options struct {
	app      pingonetest.Application
	edit     func(document map[string]any)
	settings rotation.Settings
	timeout  time.Duration // for one call to either service, in real time
	quiet    bool
}

// withApp starts with another application.
func withApp(app pingonetest.Application) option { return func(o *options) { o.app = app } }

// withDocument changes the managed secret's first version.
func withDocument(edit func(map[string]any)) option { return func(o *options) { o.edit = edit } }

func newWorld(t testing.TB, opts ...option) *world {
	t.Helper()
	o := options{timeout: 5 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	var tb testing.TB = t
	if o.quiet {
		tb = quiet{t}
	}
	w := &world{t: t, ping: pingonetest.Run(tb), sm: secretsmanagertest.Run(tb), log: &journal{}}
	w.admin = w.ping.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{
		{Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
	}})
	if o.app.Roles == nil {
		o.app.Roles = []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}
	}
	o.app.Name, o.app.Environment = "orders-api", w.admin.Environment
	w.app = w.ping.AddApplication(o.app)

	w.sm.Put(adminName, encode(document(w.admin)))
	first := document(w.app)
	if o.edit != nil {
		o.edit(first)
	}
	w.sm.Put(orders, encode(first))

	o.settings.AdminSecretID = adminName
	o.settings.APIURL, o.settings.AuthURL = w.ping.URL(), w.ping.URL()
	w.rotator = &rotation.Rotator{
		Secrets:  sdk(w.sm, o.timeout),
		Settings: o.settings,
		PingOne: pingone.Client{
			HTTP:   &http.Client{Timeout: o.timeout, Transport: &http.Transport{DisableKeepAlives: true}},
			Tokens: new(pingone.TokenCache),
			Now:    w.ping.Now,
			Wait: func(ctx context.Context, d time.Duration) error {
				w.advance(d)
				return ctx.Err()
			},
		},
		Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	w.sm.AddFunction(functionARN, w.invoke)
	w.sm.EnableRotation(orders, functionARN)
	return w
}

// sdk returns the real SDK's client for the stand-in, which repeats without waiting.
func sdk(sm *secretsmanagertest.Server, timeout time.Duration) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(sm.URL()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		HTTPClient:   awshttp.NewBuildableClient().WithTimeout(timeout),
		Retryer:      retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }),
	})
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

func encode(document map[string]any) string {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// invoke is one invocation of the function as the template deploys it.
func (w *world) invoke(ctx context.Context, event []byte) error {
	return w.invokeFor(ctx, event, time.Minute)
}

func (w *world) invokeFor(ctx context.Context, event []byte, timeout time.Duration) error {
	ctx, cancel := context.WithDeadline(ctx, w.ping.Now().Add(timeout))
	defer cancel()
	return w.rotator.Handle(ctx, event)
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
	w.ping.Advance(d)
	w.sm.Advance(d)
}

// rotate runs one rotation and expects it to succeed.
func (w *world) rotate() {
	w.t.Helper()
	if err := w.sm.Rotate(w.t.Context(), orders); err != nil {
		w.t.Fatalf("rotate: %v\n%s", err, w.log)
	}
}

// rotateFails runs one rotation and expects it to fail with words in its error.
func (w *world) rotateFails(words ...string) error {
	w.t.Helper()
	err := w.sm.Rotate(w.t.Context(), orders)
	if err == nil {
		w.t.Fatalf("rotate: got success, want an error with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
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

// stored returns what the label's version holds.
func (w *world) stored(label string) map[string]any {
	w.t.Helper()
	text, ok := w.sm.Value(orders, label)
	if !ok {
		return nil
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		w.t.Fatalf("decode the version labelled %s: %v", label, err)
	}
	return d
}

// secret returns the client secret of the version with the label.
func (w *world) secret(label string) string {
	s, _ := w.stored(label)["clientSecret"].(string)
	return s
}

func (w *world) accepts(secret string) bool {
	return w.ping.Authenticates(w.app.Environment, w.app.ClientID, secret)
}

func (w *world) mints() int { return w.ping.Mints(w.app.Environment, w.app.ID) }

// decisions returns the decision of each step so far, from the log.
func (w *world) decisions() []string {
	var all []string
	for _, line := range w.log.lines() {
		d, _ := line["decision"].(string)
		all = append(all, d)
	}
	return all
}

// checkPromoted checks that a rotation has come to its end: AWSCURRENT is
// PingOne's current secret, and nothing is pending elsewhere.
func (w *world) checkPromoted() {
	w.t.Helper()
	live := w.ping.Secret(w.app.Environment, w.app.ID).Value
	if w.secret("AWSCURRENT") != live {
		w.t.Errorf("AWSCURRENT is not PingOne's current secret\n%s%s%s", w.sm.Dump(), w.ping.Dump(), w.log)
	}
	if pending := w.sm.VersionID(orders, "AWSPENDING"); pending != "" && pending != w.sm.VersionID(orders, "AWSCURRENT") {
		w.t.Errorf("AWSPENDING is left on version %s\n%s", pending, w.sm.Dump())
	}
}

// checkSilent checks that neither the log nor an error gave a secret away.
func (w *world) checkSilent(texts ...string) {
	w.t.Helper()
	all := w.log.String() + strings.Join(texts, "\n")
	for _, secret := range append(w.ping.Issued(), rotationTokens(w.sm)...) {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret)} {
			if strings.Contains(all, form) {
				w.t.Fatal("a secret has reached the log or an error")
			}
		}
	}
}

// rotationTokens returns the values that the stand-in keeps which are not whole
// documents: a document is public but for its secret, which PingOne issued.
func rotationTokens(sm *secretsmanagertest.Server) []string {
	var tokens []string
	for _, v := range sm.Values() {
		if !strings.HasPrefix(v, "{") {
			tokens = append(tokens, v)
		}
	}
	return tokens
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

func (j *journal) lines() []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(j.String()) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) == nil {
			all = append(all, l)
		}
	}
	return all
}

// label puts a label of the user's own on the current version.
func (w *world) label(name string) {
	w.t.Helper()
	id := w.sm.VersionID(orders, "AWSCURRENT")
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: &name, MoveToVersionId: &id,
	})
	if err != nil {
		w.t.Fatalf("label a version: %v", err)
	}
}

// unstick takes AWSPENDING away, as an operator does.
func (w *world) unstick() {
	w.t.Helper()
	id := w.sm.VersionID(orders, "AWSPENDING")
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &id,
	})
	if err != nil {
		w.t.Fatalf("take AWSPENDING away: %v", err)
	}
}

// putPending stores a value under the token of the rotation in progress.
func (w *world) putPending(text string) {
	w.t.Helper()
	id := w.sm.VersionID(orders, "AWSPENDING")
	_, err := w.rotator.Secrets.PutSecretValue(w.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(orders), ClientRequestToken: &id, SecretString: &text, VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		w.t.Fatalf("store a foreign value: %v", err)
	}
}
