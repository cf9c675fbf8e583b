package register

import (
	"slices"
	"time"
)

// Announce returns the item with the intent, in place of any other. Number is that of the
// revision that will be the first to name it.
func (i Item) Announce(in Intent, number int64, now time.Time) Item {
	next := i.clone()
	in.Since, in.Announced = wall(now), number
	next.Intent = &in
	return next
}

// Overdue reports whether an announced act that does not show by now never will, and if
// not, from when.
func (in *Intent) Overdue(now time.Time) (ok bool, from time.Time) {
	from = in.Since.Add(ResolveTime)
	return !now.Before(from), from
}

// Forget returns the item without its intent: the act did not happen, or its outcome
// is recorded by other means.
func (i Item) Forget() Item {
	next := i.clone()
	next.Intent = nil
	return next
}

// Minted returns the item after PingOne made the secret with this fingerprint for the
// application, as the item's intent announced. The replaced fingerprints are no longer
// current, such as the one that the reply shows as previous; that of the intent is added. A
// mint that is already recorded, and not announced again, changes nothing.
func (i Item) Minted(application, fingerprint string, now time.Time, replaced ...string) Item {
	in := i.Intent
	announced := in != nil && in.Act == Mint && in.Application == application
	if !announced && i.Applications[application].Current.Fingerprint == fingerprint {
		return i
	}
	next := i.clone()
	m := Minted{Fingerprint: fingerprint, At: wall(now)}
	replaced = slices.Clone(replaced)
	if announced {
		m.Announced, m.Rotation, m.Secret, m.By = in.Announced, in.Rotation, in.Secret, in.By
		replaced = append(replaced, in.Before)
		next.Intent = nil
	}
	next.succeed(application, m, replaced)
	return next
}

// Resolved is [Item.Minted] for an announced mint that was found by looking: it is not
// certain whose request made the secret.
func (i Item) Resolved(application, fingerprint string, now time.Time) Item {
	next := i.Minted(application, fingerprint, now)
	a := next.Applications[application]
	a.Current.Found = true
	next.Applications[application] = a
	return next
}

// Seen returns the item after PingOne showed a current secret that the register does not
// know: it was made elsewhere, or before there was an item. A known secret changes nothing.
func (i Item) Seen(application, fingerprint string) Item {
	if fingerprint == "" || i.Applications[application].Current.Fingerprint == fingerprint || i.Superseded(application, fingerprint) {
		return i
	}
	next := i.clone()
	next.succeed(application, Minted{Fingerprint: fingerprint}, nil)
	return next
}

// succeed makes m the application's newest secret. It changes i.
func (i *Item) succeed(application string, m Minted, replaced []string) {
	a := i.Applications[application]
	for _, f := range append(replaced, a.Current.Fingerprint) {
		if f != "" && f != m.Fingerprint && !slices.Contains(a.Replaced, f) {
			a.Replaced = append(a.Replaced, f)
		}
	}
	a.Replaced = slices.Clone(a.Replaced[max(0, len(a.Replaced)-replacedKept):])
	a.Current = m
	i.Applications[application] = a
}

// Superseded reports whether the register knows that a secret is no longer current. A view
// of PingOne that shows it as current is stale.
func (i Item) Superseded(application, fingerprint string) bool {
	return slices.Contains(i.Applications[application].Replaced, fingerprint)
}

// Yields reports whether a view that shows a superseded secret as current is right, and the
// item wrong: for [ViewLag] it has heard of no other one, by a mint, by a move of AWSCURRENT
// to what PingOne showed, or when it was begun.
func (i Item) Yields(application string, now time.Time) bool {
	last := i.Unknown
	if at := i.Applications[application].Current.At; at.After(last) {
		last = at
	}
	for _, s := range i.Secrets {
		if s.Since.After(last) {
			last = s.Since
		}
	}
	return !last.IsZero() && now.Sub(last) >= ViewLag
}

// Promoted returns the item after AWSCURRENT of a managed secret moved to a version that
// holds the secret with this fingerprint. It ends the move's intent.
func (i Item) Promoted(arn, from, to, fingerprint string, now time.Time) Item {
	next := i.clone()
	next.Secrets[arn] = Secret{Version: to, Fingerprint: fingerprint, Left: from, Since: wall(now)}
	if in := i.Intent; in != nil && in.Act == Promote && in.Secret == arn {
		next.Intent = nil
	}
	return next
}

// MovedOn reports whether the register knows that AWSCURRENT left the version less
// than [ReadLag] ago. A description of the secret that shows it there is stale.
func (i Item) MovedOn(arn, version string, now time.Time) bool {
	s := i.Secrets[arn]
	return s.Left != "" && s.Left == version && s.Version != version && now.Sub(s.Since) < ReadLag
}

// Holds returns the item with a managed secret among those that hold the client. A known
// one changes nothing.
func (i Item) Holds(arn string) Item {
	if _, ok := i.Secrets[arn]; ok {
		return i
	}
	next := i.clone()
	next.Secrets[arn] = Secret{}
	return next
}

// Deleted returns the item without managed secrets that are there no more. While an
// emergency is open it stays as it is.
func (i Item) Deleted(arns ...string) Item {
	if i.Emergency != nil {
		return i
	}
	next := i.clone()
	for _, arn := range arns {
		delete(next.Secrets, arn)
	}
	return next
}
