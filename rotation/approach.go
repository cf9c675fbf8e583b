package rotation

import (
	"context"

	"pingrotate/internal/register"
)

// approach finds the client's item in the register. With two applications it is the
// original's, which is the one whose item knows of both.
func (r *run) approach(ctx context.Context) error {
	d := r.found.current
	at := func(id string) *hold {
		return &hold{table: r.table(), key: register.Key{EnvironmentID: d.EnvironmentID, ID: id}, who: unique(), doing: r.doing, now: r.client.Time, count: r.count}
	}
	own := at(r.applicationID())
	own.rev, own.known = own.table.Remembered(own.key)
	r.hold = own
	if r.found.twin == "" {
		return nil
	}
	other := at(r.found.twin)
	other.rev, other.known = other.table.Remembered(other.key)
	if own.known && knows(own.rev.Item, other) {
		return nil
	}
	if other.known && knows(other.rev.Item, own) {
		r.hold = other
		return nil
	}
	err := parallel(func() error { return own.fetch(ctx) }, func() error { return other.fetch(ctx) })
	switch {
	case err != nil && !register.Unreachable(err):
		return err
	case knows(own.rev.Item, other):
	case knows(other.rev.Item, own):
		r.hold = other
	case own.rev.Number > 0 && other.rev.Number == 0:
	case other.rev.Number > 0 && own.rev.Number == 0, other.key.ID < own.key.ID:
		r.hold = other
	}
	return nil
}

// knows reports whether an item, which is of one application, has a record of the other.
func knows(item register.Item, other *hold) bool {
	_, ok := item.Applications[other.key.ID]
	return ok
}

// table returns the register's store. Without one each use of it is an error that names
// the setting.
func (r *Rotator) table() *register.Table {
	if r.Register != nil {
		return r.Register
	}
	return new(register.Table)
}
