package register

import (
	"maps"
	"slices"
	"time"
)

// An Emergency is a leak whose secrets must die. It is open from its first mark until each
// of them is shown to be dead and AWSCURRENT has been minted after the last mark.
type Emergency struct {
	ID       string    `json:"id"`               // the ClientRequestToken of the first command
	Commands []string  `json:"commands"`         // ClientRequestTokens of all, the first included
	Since    time.Time `json:"since"`            // of the first mark
	Marked   time.Time `json:"marked"`           // of the last mark
	Mark     int64     `json:"mark"`             // number of the revision with the last mark
	How      string    `json:"how"`              // "swift" or "contain", which overrides it
	By       string    `json:"by,omitempty"`     // who asked, in their own words
	Reason   string    `json:"reason,omitempty"` // as the first command gave it
	Secret   string    `json:"secret"`           // ARN of the managed secret that the first command named
	Must     []Victim  `json:"must"`             // what has to die
	At       time.Time `json:"at,omitzero"`      // when it ended

	// Minted is set only in a row, not in an item. By application, it is the fingerprint of
	// the secret that was minted for the emergency: a run that restores the emergency from
	// the row mints no other.
	Minted map[string]string `json:"minted,omitempty"`
}

// A Victim is a secret that must die.
type Victim struct {
	Application string `json:"application"` // or resource, by id
	Fingerprint string `json:"fingerprint"`
}

// victimsKept bounds an emergency's list. PingOne accepts two secrets of an application, so
// this many would take dozens of commands for one emergency.
const victimsKept = 128

// commandsKept bounds the list of commands: the first and the newest are kept.
const commandsKept = 64

func (e *Emergency) clone() *Emergency {
	if e == nil {
		return nil
	}
	next := *e
	next.Commands, next.Must = slices.Clone(e.Commands), slices.Clone(e.Must)
	return &next
}

// Marked returns the item with the emergency's mark. Number is that of the revision that
// will be the first to hold it. An emergency that is already open gets the mark as well:
// all that either names must die, "contain" overrides "swift", and AWSCURRENT must be
// minted after the later mark. A command that the item already knows changes nothing, even
// if its emergency has ended since.
func (i Item) Marked(e Emergency, number int64) Item {
	if i.Emergency.Has(e.ID) || i.Ended.Has(e.ID) {
		return i
	}
	next := i.clone()
	open := next.Emergency
	if open == nil {
		open = e.clone()
		open.Commands, open.Must, open.Minted = nil, nil, nil
		open.Since, open.By, open.Reason = wall(e.Since), clip(e.By), clip(e.Reason)
	}
	open.Commands = append(open.Commands, e.ID)
	if extra := len(open.Commands) - commandsKept; extra > 0 {
		open.Commands = slices.Delete(open.Commands, 1, 1+extra)
	}
	open.Mark, open.Marked = number, wall(e.Since)
	if e.How == "contain" {
		open.How = e.How
	}
	for _, v := range e.Must {
		if v.Fingerprint != "" && !slices.Contains(open.Must, v) {
			open.Must = append(open.Must, v)
		}
	}
	open.Must = open.Must[max(0, len(open.Must)-victimsKept):]
	next.Emergency = open
	return next
}

// Reopened returns a client's first item, which will be stored as the revision with this
// number, with the emergencies that the rows beside it show as open. A secret that was
// minted for every one of them counts as minted after their mark.
func (i Item) Reopened(open []Emergency, number int64) Item {
	if len(open) == 0 {
		return i
	}
	next := i
	minted := maps.Clone(open[0].Minted)
	for _, e := range open {
		next = next.Marked(e, number-1)
		maps.DeleteFunc(minted, func(application, fingerprint string) bool { return e.Minted[application] != fingerprint })
	}
	next = next.clone()
	for application, fingerprint := range minted {
		next.succeed(application, Minted{Fingerprint: fingerprint, Announced: number, By: "emergency"}, nil)
	}
	return next
}

// Rows returns a row for each command of the open emergency, with the secrets that the item
// records as minted for it.
func (i Item) Rows() (all []Emergency) {
	if i.Emergency == nil {
		return nil
	}
	minted := map[string]string{}
	for application, a := range i.Applications {
		if i.Emergency.After(a.Current, a.Current.Fingerprint) {
			minted[application] = a.Current.Fingerprint
		}
	}
	for _, id := range i.Emergency.Commands {
		row := i.Emergency.clone()
		row.ID, row.Commands, row.Minted = id, nil, minted
		all = append(all, *row)
	}
	return all
}

// Has reports whether the command with this token is part of the emergency.
func (e *Emergency) Has(command string) bool {
	return e != nil && command != "" && slices.Contains(e.Commands, command)
}

// After reports whether the secret was minted after the emergency's last mark. Only a mint
// that was announced after the mark, and whose answer was recorded, counts.
func (e *Emergency) After(m Minted, fingerprint string) bool {
	return fingerprint != "" && m.Fingerprint == fingerprint && m.Announced > e.Mark && !m.Found
}

// Over returns the item with its emergency ended.
func (i Item) Over(now time.Time) Item {
	next := i.clone()
	if next.Emergency != nil {
		next.Emergency.At = wall(now)
		next.Ended, next.Emergency = next.Emergency, nil
	}
	return next
}
