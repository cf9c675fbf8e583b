package waves

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Campaign is the input of an execution of a state machine.
type Campaign struct {
	// Start names the campaign, to the millisecond. The ClientRequestToken of each rotation
	// is derived from it, so an execution with the same start continues the same rotations.
	Start time.Time `json:"start"`

	// Audit means that the secrets are audited and not rotated.
	Audit bool `json:"audit,omitempty"`

	Emergency string `json:"emergency,omitempty"` // as in the action rotate
	Reason    string `json:"reason,omitempty"`
	By        string `json:"by,omitempty"`

	Secrets []string          `json:"secrets,omitempty"` // names or ARNs; if empty, all that the function rotates
	Tags    map[string]string `json:"tags,omitempty"`    // only those that have all of these tags

	Canary      int  `json:"canary,omitempty"`      // how many are rotated first, one after the other
	SoakSeconds int  `json:"soakSeconds,omitempty"` // the wait before the canaries are looked at again
	Approve     bool `json:"approve,omitempty"`     // a person decides after the canaries
	KeepGoing   bool `json:"keepGoing,omitempty"`   // do not stop at a failure

	// WithTargets is for an emergency of one secret, that of an admin of the function: once
	// it has ended, everything that the admin could read follows.
	WithTargets bool `json:"withTargets,omitempty"`

	// PeriodSeconds is for an audit: the time until the next, by which this one must end.
	PeriodSeconds int `json:"periodSeconds,omitempty"`

	// Since is when the execution began; the first plan sets it. What stopped an earlier
	// execution of the campaign does not stop this one.
	Since time.Time `json:"since,omitzero"`

	// Limit is the number of configuration calls a minute that PingOne allows the licence.
	// Zero means [LicenceLimit].
	Limit int `json:"limit,omitempty"`
}

// StartFormat is RFC 3339 to the millisecond, so that no two campaigns share a start.
const StartFormat = "2006-01-02T15:04:05.000Z07:00"

// idFormat is the form of a start in the name of an execution, which must not contain a
// colon. See "StartExecution" in the Step Functions API reference.
const idFormat = "2006-01-02T15-04-05.000Z"

// ID returns the name of the campaign's execution, and of its rows in the register.
func (c Campaign) ID() string {
	id := c.Start.UTC().Format(idFormat)
	if c.Audit {
		return "audit-" + id
	}
	return id
}

// ParseID returns the start in a campaign's ID. A "_" and what follows it, which tell
// several executions of one campaign apart, are ignored.
func ParseID(id string) (start time.Time, err error) {
	id, _, _ = strings.Cut(id, "_")
	if start, err = time.Parse(idFormat, id); err != nil {
		return start, errors.New("a campaign's id is a time as in 2006-01-02T15-04-05.000Z")
	}
	return start, nil
}

// Token derives the ClientRequestToken of a secret's rotation from the campaign and the
// secret. A campaign therefore needs no memory to be resumed: it continues the version that
// it began, and recognizes one that was promoted, whatever the clocks say.
func Token(start time.Time, emergency, secret string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "pingrotate campaign\n%s\n%s\n%s", start.UTC().Format(StartFormat), emergency, secret))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // a UUID of version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Order returns the part of the campaign that each of its items needs to know.
func (c Campaign) Order() Campaign {
	o := Campaign{Start: c.Start, Audit: c.Audit, Emergency: c.Emergency, Reason: c.Reason, By: c.By, KeepGoing: c.KeepGoing, Since: c.Since}
	if c.WithTargets {
		o.WithTargets, o.Secrets = true, c.Secrets
	}
	return o
}

// Leaked returns the secret of the admin whose targets follow, or "" if none do.
func (c Campaign) Leaked() string {
	if !c.WithTargets || len(c.Secrets) != 1 {
		return ""
	}
	return c.Secrets[0]
}

// Stops reports whether, after such an ending, no other item of the campaign may begin. A
// new secret that was refused stops every campaign, and a failure stops one that does not
// tolerate it. In an emergency every secret counts more than the next failure, unless it is
// the leaked admin's that failed: with it, the new secrets could be read as well.
func (c Campaign) Stops(e Ending) bool {
	return e.Unverified || !e.Well && e.Again == "" && (!c.tolerates() || e.Secret == c.Leaked())
}

func (c Campaign) tolerates() bool { return c.KeepGoing || c.Emergency != "" }

// Limits of a campaign. A state's input has at most 256 KB: see "Quotas" in the Step
// Functions developer guide.
const (
	maxNames  = 96 << 10 // bytes of all names together, with the JSON around them
	maxCanary = 100
	maxSoak   = 30 * 24 * time.Hour
)

// Check returns the first thing that is wrong with a campaign, after the name of the member
// and a colon.
func (c Campaign) Check() error {
	bytes := 0
	for _, name := range c.Secrets {
		if name == "" || len(name) > 2048 {
			return errors.New("secrets: each must be the name or ARN of a secret")
		}
		bytes += len(name) + itemBytes
	}
	switch {
	case c.Start.IsZero():
		return errors.New("start: must be given")
	case len(c.Secrets) > 0 && len(c.Tags) > 0:
		return errors.New("tags: give either secrets or tags, not both")
	case bytes > maxNames:
		return fmt.Errorf("secrets: their names take more than %d KB; give them a tag", maxNames>>10)
	case c.Canary < 0 || c.Canary > maxCanary:
		return fmt.Errorf("canary: must be from 0 to %d", maxCanary)
	case c.SoakSeconds < 0 || time.Duration(c.SoakSeconds)*time.Second > maxSoak:
		return fmt.Errorf("soakSeconds: must be from 0 to %d", maxSoak/time.Second)
	case c.Canary == 0 && (c.Approve || c.SoakSeconds > 0):
		return errors.New("canary: must be given, or there is nothing to approve")
	case c.Emergency != "" && c.Canary > 0:
		return errors.New("canary: an emergency has none")
	case c.WithTargets && (c.Emergency == "" || len(c.Secrets) != 1 || len(c.Tags) > 0):
		return errors.New("withTargets: applies only to an emergency of one named secret")
	case c.Limit < 0:
		return errors.New("limit: must not be negative")
	case c.PeriodSeconds < 0 || c.PeriodSeconds > 0 && !c.Audit:
		return errors.New("periodSeconds: applies only to an audit, and must not be negative")
	case c.Audit && (c.Emergency != "" || c.Canary > 0):
		return errors.New("audit: takes no emergency and no canary")
	}
	return nil
}
