package register

import "time"

// MayTake reports whether the holder may take the lease now, and if not, from when. A lease
// is free when it was given back, or [Skew] past its end.
func (i Item) MayTake(holder string, now time.Time) (ok bool, from time.Time) {
	if i.Lease.Holder == "" || i.Lease.Holder == holder {
		return true, now
	}
	from = i.Lease.Until.Add(Skew)
	return !now.Before(from), from
}

// Take returns the item with the lease in the holder's hands from now on, no matter who has
// it: ask [Item.MayTake] first, unless the lease is taken by force. An intent stays, and
// the new holder must resolve it first.
func (i Item) Take(holder, doing string, now time.Time) Item {
	next := i.clone()
	next.Lease = Lease{Holder: holder, Doing: clip(doing), Taken: wall(now), Until: wall(now.Add(LeaseTime))}
	return next
}

// Release returns the item with the lease given back, if the holder has it.
func (i Item) Release(holder string) Item {
	next := i.clone()
	if next.Lease.Holder == holder {
		next.Lease = Lease{}
	}
	return next
}

// MaySend reports whether the holder still has time to send what it announced.
func (i Item) MaySend(holder string, now time.Time) bool {
	return i.Lease.Holder == holder && now.Before(i.Lease.Until.Add(-SendMargin))
}

// Begin returns the first item of a client, or of one whose item was lost. A lost item may
// have announced an act that is still under way.
func (i Item) Begin(now time.Time) Item {
	next := i.clone()
	next.Unknown = wall(now)
	return next
}

// Known reports whether every act that a lost item announced has taken effect by now or
// never will, and if not, from when.
func (i Item) Known(now time.Time) (ok bool, from time.Time) {
	if i.Unknown.IsZero() {
		return true, now
	}
	from = i.Unknown.Add(ResolveTime)
	return !now.Before(from), from
}

// EnteredAfter is how long audits may take to enter the managed secrets that hold a client
// into a new item: they run at least once a day.
const EnteredAfter = 24 * time.Hour

// MayMiss reports whether managed secrets that the item does not know may hold the client:
// the item is new, and perhaps no audit has run since.
func (i Item) MayMiss(now time.Time) bool {
	return !i.Searched && !i.Unknown.IsZero() && now.Sub(i.Unknown) < EnteredAfter
}
