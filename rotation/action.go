package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// What the function does besides the steps of Secrets Manager.
const (
	ActionRotate   = "rotate"   // all four steps in one invocation
	ActionCheck    = "check"    // whether a rotation would succeed; changes nothing
	ActionAudit    = "audit"    // every secret of the function
	ActionRollback = "rollback" // back to AWSPREVIOUS, with the strategy "alternating"
)

// Emergency says that the secret labelled AWSCURRENT has leaked, and how soon it
// must end.
type Emergency string

const (
	// Swift ends the leaked secret as soon as consumers have another.
	Swift Emergency = "swift"
	// Contain ends it at once. Consumers are locked out until they have another.
	Contain Emergency = "contain"
)

// An Action is what people, and schedules of their own, call the function with, as
// JSON.
type Action struct {
	Action   string `json:"action"`
	SecretID string `json:"secretId,omitempty"` // name or ARN; an audit has none
	Reason   string `json:"reason,omitempty"`   // for the log and the report
	By       string `json:"by,omitempty"`       // who asks, in their own words

	// Of rotate.

	Emergency Emergency `json:"emergency,omitempty"`

	// ClientRequestToken becomes the id of the new version, 32 to 64 characters, so
	// that an invocation which is repeated goes on with the same one. It may be empty.
	ClientRequestToken string `json:"clientRequestToken,omitempty"`

	// IfStoredBefore skips the secret when AWSCURRENT was stored at this time or
	// later. A campaign that was interrupted goes on with the time of its start. An
	// emergency that is not over is completed all the same.
	IfStoredBefore time.Time `json:"ifStoredBefore,omitzero"`

	// Of check.

	// CreateTestUser lets check create the user of rotation.verify.userSecretId, the
	// one thing that it ever changes.
	CreateTestUser bool `json:"createTestUser,omitempty"`

	// Of audit.

	ReadOnly bool   `json:"readOnly,omitempty"` // look, and complete nothing
	After    string `json:"after,omitempty"`    // go on after this name; the last audit's Next
}

// ParseAction decodes and checks an action. A field that it does not know, or one of
// another action, is an error: a mistyped "emergency" must not become an ordinary
// rotation.
func ParseAction(data []byte) (Action, error) {
	var a Action
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&a)
	if err == nil && !errors.Is(dec.Decode(&struct{}{}), io.EOF) {
		err = errors.New("more than one value")
	}
	if err != nil {
		return Action{}, fmt.Errorf("read the event: not an action such as those in events/: %s", plainly(err))
	}
	return a, a.check()
}

// plainly says what is wrong with an event, without its values.
func plainly(err error) string {
	var wrongType *json.UnmarshalTypeError
	var badTime *time.ParseError
	switch {
	case errors.As(err, &wrongType):
		return "field " + wrongType.Field + " must be a " + wrongType.Type.String()
	case errors.As(err, &badTime):
		return "a time must be as in 2006-01-02T15:04:05Z"
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "field " + name + " is unknown"
	}
	return "not one JSON object"
}

var requestToken = regexp.MustCompile(`^[A-Za-z0-9_+=.@/-]{32,64}$`)

func (a Action) check() error {
	has := map[string]bool{
		"secretId":           a.SecretID != "",
		"emergency":          a.Emergency != "",
		"clientRequestToken": a.ClientRequestToken != "",
		"ifStoredBefore":     !a.IfStoredBefore.IsZero(),
		"createTestUser":     a.CreateTestUser,
		"readOnly":           a.ReadOnly,
		"after":              a.After != "",
	}
	takes := map[string]string{
		ActionRotate:   "secretId emergency clientRequestToken ifStoredBefore",
		ActionCheck:    "secretId createTestUser",
		ActionAudit:    "readOnly after",
		ActionRollback: "secretId",
	}
	fields, ok := takes[a.Action]
	if !ok {
		return eventError("action", "must be rotate, check, audit or rollback")
	}
	for name, given := range has {
		if given && !strings.Contains(" "+fields+" ", " "+name+" ") {
			return eventError(name, "does not belong to the action "+a.Action)
		}
	}
	switch {
	case a.Action != ActionAudit && (a.SecretID == "" || len(a.SecretID) > 2048):
		return eventError("secretId", "must be the name or ARN of a secret")
	case a.Emergency != "" && a.Emergency != Swift && a.Emergency != Contain:
		return eventError("emergency", `must be "swift" or "contain"`)
	case a.ClientRequestToken != "" && !requestToken.MatchString(a.ClientRequestToken):
		return eventError("clientRequestToken", "must have 32 to 64 characters of a version's id")
	case !plainText(a.Reason):
		return eventError("reason", "must be one line of at most 256 characters")
	case !plainText(a.By):
		return eventError("by", "must be one line of at most 256 characters")
	}
	return nil
}

// plainText reports whether a text can stand in a log as it is.
func plainText(s string) bool {
	return len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// An Outcome is what became of a rotation by hand.
type Outcome string

const (
	Promoted   Outcome = "promoted"   // AWSCURRENT is a new secret
	Ended      Outcome = "ended"      // an emergency: and the leaked one is refused
	Open       Outcome = "open"       // an emergency: the leaked one may still work; Error says why
	Refused    Outcome = "refused"    // consumers lag, and nothing was changed
	Skipped    Outcome = "skipped"    // AWSCURRENT is as new as was asked for
	Busy       Outcome = "busy"       // another rotation of the secret is under way; RetryAt says when to come again
	Failed     Outcome = "failed"     // Error says why, and what to do
	RolledBack Outcome = "rolledBack" // AWSCURRENT is the one before
)

// A Report is what became of a rotation or a rollback by hand. Secrets are in it as
// fingerprints.
type Report struct {
	Action    string    `json:"action"`
	SecretID  string    `json:"secretId"` // ARN, once it is known
	Name      string    `json:"name,omitempty"`
	Outcome   Outcome   `json:"outcome"`
	Error     string    `json:"error,omitempty"`
	Emergency Emergency `json:"emergency,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by,omitempty"`
	Version   string    `json:"version,omitempty"` // the ClientRequestToken
	Decision  string    `json:"decision,omitempty"`
	Warnings  []string  `json:"warnings,omitempty"`
	Begun     time.Time `json:"begun"`
	Ended     time.Time `json:"ended"`

	// Unverified is set when the new secret was refused: no rotation of other
	// secrets should follow before somebody has looked.
	Unverified bool `json:"unverified,omitempty"`
	// RateLimited is set when PingOne asked to slow down.
	RateLimited bool      `json:"rateLimited,omitempty"`
	RetryAt     time.Time `json:"retryAt,omitzero"` // with Busy, and with RateLimited where PingOne said

	Minted   *Mark    `json:"minted,omitempty"`   // PingOne made it in this invocation
	Promoted *Mark    `json:"promoted,omitempty"` // it became AWSCURRENT
	Revoked  *Mark    `json:"revoked,omitempty"`  // PingOne was asked, and refuses it
	Verified []string `json:"verified,omitempty"` // what was asked of PingOne, and the answer

	// TokensValidUntil is until when an access token may live that was obtained with
	// the leaked secret.
	TokensValidUntil time.Time `json:"tokensValidUntil,omitzero"`
	// StillOpen is what an emergency leaves open, and what can be done about it.
	StillOpen []string `json:"stillOpen,omitempty"`

	Calls Calls `json:"calls"`
}

// A Mark is something that happened to a secret.
type Mark struct {
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"`
}

// Calls counts requests, repeats included.
type Calls struct {
	SecretsManager int64 `json:"secretsManager"`
	PingOne        int64 `json:"pingOne"`    // all of them
	PingOneAPI     int64 `json:"pingOneApi"` // those that count against the licence's limit for configuration
}

// Add counts more of them.
func (c *Calls) Add(more Calls) {
	c.SecretsManager += more.SecretsManager
	c.PingOne += more.PingOne
	c.PingOneAPI += more.PingOneAPI
}

// A State is how something looks.
type State string

const (
	OK      State = "ok"
	Warning State = "warning" // works, and somebody should look
	Failure State = "failure" // a rotation fails, or consumers do
)

// A Finding is one point of a check or an audit.
type Finding struct {
	Point  string `json:"point"` // a few words, the same each time
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"` // what to do; empty when all is well
}

// A Checkup is what a check found: whether a rotation would succeed now.
type Checkup struct {
	Action   string    `json:"action"`
	SecretID string    `json:"secretId"`
	Name     string    `json:"name,omitempty"`
	State    State     `json:"state"`              // the worst of the findings'
	Decision Decision  `json:"decision,omitempty"` // what createSecret would do
	Findings []Finding `json:"findings"`
	Calls    Calls     `json:"calls"`
}

// An AuditReport is what an audit found, and what it did about it.
type AuditReport struct {
	Action     string    `json:"action"`
	At         time.Time `json:"at"`
	Error      string    `json:"error,omitempty"`
	Secrets    []Health  `json:"secrets"`
	NotReached int       `json:"notReached"`     // secrets for which the time did not suffice
	Next       string    `json:"next,omitempty"` // in the event as "after", it leads to those
	Calls      Calls     `json:"calls"`
}

// Health is how one secret is.
type Health struct {
	SecretID         string            `json:"secretId"`
	Name             string            `json:"name"`
	State            State             `json:"state"`
	Findings         []Finding         `json:"findings,omitempty"` // what is not OK
	Done             []string          `json:"done,omitempty"`     // what the audit completed
	Kind             string            `json:"kind,omitempty"`     // "application" or "resource"
	EnvironmentID    string            `json:"environmentId,omitempty"`
	ApplicationID    string            `json:"applicationId,omitempty"`
	Strategy         string            `json:"strategy,omitempty"`
	Current          string            `json:"current,omitempty"` // fingerprint
	CurrentSince     time.Time         `json:"currentSince,omitzero"`
	NextRotation     time.Time         `json:"nextRotation,omitzero"`
	Labels           map[string]string `json:"labels,omitempty"` // to version ids
	PreviousUntil    time.Time         `json:"previousUntil,omitzero"`
	PreviousLastUsed time.Time         `json:"previousLastUsed,omitzero"`
}

// worst returns the state of findings taken together.
func worst(findings []Finding) State {
	state := OK
	for _, f := range findings {
		if f.State == Failure || f.State == Warning && state == OK {
			state = f.State
		}
	}
	return state
}
