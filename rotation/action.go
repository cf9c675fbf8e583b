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

// The actions that the function takes besides Secrets Manager's steps.
const (
	ActionRotate   = "rotate"      // all four steps in one invocation
	ActionCheck    = "check"       // predict whether a rotation would succeed; changes nothing
	ActionAudit    = "audit"       // examine every secret of the function
	ActionRollback = "rollback"    // return to AWSPREVIOUS; only with the strategy "alternating"
	ActionEnd      = "endPrevious" // end the previous secret before its grace ends
	ActionMark     = "mark"        // mark an application as a secret's, so that "marked" in allow covers it
	ActionList     = "list"        // campaign: which secrets come next, and how fast
	ActionTally    = "tally"       // campaign: how far it has come
	ActionHalt     = "halt"        // campaign: start no further item

	ActionNote       = "note"       // campaign run from a terminal: record that it begins or is over
	ActionUnfinished = "unfinished" // list the campaigns run from a terminal that did not end well
)

// An Emergency says that the secret labelled AWSCURRENT has leaked, and how soon it must
// end.
type Emergency string

const (
	// Swift ends the leaked secret as soon as consumers have another.
	Swift Emergency = "swift"
	// Contain ends it at once. Consumers are locked out until they have the new one.
	Contain Emergency = "contain"
)

// An Action is the JSON event with which people, schedules and state machines invoke the
// function.
type Action struct {
	Action   string `json:"action"`
	SecretID string `json:"secretId,omitempty"` // name or ARN; empty for an audit
	Reason   string `json:"reason,omitempty"`   // for the log and the report
	By       string `json:"by,omitempty"`       // who is asking, in their own words

	// For rotate.

	Emergency Emergency `json:"emergency,omitempty"`

	// ClientRequestToken becomes the id of the new version, so that a repeated
	// invocation continues with the same version. It has 32 to 64 characters; if it is
	// empty, the function makes one up.
	ClientRequestToken string `json:"clientRequestToken,omitempty"`

	// Preview reports what an emergency, endPrevious or rollback would do, and does
	// nothing.
	Preview bool `json:"preview,omitempty"`

	// IfStoredBefore skips the secret if AWSCURRENT was stored at this time or later. An
	// interrupted campaign continues with the time of its start. An open emergency is
	// completed anyway.
	IfStoredBefore time.Time `json:"ifStoredBefore,omitzero"`

	// For endPrevious.

	// Previous holds the fingerprints of the secrets to end, as a preview showed them. If
	// it is empty, the action ends every previous secret that PingOne keeps when it begins.
	Previous []string `json:"previous,omitempty"`
	// LockOut ends them even if consumers used them in the last two hours.
	LockOut bool `json:"lockOut,omitempty"`

	// For check.

	// CreateTestUser lets check create the user of rotation.verify.userSecretId. It is the
	// only change that check ever makes.
	CreateTestUser bool `json:"createTestUser,omitempty"`

	// Document is a draft: a document that no secret holds yet, without its client secret.
	// It is checked in place of the document that the secret holds. SecretID is then the
	// name that the secret will have, or its ARN if it exists.
	Document string `json:"document,omitempty"`

	// Holds is the fingerprint of the client secret that is stored already, if the function
	// is to keep it; the draft is the rest of that document. It is empty if the function is
	// to fill the secret.
	Holds string `json:"holds,omitempty"`

	// Mark says that the draft's application will be marked as the secret's before the
	// secret is filled.
	Mark bool `json:"mark,omitempty"`

	// For audit.

	ReadOnly bool   `json:"readOnly,omitempty"` // only look; complete nothing
	After    string `json:"after,omitempty"`    // the last audit's Next, to continue where it stopped

	requestID string // Lambda's

	// For a campaign, which a state machine carries out. A rotation takes its reason, its
	// emergency and its token from the campaign.

	Campaign *waves.Campaign `json:"campaign,omitempty"`
	Secrets  []string        `json:"secrets,omitempty"` // for audit: names or ARNs; look at these only
	Memory   waves.Memory    `json:"memory,omitzero"`   // for list, tally and halt: the last plan's
	Stopped  string          `json:"stopped,omitempty"` // for tally and halt: why it stopped
	Over     bool            `json:"over,omitempty"`    // for note: all secrets have ended well
}

// ParseAction decodes and checks an action. An unknown field, or a field that belongs to
// another action, is an error: a mistyped "emergency" must not become an ordinary rotation.
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

// plainly describes what is wrong with an event and quotes none of its values.
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
		return eventError("preview", "needs an emergency")
	case a.ClientRequestToken != "" && !requestToken.MatchString(a.ClientRequestToken):
		return eventError("clientRequestToken", "must have 32 to 64 characters: letters, digits and _+=.@/-")
	case len(a.Document) > 1<<16:
		return eventError("document", "must have at most 65,536 bytes")
	case a.Document != "" && a.CreateTestUser:
		return eventError("createTestUser", "needs a secret that exists already")
	case a.Mark && a.Document == "":
		return eventError("mark", "needs the document")
	case a.Action == ActionMark && (a.Document == "" || !isSecretARN(a.SecretID)):
		return eventError("secretId", "must be the full ARN of a secret, next to its document: the mark names that ARN")
	case a.Holds != "" && (a.Document == "" || !fingerprint.MatchString(a.Holds)):
		return eventError("holds", "must be the fingerprint of the client secret that belongs to document")
	case len(a.Previous) > 2 || slices.ContainsFunc(a.Previous, func(f string) bool { return !fingerprint.MatchString(f) }):
		return eventError("previous", "must be the fingerprints of one or two secrets")
	case !plainText(a.Reason):
		return eventError("reason", "must be one line of at most 256 characters")
	case !plainText(a.By):
		return eventError("by", "must be one line of at most 256 characters")
	}
	return nil
}

// checkCampaign checks the fields about a campaign.
func (a Action) checkCampaign() error {
	c := a.Campaign
	switch {
	case c == nil && (a.Action == ActionList || a.Action == ActionTally || a.Action == ActionHalt || a.Action == ActionNote):
		return eventError("campaign", "is missing")
	case c == nil && len(a.Secrets) > 0:
		return eventError("secrets", "belongs only to an audit that has a campaign")
	case c == nil:
		return nil
	case a.Emergency != "" || a.ClientRequestToken != "" || !a.IfStoredBefore.IsZero() || a.Reason != "" || a.By != "" || a.ReadOnly || a.After != "":
		return eventError("campaign", "excludes emergency, clientRequestToken, ifStoredBefore, reason, by, readOnly and after: an item takes these from its campaign")
	case a.Action == ActionAudit && (len(a.Secrets) == 0 || len(a.Secrets) > maxBatch):
		return eventError("secrets", fmt.Sprintf("must be 1 to %d names or ARNs", maxBatch))
	case c.Emergency != "" && Emergency(c.Emergency) != Swift && Emergency(c.Emergency) != Contain:
		return eventError("campaign.emergency", `must be "swift" or "contain"`)
	case !plainText(c.Reason) || !plainText(c.By):
		return eventError("campaign", "reason and by must each be one line of at most 256 characters")
	case a.Action == ActionHalt && (a.Stopped == "" || !plainText(a.Stopped)):
		return eventError("stopped", "must be one line of at most 256 characters")
	case a.Memory.Skip < 0 || a.Memory.Planned < 0:
		return eventError("memory", "is not one that the action list returned")
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

// maxBatch is the most secrets that one audit examines for a campaign.
const maxBatch = waves.Batch

// plainText reports whether a text can go into a log unchanged.
func plainText(s string) bool {
	return len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// An Outcome says how a manual rotation, an emergency, a rollback or an endPrevious ended.
type Outcome string

const (
	Promoted   Outcome = "promoted"   // AWSCURRENT is a new secret
	Ended      Outcome = "ended"      // emergency: AWSCURRENT is new and PingOne refuses the leaked secret; endPrevious: it refuses the previous one
	Open       Outcome = "open"       // the leaked or the previous secret may still work; Error says why
	Refused    Outcome = "refused"    // consumers lag; nothing was changed
	Skipped    Outcome = "skipped"    // AWSCURRENT is new enough; endPrevious: there is no previous secret
	Busy       Outcome = "busy"       // another invocation is at work on the client, or a rotation is under way; RetryAt says when to try again
	Failed     Outcome = "failed"     // Error says why, and what to do
	Previewed  Outcome = "previewed"  // nothing was done; the report says what the action would do
	RolledBack Outcome = "rolledBack" // AWSCURRENT is the version before
)
