package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A walk is a world in which anything may happen, in any order: two admin applications
// that rotate each other, an application with a managed secret, one with two of them,
// and one with a twin.
//
// Calls are applied one after the other: the walk's lock is held from the moment in
// which a call's fate is decided until the checker has looked at what it has done.
type walk struct {
	ping     *pingonetest.Server
	sm       *secretsmanagertest.Server
	db       *registertest.Server
	t        *testing.T
	settings rotation.Settings
	rotator  *rotation.Rotator
	log      *journal

	// What people do, and what the checker looks at, goes past the faults.
	people     *secretsmanager.Client
	dynamo     *dynamodb.Client
	registered *register.Table

	secrets   []*walkSecret // the admins' first
	clients   map[string]*walkClient
	groups    map[string]*walkGroup // by application id
	bystander walkBystander

	mu       sync.Mutex
	armed    []*trigger
	fatal    map[callID]*invocation // calls after which their process dies
	owners   map[callID]*invocation
	sent     map[callID]time.Time
	running  []*invocation // the last one was begun last
	lag      map[string]time.Duration
	cutOff   bool      // the register is out of reach
	eager    bool      // hourly audits, and not only those without which AWSCURRENT would die
	paused   bool      // nothing goes wrong: faults wait
	nodes    bool      // hosts of PingOne learn and forget in their own time
	unlisted bool      // the register may not know which secrets hold a client
	next     time.Time // hourly audits have nothing to do before then
	n        int       // changes are looked for so often
	tokens   int
	texts    []string // errors and reports
	breaches []string
	story    []string
	looks    int            // checks of I1
	excused  map[string]int // of them, by the exception that was the cause
	seen     map[string]bool
}

// callID tells calls apart, also where one is applied twice.
type callID struct {
	service string
	n       int
}

func idOf(c fault.Call) callID { return callID{c.Service, c.N} }

// An invocation is one run of a process.
type invocation struct {
	begun  time.Time
	cancel context.CancelFunc
	dead   bool
	views  map[string]time.Time // by application: of when the last view of its secret was
	stored map[string]time.Time // by managed secret: of when the last read of its labels was
}

type invocationKey struct{}

// A trigger is what happens at the nth call of an operation from now.
type trigger struct {
	operation   string
	n           int
	kind        fault.Kind
	deathInWalk bool          // the process dies: before the call or, if the kind applies it, after it
	act         *op           // happens before the call is applied
	delay       time.Duration // of a kind that holds the call
}

// walker is the access key of people, and of the checker.
const walker = "AKIDWALKER"

const (
	developer = "Client Application Developer"
	data      = "Identity Data Admin"
	superior  = "Environment Admin" // a role that the admins cannot assign
	admins    = 2                   // the first secrets are of admin applications
	shared    = 3                   // this one and the next are of one client
	twins     = 5                   // the strategy alternating
)

// newWalk fills the services. Secrets in the mask are not seeded yet.
func newWalk(t *testing.T, ping *pingonetest.Server, sm *secretsmanagertest.Server, db *registertest.Server, s setting) *walk {
	w := &walk{
		t: t, ping: ping, sm: sm, db: db, log: &journal{}, eager: s.eager,
		clients: map[string]*walkClient{}, groups: map[string]*walkGroup{}, lag: map[string]time.Duration{}, excused: map[string]int{}, seen: map[string]bool{},
		fatal: map[callID]*invocation{}, owners: map[callID]*invocation{}, sent: map[callID]time.Time{},
	}
	w.settings = rotation.Settings{APIURL: ping.URL(), AuthURL: ping.URL(), AdminSecretIDs: []string{"pingone/admin-1", "pingone/admin-2"}}
	sm.AddFunction(functionARN, w.invoke)
	db.CreateTable(registerTable, "subject", "entry", "expires")
	keys := credentials.NewStaticCredentialsProvider(walker, "example", "")
	w.people = secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(sm.URL()), Region: "us-east-1", Credentials: keys, HTTPClient: &http.Client{Transport: &memory.Transport{Handler: sm}},
	})
	w.dynamo = dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String("http://127.0.0.1:1"), Region: "us-east-1", Credentials: keys, HTTPClient: &http.Client{Transport: &memory.Transport{Handler: db}},
	})
	w.registered = &register.Table{Name: registerTable, Now: ping.Now, Connection: register.Connection{
		Region: "us-east-1", Endpoint: "http://127.0.0.1:1", Credentials: keys, HTTPClient: &http.Client{Transport: &memory.Transport{Handler: db}},
	}}
	w.populate(s.unseeded)
	w.rotator = w.process()
	for _, line := range []*fault.Line{ping.Line, sm.Line, db.Line} {
		line.Before(w.before)
		line.After(w.after)
		line.Lag(w.behind)
	}
	w.unlisted = s.fresh
	if !s.fresh {
		w.do(rotation.Action{Action: "audit"})
		w.pass(time.Minute)
	}
	return w
}

func (w *walk) populate(unseeded int) {
	plans := []struct {
		name, admin, method string
		roles               []string
		strategy, grace     string
	}{
		{"pingone/admin-1", "pingone/admin-2", "CLIENT_SECRET_BASIC", []string{developer, data}, "single", "24h"},
		{"pingone/admin-2", "pingone/admin-1", "CLIENT_SECRET_POST", []string{developer, data}, "single", "24h"},
		{"pingone/orders", "pingone/admin-1", "CLIENT_SECRET_BASIC", []string{data}, "single", "24h"},
		{"pingone/billing", "pingone/admin-2", "CLIENT_SECRET_POST", []string{data}, "single", "168h"},
		{"pingone/billing-too", "pingone/admin-2", "CLIENT_SECRET_POST", nil, "single", "168h"}, // the same client
		{"pingone/stock", "pingone/admin-2", "CLIENT_SECRET_BASIC", nil, "alternating", "24h"},
	}
	var documents []map[string]any
	for i, s := range plans {
		grace, _ := time.ParseDuration(s.grace)
		sec := &walkSecret{name: s.name, index: i, grace: grace, alternating: s.strategy == "alternating", mints: map[string]int{}}
		if i == shared+1 {
			sec.group = w.secrets[shared].group
		} else {
			app := pingonetest.Application{Name: s.name, TokenEndpointAuthMethod: s.method}
			for _, r := range s.roles {
				app.Roles = append(app.Roles, pingonetest.RoleAssignment{Role: r})
			}
			sec.group = &walkGroup{graces: map[string]*promised{}, commands: map[string]*command{}}
			w.known(sec.group, w.ping.AddApplication(app))
		}
		app := sec.group.clients[0].app
		d := document(app)
		d["rotation"] = map[string]any{"adminSecretId": s.admin, "strategy": s.strategy, "grace": s.grace}
		if unseeded>>i&1 == 1 {
			d["clientSecret"] = ""
		}
		documents = append(documents, d)
		sec.group.secrets = append(sec.group.secrets, sec)
		w.secrets = append(w.secrets, sec)
	}
	for i, s := range plans {
		at := slices.IndexFunc(w.secrets, func(sec *walkSecret) bool { return sec.name == s.admin })
		w.secrets[at].allow = append(w.secrets[at].allow, entryFor(s.name, documents[i]))
	}
	for i, sec := range w.secrets {
		sec.arn = w.sm.Put(sec.name, encode(sec.allowing(documents[i])))
		w.sm.EnableRotation(sec.name, functionARN)
		w.readCurrent(sec, "")
	}
	w.addBystander()
}

// process returns a rotator as a new process has it.
func (w *walk) process() *rotation.Rotator {
	mortal := func(h http.Handler) *memory.Transport {
		return &memory.Transport{Handler: h, Pass: func(r *http.Request, _ []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if inv, ok := r.Context().Value(invocationKey{}).(*invocation); ok && inv.dead {
				return errKilledInWalk
			}
			return nil
		}}
	}
	keys := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")
	return &rotation.Rotator{
		Secrets: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(w.sm.URL()), Region: "us-east-1", Credentials: keys,
			HTTPClient: &http.Client{Transport: mortal(w.sm), Timeout: 5 * time.Second},
		}),
		Settings: w.settings,
		Register: &register.Table{Name: registerTable, Now: w.ping.Now, Connection: register.Connection{
			Region: "us-east-1", Endpoint: "http://127.0.0.1:1", Credentials: keys, HTTPClient: &http.Client{Transport: mortal(w.db)},
		}},
		PingOne:     pingone.Client{HTTP: &http.Client{Transport: mortal(w.ping)}, Tokens: new(pingone.TokenCache)},
		Log:         slog.New(slog.NewJSONHandler(w.log, nil)),
		Metrics:     w.log,
		FunctionARN: functionARN,
	}
}

var errKilledInWalk = errors.New("the process has died")

// invoke is one invocation of the function.
func (w *walk) invoke(ctx context.Context, event []byte) error {
	_, err := w.handle(ctx, event)
	return err
}

// handle is one invocation, in the process that is there, or in another one where that is
// at work.
func (w *walk) handle(ctx context.Context, event []byte) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	inv := &invocation{begun: w.ping.Now(), cancel: cancel, views: map[string]time.Time{}, stored: map[string]time.Time{}}
	w.mu.Lock()
	rotator := w.rotator
	if len(w.running) > 0 {
		rotator = w.process()
	}
	w.running = append(w.running, inv)
	w.mu.Unlock()

	report, err := rotator.Handle(context.WithValue(ctx, invocationKey{}, inv), event)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = slices.DeleteFunc(w.running, func(i *invocation) bool { return i == inv })
	if inv.dead {
		if rotator == w.rotator {
			w.rotator = w.process()
		}
		report, err = nil, errKilledInWalk
	}
	w.texts = append(w.texts, fmt.Sprint(err))
	return report, err
}

// owner returns the invocation that was begun last.
func (w *walk) owner() *invocation {
	if len(w.running) == 0 {
		return nil
	}
	return w.running[len(w.running)-1]
}

// before decides a call's fate. It returns with the lock held, until after.
func (w *walk) before(c fault.Call) fault.Kind {
	if c.Trace == walker {
		return fault.None
	}
	w.mu.Lock()
	inv := w.owner()
	w.owners[idOf(c)], w.sent[idOf(c)] = inv, w.ping.Now()
	if c.Service == "dynamodb" && w.cutOff {
		return fault.Refused
	}
	if w.paused {
		return fault.None
	}
	for i, t := range w.armed {
		if t.operation != c.Operation {
			continue
		}
		if t.n--; t.n > 0 {
			continue
		}
		w.armed = append(w.armed[:i:i], w.armed[i+1:]...)
		switch {
		case t.act != nil && len(w.running) < 3:
			w.say("    meanwhile: %s", t.act.name)
			w.mu.Unlock()
			if err := t.act.do(w); err != nil {
				w.tell("      -> %v", err)
			}
			w.mu.Lock()
			w.say("    (meanwhile ends)")
		case t.deathInWalk && t.kind.Applies():
			w.fatal[idOf(c)] = inv
		case t.deathInWalk:
			w.kill(inv)
		}
		if t.kind.Holds() {
			go w.deliver(c.Service, t.delay)
		}
		return t.kind
	}
	return fault.None
}

// after looks at what a call has done.
func (w *walk) after(c fault.Call, k fault.Kind) {
	if c.Trace == walker {
		return
	}
	if k != fault.Delivered && (k != fault.Twice || c.Repeat) {
		defer w.mu.Unlock()
	}
	w.chronicle(c, k)
	w.observe(c, k)
	if inv, ok := w.fatal[idOf(c)]; ok {
		delete(w.fatal, idOf(c))
		w.kill(inv)
	}
}

// chronicle enters a call into the story: those that change something, and those that
// do not as they should.
func (w *walk) chronicle(c fault.Call, k fault.Kind) {
	read := strings.HasPrefix(c.Operation, "GET") || strings.HasPrefix(c.Operation, "Get") || strings.HasPrefix(c.Operation, "List") ||
		c.Operation == "DescribeSecret" || c.Operation == "Query" || c.Operation == pingonetest.OpToken || c.Operation == pingonetest.OpIntrospect
	if read && k == fault.None && c.Lag == (fault.Lag{}) && !*verboseWalks {
		return
	}
	line := fmt.Sprintf("    %s %v", w.ping.Now().Format("02 15:04:05"), c)
	if k != fault.None {
		line += " (" + k.String() + ")"
	}
	w.story = append(w.story, line)
}

// deliver applies what a service holds, after a while.
func (w *walk) deliver(service string, delay time.Duration) {
	<-time.After(delay + time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	line := map[string]*fault.Line{"pingone": w.ping.Line, "secretsmanager": w.sm.Line, "dynamodb": w.db.Line}[service]
	line.Deliver()
}

func (w *walk) kill(inv *invocation) {
	if inv != nil {
		inv.dead = true
		inv.cancel()
	}
}

// behind says how far behind a read is.
func (w *walk) behind(c fault.Call) fault.Lag {
	if c.Trace == walker || w.paused {
		return fault.Lag{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return fault.Lag{Age: w.lag[c.Operation]}
}

// do carries out an action, and returns its report; nil where the process died.
func (w *walk) do(a rotation.Action) (any, error) {
	report, err := w.handle(w.t.Context(), []byte(encodeAction(a)))
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.texts = append(w.texts, encodeAction(report))
	}
	return report, err
}

func (w *walk) say(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func (w *walk) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say(format, args...)
}

// breach notes a breach after the call at which it was seen. The lock is held.
func (w *walk) breach(format string, args ...any) {
	b := "BREACH " + fmt.Sprintf(format, args...)
	w.breaches = append(w.breaches, b)
	w.story = append(w.story, b)
}
