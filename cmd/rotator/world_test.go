package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/canary"
	"pingrotate/internal/registertest"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

// program is the tested executable: the deployed one, but for this machine's processor.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rotator")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if program, err = build(dir, "."); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds a package as it is built for Lambda, and returns the executable.
func build(dir, pkg string) (string, error) {
	path := filepath.Join(dir, "bootstrap")
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		return "", err
	}
	_, line, _ := strings.Cut(string(makefile), "\nSMALL = ")
	flags, _, found := strings.Cut(line, "\n")
	if !found {
		return "", errors.New("the Makefile has no SMALL, which says how the program is built")
	}
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", path}, strings.Fields(flags)...)
	c := exec.Command("go", append(args, pkg)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

const adminID = "pingone/admin"

// world is the function as a process, between the services that it calls.
type world struct {
	*runtimetest.Function
	pingone  *pingonetest.Server
	secrets  *secretsmanagertest.Server
	register *registertest.Server
	admin    pingonetest.Application
	allow    []string // the admin's allow
	output   *output
}

// tableName is the name of the register's table.
const tableName = "register"

// newWorld starts everything. When the test ends, nothing that the process has written may
// contain a secret.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{pingone: pingonetest.Run(t), secrets: secretsmanagertest.Run(t), register: registertest.Run(t), output: new(output)}
	w.register.Follow(time.Now)
	w.register.CreateTable(tableName, "subject", "entry", "expires")
	w.admin = w.pingone.AddApplication(pingonetest.Application{Name: "admin", Roles: roles("Environment Admin")})
	w.putAdmin()
	w.start(t)
	t.Cleanup(func() {
		w.Close()
		noLeak(t, w.output.String(), append(w.pingone.Issued(), w.secrets.Values()...)...)
	})
	return w
}

// start replaces the process with a new one.
func (w *world) start(t testing.TB) {
	t.Helper()
	f, err := runtimetest.Start(t.Context(), runtimetest.Config{Program: program, Output: w.output, Env: []string{
		"PINGONE_ADMIN_SECRET_ID=" + adminID,
		"PINGONE_API_URL=" + w.pingone.URL(),
		"PINGONE_AUTH_URL=" + w.pingone.URL(),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + w.secrets.URL(),
		"AWS_ENDPOINT_URL_DYNAMODB=" + w.register.URL(),
		"REGISTER_TABLE=" + tableName,
	}})
	if err != nil {
		t.Fatalf("start the function: %v\n%s", err, w.output)
	}
	w.Function = f
	w.secrets.AddFunction(runtimetest.FunctionARN, func(ctx context.Context, event []byte) error {
		_, err := f.Invoke(ctx, event)
		return err
	})
}

// addSecret makes an application and a secret of that name, which the function rotates and
// the register has known for long: otherwise the first act waits until nothing can be under
// way.
func (w *world) addSecret(name string) pingonetest.Application {
	app := w.addUnknownSecret(name)
	know(w.register, app)
	return app
}

// addUnknownSecret is addSecret for a secret that was attached just now.
func (w *world) addUnknownSecret(name string) pingonetest.Application {
	app := w.pingone.AddApplication(pingonetest.Application{Name: name, Roles: roles("Identity Data Admin")})
	w.allow = append(w.allow, entry(name, app))
	w.putAdmin()
	w.secrets.Put(name, document(app))
	w.secrets.EnableRotation(name, runtimetest.FunctionARN)
	return app
}

// know gives the register the item of an application's client.
func know(s *registertest.Server, app pingonetest.Application) {
	s.Put(tableName, map[string]any{
		"subject": "client#" + app.Environment + "/" + app.ID, "entry": "item",
		"format": 1, "number": 1, "nonce": "made-up", "item": "{}",
	})
}

// putAdmin stores the admin's document, with an entry for each secret.
func (w *world) putAdmin() { w.secrets.Put(adminID, allowing(document(w.admin), w.allow...)) }

// allowing adds an allow to the document of an admin.
func allowing(admin string, entries ...string) string {
	return strings.TrimSuffix(admin, "}") + `,"allow":[` + strings.Join(entries, ",") + "]}"
}

// entry is the secret's entry in its admin's allow.
func entry(name string, app pingonetest.Application) string {
	return fmt.Sprintf(`{"secret":%q,"environmentId":%q,"applications":%q}`, name, app.Environment, app.ID)
}

func roles(name string) []pingonetest.RoleAssignment {
	return []pingonetest.RoleAssignment{{Role: name}}
}

func document(a pingonetest.Application) string {
	return fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":%q}`, a.Environment, a.ClientID, a.Secret)
}

// current returns the client secret that AWSCURRENT holds, or "".
func (w *world) current(name string) string {
	var d struct{ ClientSecret string }
	text, _ := w.secrets.Value(name, "AWSCURRENT")
	json.Unmarshal([]byte(text), &d) // a text that is no document has no secret
	return d.ClientSecret
}

// rotated checks that the secret has been rotated, once.
func (w *world) rotated(t *testing.T, name string, app pingonetest.Application) {
	t.Helper()
	check(t, name+": mints", w.pingone.Mints(app.Environment, app.ID), 1)
	check(t, name+": AWSCURRENT is PingOne's", w.current(name) == w.pingone.Secret(app.Environment, app.ID).Value, true)
	check(t, name+": the replaced secret works", w.pingone.Authenticates(app.Environment, app.ClientID, app.Secret), true)
}

// output collects what the process writes, and can be read at any time.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// lines decodes the log, which contains only JSON objects. The process must have ended:
// until then its last lines may be on their way.
func (o *output) lines(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for text := range strings.Lines(o.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("got the log line %q, want JSON", text)
		}
		all = append(all, line)
	}
	return all
}

// steps ends the process and returns the lines that it logged about steps.
func (w *world) steps(t *testing.T) []map[string]any {
	t.Helper()
	w.Close()
	return slices.DeleteFunc(w.output.lines(t), func(line map[string]any) bool { return line["message"] != "rotation step" })
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// noLeak fails if the text contains one of the secrets, plain or encoded.
func noLeak(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if canary.In(text, s) {
			t.Errorf("a secret leaks into %q", text)
		}
	}
}
