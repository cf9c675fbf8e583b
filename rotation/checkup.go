package rotation

import (
	"encoding/json"
	"fmt"
	"strings"

	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
)

// A Decision is what createSecret does about the secret.
type Decision = plan.Decision

// The decisions.
const (
	Regenerate = plan.Regenerate
	Refuse     = plan.Refuse
	Adopt      = plan.Adopt
	Drift      = plan.Drift
	Seed       = plan.Seed
)

// A State says how serious something is.
type State string

const (
	OK      State = "ok"
	Warning State = "warning" // it works, and deserves a look
	Failure State = "failure" // rotations fail, or consumers do
)

// A Finding is one point of a check or an audit.
type Finding struct {
	Point  string `json:"point"` // a fixed name of a word or two
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"` // what to do; empty when all is well
}

// A Checkup is the result of a check: whether a rotation would succeed now.
type Checkup struct {
	Action   string `json:"action"`
	SecretID string `json:"secretId"`
	Name     string `json:"name,omitempty"`

	// WouldRotate says whether a rotation that began now would succeed. Because says why, or
	// why not. Warnings do not count, nor do failures that a rotation repairs.
	WouldRotate bool   `json:"wouldRotate"`
	Because     string `json:"because"`

	// Admin is the admin's secret. Allow is the entry that the secret needs in its allow.
	Admin string          `json:"admin,omitempty"`
	Allow json.RawMessage `json:"allow,omitempty"`

	State    State     `json:"state"`              // the worst of the findings
	Decision Decision  `json:"decision,omitempty"` // what createSecret would do
	Findings []Finding `json:"findings"`
	Calls    Calls     `json:"calls"`
}

// worst returns the worst state of the findings.
func worst(findings []Finding) State {
	state := OK
	for _, f := range findings {
		if f.State == Failure || f.State == Warning && state == OK {
			state = f.State
		}
	}
	return state
}

func (c *Checkup) ok(point, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{Point: point, State: OK, Detail: fmt.Sprintf(format, args...)})
}

func (c *Checkup) warn(point, remedy, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{point, Warning, fmt.Sprintf(format, args...), remedy})
}

func (c *Checkup) fail(point, remedy, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{point, Failure, fmt.Sprintf(format, args...), remedy})
}

// shared warns that several managed secrets hold one client.
func (c *Checkup) shared(secrets int) {
	c.warn(pointShared, "keep one managed secret for a client, and detach the others", "%d managed secrets hold this PingOne client", secrets)
}

// failed adds an error and its remedy, if there is an error, and reports whether there is.
func (c *Checkup) failed(point string, err error) bool {
	if err == nil {
		return false
	}
	c.fail(point, remedy.Of(err), "%s", strings.ReplaceAll(err.Error(), "\n", ", and ")) // calls that ran in parallel join their errors by lines
	return true
}
