// Package plan decides. It does no I/O: a [Situation] goes in, which is what one look
// at Secrets Manager, PingOne and the register has shown, and the next [Move] comes
// out. Steps, actions, audits, rollbacks and checks all take their decisions here, so
// that a check foretells exactly what a rotation does.
//
// Secrets are known by their fingerprints.
package plan

import (
	"time"

	"pingrotate/internal/register"
)

// A Goal is what a run wants to reach.
type Goal int

const (
	Create      Goal = iota // the run's version holds PingOne's current secret
	Finish                  // and is AWSCURRENT
	Audit                   // nothing is left undone, nothing is about to end
	Emergency               // what leaked is dead, AWSCURRENT was minted afterwards
	Rollback                // AWSCURRENT is the version before
	Follow                  // AWSCURRENT holds PingOne's current secret, which another managed secret got
	EndPrevious             // the replaced secrets that a person names are dead
)

// A Situation is all that a decision depends on.
type Situation struct {
	Goal     Goal
	Now      time.Time // on the clock of this process, which the register goes by
	Secret   string    // ARN of the managed secret
	Rotation string    // ClientRequestToken: the id of the version that the run makes; empty if it makes none
	Manual   bool      // the run is not one of Secrets Manager's: nothing repeats it
	ReadOnly bool      // an audit that completes nothing

	Grace          time.Duration // how long a replaced secret works, counted from the promotion
	EndWhenIdle    bool          // the previous secret may end before its grace does
	Alternates     bool          // the version after AWSCURRENT is of the twin
	Twin           string        // the twin's application id; empty where there is none yet
	Unused         bool          // no version names the twin yet: it was created for this rotation
	Specified      bool          // the document specifies the application
	ReplicaBehind  bool          // consumers in another Region may not have AWSCURRENT yet
	StaleCopy      string        // a member that holds the secret and is not named, where there is one
	OtherBehind    string        // another managed secret of the client that does not hold PingOne's current secret
	RotationClosed string        // why the secret cannot be rotated at all; empty as a rule
	Ends           []string      // of EndPrevious: fingerprints of the secrets that may end
	LockOut        bool          // of EndPrevious: consumers that still use them are locked out

	Labels  Labels
	Changed time.Time // when a version or a label last changed
	Current Version   // labelled AWSCURRENT
	Own     Version   // the run's; not stored before it is made
	Others  []Version // stored versions with other labels

	Views   map[string]View   // by application or resource id
	Off     map[string]bool   // applications that are disabled
	Answers map[string]Answer // by fingerprint: what PingOne says to a secret

	Item        register.Item
	Unreachable bool // the register cannot be read or written
	Holds       bool // the run holds the lease, and this look was made under it
	MaySend     bool // and has the time to send something

	Done Progress
}

// Progress is what the run has done so far and a look does not show.
type Progress struct {
	Proved   bool // a token was obtained as the new secret will be asked to
	Applied  bool // PingOne's configuration is as the document specifies
	Verified bool // the run's version has passed the document's demands
	Served   bool // other managed secrets of the client hold AWSCURRENT's secret
	Shown    bool // each secret that must die was refused, or is gone

	// TwinLater means that PingOne did not renew the twin's secret before AWSCURRENT's
	// successor was promoted, as an emergency to contain a leak wants it.
	TwinLater bool
}

// Labels says which version has a staging label; empty where none has.
type Labels struct {
	Current, Previous, Pending, Manual, Healed string
}

// A Version is one of the managed secret's.
type Version struct {
	ID          string
	Stored      bool      // it has a value
	Application string    // or resource, by id
	Fingerprint string    // empty if the document holds no secret
	Created     time.Time // when the value was stored
	Since       time.Time // of AWSCURRENT: when consumers were given it
	Follows     bool      // it differs from AWSCURRENT by no more than a rotation writes
	WrongMethod bool      // its tokenEndpointAuthMethod is not the application's any more
	Foreign     bool      // it is of an application that may not come after AWSCURRENT's
}

// A View is what PingOne shows of an application's secret.
type View struct {
	Current  string
	Previous string    // empty when no earlier secret still works
	Expires  time.Time // of the previous secret, on PingOne's clock
	LastUsed time.Time // of the previous secret; zero when not used since it was replaced
	At       time.Time // on PingOne's clock
}

// Accepts reports whether PingOne takes the secret, by its own account.
func (v View) Accepts(fingerprint string) bool {
	return fingerprint != "" && (v.Current == fingerprint || v.Previous == fingerprint)
}

// An Answer is what PingOne says to a secret that it is shown.
type Answer int

const (
	NotAsked Answer = iota
	Accepted        // it obtains a token, or is good for one
	Refused         // invalid_client
	Unclear         // no answer, or one that says nothing of the secret, as of a disabled application
)

// view returns PingOne's view of AWSCURRENT's application.
func (s Situation) view() View { return s.Views[s.Current.Application] }

// held returns the fingerprint of the subject's secret as a version holds it, and
// since when consumers may have it. None means that no version does.
func (s Situation) held() (fingerprint string, since time.Time) {
	if !s.Alternates {
		return s.Current.Fingerprint, s.Current.Since
	}
	for _, v := range s.Others {
		if v.ID == s.Labels.Previous && v.Application == s.Twin {
			return v.Fingerprint, v.Created
		}
	}
	return "", time.Time{}
}

// find returns a stored version, other than AWSCURRENT, that holds the secret of
// AWSCURRENT's application and may follow AWSCURRENT as it is.
func (s Situation) find(fingerprint string) (Version, bool) {
	for _, v := range append([]Version{s.Own}, s.Others...) {
		if v.Stored && v.ID != s.Current.ID && v.Fingerprint == fingerprint && v.Application == s.Current.Application && v.Follows && !v.WrongMethod {
			return v, true
		}
	}
	return Version{}, false
}
