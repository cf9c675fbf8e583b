package rotation

import (
	"context"
	"fmt"
	"time"

	"pingrotate/pingone"
)

// A poll paces repeated attempts. Its waits double, until the attempts succeed or its time
// is up.
type poll struct {
	client *pingone.Client // for the clock, and to wait
	next   time.Duration   // the next wait
	most   time.Duration   // the longest wait
	end    time.Time       // when to give up; zero means with the context
}

// polls returns a poll that waits for first, then for twice as long, and so on up to most,
// until limit has passed. A limit of zero means as long as the context lasts.
func (r *run) polls(first, most, limit time.Duration) *poll {
	p := &poll{client: &r.client, next: first, most: most}
	if limit > 0 {
		p.end = r.client.Time().Add(limit)
	}
	return p
}

// wait waits until the next attempt is due. It reports false without waiting if that would
// be too late. The error says why the context ended.
func (p *poll) wait(ctx context.Context) (bool, error) {
	d := p.next
	p.next = min(2*p.next, p.most)
	if !p.end.IsZero() {
		left := p.end.Sub(p.client.Time())
		if left <= 0 {
			return false, nil
		}
		d = min(d, left) // the last attempt is made at the end
	}
	if !timeFor(ctx, p.client, d+margin) {
		return false, nil
	}
	if err := p.client.Pause(ctx, d); err != nil {
		return false, fmt.Errorf("wait: %w", err)
	}
	return true, nil
}

// timeFor reports whether the context has at least d left.
func timeFor(ctx context.Context, client *pingone.Client, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(client.Time()) >= d
}
