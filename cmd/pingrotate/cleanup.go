package main

import (
	"context"
	"os/signal"
	"syscall"
)

// untilRemoved is for a command that removes what it creates, whatever happens to the
// terminal: to hang up is then like Ctrl-C, and output that no one reads is an error and
// not the end of the program.
func untilRemoved(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) { // as nohup wants it
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}
