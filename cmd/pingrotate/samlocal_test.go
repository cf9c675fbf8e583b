package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/canary"
	"pingrotate/internal/playground"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

var (
	samTemplate = flag.String("sam-local", "", "rotate by sam local, with the built template in this file")
	samFlags    = flag.String("sam-flags", "", "with -sam-local, more flags for sam local invoke")
)

// samFunctionARN is what sam local tells the function as its own ARN.
const samFunctionARN = "arn:aws:lambda:us-east-1:012345678912:function:RotatorFunction"

// samWorld is what the sandbox has, with the function in the container of sam local.
type samWorld struct {
	*playground.World
	t       *testing.T
	billing pingonetest.Application
	said    bytes.Buffer // everything that sam and the function wrote
}

// TestSamLocal runs each event of events/, in an order in which it makes sense, and
// looks into the stand-ins after each.
func TestSamLocal(t *testing.T) {
	if *samTemplate == "" {
		t.Skip("needs Docker and the SAM CLI; run by make sam-local")
	}
	w := newSamWorld(t)
	events := []struct {
		name  string
		check func(reply []byte)
	}{
		{"check", w.healthy},
		{"create", w.pending},
		{"set", w.pending},
		{"test", w.pending},
		{"finish", w.promoted},
		{"rotate", w.rotated},
		{"audit", w.audited},
		{"emergency", w.ended},
	}
	files, err := filepath.Glob("../../events/*.json")
	if err != nil || len(files) != len(events)+1 {
		t.Fatalf("events/ has %d files, want %d and env.json (%v)", len(files), len(events), err)
	}
	for _, e := range events {
		begun := time.Now()
		reply := w.invoke(e.name)
		e.check(reply)
		if _, works := w.Held("AWSCURRENT"); !works {
			t.Errorf("%s: PingOne refuses AWSCURRENT", e.name)
		}
		fmt.Fprintf(t.Output(), "%-21s  %-66s %4.1f s\n", "events/"+e.name+".json", w.did(e.name, reply), time.Since(begun).Seconds())
		if t.Failed() {
			t.FailNow()
		}
	}
	said := w.said.String()
	for _, secret := range append(w.PingOne.Issued(), w.Secrets.Values()...) {
		if canary.In(said, secret) {
			t.Error("a secret leaks into what the function wrote")
		}
	}
}

func newSamWorld(t *testing.T) *samWorld {
	w := &samWorld{t: t}
	host := bridge()
	var err error
	if w.World, err = playground.Start(playground.Fixed(host), time.Now); err != nil {
		t.Fatalf("%v; end the sandbox that listens there", err)
	}
	t.Cleanup(w.Close)
	w.billing = w.Add("billing API", "Identity Data Admin")
	w.Secrets.Put(playground.BillingSecret, w.Document(w.billing))
	if err := errors.Join(w.Know(w.billing, w.Secrets.ARN(playground.BillingSecret)), w.Serve(playground.BillingSecret, w.Document(w.billing))); err != nil {
		t.Fatal(err)
	}
	w.Secrets.AddFunction(samFunctionARN, func(context.Context, []byte) error { return errors.New("only this test invokes it") })
	w.Secrets.EnableRotation(playground.BillingSecret, samFunctionARN)
	w.Secrets.EnableRotation(playground.OrdersSecret, samFunctionARN)
	return w
}

// bridge returns the address at which containers reach this machine: that of Docker's
// bridge, or loopback with Docker Desktop, which has none here.
func bridge() string {
	if docker0, err := net.InterfaceByName("docker0"); err == nil {
		addrs, _ := docker0.Addrs()
		for _, a := range addrs {
			if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil {
				return ip.String()
			}
		}
	}
	return "127.0.0.1"
}

// invoke sends an event to the function in a new container, and returns its reply.
func (w *samWorld) invoke(event string) []byte {
	w.t.Helper()
	if event == "create" {
		if err := w.Secrets.BeginAs(playground.OrdersSecret, playground.EventToken, playground.EventRotationToken); err != nil {
			w.t.Fatal(err)
		}
	}
	before := len(w.Secrets.Calls())
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute) // the first has an image to pull
	defer cancel()
	architecture := "x86_64"
	if runtime.GOARCH == "arm64" {
		architecture = "arm64"
	}
	c := exec.CommandContext(ctx, "sam", append([]string{
		"local", "invoke", "RotatorFunction", "--template", *samTemplate,
		"--event", "../../events/" + event + ".json", "--env-vars", "../../events/env.json",
		"--add-host", "host.docker.internal:host-gateway", "--parameter-overrides", "Architecture=" + architecture,
	}, strings.Fields(*samFlags)...)...)
	var reply, log bytes.Buffer
	c.Env, c.Stdout, c.Stderr = withoutAccount(os.Environ()), &reply, &log
	err := c.Run()
	w.said.Write(reply.Bytes())
	w.said.Write(log.Bytes())
	if err != nil {
		w.t.Fatalf("sam local invoke of %s: %v\n%s", event, err, log.Bytes())
	}
	if len(w.Secrets.Calls()) == before {
		w.t.Fatalf("%s: the function did not get through to this machine at %s; is a firewall in between?\n%s%s", event, w.Endpoints().SecretsManager, log.Bytes(), reply.Bytes())
	}
	var failed struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal(reply.Bytes(), &failed); failed.ErrorMessage != "" {
		w.t.Fatalf("%s: %s", event, failed.ErrorMessage)
	}
	return reply.Bytes()
}

// withoutAccount takes away what leads to an AWS account: sam hands the credentials
// that it finds to the function.
func withoutAccount(env []string) []string {
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return append(env, "AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0")
}

// replied decodes the reply to an action.
func replied[T any](w *samWorld, reply []byte) (r T) {
	w.t.Helper()
	if err := json.Unmarshal(reply, &r); err != nil {
		w.t.Fatalf("got the reply %s: %v", reply, err)
	}
	return r
}

func (w *samWorld) healthy(reply []byte) {
	if c := replied[rotation.Checkup](w, reply); !c.WouldRotate || c.Decision != rotation.Regenerate {
		w.t.Errorf("check: got %s", reply)
	}
}

func (w *samWorld) pending([]byte) {
	pending, works := w.Held("AWSPENDING")
	if pending != w.Accepted()[0] || !works || w.Secrets.VersionID(playground.OrdersSecret, "AWSCURRENT") == playground.EventToken {
		w.t.Errorf("AWSPENDING is %s, works %t; PingOne's is %s", pending, works, w.Accepted()[0])
	}
}

func (w *samWorld) promoted([]byte) {
	current, _ := w.Held("AWSCURRENT")
	previous, works := w.Held("AWSPREVIOUS")
	if current != w.Accepted()[0] || w.Secrets.VersionID(playground.OrdersSecret, "AWSCURRENT") != playground.EventToken {
		w.t.Errorf("AWSCURRENT is %s, PingOne's is %s", current, w.Accepted()[0])
	}
	if previous != w.Accepted()[1] || !works {
		w.t.Errorf("AWSPREVIOUS is %s, works %t", previous, works)
	}
	if n := w.PingOne.Mints(w.Orders.Environment, w.Orders.ID); n != 1 {
		w.t.Errorf("PingOne made %d secrets, want 1", n)
	}
}

func (w *samWorld) rotated(reply []byte) {
	r := replied[rotation.Report](w, reply)
	now := w.PingOne.Secret(w.billing.Environment, w.billing.ID).Value
	if r.Outcome != rotation.Promoted || r.Promoted.Fingerprint != playground.Fingerprint(now) || now == w.billing.Secret {
		w.t.Errorf("rotate: got %s, PingOne's secret is %s", reply, playground.Fingerprint(now))
	}
}

func (w *samWorld) audited(reply []byte) {
	a := replied[rotation.AuditReport](w, reply)
	if len(a.Secrets) != 2 || a.Error != "" || slices.ContainsFunc(a.Secrets, func(h rotation.Health) bool { return h.State != rotation.OK }) {
		w.t.Errorf("audit: got %s", reply)
	}
}

func (w *samWorld) ended(reply []byte) {
	leaked, works := w.Held("AWSPREVIOUS")
	if r := replied[rotation.Report](w, reply); r.Outcome != rotation.Ended || r.Revoked.Fingerprint != leaked || works {
		w.t.Errorf("emergency: the leaked secret %s works %t: %s", leaked, works, reply)
	}
}

// did says in a line what an event did.
func (w *samWorld) did(event string, reply []byte) string {
	current, _ := w.Held("AWSCURRENT")
	switch event {
	case "check":
		c := replied[rotation.Checkup](w, reply)
		return fmt.Sprintf("%s: %d points, createSecret would %s", c.State, len(c.Findings), c.Decision)
	case "finish":
		return "AWSCURRENT is " + current + ", PingOne's; the one before works"
	case "rotate":
		r := replied[rotation.Report](w, reply)
		return fmt.Sprintf("%s: %s is %s", r.Outcome, r.Name, r.Promoted.Fingerprint)
	case "audit":
		return fmt.Sprintf("%d secrets, all well", len(replied[rotation.AuditReport](w, reply).Secrets))
	case "emergency":
		r := replied[rotation.Report](w, reply)
		return fmt.Sprintf("%s: PingOne refuses %s, AWSCURRENT is %s", r.Outcome, r.Revoked.Fingerprint, current)
	}
	pending, _ := w.Held("AWSPENDING")
	return "AWSPENDING is " + pending + ", PingOne's; AWSCURRENT is still " + current
}
