package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/internal/register"
)

// A hold is a run's handle on one client's item in the register: the revision that it last
// saw, and the lease, if the run has it.
//
// The revision may be outdated when the run writes. That is safe, because a write fails
// unless the item is still at that revision.
type hold struct {
	table *register.Table
	key   register.Key
	who   string // unique to the run
	doing string
	now   func() time.Time
	count *counter

	rev     register.Revision
	known   bool  // rev is set: this run read or wrote it, or an earlier run of the process did
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

// replace writes the next item. If another process wrote first, nothing is written, and what
// that process wrote becomes the known revision.
func (h *hold) replace(ctx context.Context, next register.Item) error {
	h.count.register.Add(1)
	return h.replaced(h.table.Replace(ctx, h.key, h.rev, next))
}

// mark is [hold.replace] for an emergency. In the same write it adds the rows that survive the
// loss of the item.
func (h *hold) mark(ctx context.Context, next register.Item, e register.Emergency, arn string) error {
	if _, ok := h.rev.Item.Secrets[arn]; ok && h.rev.Known() {
		arn = "" // its row exists already
	}
	h.count.register.Add(1)
	return h.replaced(h.table.Mark(ctx, h.key, h.rev, next, e, arn))
}

// replaced records the result of a replacement.
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

// hasLease reports whether the run has the lease, as far as it knows.
func (h *hold) hasLease() bool {
	return h.known && h.rev.Item.Lease.Holder == h.who && h.now().Before(h.rev.Item.Lease.Until)
}

// take takes the lease if it is free, or by force. If another process has it, take returns
// when it will be free. What was read before the lease was taken must be read again.
//
// After a crash following this write, the lease expires.
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

// withHolder returns the item with the managed secret among those that hold the client. It
// first writes a row that says the same and survives the loss of the item: an emergency
// must know which managed secrets to serve.
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

// itemOrFirst returns the item, or a first one if the client has none.
func (h *hold) itemOrFirst(ctx context.Context, now time.Time) (register.Item, error) {
	if h.rev.Known() {
		return h.rev.Item, nil
	}
	return h.firstItem(ctx, now)
}

// firstItem returns the first item of a client, or one in place of an item that was lost. It
// reopens an emergency that was open when the item was lost.
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

// errLeaseOver means that the lease would end before an act is sure to have been sent.
var errLeaseOver = errors.New("the lease has too little time left to send anything")

// announce writes the intent, with the outcome of the act before. This write is the fence:
// a run that was overtaken fails here and sends nothing.
//
// A crash before the write leaves the earlier act for the next run to resolve, and no new
// one. After it, the next run that takes the lease finds out whether the announced act took
// effect.
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

// settle writes the outcome of an act. If another run overtook this one, nothing is
// written, and the next run to take the lease finds the outcome when it looks.
func (h *hold) settle(ctx context.Context, outcome func(register.Item) register.Item, release bool) error {
	item := outcome(h.rev.Item)
	if release {
		item = item.Release(h.who)
	}
	return h.replace(ctx, item)
}

// release gives the lease back. If that fails, the lease expires.
func (h *hold) release(ctx context.Context) {
	if h.known && h.rev.Item.Lease.Holder == h.who {
		_ = h.replace(ctx, h.rev.Item.Release(h.who))
	}
}
