// Command pingrotate operates the rotation of PingOne client secrets: it asks the
// deployed function, or does the same in this process. It also shows the rotation on
// one machine, without any account.
//
// Data goes to standard output. Everything else goes to standard error, as
// "pingrotate: message", without capitals and without a final period.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"

	"pingrotate/internal/quiet"
)

func main() { execute(clock{}) }

// execute is the program, by a clock.
func execute(clock clock) {
	// What libraries print by themselves may quote a peer.
	log.SetOutput(&quiet.Writer{Next: os.Stderr})
	log.SetFlags(0)
	log.SetPrefix("pingrotate: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program whatever it does
	p := newProgram(os.Stdout, os.Stderr)
	p.clock = clock
	err := newRoot(p).ExecuteContext(ctx)
	p.close()
	if err == nil {
		return
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	p.fail(err)
	var misused usageError
	if errors.As(err, &misused) {
		os.Exit(2)
	}
	os.Exit(1)
}
