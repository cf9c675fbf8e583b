// Command pingrotate shows the rotation of PingOne client secrets on one machine,
// without any account.
//
// Results go to standard output. Everything else goes to standard error as
// "pingrotate: message", without capitals and without a final period.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage:
    pingrotate demo [--rotator PATH] [-o text|json]
    pingrotate sandbox [--listen HOST] [--rotator PATH]
    pingrotate version
    pingrotate help [COMMAND]

Shows the rotation of PingOne client secrets in AWS Secrets Manager. Both services
are played on this machine; no account is needed and nothing leaves it.

    demo      rotate a secret twice while applications use it, the second time
              through a crash, and check every promise after every call
    sandbox   keep both services running to try things out with the aws command

Exit status: 0 if all went well, 1 if something failed, 2 for a wrong command line.
`

type command struct {
	usage string
	run   func(ctx context.Context, args []string, stdout io.Writer) error
}

var commands = map[string]command{
	"demo":    {demoUsage, demo},
	"sandbox": {sandboxUsage, sandbox},
	"version": {versionUsage, version},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("pingrotate: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program whatever it does

	err := run(ctx, os.Args[1:], os.Stdout)
	if err == nil {
		return
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	log.Print(err)
	var misused usageError
	if errors.As(err, &misused) {
		os.Exit(2)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(log.Writer(), usage)
		return usageError{"", "no command given"}
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			_, err := io.WriteString(stdout, usage)
			return err
		}
		name, rest = rest[0], []string{"--help"}
	}
	c, ok := commands[name]
	if !ok {
		return usageError{"", fmt.Sprintf("there is no command %q", name)}
	}
	err := c.run(ctx, rest, stdout)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(stdout, c.usage)
	}
	return err
}

// A usageError is a mistake in the command line.
type usageError struct{ command, problem string }

func (e usageError) Error() string {
	if e.command == "" {
		return e.problem + "; pingrotate help lists what there is"
	}
	return e.command + ": " + e.problem + "; see pingrotate " + e.command + " --help"
}

// parse reads a command's flags. No command takes anything else. The error is a
// usageError, or flag.ErrHelp when help was asked for.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError{flags.Name(), err.Error()}
	case flags.NArg() > 0:
		return usageError{flags.Name(), fmt.Sprintf("argument %q is one too many", flags.Arg(0))}
	}
	return nil
}
