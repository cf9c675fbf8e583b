package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
)

const sandboxUsage = `Usage:
    pingrotate sandbox [--listen HOST] [--rotator PATH]
    pingrotate sandbox --env [--listen HOST]

Runs AWS Secrets Manager on port 7401, PingOne on port 7402, and the function behind
Lambda on port 7403 until Ctrl-C, with made-up applications and secrets that are new
at each start. Prints what to set for this command and for aws, and what to try. Each
call is shown on standard error.

    --listen HOST    IP address to listen on, 127.0.0.1 by default. Whoever reaches
                     another one can read the made-up secrets.
    --rotator PATH   the built Lambda function, which rotates when told to; without
                     it, it is built with go, which works inside the module
    --env            only print the variables for a sandbox that runs already

With AWS_ACCESS_KEY_ID=denied its AWS refuses everything, as it refuses an identity
without permissions.

Example, in two terminals:
    pingrotate sandbox
    eval "$(pingrotate sandbox --env)"; pingrotate status
`

// The ports are fixed because events/env.json names them.
const (
	secretsPort = "7401"
	pingOnePort = "7402"
	cloudPort   = "7403"
)

func sandboxFlags(flags *flag.FlagSet) runner {
	listen := flags.String("listen", "127.0.0.1", "")
	rotator := flags.String("rotator", "", "")
	env := flags.Bool("env", false, "")
	return func(ctx context.Context, _ []string, stdout io.Writer) error {
		if *env {
			_, err := io.WriteString(stdout, sandboxEnv(localURL(net.JoinHostPort(*listen, secretsPort)),
				localURL(net.JoinHostPort(*listen, pingOnePort)), localURL(net.JoinHostPort(*listen, cloudPort))))
			return err
		}
		return sandbox(ctx, *listen, *rotator, stdout)
	}
}

func sandbox(ctx context.Context, listen, rotator string, stdout io.Writer) error {
	ip := net.ParseIP(listen)
	if ip == nil {
		return usageError{"sandbox", fmt.Sprintf("--listen must be an IP address of this machine, not %q", listen)}
	}
	if !ip.IsLoopback() {
		log.Printf("warning: everybody who reaches %s can read and change the sandbox's made-up secrets", listen)
	}

	dir, err := os.MkdirTemp("", "pingrotate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := findRotator(ctx, rotator, dir)
	switch {
	case err != nil && (rotator != "" || ctx.Err() != nil):
		return err
	case err != nil:
		log.Printf("going on without the function: %v", err)
	case !ip.IsLoopback() && !ip.IsUnspecified():
		program = ""
		log.Printf("going on without the function: it sends secrets by http to loopback only; --listen 0.0.0.0 serves both")
	}

	s, err := startStandIns(net.JoinHostPort(listen, secretsPort), net.JoinHostPort(listen, pingOnePort))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; end the other sandbox, or give this one another address of this machine with --listen", err)
	}
	if err != nil {
		return fmt.Errorf("%w; --listen must be an address of this machine", err)
	}
	defer s.close()
	show := func(c fault.Call, _ fault.Kind) { log.Printf("%s %s %q", c.Service, c.Operation, c.Target) }
	s.secrets.After(show)
	s.secrets.Before(func(c fault.Call) fault.Kind {
		if c.Trace == deniedKey {
			return fault.Denied
		}
		return fault.None
	})
	s.pingOne.After(show)

	billing := s.add("billing API", "Identity Data Admin")
	s.secrets.Put(billingSecret, s.document(billing))
	shipping := s.add("shipping API", "Identity Data Admin")
	aws := &cloud{lines: func() []logLine { return nil }, show: func(operation string) { log.Print(operation) }}
	invoke := func(context.Context, []byte) error {
		log.Print("secretsmanager cannot invoke the function, which the sandbox runs without; see pingrotate sandbox --help")
		return errors.New("no function")
	}
	if program != "" {
		f, err := startFunction(ctx, program, s, sayStep)
		if err != nil {
			return err
		}
		defer f.Close()
		invoke = func(ctx context.Context, event []byte) error { _, err := f.Invoke(ctx, event); return err }
		aws.invoke, aws.lines = f.Invoke, f.log.written
	}
	s.secrets.AddFunction(runtimetest.FunctionARN, invoke)
	s.secrets.EnableRotation(billingSecret, runtimetest.FunctionARN)
	s.secrets.EnableRotation(ordersSecret, runtimetest.FunctionARN)
	if err := s.secrets.BeginAs(ordersSecret, eventToken, eventRotationToken); err != nil {
		return err
	}

	if err := aws.start(net.JoinHostPort(listen, cloudPort)); err != nil {
		return fmt.Errorf("%w; end the other sandbox, or give this one another address of this machine with --listen", err)
	}
	defer aws.close()
	if err := instruct(stdout, s, aws, shipping); err != nil {
		return err
	}
	<-ctx.Done()
	log.Print("stopped")
	return nil
}

// sayStep shows what the function did.
func sayStep(s step) {
	outcome := s.Decision
	if s.Error != "" {
		outcome = s.Error
	}
	log.Printf("function %s: %s, %d ms", s.Step, outcome, s.DurationMs)
}

// sandboxEnv returns what to set to reach a sandbox. The variables of PingOne are for
// the flag --local.
func sandboxEnv(secrets, pingOne, cloud string) string {
	return fmt.Sprintf(`export AWS_ENDPOINT_URL_SECRETS_MANAGER=%[1]s
export AWS_ENDPOINT_URL_LAMBDA=%[3]s AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=%[3]s AWS_ENDPOINT_URL_STS=%[3]s
export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DEFAULT_REGION=us-east-1
export PINGONE_ADMIN_SECRET_ID=%[4]s PINGONE_API_URL=%[2]s PINGONE_AUTH_URL=%[2]s
`, secrets, pingOne, cloud, adminSecret)
}

func instruct(w io.Writer, s *standIns, aws *cloud, stray pingonetest.Application) error {
	try := "aws secretsmanager list-secrets"
	if aws.invoke != nil {
		try = `pingrotate status
    pingrotate check ` + billingSecret + `
    aws secretsmanager rotate-secret --secret-id ` + billingSecret + `
    pingrotate events
    pingrotate adopt --secret pingone/shipping-api --pingone-region NA \
        --client-id ` + stray.ClientID + ` --environment ` + stray.Environment
	}
	env := strings.ReplaceAll(strings.TrimSpace(sandboxEnv(s.secretsURL(), s.pingOneURL(), aws.url())), "\n", "\n    ")
	processor := "" // the template's default is arm64
	if runtime.GOARCH == "amd64" {
		processor = " --parameter-overrides Architecture=x86_64"
	}
	_, err := fmt.Fprintf(w, `AWS and PingOne are running, with made-up secrets, until Ctrl-C.
Secrets Manager is at %[1]s, PingOne at %[2]s,
Lambda, CloudWatch Logs and STS at %[3]s.

In another terminal:

    %[4]s
    %[5]s

A rotation of %[6]s waits for its four steps, which are in events/. To take one by one
with the SAM CLI, and then set, test and finish in place of create:

    sam local invoke RotatorFunction -e events/create.json --env-vars events/env.json \
        --add-host host.docker.internal:host-gateway%[7]s

Where a container does not reach this machine's 127.0.0.1, as on Linux, start the sandbox with
--listen and the address of Docker's bridge, which is 172.17.0.1 as a rule.
`, s.secretsURL(), s.pingOneURL(), aws.url(), env, try, ordersSecret, processor)
	return err
}
