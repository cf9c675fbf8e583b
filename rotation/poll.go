package rotation

import (
	"context"
	"fmt"
	"time"

	"pingrotate/pingone"
)

// A poll repeats something with waits that double, until it is done or the time for it
// is up.
type poll struct {
	client *pingone.Client // tells and passes the time
	next   time.Duration   // the wait that comes next
	most   time.Duration   // the longest wait
	end    time.Time       // when to give up; zero for when the context's time is up
}

// polls returns a poll that waits for first, then twice as long, and so on up to most,
// and for no longer than limit altogether; zero means for as long as the context has.
func (r *run) polls(first, most, limit time.Duration) *poll {
	p := &poll{client: &r.client, next: first, most: most}
	if limit > 0 {
		p.end = r.client.Time().Add(limit)
	}
	return p
}

// wait waits for the next turn. It reports false when the next turn would come too
// late, and then has not waited; the error is why the context ended.
func (p *poll) wait(ctx context.Context) (bool, error) {
	d := p.next
	p.next = min(2*p.next, p.most)
	if !p.end.IsZero() {
		left := p.end.Sub(p.client.Time())
		if left <= 0 {
			return false, nil
		}
		d = min(d, left) // the last turn is at the end
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
