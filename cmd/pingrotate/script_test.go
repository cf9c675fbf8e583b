package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/rogpeppe/go-internal/testscript"

	"pingrotate/internal/clocktest"
	"pingrotate/internal/playground"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // unless it is given: these tests wait more than they compute
	testscript.Main(m, map[string]func(){
		"pingrotate": func() { execute(leaping(os.Getenv("CLOCK"))) },
		"careless":   careless,
	})
}

// leaping returns the clock kept in the file, or the machine's if file is empty. With it, a
// script need not wait for the register's 45 s, nor for the half minute in which an
// emergency keeps asking PingOne. The command, the sandbox and the function of one script
// share the clock, so that they agree on the age of everything. What waits for another
// process's work takes as long as ever, and so do calls and their limits.
//
// The shipped programs have no setting for this. The scripts run this test binary as the
// command, and a function built with an additional file, which sets a variable.
func leaping(file string) clock {
	if file == "" {
		return clock{}
	}
	c, err := clocktest.Open(file)
	if err != nil {
		panic(err)
	}
	return clock{now: c.Now, wait: c.Wait}
}

// careless is a rotation function with the mistake that the product exists to
// avoid: it regenerates without asking PingOne to keep the old secret. It also
// logs what PingOne answers.
func careless() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	clock := leaping("clock")
	rotator := rotation.Rotator{
		Secrets: secretsmanager.NewFromConfig(cfg),
		Register: &register.Table{Name: os.Getenv(register.TableVariable), Connection: register.Connection{
			Region: cfg.Region, Credentials: cfg.Credentials, Endpoint: os.Getenv(register.EndpointVariable),
		}},
		Settings: rotation.Settings{
			AdminSecretID: os.Getenv("PINGONE_ADMIN_SECRET_ID"),
			APIURL:        os.Getenv("PINGONE_API_URL"),
			AuthURL:       os.Getenv("PINGONE_AUTH_URL"),
		},
		PingOne: pingone.Client{HTTP: &http.Client{Transport: forgetful{}}, Now: clock.now, Wait: clock.wait},
		Log:     slog.New(slog.NewJSONHandler(os.Stdout, nil)),
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) { return rotator.Handle(ctx, event) })
}

// overlay writes a file for go build's -overlay, which makes the build see the file with the
// other's text. The work tree stays as it is.
func overlay(t *testing.T, file, text string) string {
	t.Helper()
	for _, name := range []*string{&file, &text} {
		var err error
		if *name, err = filepath.Abs(*name); err != nil {
			t.Fatal(err)
		}
	}
	list := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(list, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, file, text), 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}

type forgetful struct{}

func (forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || filepath.Base(r.URL.Path) != "secret" {
		return http.DefaultTransport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("{}"))), 2
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	fmt.Printf("%s\n", body)
	return resp, err
}

func TestScripts(t *testing.T) {
	t.Parallel()
	function := filepath.Join(t.TempDir(), "function")
	with := overlay(t, "../rotator/clock.go", "testdata/function/clock.go")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", with, "-o", function, "pingrotate/cmd/rotator").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	var scripts atomic.Int32
	wrong, err := exec.LookPath("careless")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// The function runs in its program's directory, and finds the clock there.
			e.Setenv("CLOCK", filepath.Join(e.WorkDir, "clock"))
			for name, program := range map[string]string{"ROTATOR": function, "CARELESS": wrong} {
				its := filepath.Join(e.WorkDir, filepath.Base(program))
				if err := os.Symlink(program, its); err != nil {
					return err
				}
				e.Setenv(name, its)
			}
			e.Setenv("PAGES", pages)
			host := loopback(int(scripts.Add(1)))
			e.Setenv("HOST", host)
			e.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://"+host+":"+playground.SecretsManagerPort)
			e.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://"+host+":"+playground.RegisterPort)
			e.Setenv("REGISTER_TABLE", playground.RegisterTable)
			for _, service := range []string{"LAMBDA", "CLOUDWATCH_LOGS", "STS", "SFN"} {
				e.Setenv("AWS_ENDPOINT_URL_"+service, "http://"+host+":"+playground.CloudPort)
			}
			e.Setenv("AWS_ACCESS_KEY_ID", "sandbox")
			e.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
			e.Setenv("AWS_REGION", "us-east-1")
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true") // a script without credentials is not to look for a machine's
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "kept"))
			e.Setenv("GOCACHE", filepath.Join(e.WorkDir, "cache"))
			return nil
		},
		Cmds: people(map[string]func(*testscript.TestScript, bool, []string){"listening": listening, "holds": holds, "block": extract, "environment": environment, "stored": stored, "gone": gone, "tells": tells, "disallow": disallow}),
	})
}

// loopback returns an address of this machine that no other script, and no other run
// of the tests, is likely to use at the same time, where the system has more than one.
func loopback(n int) string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 100+pid>>8&63, pid&255, n)
}

// listening waits until something listens on each address.
func listening(ts *testscript.TestScript, _ bool, addrs []string) {
	for _, addr := range addrs {
		eventually(ts, func() error {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err
		})
	}
}

// holds waits until the file has the text in it.
func holds(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, func() error {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !strings.Contains(string(text), args[1]) {
			err = fmt.Errorf("%s has no %q", args[0], args[1])
		}
		return err
	})
}

// eventually repeats a look at another process, for 10 s at most.
func eventually(ts *testscript.TestScript, look func() error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		err := look()
		if err == nil {
			return
		}
		if n == 500 {
			ts.Fatalf("waited in vain: %v", err)
		}
		<-again.C
	}
}

// sandboxSecrets returns a client for the secrets of the sandbox at the address.
func sandboxSecrets(host string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String("http://" + host + ":" + playground.SecretsManagerPort), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "made-up", ""),
	})
}

// named counts the secrets of a sandbox whose names begin with the prefix.
func named(ts *testscript.TestScript, host, prefix string) int {
	out, err := sandboxSecrets(host).ListSecrets(context.Background(), &secretsmanager.ListSecretsInput{
		Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{prefix}}},
	})
	ts.Check(err)
	return len(out.SecretList)
}

// stored waits until the sandbox has so many secrets whose names begin with the prefix:
// stored $HOST PREFIX 2.
func stored(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	eventually(ts, func() error {
		if n := named(ts, args[0], args[1]); n < want {
			return fmt.Errorf("%d secrets are named %s", n, args[1])
		}
		return nil
	})
}

// gone checks that the sandbox has no secret whose name begins with the prefix.
func gone(ts *testscript.TestScript, _ bool, args []string) {
	if n := named(ts, args[0], args[1]); n > 0 {
		ts.Fatalf("%d secrets are named %s", n, args[1])
	}
}

// disallow takes allow out of the document of the sandbox's admin: disallow $HOST.
func disallow(ts *testscript.TestScript, _ bool, args []string) {
	client, id := sandboxSecrets(args[0]), aws.String(playground.AdminSecret)
	out, err := client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: id})
	ts.Check(err)
	var members map[string]any
	ts.Check(json.Unmarshal([]byte(aws.ToString(out.SecretString)), &members))
	delete(members, "allow")
	text, err := json.Marshal(members)
	ts.Check(err)
	_, err = client.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String(string(text))})
	ts.Check(err)
}

// environment sets a variable to the id of the environment that the sandbox's admin is
// of, given the address of the sandbox: environment $HOST NAME.
func environment(ts *testscript.TestScript, _ bool, args []string) {
	out, err := sandboxSecrets(args[0]).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(playground.AdminSecret)})
	ts.Check(err)
	var admin playground.Credential
	ts.Check(json.Unmarshal([]byte(aws.ToString(out.SecretString)), &admin))
	ts.Setenv(args[1], admin.EnvironmentID)
}
