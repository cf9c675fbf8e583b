package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/rogpeppe/go-internal/testscript"

	"pingrotate/pingone"
	"pingrotate/rotation"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pingrotate": main,
		"careless":   careless,
	})
}

// careless is a rotation function with the mistake that the product exists to
// avoid: it regenerates without asking PingOne to keep the old secret. It also
// logs what PingOne answers.
func careless() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	rotator := rotation.Rotator{
		Secrets: secretsmanager.NewFromConfig(cfg),
		Settings: rotation.Settings{
			AdminSecretID: os.Getenv("PINGONE_ADMIN_SECRET_ID"),
			APIURL:        os.Getenv("PINGONE_API_URL"),
			AuthURL:       os.Getenv("PINGONE_AUTH_URL"),
		},
		PingOne: pingone.Client{HTTP: &http.Client{Transport: forgetful{}}},
		Log:     slog.New(slog.NewJSONHandler(os.Stdout, nil)),
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) { return rotator.Handle(ctx, event) })
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
	rotator := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", rotator, "pingrotate/cmd/rotator").CombinedOutput(); err != nil {
		t.Fatalf("build the rotator: %v\n%s", err, out)
	}
	wrong, err := exec.LookPath("careless")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROTATOR", rotator)
			e.Setenv("CARELESS", wrong)
			e.Setenv("HOST", loopback())
			e.Setenv("GOCACHE", filepath.Join(e.WorkDir, "cache"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"listening": listening},
	})
}

// loopback returns an address of this machine that no other run of the tests is
// likely to use at the same time, where the system has more than one.
func loopback() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.1", 100+pid>>8&63, pid&255)
}

// listening waits until something listens on each address.
func listening(ts *testscript.TestScript, _ bool, addrs []string) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for _, addr := range addrs {
		for n := 0; ; n++ {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
				break
			}
			if n == 250 {
				ts.Fatalf("nobody listens: %v", err)
			}
			<-again.C
		}
	}
}
