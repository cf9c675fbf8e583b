package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/waves"
)

// What the function does besides the steps of Secrets Manager.
const (
	ActionRotate   = "rotate"      // all four steps in one invocation
	ActionCheck    = "check"       // whether a rotation would succeed; changes nothing
	ActionAudit    = "audit"       // every secret of the function
	ActionRollback = "rollback"    // back to AWSPREVIOUS, with the strategy "alternating"
	ActionEnd      = "endPrevious" // the previous secret dies before its grace ends
	ActionMark     = "mark"        // an application as a secret's, so that "marked" in allow is about it
	ActionList     = "list"        // of a campaign: which secrets come next, and how fast
	ActionTally    = "tally"       // of a campaign: how it stands
	ActionHalt     = "halt"        // of a campaign: no other item begins

	ActionNote       = "note"       // of a campaign from a terminal: that it begins, or is over
	ActionUnfinished = "unfinished" // the campaigns from a terminal that did not end well
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
	// that an invocation which is repeated continues with the same one. It may be empty.
	ClientRequestToken string `json:"clientRequestToken,omitempty"`

	// Preview asks for no more than what an emergency, endPrevious or rollback would do.
	Preview bool `json:"preview,omitempty"`

	// IfStoredBefore skips the secret when AWSCURRENT was stored at this time or
	// later. A campaign that was interrupted continues with the time of its start. An
	// emergency that is not over is completed all the same.
	IfStoredBefore time.Time `json:"ifStoredBefore,omitzero"`

	// Of endPrevious.

	// Previous holds the fingerprints of the secrets to end, as a preview has shown them. If
	// it is empty, what PingOne keeps when the action begins is meant.
	Previous []string `json:"previous,omitempty"`
	// LockOut ends them although consumers have used them in the last two hours.
	LockOut bool `json:"lockOut,omitempty"`

	// Of check.

	// CreateTestUser lets check create the user of rotation.verify.userSecretId, the
	// one thing that it ever changes.
	CreateTestUser bool `json:"createTestUser,omitempty"`

	// Document is one that no secret holds yet, without its client secret: what would become
	// of it is checked in place of the secret's own. SecretID is then the name that the
	// secret will have, or its ARN if there is one.
	Document string `json:"document,omitempty"`

	// Holds is the fingerprint of the client secret that a secret holds which is to be taken
	// over as it is, and whose document Document is. Empty where the function is to fill it.
	Holds string `json:"holds,omitempty"`

	// Mark says that the application of Document will be marked as the secret's before the
	// secret is filled.
	Mark bool `json:"mark,omitempty"`

	// Of audit.

	ReadOnly bool   `json:"readOnly,omitempty"` // look, and complete nothing
	After    string `json:"after,omitempty"`    // continue after this name; the last audit's Next

	requestID string // Lambda's

	// Of a campaign, which a state machine carries out. A rotation has its reason, its
	// emergency and its token from the campaign.

	Campaign *waves.Campaign `json:"campaign,omitempty"`
	Secrets  []string        `json:"secrets,omitempty"` // of audit: names or ARNs, in place of all
	Memory   waves.Memory    `json:"memory,omitzero"`   // of list and tally: the last plan's
	Stopped  string          `json:"stopped,omitempty"` // of tally and halt: why
	Over     bool            `json:"over,omitempty"`    // of note: each secret has ended well
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

var requestToken = lazyregexp.New(`^[A-Za-z0-9_+=.@/-]{32,64}$`)

var fingerprint = lazyregexp.New(`^[0-9a-f]{8}$`)

func (a Action) check() error {
	has := map[string]bool{
		"secretId":           a.SecretID != "",
		"emergency":          a.Emergency != "",
		"clientRequestToken": a.ClientRequestToken != "",
		"ifStoredBefore":     !a.IfStoredBefore.IsZero(),
		"preview":            a.Preview,
		"previous":           len(a.Previous) > 0,
		"lockOut":            a.LockOut,
		"createTestUser":     a.CreateTestUser,
		"document":           a.Document != "",
		"holds":              a.Holds != "",
		"mark":               a.Mark,
		"readOnly":           a.ReadOnly,
		"after":              a.After != "",
		"campaign":           a.Campaign != nil,
		"secrets":            len(a.Secrets) > 0,
		"memory":             !reflect.ValueOf(a.Memory).IsZero(),
		"stopped":            a.Stopped != "",
		"over":               a.Over,
	}
	takes := map[string]string{
		ActionRotate:   "secretId emergency clientRequestToken ifStoredBefore preview campaign",
		ActionCheck:    "secretId createTestUser document holds mark",
		ActionMark:     "secretId document",
		ActionAudit:    "readOnly after secrets campaign",
		ActionRollback: "secretId preview",
		ActionEnd:      "secretId preview previous lockOut",
		ActionList:     "campaign memory",
		ActionTally:    "campaign memory stopped",
		ActionHalt:     "campaign memory stopped",

		ActionNote:       "campaign over",
		ActionUnfinished: "",
	}
	fields, ok := takes[a.Action]
	if !ok {
		return eventError("action", "must be rotate, check, audit, rollback, endPrevious, mark, list, tally, halt, note or unfinished")
	}
	for name, given := range has {
		if given && !strings.Contains(" "+fields+" ", " "+name+" ") {
			return eventError(name, "does not belong to the action "+a.Action)
		}
	}
	if err := a.checkCampaign(); err != nil {
		return err
	}
	ofOne := strings.Contains(" "+fields+" ", " secretId ")
	switch {
	case ofOne && (a.SecretID == "" || len(a.SecretID) > 2048):
		return eventError("secretId", "must be the name or ARN of a secret")
	case a.Emergency != "" && a.Emergency != Swift && a.Emergency != Contain:
		return eventError("emergency", `must be "swift" or "contain"`)
	case a.Preview && a.Emergency == "" && a.Action == ActionRotate:
		return eventError("preview", "is of an emergency")
	case a.ClientRequestToken != "" && !requestToken.MatchString(a.ClientRequestToken):
		return eventError("clientRequestToken", "must have 32 to 64 characters of a version's id")
	case len(a.Document) > 1<<16:
		return eventError("document", "must have at most 65,536 bytes")
	case a.Document != "" && a.CreateTestUser:
		return eventError("createTestUser", "needs a secret that is there already")
	case a.Mark && a.Document == "":
		return eventError("mark", "needs the document")
	case a.Action == ActionMark && (a.Document == "" || !isSecretARN(a.SecretID)):
		return eventError("secretId", "must be the full ARN of a secret, beside its document: the mark is of that")
	case a.Holds != "" && (a.Document == "" || !fingerprint.MatchString(a.Holds)):
		return eventError("holds", "must be the fingerprint of the secret that belongs to document")
	case len(a.Previous) > 2 || slices.ContainsFunc(a.Previous, func(f string) bool { return !fingerprint.MatchString(f) }):
		return eventError("previous", "must be the fingerprints of one or two secrets")
	case !plainText(a.Reason):
		return eventError("reason", "must be one line of at most 256 characters")
	case !plainText(a.By):
		return eventError("by", "must be one line of at most 256 characters")
	}
	return nil
}

// checkCampaign checks what an action says about a campaign.
func (a Action) checkCampaign() error {
	c := a.Campaign
	switch {
	case c == nil && (a.Action == ActionList || a.Action == ActionTally || a.Action == ActionHalt || a.Action == ActionNote):
		return eventError("campaign", "is missing")
	case c == nil && len(a.Secrets) > 0:
		return eventError("secrets", "does not belong to an audit of no campaign")
	case c == nil:
		return nil
	case a.Emergency != "" || a.ClientRequestToken != "" || !a.IfStoredBefore.IsZero() || a.Reason != "" || a.By != "" || a.ReadOnly || a.After != "":
		return eventError("campaign", "says what an item of it has no member for")
	case a.Action == ActionAudit && (len(a.Secrets) == 0 || len(a.Secrets) > maxBatch):
		return eventError("secrets", fmt.Sprintf("must be 1 to %d names or ARNs", maxBatch))
	case c.Emergency != "" && Emergency(c.Emergency) != Swift && Emergency(c.Emergency) != Contain:
		return eventError("campaign.emergency", `must be "swift" or "contain"`)
	case !plainText(c.Reason) || !plainText(c.By):
		return eventError("campaign", "reason and by must each be one line of at most 256 characters")
	case a.Action == ActionHalt && (a.Stopped == "" || !plainText(a.Stopped)):
		return eventError("stopped", "must be one line of at most 256 characters")
	case a.Memory.Skip < 0 || a.Memory.Planned < 0:
		return eventError("memory", "is not one that the action list has returned")
	}
	for _, name := range a.Secrets {
		if name == "" || len(name) > 2048 {
			return eventError("secrets", "each must be the name or ARN of a secret")
		}
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("read the event: field campaign: %w", err)
	}
	return nil
}

// maxBatch is how many secrets an audit looks at for a campaign: no more than canaries
// or a batch have.
const maxBatch = waves.Batch

// plainText reports whether a text can stand in a log as it is.
func plainText(s string) bool {
	return len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// An Outcome is how a manual rotation, an emergency, a rollback or the early end of a
// previous secret ended.
type Outcome string

const (
	Promoted   Outcome = "promoted"   // AWSCURRENT is a new secret
	Ended      Outcome = "ended"      // an emergency: and the leaked one is refused; endPrevious: the previous one is
	Open       Outcome = "open"       // the leaked or the previous one may still work; Error says why
	Refused    Outcome = "refused"    // consumers lag, and nothing was changed
	Skipped    Outcome = "skipped"    // AWSCURRENT is as new as was asked for; endPrevious: there is no previous secret
	Busy       Outcome = "busy"       // another rotation of the secret is under way; RetryAt says when to come again
	Failed     Outcome = "failed"     // Error says why, and what to do
	Previewed  Outcome = "previewed"  // nothing was done, and the report says what the action would do
	RolledBack Outcome = "rolledBack" // AWSCURRENT is the one before
)
