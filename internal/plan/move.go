package plan

import (
	"fmt"
	"time"
)

// A Kind says what to do next.
type Kind int

const (
	Done      Kind = iota // the goal is reached, or nothing is left to do for it
	Look                  // wait and look again: what was shown is stale, or will change
	Ask                   // show secrets to PingOne
	Take                  // take the lease
	Settle                // record the outcome of an announced act
	Provision             // create the application, or the twin
	Prove                 // obtain a token with PingOne's secret, under the demands that the new one will have to meet
	Apply                 // make PingOne's configuration what the document specifies
	Mint                  // regenerate
	Store                 // store PingOne's current secret as a version
	Verify                // test the run's version against all that the document demands
	Promote               // move AWSCURRENT
	End                   // end the previous secret
	Untag                 // take a staging label off a version
	Complete              // complete the open emergency first
	Serve                 // give AWSCURRENT's secret to the other managed secrets of the client
	Show                  // show that each secret that must die is refused or gone
	Close                 // record that the emergency has ended
	Stop                  // the goal cannot be reached now
)

var kinds = []string{"done", "look", "ask", "take", "settle", "provision", "prove", "apply", "mint", "store", "verify",
	"promote", "end", "untag", "complete", "serve", "show", "close", "stop"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kinds[k]
}

// A Move is what to do next.
type Move struct {
	Kind     Kind
	Decision Decision // createSecret's; empty until it is known, and for other goals
	Why      Why      // of Look, Stop, Promote and Untag

	Application string   // whose secret to mint, end or store
	Fingerprint string   // of the secret to store, promote or end
	Ask         []string // fingerprints; of Store, to be shown to PingOne meanwhile; of Look, to be shown again after it
	Keep        bool     // Mint: the secret before it keeps working, for the fuse
	Version     string   // Store: its id; empty if it is to be derived from the secret
	Label       string   // Store, Untag
	From, To    string   // Promote: version ids; Untag: From

	Happened bool      // Settle: the act has taken effect
	Until    time.Time // Look, Stop: when the reason ends by itself; zero if unknown
}

// A Decision is what createSecret does about the secret.
type Decision string

const (
	// Regenerate: PingOne makes a new secret and keeps the one before for the fuse.
	Regenerate Decision = "regenerate"
	// Refuse: consumers still use the previous secret, and a regeneration would end it.
	Refuse Decision = "refuse"
	// Adopt: an earlier run regenerated, and PingOne's current secret is taken over.
	Adopt Decision = "adopt"
	// Drift: AWSCURRENT is dead. The secret was regenerated outside a rotation, or an
	// older document was stored.
	Drift Decision = "drift"
	// Seed: nothing is stored yet, and PingOne's secret is taken over as it is.
	Seed Decision = "seed"
	// Stored: the version holds PingOne's secret already.
	Stored Decision = "already stored"
	// Poisoned: the version holds a secret that can never be promoted.
	Poisoned Decision = "poisoned"
)

// Why is the reason for a move, where the move does not say it.
type Why int

const (
	NoReason        Why = iota
	Stale               // a read shows what the register knows to be over
	Contradiction       // AWSCURRENT works, although PingOne does not show its secret
	Unresolved          // an announced act has no outcome yet
	Unknown             // the register's item was lost, or is the first: an act may be under way
	NotAccepted         // PingOne does not accept its own current secret yet
	NotAskable          // PingOne cannot be asked: the application is disabled, or there is no answer
	NotCurrent          // PingOne does not show the version's secret as its current one
	NotStored           // the run's version has no value
	Edited              // AWSCURRENT was changed after the version was made from it
	MethodChanged       // the application's authentication method has changed since the version was made
	Superseded          // the version's secret was regenerated again
	Lagging             // consumers still use the previous secret
	Lost                // the secret that was minted for this rotation is not shown
	Dying               // AWSCURRENT's secret is refused, or is about to end
	LeftBehind          // a run minted but did not promote, and nothing will repeat it
	Emptied             // AWSCURRENT holds no secret, and an earlier version does
	EmergencyOpen       // an emergency comes first
	NoWayBack           // there is nothing to roll back to
	RotationRunning     // a rotation is under way
	CopyKept            // a member holds a copy of the secret that would go stale
	RegisterNeeded      // the register cannot be reached, and nothing may be done without it
	Closed              // the secret cannot be rotated at all
	Idle                // consumers have let go of the previous secret
	Orphaned            // no run will finish the version
	Foreign             // the version names an application that may not come after AWSCURRENT's
	Replicas            // consumers in another Region do not have AWSCURRENT yet
	OtherLags           // another managed secret of the client does not hold PingOne's current secret
	NotFilled           // AWSCURRENT holds no secret
	Behind              // AWSCURRENT does not hold PingOne's current secret
	Asked               // a person asked for it
)

var whys = []string{"", "stale read", "contradiction", "unresolved act", "nothing known", "not accepted yet", "cannot be asked", "not PingOne's current secret",
	"no value", "AWSCURRENT was changed", "method changed", "regenerated again", "consumers lag", "mint not shown", "about to end", "left behind",
	"emptied", "emergency open", "no way back", "rotation under way", "stale copy", "register out of reach", "closed", "idle", "orphaned", "another application", "replicas lag", "another managed secret lags",
	"not filled", "AWSCURRENT is behind", "asked for"}

func (w Why) String() string {
	if w < 0 || int(w) >= len(whys) {
		return fmt.Sprintf("reason %d", int(w))
	}
	return whys[w]
}
