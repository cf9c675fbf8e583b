package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"pingrotate/internal/playground"
	"pingrotate/internal/remedy"

	"github.com/spf13/cobra"
)

func newSandbox(p *program) *cobra.Command {
	listen, rotator := "127.0.0.1", ""
	var env bool
	retry := time.Minute
	c := &cobra.Command{
		GroupID: "try",
		Use:     "sandbox",
		Short:   "Play PingOne and AWS on this machine, until Ctrl-C",
		Long: `Runs AWS Secrets Manager on port 7401, PingOne on port 7402, DynamoDB on port 7404, and
the function behind Lambda on port 7403 until Ctrl-C, with made-up applications and
secrets that are new at each start. Prints what to try. Shows each call on standard error.

With AWS_ACCESS_KEY_ID=denied its AWS refuses everything, as it refuses an identity
without permissions.`,
		Example: `    pingrotate sandbox
    eval "$(pingrotate sandbox --env)"; pingrotate status`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			ip := net.ParseIP(listen)
			switch {
			case ip == nil:
				return misuse(c, "--listen must be an IP address of this machine, not %q", listen)
			case env:
				return p.tellEnvironment(playground.Fixed(listen).Endpoints())
			}
			return p.sandbox(c, ip, rotator, retry)
		},
	}
	c.Flags().Var(text{&listen, "ADDRESS"}, "listen", "IP address to listen on; all who reach another one can read the made-up secrets")
	c.Flags().Var(text{&rotator, "FILE"}, "rotator", rotatorUsage)
	c.Flags().Var((*span)(&retry), "retry", "how long after a failure Secrets Manager tries a rotation again")
	c.Flags().BoolVar(&env, "env", false, "only print the variables for a sandbox that runs already")
	return c
}

func (p *program) sandbox(c *cobra.Command, ip net.IP, rotator string, retry time.Duration) error {
	ctx := c.Context()
	if !ip.IsLoopback() {
		p.warn("warning: all who reach %s can read and change the sandbox's made-up secrets", ip)
	}
	dir, err := os.MkdirTemp("", "pingrotate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := p.findFunction(ctx, rotator, dir)
	switch {
	case err != nil && (rotator != "" || ctx.Err() != nil):
		return err
	case err != nil:
		p.warn("continuing without the function: %s", oneLine(remedy.Text(err)))
	case !ip.IsLoopback() && !ip.IsUnspecified():
		program = ""
		p.warn("continuing without the function: it sends secrets by http to loopback only; --listen 0.0.0.0 serves both")
	}
	var shown atomic.Bool // the calls that prepare the sandbox are not shown
	s, err := playground.StartSandbox(ctx, playground.Fixed(ip.String()), p.clock.time, program, func(line string) {
		if shown.Load() {
			p.note("%s", line)
		}
	})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return remedy.With(err, "end the other sandbox, or give this one another address of this machine with --listen")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return remedy.With(err, "--listen must be an address of this machine")
	case err != nil:
		return err
	}
	defer s.Close()
	s.Secrets.RetryAfter(retry)
	if p.json() {
		err = p.tellEnvironment(s.Endpoints())
	} else {
		err = instruct(p.page(), s, ip)
	}
	if err != nil {
		return err
	}
	shown.Store(true)
	<-ctx.Done()
	p.note("stopped")
	return nil
}

// tellEnvironment writes what to set to reach a sandbox.
func (p *program) tellEnvironment(e playground.Endpoints) error {
	if p.json() {
		env := map[string]string{}
		for _, v := range e.Operator() {
			env[v.Name] = v.Value
		}
		return p.write(struct {
			Endpoints   playground.Endpoints `json:"endpoints"`
			Environment map[string]string    `json:"environment"`
		}{e, env})
	}
	page := p.page()
	for _, line := range exports(e) {
		page.say("%s", line)
	}
	return page.err
}

// exports returns lines for a shell, some variables in each.
func exports(e playground.Endpoints) []string {
	var lines []string
	line := "export"
	for _, v := range e.Operator() {
		if next := line + " " + v.Name + "=" + v.Value; len(next) > 100 {
			lines, line = append(lines, line), "export "+v.Name+"="+v.Value
		} else {
			line = next
		}
	}
	return append(lines, line)
}

// instruct says what to try.
func instruct(page *page, s *playground.Sandbox, ip net.IP) error {
	e := s.Endpoints()
	environment := `eval "$(pingrotate sandbox --env)"`
	if !ip.Equal(net.IPv4(127, 0, 0, 1)) {
		environment = `eval "$(pingrotate sandbox --env --listen ` + ip.String() + `)"`
	}
	try := []string{"aws secretsmanager list-secrets"}
	if s.Rotates() {
		try = []string{
			"pingrotate status",
			"pingrotate check " + playground.BillingSecret,
			"aws secretsmanager rotate-secret --secret-id " + playground.BillingSecret,
			"pingrotate events",
			`pingrotate adopt --secret pingone/shipping-api --pingone-region NA \`,
			"    --client-id " + s.Shipping.ClientID + " --environment " + s.Shipping.Environment,
			"pingrotate trial --function pingone-rotator --environment " + s.Shipping.Environment,
		}
	}
	processor := "" // the template's default is arm64
	if runtime.GOARCH == "amd64" {
		processor = " --parameter-overrides Architecture=x86_64"
	}
	page.say(`AWS and PingOne are running, with made-up secrets, until Ctrl-C.
Secrets Manager is at %s, PingOne at %s,
Lambda, CloudWatch Logs and STS at %s, DynamoDB at %s.

In another terminal:
`, e.SecretsManager, e.PingOne, e.Cloud, e.Register)
	for _, line := range append(append(onPath(), environment), try...) {
		page.say("    %s", line)
	}
	page.say(`
A rotation of %s waits for its four steps, which are in events/. To run them one by
one with the SAM CLI, run this, and then the same with set, test and finish in place of create:

    sam local invoke RotatorFunction -e events/create.json --env-vars events/env.json \
        --add-host host.docker.internal:host-gateway%s

If containers cannot reach this machine's 127.0.0.1, as on Linux, start the sandbox with --listen
and the address of Docker's bridge, usually 172.17.0.1.`, playground.OrdersSecret, processor)
	return page.err
}

// onPath returns the line that lets the shell find this program, unless it does.
func onPath() []string {
	self, err := os.Executable()
	if err != nil || filepath.Base(self) != "pingrotate" {
		return nil
	}
	if found, err := exec.LookPath("pingrotate"); err == nil && sameFile(found, self) {
		return nil
	}
	return []string{`export PATH="` + strings.ReplaceAll(filepath.Dir(self), `"`, `\"`) + `:$PATH"`}
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
