// Package register keeps one record for each PingOne client, through which all invocations
// agree on who may act next and on what has been done.
//
// A mint, the end of a secret and a move of AWSCURRENT cannot be undone, and the services'
// reads lag. So each such act is decided under a [Lease], announced by an [Intent] before
// it is sent, and followed by a record of its outcome. An [Item] is replaced only by
// compare-and-swap. Its transitions are pure: methods that take an item and return the
// next.
//
// An item names secrets by fingerprint and holds none.
package register

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// A Key names a PingOne client: the ids of its environment, and of the application or
// custom resource. An application's twin shares the original's key.
type Key struct {
	EnvironmentID string
	ID            string
}

func (k Key) String() string { return k.EnvironmentID + "/" + k.ID }

// Times of the protocol, by the clock of the process that reads an item. The clocks of two
// processes may differ by [Skew].
const (
	// LeaseTime is how long a lease lasts.
	LeaseTime = 40 * time.Second

	// SendMargin is the last part of a lease, in which its holder sends nothing, so that a
	// request already under way ends within the lease.
	SendMargin = 15 * time.Second

	// Skew is how long after the end of a lease another may be taken.
	Skew = 5 * time.Second

	// ResolveTime is how long after its announcement an act may still take effect. If an
	// older intent has no outcome, and its effect does not show, the act did not happen.
	ResolveTime = 45 * time.Second

	// ReadLag is how long a read may show the state before a change that the register knows
	// of.
	ReadLag = 45 * time.Second

	// ViewLag is for how long PingOne may show a secret as current that the register
	// knows to be replaced. It is far longer than reads lag. What is shown after it is no
	// stale read: PingOne's answer to a mint was wrong, or PingOne has gone back to an earlier
	// state, and a register that did not yield to it would end the client's rotations for good.
	ViewLag = time.Hour

	// ForceAfter is how long a swift emergency waits for another's lease.
	ForceAfter = 30 * time.Second
)

// ErrOvertaken means that another process has replaced the item since it was fetched. Send
// nothing that relies on what was fetched.
var ErrOvertaken = errors.New("another invocation has replaced the register's item meanwhile")

// A Revision is an item as the store holds it.
type Revision struct {
	Number int64  // counts replacements; 0 means that there is no item
	Nonce  string // chosen by the writer, new for each replacement
	Item   Item

	// Copied means that the item was written to another table, of which this one is a copy:
	// it was restored from a backup, and misses what has happened since. Item is then the
	// zero Item.
	Copied bool
}

// Known reports whether the revision says anything about the client.
func (r Revision) Known() bool { return r.Number > 0 && !r.Copied }

// An Item is what is known of one PingOne client. The zero value means that nothing is.
type Item struct {
	Lease        Lease                  `json:"lease,omitzero"`
	Intent       *Intent                `json:"intent,omitempty"`
	Applications map[string]Application `json:"applications,omitempty"` // by id: the original and its twin, or the resource
	Secrets      map[string]Secret      `json:"secrets,omitempty"`      // by ARN: the managed secrets that hold the client
	Emergency    *Emergency             `json:"emergency,omitempty"`    // while it is open
	Ended        *Emergency             `json:"ended,omitempty"`        // the last one that has ended

	// Table is the name of the table that the item was written to.
	Table string `json:"table,omitempty"`

	// Unknown is when an absent item was begun, or zero. Until then a lost item may have
	// announced an act. Nothing is sent before that act is over; see [Item.Known].
	Unknown time.Time `json:"unknown,omitzero"`

	// Searched means that, since the item was begun, an emergency has looked through all
	// managed secrets for those that hold the client.
	Searched bool `json:"searched,omitempty"`
}

// A Lease says who may act.
type Lease struct {
	Holder string    `json:"holder"` // unique to one invocation
	Doing  string    `json:"doing"`  // such as "createSecret of pingone/orders", for people
	Taken  time.Time `json:"taken"`
	Until  time.Time `json:"until"`
}

// An Act is a change that cannot be undone.
type Act string

const (
	Mint    Act = "mint"    // PingOne regenerates the secret of Application
	End     Act = "end"     // PingOne's previous secret of Application dies
	Promote Act = "promote" // AWSCURRENT of Secret moves from version From to version To
)

// An Intent is an announced act. If it has no outcome, the next holder of the lease
// resolves it first.
type Intent struct {
	Act         Act       `json:"act"`
	Application string    `json:"application,omitempty"` // whose secret it concerns
	Secret      string    `json:"secret,omitempty"`      // ARN of the managed secret that it is for
	Rotation    string    `json:"rotation,omitempty"`    // ClientRequestToken
	By          string    `json:"by,omitempty"`          // a step, an action or "emergency"
	Since       time.Time `json:"since"`
	Announced   int64     `json:"announced"`             // number of the revision that first names it
	Before      string    `json:"before,omitempty"`      // fingerprint; Mint: of the current secret, End: of the one that dies
	From        string    `json:"from,omitempty"`        // Promote
	To          string    `json:"to,omitempty"`          // Promote
	Fingerprint string    `json:"fingerprint,omitempty"` // Promote: of the secret in version To
}

// An Application is what is known of one application's or resource's secret.
type Application struct {
	Current  Minted   `json:"current,omitzero"`   // the newest secret that the register knows of
	Replaced []string `json:"replaced,omitempty"` // fingerprints of secrets that are known to be no longer current, newest last
}

// Minted is a secret that PingOne made.
type Minted struct {
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at,omitzero"`         // zero if it was only seen
	Announced   int64     `json:"announced,omitempty"` // number of the revision that announced the mint; 0 if it was only seen
	Rotation    string    `json:"rotation,omitempty"`  // ClientRequestToken of the rotation that it was made for
	Secret      string    `json:"secret,omitempty"`    // ARN of that rotation's managed secret
	By          string    `json:"by,omitempty"`

	// Found means that the answer to the mint was lost, and the secret was found by
	// looking. It may come from another request, and does not count as minted after an
	// emergency.
	Found bool `json:"found,omitempty"`
}

// A Secret is what is known of the staging labels of one managed secret.
type Secret struct {
	Version     string    `json:"version,omitempty"`     // where the last recorded move put AWSCURRENT
	Fingerprint string    `json:"fingerprint,omitempty"` // what that version holds
	Left        string    `json:"left,omitempty"`        // the version that AWSCURRENT left in that move
	Since       time.Time `json:"since,omitzero"`        // when; the grace of the replaced secret counts from here
}

const replacedKept = 24 // fingerprints; reads do not lag by that many mints

// clone returns a copy that shares nothing that a transition changes.
func (i Item) clone() Item {
	next := i
	if i.Intent != nil {
		intent := *i.Intent
		next.Intent = &intent
	}
	next.Applications = make(map[string]Application, len(i.Applications)+1)
	for id, a := range i.Applications {
		a.Replaced = slices.Clone(a.Replaced)
		next.Applications[id] = a
	}
	next.Secrets = make(map[string]Secret, len(i.Secrets)+1)
	for arn, s := range i.Secrets {
		next.Secrets[arn] = s
	}
	next.Emergency, next.Ended = i.Emergency.clone(), i.Ended.clone()
	return next
}

// wall returns the time as an item keeps it: the wall clock's alone, as the monotonic clock
// stands still while the host has frozen the process.
func wall(t time.Time) time.Time { return t.UTC().Round(0) }

const textKept = 1024 // bytes of what people write

// clip shortens what people write, to keep an item within DynamoDB's limit.
func clip(text string) string {
	if len(text) <= textKept {
		return text
	}
	return strings.ToValidUTF8(text[:textKept], "") + "…"
}
