// Command pingrotate operates the rotation of PingOne client secrets: it asks the
// deployed function, or does the same in this process. It also shows the rotation
// on one machine, without any account.
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
	"strings"
	"syscall"

	library "pingrotate/internal/quiet"
)

// A command is one of the program's. Its line in the help, the reading of its flags
// and the completion of the shells all come from here.
type command struct {
	group   string
	name    string
	summary string
	usage   string
	takes   arity
	declare func(*flag.FlagSet) runner
}

// A runner carries a command out, with the arguments that are no flags.
type runner func(ctx context.Context, args []string, stdout io.Writer) error

// An arity says how many arguments a command takes beside its flags.
type arity struct {
	least, most int
	name        string
}

var (
	nothing     = arity{0, 0, ""}
	oneShell    = arity{1, 1, "shell"}
	oneSecret   = arity{1, 1, "SECRET"}
	oneAtMost   = arity{0, 1, "SECRET"}
	someSecrets = arity{1, 1000, "SECRET"}
	anySecrets  = arity{0, 1000, "SECRET"}
)

// The groups, in the order of the help.
const (
	groupLook  = "Look, and change nothing"
	groupAct   = "Act"
	groupTry   = "Try it, without any account"
	groupShell = "And"
)

// commands returns the commands in the order of the help.
func commands() []command {
	return []command{
		{groupLook, "status", "every secret in a table: age, next rotation, labels, health", statusUsage, anySecrets, statusFlags},
		{groupLook, "check", "whether a rotation would succeed now, point by point", checkUsage, someSecrets, checkFlags},
		{groupLook, "events", "recent rotations as evidence: who, when, decision, fingerprints", eventsUsage, oneAtMost, eventsFlags},
		{groupAct, "rotate", "rotate secrets now; with --emergency, end the ones that leaked", rotateUsage, anySecrets, rotateFlags},
		{groupAct, "rollback", "go back to the secret before, with the strategy alternating", rollbackUsage, oneSecret, rollbackFlags},
		{groupAct, "adopt", "make a managed secret from an application that exists", adoptUsage, nothing, adoptFlags},
		{groupAct, "new", "make a managed secret with a new application, from a preset", newUsage, nothing, newFlags},
		{groupAct, "audit", "complete what interrupted runs have left, and look at every secret", auditUsage, nothing, auditFlags},
		{groupTry, "demo", "rotate a secret twice while applications use it, once through a crash", demoUsage, nothing, demoFlags},
		{groupTry, "sandbox", "keep PingOne and AWS running on this machine, for these commands and aws", sandboxUsage, nothing, sandboxFlags},
		{groupShell, "completion", "make the shell complete commands, flags and values", completionUsage, oneShell, completionFlags},
		{groupShell, "version", "the version of this program", versionUsage, nothing, versionFlags},
	}
}

// usage returns the help of the whole program.
func usage() string {
	var b strings.Builder
	b.WriteString(`Usage:
    pingrotate COMMAND [ARGUMENT...] [FLAG...]
    pingrotate help [COMMAND]

Operates the rotation of PingOne client secrets in AWS Secrets Manager.
`)
	group := ""
	for _, c := range commands() {
		if c.group != group {
			fmt.Fprintf(&b, "\n%s:\n", c.group)
			group = c.group
		}
		fmt.Fprintf(&b, "    %-11s %s\n", c.name, c.summary)
	}
	b.WriteString(`
No command shows a secret, or takes one.
Exit status: 0 if all went well, 1 if something failed, 2 for a wrong command line.
`)
	return b.String()
}

func main() {
	log.SetOutput(&library.Writer{Next: printable{os.Stderr}})
	log.SetFlags(0)
	log.SetPrefix("pingrotate: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program whatever it does

	err := run(ctx, os.Args[1:], printable{os.Stdout})
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
		fmt.Fprint(log.Writer(), usage())
		return usageError{"", "no command given"}
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			_, err := io.WriteString(stdout, usage())
			return err
		}
		name, rest = rest[0], []string{"--help"}
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		do := c.declare(flags)
		rest, err := parse(flags, c.takes, rest)
		if errors.Is(err, flag.ErrHelp) {
			_, err := io.WriteString(stdout, c.usage)
			return err
		}
		if err != nil {
			return err
		}
		return do(ctx, rest, stdout)
	}
	return usageError{"", fmt.Sprintf("there is no command %q", name)}
}

// A usageError is a mistake in the command line.
type usageError struct{ command, problem string }

func (e usageError) Error() string {
	if e.command == "" {
		return e.problem + "; pingrotate help lists what there is"
	}
	return e.command + ": " + e.problem + "; see pingrotate " + e.command + " --help"
}

// parse reads a command's flags and returns its other arguments. Flags may stand
// before, between and after them; after "--" nothing is a flag. The error is a
// usageError, or flag.ErrHelp when help was asked for.
func parse(flags *flag.FlagSet, takes arity, args []string) ([]string, error) {
	flags.SetOutput(io.Discard)
	var rest []string
	for len(args) > 0 {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		if err != nil {
			return nil, usageError{flags.Name(), err.Error()}
		}
		read := args[:len(args)-flags.NArg()]
		args = flags.Args()
		if len(read) > 0 && read[len(read)-1] == "--" {
			rest = append(rest, args...)
			break
		}
		if len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	switch {
	case len(rest) < takes.least:
		return nil, usageError{flags.Name(), "no " + takes.name + " given"}
	case len(rest) > takes.most:
		return nil, usageError{flags.Name(), fmt.Sprintf("argument %q is one too many", rest[takes.most])}
	}
	return rest, nil
}
