// Package clocktest has a clock that the processes of one test share: the function, the
// operator's command, and the stand-ins that both call.
//
// It runs with the machine's clock, but a wait returns at once and moves it ahead for all
// the processes. The register's 45 seconds, or the half minute in which an emergency keeps
// asking PingOne, are over immediately, and everything is stamped as if they had passed.
//
// A process that is working sees the clock jump when another one waits. Its lease may run
// out that way. So in one test, only one process at a time may do something that waits.
package clocktest

import (
	"context"
	"fmt"
	"os"
	"time"
)

// tick is the time that one byte of the file stands for.
const tick = 10 * time.Millisecond

// A Clock is shared by all processes that open the same file. Its methods are safe for use
// by several goroutines.
type Clock struct {
	// The file's length says how far the clock is ahead of the machine's. Appending is
	// atomic, so no wait is lost and nothing needs a lock.
	file *os.File
}

// Open opens the clock kept in the file, which it creates if necessary.
func Open(file string) (*Clock, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the clock: %w", err)
	}
	return &Clock{f}, nil
}

// Now returns the time. It panics if the file cannot be read.
func (c *Clock) Now() time.Time {
	info, err := c.file.Stat()
	if err != nil {
		panic(fmt.Sprintf("read the clock: %v", err))
	}
	// Without the monotonic reading, which does not know of the jumps.
	return time.Now().Add(time.Duration(info.Size()) * tick).Round(0)
}

// Wait moves the clock ahead by d, rounded up to 10 ms. The error is the context's cause,
// if the context is done, or says that the file cannot be written.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := c.file.Write(make([]byte, max(0, (d+tick-1)/tick))); err != nil {
		return fmt.Errorf("move the clock: %w", err)
	}
	return nil
}
