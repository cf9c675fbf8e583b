package register

import (
	"maps"
	"slices"
	"time"
)

// An Emergency is a leak whose secrets must die. It is open from its first mark until
// each of them is shown to be dead and AWSCURRENT was minted after the last mark.
type Emergency struct {
	ID       string    `json:"id"`               // the ClientRequestToken of the first command
	Commands []string  `json:"commands"`         // ClientRequestTokens of all, the first included
	Since    time.Time `json:"since"`            // of the first mark
	Marked   time.Time `json:"marked"`           // of the last mark
	Mark     int64     `json:"mark"`             // number of the revision with the last mark
	How      string    `json:"how"`              // "swift" or "contain", which overrides it
	By       string    `json:"by,omitempty"`     // who asks, in their own words
	Reason   string    `json:"reason,omitempty"` // as the first command gave it
	Secret   string    `json:"secret"`           // ARN of the managed secret that the first command named
	Must     []Victim  `json:"must"`             // what has to die
	At       time.Time `json:"at,omitzero"`      // when it ended

	// Minted is of a row alone, and not of an item: by application, the fingerprint of the
	// secret that was minted for the emergency. A run that restores it mints no other.
	Minted map[string]string `json:"minted,omitempty"`
}

// A Victim is a secret that must die.
type Victim struct {
	Application string `json:"application"` // or resource, by id
	Fingerprint string `json:"fingerprint"`
}

// victimsKept bounds an emergency's list. PingOne accepts two secrets an application,
// so that this many would take dozens of commands for one emergency.
const victimsKept = 128

// commandsKept bounds the list of commands: the first and the newest.
const commandsKept = 64

func (e *Emergency) clone() *Emergency {
	if e == nil {
		return nil
	}
	next := *e
	next.Commands, next.Must = slices.Clone(e.Commands), slices.Clone(e.Must)
	return &next
}

// Marked returns the item with the emergency's mark, which the revision with this
// number is the first to hold. What is open already gets the mark as well: all that
// either names must die, "contain" overrides "swift", and AWSCURRENT must be minted
// after the later mark. A command that is known already changes nothing, though its
// emergency has ended since.
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

// Reopened returns the first item of a client, which the revision with this number will
// be, with the emergencies that rows beside it name as open. A secret that was minted for
// each of them counts as minted after their mark.
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

// Rows returns the rows of the emergency's commands after a mint that the item has
// recorded for it.
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

// After reports whether the secret was minted after the emergency's last mark: only
// a mint counts that was announced after it, and whose answer was recorded.
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
