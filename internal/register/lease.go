package register

import "time"

// MayTake reports whether the holder may take the lease now, and otherwise from when
// on. A lease is free when it was given back, or [Skew] past its end.
func (i Item) MayTake(holder string, now time.Time) (ok bool, from time.Time) {
	if i.Lease.Holder == "" || i.Lease.Holder == holder {
		return true, now
	}
	from = i.Lease.Until.Add(Skew)
	return !now.Before(from), from
}

// Take returns the item with the lease in the holder's hands from now on, no
// matter who has it: ask [Item.MayTake] first, unless the lease is taken by force. An intent
// stays: to resolve it is the new holder's first business.
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

// MaySend reports whether the holder may still send what it has announced.
func (i Item) MaySend(holder string, now time.Time) bool {
	return i.Lease.Holder == holder && now.Before(i.Lease.Until.Add(-SendMargin))
}

// Begin returns the first item of a client, or of one whose item was lost. An act may
// be under way that an item announced which is no longer there.
func (i Item) Begin(now time.Time) Item {
	next := i.clone()
	next.Unknown = wall(now)
	return next
}

// Known reports whether every act that was announced in an item which was lost has
// taken effect by now or never will, and otherwise from when on that is so.
func (i Item) Known(now time.Time) (ok bool, from time.Time) {
	if i.Unknown.IsZero() {
		return true, now
	}
	from = i.Unknown.Add(ResolveTime)
	return !now.Before(from), from
}

// EnteredAfter is how long audits need at most to enter the managed secrets that hold a
// client in an item that was absent: they run once a day or more often.
const EnteredAfter = 24 * time.Hour

// MayMiss reports whether there may be managed secrets that hold the client and that the
// item does not know: it is new, and no audit may have come by since.
func (i Item) MayMiss(now time.Time) bool {
	return !i.Searched && !i.Unknown.IsZero() && now.Sub(i.Unknown) < EnteredAfter
}
