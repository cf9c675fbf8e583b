package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/internal/provision"
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
	adminSecret   = "pingone/admin"
	fleetRegister = "register"
	fleetFunction = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"

	// callLatency is how long each call of a service takes in the bubble.
	callLatency = 50 * time.Millisecond

	// perEnvironment is how many applications PingOne lets an environment have.
	perEnvironment = 1000
)

// A fleet is many applications with a secret each, in both services. Time is
// synctest's: it passes when all goroutines wait, and costs nothing.
type fleet struct {
	t       *testing.T
	ping    *pingonetest.Server
	sm      *secretsmanagertest.Server
	db      *registertest.Server
	names   []string // of the secrets, sorted
	apps    []pingonetest.Application
	limited atomic.Int64 // calls that PingOne has answered with 429
}

// quiet keeps the stand-ins' transcripts of many thousand calls to themselves.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}

func inFleet(t *testing.T, size int, run func(*fleet)) {
	t.Helper()
	ping, sm := pingonetest.Run(quiet{t}), secretsmanagertest.Run(quiet{t})
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		f := &fleet{t: t, ping: ping, sm: sm, db: registertest.Within(quiet{t})}
		f.db.Follow(time.Now)
		f.db.CreateTable(fleetRegister, "subject", "entry", "expires")
		f.populate(size)
		ping.Latency(callLatency)
		sm.Latency(callLatency)
		f.db.Latency(callLatency)
		run(f)
	})
	ping.Close()
	sm.Close()
}

func (f *fleet) populate(size int) {
	organization := func(role string) pingonetest.RoleAssignment {
		return pingonetest.RoleAssignment{Role: role, ScopeType: "ORGANIZATION"}
	}
	admin := f.ping.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{
		organization("Client Application Developer"), organization("Identity Data Admin"),
	}})
	f.sm.AddFunction(fleetFunction, func(context.Context, []byte) error { return errors.New("nothing is scheduled here") })
	for i := range size {
		app := f.ping.AddApplication(pingonetest.Application{
			Environment: fmt.Sprintf("00000000-0000-4000-8000-%012d", i/perEnvironment),
			Name:        fmt.Sprintf("application %d", i),
			Roles:       []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}},
		})
		name := fmt.Sprintf("pingone/fleet/%05d", i)
		arn := f.sm.Put(name, credentialOf(app))
		f.ping.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) { a.Description = provision.MarkerOf(arn).String() })
		f.sm.EnableRotation(name, fleetFunction)
		f.db.Put(fleetRegister, map[string]any{ // an audit has entered it long ago
			"subject": "client#" + app.Environment + "/" + app.ID, "entry": "item",
			"format": 1, "number": 1, "nonce": "made-up", "item": "{}",
		})
		f.names, f.apps = append(f.names, name), append(f.apps, app)
	}
	f.sm.Put(adminSecret, f.adminDocument(admin))
	<-time.After(time.Hour) // consumers have had these secrets for a while
}

// adminDocument allows the applications by their ids, or by their marks if there are more
// ids than fit into a secret.
func (f *fleet) adminDocument(admin pingonetest.Application) string {
	type entry struct {
		Secret        string   `json:"secret"`
		EnvironmentID string   `json:"environmentId"`
		Applications  []string `json:"applications"`
	}
	var allow []entry
	for i, app := range f.apps {
		if i%perEnvironment == 0 {
			allow = append(allow, entry{"pingone/fleet/*", app.Environment, nil})
		}
		last := &allow[len(allow)-1]
		last.Applications = append(last.Applications, app.ID)
		if len(f.apps) > perEnvironment {
			last.Applications = []string{"marked"}
		}
	}
	text, err := json.Marshal(struct {
		credential
		Allow []entry `json:"allow"`
	}{credential{admin.Environment, "EU", admin.ClientID, admin.Secret, admin.TokenEndpointAuthMethod}, allow})
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// A credential is an application's part of the stored document.
type credential struct {
	EnvironmentID string `json:"environmentId"`
	Region        string `json:"region"`
	ClientID      string `json:"clientId"`
	ClientSecret  string `json:"clientSecret"`
	AuthMethod    string `json:"tokenEndpointAuthMethod"`
}

func credentialOf(app pingonetest.Application) string {
	text, err := json.Marshal(credential{app.Environment, "EU", app.ClientID, app.Secret, app.TokenEndpointAuthMethod})
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// A process is the function, somewhere, until it is killed.
type process struct {
	*fleet
	rotator *rotation.Rotator
	timeout time.Duration // of an invocation
	killed  context.Context
	kill    context.CancelFunc // as by SIGKILL: it sends nothing more
}

func (f *fleet) process() *process {
	p := &process{fleet: f, timeout: 5 * time.Minute} // as in the template
	p.killed, p.kill = context.WithCancel(context.Background())
	alive := func(*http.Request, []byte) error { return p.killed.Err() }
	p.rotator = &rotation.Rotator{
		Secrets: f.client(&memory.Transport{Handler: f.sm, Pass: alive}),
		Register: &register.Table{Name: fleetRegister, Connection: register.Connection{
			Region:      "us-east-1",
			Credentials: credentials.NewStaticCredentialsProvider("fleet", "made-up", ""),
			HTTPClient:  &http.Client{Transport: &memory.Transport{Handler: f.db, Pass: alive}},
		}},
		Settings: rotation.Settings{AdminSecretID: adminSecret, APIURL: f.ping.URL(), AuthURL: f.ping.URL()},
		PingOne: pingone.Client{
			HTTP:   &http.Client{Transport: counting{&memory.Transport{Handler: f.ping, Pass: alive}, &f.limited}},
			Tokens: new(pingone.TokenCache),
		},
		Log: slog.New(slog.DiscardHandler),
	}
	return p
}

func (f *fleet) client(transport http.RoundTripper) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(f.sm.URL()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		HTTPClient:   &http.Client{Transport: transport},
	})
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

// call is the function's front door, in this process.
func (p *process) call(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
	event, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	answer, err := p.rotator.Handle(ctx, event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// current returns what AWSCURRENT holds of each secret.
func (f *fleet) current() []string {
	f.t.Helper()
	var all []string
	for _, name := range f.names {
		text, _ := f.sm.Value(name, "AWSCURRENT")
		var stored credential
		if err := json.Unmarshal([]byte(text), &stored); err != nil {
			f.t.Fatal(err)
		}
		all = append(all, stored.ClientSecret)
	}
	return all
}

// mints checks how often each secret of the fleet was regenerated, and that AWSCURRENT is
// PingOne's current one.
func (f *fleet) mints(least, most int) {
	f.t.Helper()
	wrong := 0
	for i, current := range f.current() {
		app := f.apps[i]
		got, live := f.ping.Mints(app.Environment, app.ID), f.ping.Secret(app.Environment, app.ID).Value
		if got >= least && got <= most && current == live {
			continue
		}
		if wrong++; wrong <= 5 {
			f.t.Errorf("%s: regenerated %d times, want %d to %d; AWSCURRENT is PingOne's secret: %t", f.names[i], got, least, most, current == live)
		}
	}
	if wrong > 5 {
		f.t.Errorf("and %d others", wrong-5)
	}
}
