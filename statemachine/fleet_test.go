package statemachine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/internal/playground"
	"pingrotate/internal/provision"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
	"pingrotate/internal/runtimetest"
	"pingrotate/internal/waves"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	adminSecret = "pingone/admin"
	tableName   = "register"
)

// A fleet is many applications with a secret each, and the function behind Lambda's
// API. Time is real.
type fleet struct {
	t     *testing.T
	ping  *pingonetest.Server
	sm    *secretsmanagertest.Server
	db    *registertest.Server
	cloud *playground.Cloud
	names []string
	apps  []pingonetest.Application

	limited atomic.Int64 // calls that PingOne has answered with 429
	mu      sync.Mutex
	looked  []string // by audits of batches
	rotator *rotation.Rotator
	alive   context.Context
	kill    context.CancelFunc // as by SIGKILL: the process sends nothing more
}

// quiet keeps the stand-ins' transcripts of many thousand calls to themselves.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}

func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	f := &fleet{t: t, ping: pingonetest.Run(quiet{t}), sm: secretsmanagertest.Run(quiet{t}), db: registertest.Run(quiet{t})}
	// PingOne's secrets are an hour old when the campaign begins; otherwise one of AWS's
	// clocks would be ahead of the other.
	f.ping.Follow(time.Now)
	f.sm.Follow(time.Now)
	f.db.Follow(time.Now)
	f.db.CreateTable(tableName, "subject", "entry", "expires")
	role := func(name string) pingonetest.RoleAssignment {
		return pingonetest.RoleAssignment{Role: name, ScopeType: "ORGANIZATION"}
	}
	admin := f.ping.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{role("Client Application Developer"), role("Identity Data Admin")}})
	allow := fmt.Sprintf(`,"allow":[{"secret":"pingone/fleet/*","environmentId":%q,"applications":"marked"}]}`, admin.Environment)
	f.sm.Put(adminSecret, strings.TrimSuffix(document(admin), "}")+allow)
	f.sm.AddFunction(runtimetest.FunctionARN, func(context.Context, []byte) error { return errors.New("nothing is scheduled here") })
	for i := range size {
		app := f.ping.AddApplication(pingonetest.Application{
			Name: fmt.Sprintf("application %d", i), Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}},
		})
		name := fmt.Sprintf("pingone/fleet/%05d", i)
		arn := f.sm.Put(name, document(app))
		f.ping.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) { a.Description = provision.MarkerOf(arn).String() })
		f.sm.EnableRotation(name, runtimetest.FunctionARN)
		f.db.Put(tableName, map[string]any{ // an audit has entered it long ago
			"subject": "client#" + app.Environment + "/" + app.ID, "entry": "item",
			"format": 1, "number": 1, "nonce": "made-up", "item": "{}",
		})
		f.names, f.apps = append(f.names, name), append(f.apps, app)
	}
	f.start()
	f.cloud = &playground.Cloud{Show: func(string) {}, Lines: func() []playground.LogLine { return nil }, Invoke: f.invoke, Aliases: []string{rotation.OperateAlias}}
	if err := f.cloud.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.cloud.Close)
	return f
}

func document(a pingonetest.Application) string {
	return fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":%q}`, a.Environment, a.ClientID, a.Secret)
}

// start starts the function again.
func (f *fleet) start() {
	alive, kill := context.WithCancel(context.Background())
	pass := func(*http.Request, []byte) error { return alive.Err() }
	keys := credentials.NewStaticCredentialsProvider("fleet", "made-up", "")
	r := &rotation.Rotator{
		Secrets: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(f.sm.URL()), Region: "us-east-1", Credentials: keys,
			HTTPClient: &http.Client{Transport: &memory.Transport{Handler: f.sm, Pass: pass}},
		}),
		Register: &register.Table{Name: tableName, Connection: register.Connection{
			Region: "us-east-1", Credentials: keys, HTTPClient: &http.Client{Transport: &memory.Transport{Handler: f.db, Pass: pass}},
		}},
		Settings: rotation.Settings{AdminSecretID: adminSecret, APIURL: f.ping.URL(), AuthURL: f.ping.URL()},
		PingOne: pingone.Client{
			HTTP:   &http.Client{Transport: counting{&memory.Transport{Handler: f.ping, Pass: pass}, &f.limited}},
			Tokens: new(pingone.TokenCache),
		},
		FunctionARN: runtimetest.FunctionARN,
		Log:         slog.New(slog.NewJSONHandler(f.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Metrics:     io.Discard,
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rotator, f.alive, f.kill = r, alive, kill
}

// counting counts the calls that PingOne refused because of its limit.
type counting struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		c.n.Add(1)
	}
	return resp, err
}

// invoke is one invocation. It brings no answer if its process is killed.
func (f *fleet) invoke(ctx context.Context, qualifier string, event []byte) ([]byte, error) {
	f.mu.Lock()
	r, alive := f.rotator, f.alive
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	report, err := r.Invoke(ctx, runtimetest.FunctionARN+":"+qualifier, event)
	if l, ok := report.(*waves.Looked); ok {
		f.mu.Lock()
		f.looked = append(f.looked, l.Secrets...)
		f.mu.Unlock()
	}
	switch {
	case alive.Err() != nil:
		return nil, &runtimetest.ExitError{Status: "signal: killed"}
	case err != nil:
		return nil, &runtimetest.FunctionError{Type: "errorString", Message: err.Error()}
	}
	return json.Marshal(report)
}

// mints checks how often each secret was regenerated, and that AWSCURRENT works.
func (f *fleet) mints(least, most int) {
	f.t.Helper()
	for i, name := range f.names {
		text, _ := f.sm.Value(name, "AWSCURRENT")
		var d struct{ ClientSecret string }
		json.Unmarshal([]byte(text), &d)
		a := f.apps[i]
		if d.ClientSecret == "" {
			continue // a test has put it there
		}
		if n := f.ping.Mints(a.Environment, a.ID); n < least || n > most || !f.ping.Authenticates(a.Environment, a.ClientID, d.ClientSecret) {
			f.t.Errorf("%s: regenerated %d times, want %d to %d; AWSCURRENT obtains a token: %t", name, n, least, most, f.ping.Authenticates(a.Environment, a.ClientID, d.ClientSecret))
		}
	}
}

// minted returns how many secrets were regenerated.
func (f *fleet) minted() (n int) {
	for _, a := range f.apps {
		if f.ping.Mints(a.Environment, a.ID) > 0 {
			n++
		}
	}
	return n
}
