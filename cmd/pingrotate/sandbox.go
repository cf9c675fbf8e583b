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
	"syscall"

	"pingrotate/cmd/rotator/runtimetest"
	"pingrotate/internal/fault"
)

const sandboxUsage = `Usage:
    pingrotate sandbox [--listen HOST] [--rotator PATH]

Runs AWS Secrets Manager on port 7401 and PingOne on port 7402 until Ctrl-C, with
made-up applications and secrets that are new at each start. Prints what to set for
the aws command and what to try. Each call is shown on standard error.

    --listen HOST    IP address to listen on, 127.0.0.1 by default. Whoever reaches
                     another one can read the made-up secrets.
    --rotator PATH   the built Lambda function, which rotates when told to; without
                     it, it is built with go, which works inside the module
`

// The ports are fixed because events/env.json names them.
const (
	secretsPort = "7401"
	pingOnePort = "7402"
)

func sandbox(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1", "")
	rotator := flags.String("rotator", "", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	ip := net.ParseIP(*listen)
	if ip == nil {
		return usageError{"sandbox", fmt.Sprintf("--listen must be an IP address of this machine, not %q", *listen)}
	}
	if !ip.IsLoopback() {
		log.Printf("warning: everybody who reaches %s can read and change the sandbox's made-up secrets", *listen)
	}

	dir, err := os.MkdirTemp("", "pingrotate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := findRotator(ctx, *rotator, dir)
	switch {
	case err != nil && (*rotator != "" || ctx.Err() != nil):
		return err
	case err != nil:
		log.Printf("going on without the function: %v", err)
	case !ip.IsLoopback() && !ip.IsUnspecified():
		program = ""
		log.Printf("going on without the function: it sends secrets by http to loopback only; --listen 0.0.0.0 serves both")
	}

	s, err := startStandIns(net.JoinHostPort(*listen, secretsPort), net.JoinHostPort(*listen, pingOnePort))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; end the other sandbox, or give this one another address of this machine with --listen", err)
	}
	if err != nil {
		return fmt.Errorf("%w; --listen must be an address of this machine", err)
	}
	defer s.close()
	show := func(c fault.Call, _ fault.Kind) { log.Printf("%s %s %q", c.Service, c.Operation, c.Target) }
	s.secrets.After(show)
	s.pingOne.After(show)

	billing := s.add("billing API", "Identity Data Admin")
	s.secrets.Put(billingSecret, s.document(billing))
	invoke := func(context.Context, []byte) error {
		log.Print("secretsmanager cannot invoke the function, which the sandbox runs without; see pingrotate sandbox --help")
		return errors.New("no function")
	}
	if program != "" {
		f, err := startFunction(ctx, program, s)
		if err != nil {
			return err
		}
		defer f.Close()
		invoke = f.invokeAloud
	}
	s.secrets.AddFunction(runtimetest.FunctionARN, invoke)
	s.secrets.EnableRotation(billingSecret, runtimetest.FunctionARN)
	s.secrets.EnableRotation(ordersSecret, runtimetest.FunctionARN)
	if err := s.secrets.BeginAs(ordersSecret, eventToken, eventRotationToken); err != nil {
		return err
	}

	if err := instruct(stdout, s, program != ""); err != nil {
		return err
	}
	<-ctx.Done()
	log.Print("stopped")
	return nil
}

// invokeAloud invokes the function and shows what it did.
func (f *function) invokeAloud(ctx context.Context, event []byte) error {
	told, err := f.invoke(ctx, event)
	outcome := told.Decision
	if err != nil {
		outcome = err.Error()
	}
	log.Printf("function %s: %s, %d ms", told.Step, outcome, told.DurationMs)
	return err
}

func instruct(w io.Writer, s *standIns, rotates bool) error {
	try := "aws secretsmanager list-secrets"
	if rotates {
		try += `
    aws secretsmanager rotate-secret --secret-id ` + billingSecret + `
    aws secretsmanager describe-secret --secret-id ` + billingSecret
	}
	_, err := fmt.Fprintf(w, `AWS Secrets Manager and PingOne are running, with made-up secrets, until Ctrl-C.
Secrets Manager is at %[1]s, PingOne at %[2]s.

In another terminal:

    export AWS_ENDPOINT_URL_SECRETS_MANAGER=%[1]s
    export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DEFAULT_REGION=us-east-1
    %[3]s

A rotation of %[4]s waits for its four steps, which are in events/. To take one by one
with the SAM CLI, and then set, test and finish in place of create:

    sam local invoke RotatorFunction -e events/create.json --env-vars events/env.json \
        --add-host host.docker.internal:host-gateway

Where a container does not reach this machine's 127.0.0.1, as on Linux, start the sandbox with
--listen and the address of Docker's bridge, which is 172.17.0.1 as a rule.
`, s.secretsURL(), s.pingOneURL(), try, ordersSecret)
	return err
}
