package main

import (
	"context"
	"time"
)

// A clock tells the time and waits. The zero value is the machine's clock. The scripts of
// the tests run the program with another one, so that they need not wait for PingOne and
// the register. What the program measures or limits itself, such as the time of a call, is
// always by the machine's clock.
type clock struct {
	now  func() time.Time
	wait func(context.Context, time.Duration) error
}

func (c clock) time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

// until waits until t, unless the context is done first.
func (c clock) until(ctx context.Context, t time.Time) error {
	d := t.Sub(c.time())
	if c.wait != nil {
		return c.wait(ctx, d)
	}
	return wait(ctx, d)
}
