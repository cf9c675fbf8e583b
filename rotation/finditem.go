package rotation

import (
	"context"

	"pingrotate/internal/parallel"
	"pingrotate/internal/register"
)

// findItem finds the client's item in the register. With two applications it is the
// original's, because that item has both. It reports whether it fetched the item.
func (r *run) findItem(ctx context.Context) (fetched bool, err error) {
	d := r.found.current
	at := func(id string) *hold {
		return &hold{table: r.table(), key: register.Key{EnvironmentID: d.EnvironmentID, ID: id}, who: unique(), doing: r.doing, now: r.client.Time, count: r.count}
	}
	own := at(r.applicationID())
	own.rev, own.known = own.table.Remembered(own.key)
	r.hold = own
	if r.found.twin == "" {
		return false, nil
	}
	other := at(r.found.twin)
	other.rev, other.known = other.table.Remembered(other.key)
	if own.known && knows(own.rev.Item, other) {
		return false, nil
	}
	if other.known && knows(other.rev.Item, own) {
		r.hold = other
		return false, nil
	}
	err = parallel.Do(func() error { return own.fetch(ctx) }, func() error { return other.fetch(ctx) })
	switch {
	case err != nil && !register.Unusable(err):
		return false, err
	case knows(own.rev.Item, other):
	case knows(other.rev.Item, own):
		r.hold = other
	case own.rev.Number > 0 && other.rev.Number == 0:
	case other.rev.Number > 0 && own.rev.Number == 0:
		r.hold = other
	case own.rev.Number == 0 && err == nil:
		var kept, others rows
		if err := parallel.Do(func() (err error) { kept, err = own.survivingRows(ctx); return err }, func() (err error) { others, err = other.survivingRows(ctx); return err }); err != nil {
			return false, err
		}
		if others > kept || others == kept && other.key.ID < own.key.ID {
			r.hold = other
		}
	case other.key.ID < own.key.ID:
		r.hold = other
	}
	return true, nil
}

// rows say what survived the loss of an item. The item is restored where they are.
type rows int

const (
	noRows rows = iota
	holderRows
	emergencyRows
)

// survivingRows returns which rows there are beside an absent item.
func (h *hold) survivingRows(ctx context.Context) (rows, error) {
	h.count.register.Add(1)
	open, err := h.table.Opened(ctx, h.key)
	if err != nil || len(open) > 0 {
		return emergencyRows, err
	}
	h.count.register.Add(1)
	holders, err := h.table.Holders(ctx, h.key)
	if err != nil || len(holders) > 0 {
		return holderRows, err
	}
	return noRows, nil
}

// knows reports whether an item has a record of the other's application.
func knows(item register.Item, other *hold) bool {
	_, ok := item.Applications[other.key.ID]
	return ok
}

// table returns the register's table. If none is set, each use of it returns an error that
// names the missing setting.
func (r *Rotator) table() *register.Table {
	if r.Register != nil {
		return r.Register
	}
	return new(register.Table)
}
