// Package plan decides what a run does next. It does no I/O. A [Situation] goes in: what
// one look at Secrets Manager, PingOne and the register has shown. The next [Move] comes
// out. Steps, actions, audits, rollbacks and checks all decide here, so a check predicts
// exactly what a rotation does.
//
// Secrets appear only as their fingerprints.
package plan

import (
	"time"

	"pingrotate/internal/register"
)

// A Goal is what a run wants to reach.
type Goal int

const (
	Create      Goal = iota // the run's version holds PingOne's current secret
	Finish                  // that version is AWSCURRENT
	Audit                   // nothing is left undone, and nothing that consumers need is about to end
	Emergency               // what leaked is dead, and AWSCURRENT was minted afterwards
	Rollback                // AWSCURRENT is the version before
	Follow                  // which another managed secret's emergency minted
	EndPrevious             // the replaced secrets that a person names are dead
)

// A Situation is everything that a decision depends on.
type Situation struct {
	Goal     Goal
	Now      time.Time // on this process's clock, as are the register's times
	Secret   string    // ARN of the managed secret
	Rotation string    // ClientRequestToken: the id of the version that the run makes; empty if it makes none
	Manual   bool      // Secrets Manager did not start the run, and will not repeat it
	ReadOnly bool      // the run writes nothing: a check, a preview, or an audit that only reports

	Grace          time.Duration // how long a replaced secret works, counted from the promotion
	EndWhenIdle    bool          // the previous secret may end before its grace does
	Alternates     bool          // two applications take turns: the version after AWSCURRENT is the twin's
	Twin           string        // the twin's application id; empty if there is none yet
	Unused         bool          // no version names the twin yet: it was created for this rotation
	Specified      bool          // the document specifies the application
	ReplicaBehind  bool          // consumers in another Region may not have AWSCURRENT yet
	StaleCopy      string        // a member that holds a copy of the secret without being named for it; empty if none does
	OtherBehind    string        // another managed secret of the client that does not hold PingOne's current secret; empty if all do
	RotationClosed string        // why the secret cannot be rotated at all; empty as a rule
	Ends           []string      // EndPrevious: fingerprints of the secrets that may end
	LockOut        bool          // EndPrevious: consumers that still use them are locked out

	Labels  Labels
	Changed time.Time // when a version or a label last changed
	Current Version   // labelled AWSCURRENT
	Own     Version   // the run's; not Stored until it is made
	Others  []Version // stored versions with other labels

	Views   map[string]View   // by application or resource id
	Off     map[string]bool   // applications that are disabled
	Answers map[string]Answer // PingOne's answer to each secret, by fingerprint

	Item        register.Item
	Unreachable bool // the register cannot be read or written
	Holds       bool // the run holds the lease, and this look was made under it
	MaySend     bool // and the lease leaves time to send something

	Done Progress
}

// Progress is what the run has done so far that a look does not show.
type Progress struct {
	Proved   bool // PingOne's secret obtained a token under the demands that the new one will have to meet
	Applied  bool // PingOne's configuration is as the document specifies
	Verified bool // the run's version has passed the document's demands
	Served   bool // other managed secrets of the client hold AWSCURRENT's secret
	Shown    bool // each secret that must die was refused, or is gone

	// TwinLater means that PingOne refused to regenerate the twin's secret before the
	// promotion, where an emergency that contains wants it. It is tried again afterwards.
	TwinLater bool
}

// Labels holds the id of the version that has each staging label; empty if none has it.
type Labels struct {
	Current, Previous, Pending, Manual, Healed string
}

// A Version is a version of the managed secret.
type Version struct {
	ID          string
	Stored      bool      // it has a value
	Application string    // or resource, by id; empty if its document names none, or does not parse
	Fingerprint string    // empty if the document holds no secret
	Created     time.Time // when the value was stored
	Since       time.Time // of AWSCURRENT: when consumers were given it
	Follows     bool      // it differs from AWSCURRENT only in what a rotation writes
	WrongMethod bool      // its tokenEndpointAuthMethod is no longer the application's
	Foreign     bool      // its application may not follow AWSCURRENT's
}

// A View is what PingOne shows of an application's secret.
type View struct {
	Current  string
	Previous string    // empty if no earlier secret works
	Expires  time.Time // of the previous secret, on PingOne's clock
	LastUsed time.Time // of the previous secret; zero if unused since it was replaced
	At       time.Time // when PingOne showed it, on PingOne's clock
}

// Accepts reports whether the view shows the secret as one that works.
func (v View) Accepts(fingerprint string) bool {
	return fingerprint != "" && (v.Current == fingerprint || v.Previous == fingerprint)
}

// An Answer is what PingOne says about a secret that it is shown.
type Answer int

const (
	NotAsked Answer = iota
	Accepted        // it obtains a token, or is good for one
	Refused         // invalid_client
	Unclear         // no answer, or one that says nothing about the secret, such as a disabled application's
)

// view returns PingOne's view of AWSCURRENT's application.
func (s Situation) view() View { return s.Views[s.Current.Application] }

// held returns the fingerprint of the secret that a rotation would replace, as a version
// holds it, and the time from which consumers may have it. The fingerprint is empty if no
// version holds one.
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
