package trial

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"pingrotate/consumer"
)

// pace is the time between two requests of a consumer.
const pace = 250 * time.Millisecond

// consumers are two applications that keep asking for tokens, by the rule for consumers: on
// invalid_client, read the secret again and retry once.
type consumers struct {
	source func() *consumer.Source // a new one, which has read nothing yet

	mu       sync.Mutex
	requests int
	failures []string
}

// run asks for tokens until the context is done or stopped is called.
func (c *consumers) run(ctx context.Context) (stopped func()) {
	ctx, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	keeps := c.source()
	both.Go(func() {
		c.each(ctx, func() error { // keeps the secret, and asks for another token each time
			token, err := keeps.Token(ctx)
			if err == nil {
				keeps.Invalidate(token)
			}
			return err
		})
	})
	both.Go(func() {
		c.each(ctx, func() error { _, err := c.source().Token(ctx); return err }) // reads the secret each time
	})
	return func() {
		cancel()
		both.Wait()
	}
}

func (c *consumers) each(ctx context.Context, ask func() error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ctx.Err() == nil {
		err := ask()
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.requests++
		if err != nil && len(c.failures) < 20 {
			c.failures = append(c.failures, fmt.Sprintf("%s: %v", time.Now().UTC().Format(time.TimeOnly), err))
		}
		c.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (c *consumers) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// quietly discards what is logged: the errors say what goes wrong.
var quietly = slog.New(slog.DiscardHandler)
