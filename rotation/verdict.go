package rotation

import (
	"fmt"
	"slices"

	"pingrotate/internal/plan"
)

// tolerated are the points at which a failure does not make a rotation fail: the rotation
// repairs it, ignores it, or meets it in the decision, which is a point itself.
var tolerated = []string{pointCurrent, pointStuck, "replicas", pointRegister}

// conclude sets whether a rotation that began now would succeed, and why. If the check got
// as far as the decision, only that counts.
func (c *checkup) conclude() {
	c.State = worst(c.Findings)
	switch {
	case c.blocked() != nil:
		f := c.blocked()
		c.Because = f.Point + ": " + f.Detail
	case c.Decision == Refuse:
		c.Because = "consumers may still hold the previous secret; see the point decision"
	case !c.decided:
		c.Because = "the check did not get as far as the decision"
	case c.hold != nil && c.item().Emergency != nil:
		c.Because = "an emergency is open, and a rotation completes that instead"
	case c.underWay():
		c.Because = "another rotation is under way"
	default:
		c.WouldRotate, c.Because = true, c.forecast()
	}
}

// blocked returns the first finding that makes a rotation fail, or nil.
func (c *checkup) blocked() *Finding {
	i := slices.IndexFunc(c.Findings, func(f Finding) bool {
		return f.State == Failure && !slices.Contains(tolerated, f.Point) && f.Point != pointLeak && !(f.Point == pointDecision && c.Decision == Refuse)
	})
	if i < 0 {
		return nil
	}
	return &c.Findings[i]
}

// underWay reports whether a rotation is in progress, or Secrets Manager is about to retry
// one.
func (c *checkup) underWay() bool {
	pending := c.secret.holder(labelPending)
	return pending != "" && pending != c.secret.holder(labelCurrent) && c.client.Time().Sub(c.secret.changed) < plan.Quiet
}

// forecast says what a rotation would do.
func (c *checkup) forecast() string {
	switch c.Decision {
	case Regenerate:
		if c.found.current.Alternates() {
			return fmt.Sprintf("PingOne makes a new secret for the application that is not in use (%s)", c.Decision)
		}
		return fmt.Sprintf("PingOne makes a new secret (%s)", c.Decision)
	case Adopt:
		return fmt.Sprintf("it takes over the secret that PingOne has made already (%s)", c.Decision)
	case Drift:
		return fmt.Sprintf("AWSCURRENT does not work, and PingOne's secret replaces it (%s)", c.Decision)
	case Seed:
		if c.found.current.Alternates() {
			return fmt.Sprintf("consumers get the first secret of the second application, the twin (%s)", c.Decision)
		}
		return fmt.Sprintf("%s (%s)", notFilled(c.found.current.Document), c.Decision)
	}
	return "it first gives consumers PingOne's current secret, because theirs is about to end"
}
