package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/internal/register"
)

// A hold is a run's dealings with the register about one client: what it knows of the
// item, and whether it has the lease.
//
// What it remembers may be old by the time it writes. That is safe: a write fails
// unless the item is still the one that was remembered.
type hold struct {
	table *register.Table
	key   register.Key
	who   string // unique to the run
	doing string
	now   func() time.Time
	count *counter

	rev     register.Revision
	known   bool  // rev was read or written by this run, or remembered from an earlier one
	failure error // why the register cannot be reached; nil while it can
}

// fetch reads the item.
func (h *hold) fetch(ctx context.Context) error {
	h.count.register.Add(1)
	rev, err := h.table.Fetch(ctx, h.key)
	if err != nil {
		h.known, h.failure = false, err
		return err
	}
	h.rev, h.known, h.failure = rev, true, nil
	return nil
}

// replace writes the next item. When another process was first, nothing is written, and
// what was found takes the place of what was remembered.
func (h *hold) replace(ctx context.Context, next register.Item) error {
	h.count.register.Add(1)
	return h.replaced(h.table.Replace(ctx, h.key, h.rev, next))
}

// mark is [hold.replace] with a mark of an emergency, and writes with it the rows that
// outlive the item.
func (h *hold) mark(ctx context.Context, next register.Item, e register.Emergency, arn string) error {
	if _, ok := h.rev.Item.Secrets[arn]; ok && h.rev.Known() {
		arn = "" // which has its row
	}
	h.count.register.Add(1)
	return h.replaced(h.table.Mark(ctx, h.key, h.rev, next, e, arn))
}

// replaced takes over the outcome of a replacement.
func (h *hold) replaced(rev register.Revision, err error) error {
	if err == nil {
		h.rev, h.known, h.failure = rev, true, nil
		return nil
	}
	if overtaken, ok := errors.AsType[*register.OvertakenError](err); ok {
		h.rev, h.known = overtaken.Found, true
		return err
	}
	h.known, h.failure = false, err
	return err
}

// hasLease reports whether the run holds the lease, by what it knows.
func (h *hold) hasLease() bool {
	return h.known && h.rev.Item.Lease.Holder == h.who && h.now().Before(h.rev.Item.Lease.Until)
}

// take takes the lease, if it is free or shall be taken by force. It returns from when
// on it is free, if it is another's. The look that counts is the one made afterwards.
//
// Died after the write: the lease runs out by itself.
func (h *hold) take(ctx context.Context, arn string, force bool) (ok bool, from time.Time, err error) {
	for range 3 {
		if !h.known {
			if err := h.fetch(ctx); err != nil {
				return false, time.Time{}, err
			}
		}
		now := h.now()
		item := h.rev.Item
		if free, from := item.MayTake(h.who, now); !free && !force {
			return false, from, nil
		}
		if item, err = h.withHolder(ctx, arn, now); err != nil {
			return false, time.Time{}, err
		}
		err := h.replace(ctx, item.Take(h.who, h.doing, now))
		if !errors.Is(err, register.ErrOvertaken) {
			return err == nil, time.Time{}, err
		}
	}
	return false, h.now().Add(time.Second), nil
}

// withHolder returns the item with a managed secret among those that hold the client. A
// separate row says so too, which outlives the loss of the item: an emergency must
// know whom to serve.
func (h *hold) withHolder(ctx context.Context, arn string, now time.Time) (item register.Item, err error) {
	if item, err = h.itemOrFirst(ctx, now); err != nil {
		return item, err
	}
	if _, ok := item.Secrets[arn]; ok {
		return item, nil
	}
	h.count.register.Add(1)
	if err := h.table.PutHolder(ctx, h.key, arn); err != nil {
		return item, err
	}
	return item.Holds(arn), nil
}

// itemOrFirst returns the item, or the first one of a client that has none.
func (h *hold) itemOrFirst(ctx context.Context, now time.Time) (register.Item, error) {
	if h.rev.Known() {
		return h.rev.Item, nil
	}
	return h.firstItem(ctx, now)
}

// firstItem returns the first item of a client, or of one whose item was lost. An emergency
// that was open then is open again.
func (h *hold) firstItem(ctx context.Context, now time.Time) (register.Item, error) {
	var open []register.Emergency
	var holders []string
	h.count.register.Add(2)
	err := parallel.Do(
		func() (err error) { open, err = h.table.Opened(ctx, h.key); return err },
		func() (err error) { holders, err = h.table.Holders(ctx, h.key); return err },
	)
	if err != nil {
		return register.Item{}, err
	}
	item := register.Item{}.Begin(now).Reopened(open, h.rev.Number+1)
	for _, arn := range holders {
		item = item.Holds(arn)
	}
	return item, nil
}

// errLeaseOver means that an act came too late to be sent within the lease.
var errLeaseOver = errors.New("the lease has too little time left to send anything")

// announce writes the intent, and the outcome of the act before. It is the fence: a run
// that was overtaken fails here and sends nothing.
//
// Died before the write: nothing has happened since that act. Died after it: the next run
// that takes the lease finds out whether the announced act took effect.
func (h *hold) announce(ctx context.Context, outcome func(register.Item) register.Item, in register.Intent) error {
	if !h.rev.Item.MaySend(h.who, h.now()) {
		return errLeaseOver
	}
	if err := h.replace(ctx, outcome(h.rev.Item).Announce(in, h.rev.Number+1, h.now())); err != nil {
		return fmt.Errorf("announce the act in the register: %w", err)
	}
	if !h.rev.Item.MaySend(h.who, h.now()) {
		return errLeaseOver
	}
	return nil
}

// settle writes the outcome of an act. When the run was overtaken meanwhile, the outcome
// is for the next holder to find: it looks before it acts.
func (h *hold) settle(ctx context.Context, outcome func(register.Item) register.Item, release bool) error {
	item := outcome(h.rev.Item)
	if release {
		item = item.Release(h.who)
	}
	return h.replace(ctx, item)
}

// release gives the lease back. Nothing depends on it: it runs out by itself.
func (h *hold) release(ctx context.Context) {
	if h.known && h.rev.Item.Lease.Holder == h.who {
		_ = h.replace(ctx, h.rev.Item.Release(h.who)) // or it runs out
	}
}
