package rotation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/provision"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// specificationHolds reports how the application differs from the document's specification. It
// applies nothing.
func (c *checkup) specificationHolds(ctx context.Context) {
	d := c.found.current.Document
	if d.Rotation.Application == nil {
		return
	}
	access, err := c.provisioner().Resolve(ctx, d)
	if c.failed("specification", err) {
		return
	}
	if d.ClientID == "" {
		app, err := c.provisioner().FindOwn(ctx, d)
		if err == nil {
			err = c.provisioner().MayProvision(ctx, d, access, app)
		}
		switch {
		case c.failed("specification", err):
		case app != nil:
			c.ok("specification", "application %s has been created for it; the first rotation completes it and takes its secret over", app.ID)
		default:
			with := ""
			if all := access.Summary(); len(all) > 0 {
				with = ", with " + strings.Join(all, ", ")
			}
			c.ok("specification", "the first rotation creates the application %q%s", document.Printable(d.Rotation.Application.Name), with)
		}
		return
	}
	app, err := c.found.acting.client.Application(ctx, d.EnvironmentID, d.ApplicationID())
	if err != nil {
		return // the point "application" reports it
	}
	if method := d.Rotation.Application.Method(); method != app.TokenEndpointAuthMethod {
		c.fail("specification", "correct rotation.application.tokenEndpointAuthMethod; changing the application's would lock out the consumers of AWSCURRENT",
			"asks for %s, and the application uses %s", method, app.TokenEndpointAuthMethod)
		return
	}
	differences, err := c.provisioner().Differences(ctx, d, access, app)
	switch {
	case c.failed("specification", err):
	case len(differences) > 0:
		c.warn("specification", "nothing to do: the next rotation changes it", "the application differs: %s", strings.Join(differences, "; "))
	default:
		c.ok("specification", "the application is as rotation.application says")
	}
}

// applicationIsFit checks the application, and how a new secret would be verified.
func (c *checkup) applicationIsFit(ctx context.Context, app *pingone.Application) {
	d := c.found.current.Document
	live := c.found.views[c.applicationID()]
	err := c.found.closed
	if err == nil && !app.Enabled {
		err = disabled(app.ID)
	}
	if !c.failed("application", err) {
		c.ok("application", "%s is enabled and uses %s", app.ID, app.TokenEndpointAuthMethod)
	}
	if d.AuthMethod != "" && d.AuthMethod != app.TokenEndpointAuthMethod {
		c.warn("method", "rotate: it is stored anew", "the stored tokenEndpointAuthMethod is %s, the application's is %s", d.AuthMethod, app.TokenEndpointAuthMethod)
	}
	c.verificationFits(ctx, app)
	c.ok("application secret", "the admin can read it: %s", live.Secret.Fingerprint())
	if skew := live.AsOf.Sub(c.client.Time()).Abs(); skew > time.Minute {
		c.warn("clock", "nothing to do: the rotation goes by PingOne's clock; JWT credentials may be refused", "this machine's clock and PingOne's differ by %v", skew.Round(time.Second))
	}
}

// verificationFits checks that a new secret can be verified in the way that the document
// demands.
func (c *checkup) verificationFits(ctx context.Context, app *pingone.Application) {
	d := c.found.current.Document
	v := d.Rotation.Verify
	grants := slices.Contains(app.GrantTypes, "CLIENT_CREDENTIALS")
	switch {
	case d.IsResource():
		c.ok("verification", "by introspection, as a custom resource does")
	case v.UserSecretID != "":
		if u, err := c.testUser(ctx, d); !c.failed("verification", err) {
			c.ok("verification", "by a test user who signs on")
			c.userCanSignOn(ctx, app, u)
		}
	case !grants && !v.DemandsNothing():
		c.fail("verification", "add CLIENT_CREDENTIALS to the application's grantTypes, name a test user in rotation.verify.userSecretId, or remove scope, audience and claims from rotation.verify",
			"rotation.verify asks for a token, which the application gets by no grant that the rotation can use")
	case !grants:
		c.ok("verification", "by introspection: the application has no grant CLIENT_CREDENTIALS")
	default:
		c.ok("verification", "by a token with client credentials")
	}
}

// needs records the admin that the document uses, and the entry that the admin's owner has to
// add to allow.
func (c *checkup) needs(d *document.Document) {
	c.Admin, _ = c.Settings.adminFor(d) // the point "admin" reports that there is none
	c.Allow = json.RawMessage(document.EntryFor(c.secret.name, d))
}

// writerReaches lists what the writer of the document could bring about, with each of the
// admins that the document may name.
func (c *checkup) writerReaches(ctx context.Context) {
	var allowed []document.Allowance
	any := false
	for _, a := range c.adminSecrets(ctx, c.found.admin) {
		if a.err != nil {
			c.warn(pointAllow, remedy.Of(a.err), "what the admin %s allows is not known: %v", a.id, a.err)
			continue
		}
		v, err := decode(a.out)
		if err != nil {
			continue // until it is corrected, it allows nothing
		}
		for _, entry := range v.AllowancesFor(c.secret.names()) {
			any = any || entry.Applications.Any
			allowed = append(allowed, entry)
		}
	}
	detail := strings.Join(document.Reach(allowed), "; ")
	if any {
		c.warn(pointAllow, remedyAnyApplication, "%s", detail)
		return
	}
	c.ok(pointAllow, "%s", detail)
}

// remedyAnyApplication says what to do about an allowance of "*".
const remedyAnyApplication = `replace "*" in the admin's allow by the ids of applications, or by "marked"; pingrotate allow prints the entry that a secret needs`

// adminReaches checks that no role of the target keeps its secret from the admin, and that one
// of the admin's roles lets it regenerate the secret.
func (c *checkup) adminReaches(ctx context.Context) {
	d, admin := c.found.current.Document, c.found.acting
	var held, own []pingone.RoleAssignment
	var roles []pingone.Role
	err := parallel.Do(
		func() (err error) {
			if !d.IsResource() {
				held, err = admin.client.RoleAssignments(ctx, d.EnvironmentID, d.ApplicationID())
			}
			return err
		},
		func() (err error) {
			own, err = admin.client.RoleAssignments(ctx, admin.client.Admin.Environment.ID, admin.application)
			return err
		},
		func() (err error) { roles, err = admin.client.Roles(ctx, d.EnvironmentID); return err },
	)
	if err != nil {
		c.warn("roles", "give the admin a role that may read role assignments, to have them checked", "cannot be read: %v", err)
		return
	}
	if lacking := provision.OutOfReach(held, roles); len(lacking) > 0 {
		c.fail("roles", "give the admin these roles, or rotate with another admin", "the application has roles that the admin lacks: %s", strings.Join(lacking, ", "))
	} else {
		c.ok("roles", "%s", reached(len(held)))
	}
	var names []string
	slices.SortFunc(own, func(a, b pingone.RoleAssignment) int {
		return cmp.Compare(provision.DescribeRole(a, roles), provision.DescribeRole(b, roles))
	})
	for _, a := range own {
		name := provision.RoleName(roles, a.RoleID)
		covers := a.ScopeType == "ORGANIZATION" || a.ScopeType == "ENVIRONMENT" && a.ScopeID == d.EnvironmentID
		if covers && (name == "Environment Admin" || name == "Client Application Developer") {
			c.ok("regenerate", "the admin may: it is %s", provision.DescribeRole(a, roles))
			return
		}
		names = append(names, provision.DescribeRole(a, roles))
	}
	c.warn("regenerate", "if a rotation is refused with 403, give the admin the role Client Application Developer at the environment",
		"cannot be told from the admin's roles: %s", cmp.Or(strings.Join(names, ", "), "it has none"))
}

// reached says that no role of the application's keeps its secret from the admin.
func reached(roles int) string {
	switch roles {
	case 0:
		return "the application has none, so that none is out of the admin's reach"
	case 1:
		return "the admin holds, or may assign, the application's role"
	}
	return fmt.Sprintf("the admin holds, or may assign, each of the application's %d roles", roles)
}

func (c *checkup) registerIsThere() {
	item := c.item()
	switch err := c.hold.failure; {
	case err != nil:
		c.fail(pointRegister, remedy.Of(err), "%v", err)
		return
	case !c.hold.rev.Known():
		c.ok(pointRegister, "can be read; it has no item of this client yet, so the first rotation waits %s before it does anything", inUnits(register.ResolveTime))
	default:
		c.ok(pointRegister, "can be read")
	}
	if em := item.Emergency; em != nil {
		c.fail(pointLeak, "run the emergency again, or wait: the next audit or rotation continues it", "an emergency has been open since %s; the next rotation completes it before anything else", em.Since.UTC().Format(time.RFC3339))
	}
	if len(item.Secrets) > 1 {
		c.shared(len(item.Secrets))
	}
}

// currentWorks asks PingOne for what consumers ask it for.
func (c *checkup) currentWorks(ctx context.Context) {
	d := c.found.current
	if c.hold != nil && c.situation(plan.Create).Emptied() {
		c.fail(pointCurrent, "rotate now, which stores PingOne's secret again, and find out what stored this document", "holds no secret, and a version before it does: %s", c.whyDead())
		return
	}
	if d.ClientSecret.IsZero() {
		c.ok(pointCurrent, "holds no secret yet; the first rotation takes PingOne's over")
		return
	}
	if _, err := c.testUser(ctx, d.Document); err != nil {
		return // said above
	}
	live := c.found.views[c.applicationID()]
	own := d.ClientSecret.Fingerprint()
	err, done := c.found.proof[own]
	if !done {
		err = c.verifyOnce(ctx, d.With(d.ClientSecret, c.method(c.applicationID()), d.TokenEndpoint))
		c.proved(own, err)
	}
	switch {
	case err == nil:
		c.ok(pointCurrent, "%s: %s", own, cmp.Or(c.record.verified, "obtains a token"))
	case pingone.IsRejected(err) && !live.Accepts(d.ClientSecret):
		c.fail(pointCurrent, "rotate now, which adopts PingOne's", "%s is refused: %s, and PingOne's is %s", own, c.whyDead(), live.Secret.Fingerprint())
	default:
		c.failed(pointCurrent, err)
	}
}

// pointDecision is the point that says what a rotation would do.
const pointDecision = "decision"

// decide says what createSecret would do now.
func (c *checkup) decide(ctx context.Context) {
	if c.found.closed != nil {
		return // said above
	}
	if c.found.twin != "" && c.found.current.Alternates() {
		c.ok("twin", "application %s is idle", c.found.twin)
	}
	c.done.Applied = true // the point "specification" lists the differences
	m, err := c.pursueAfterLook(ctx, plan.Create)
	c.Decision, c.decided = m.Decision, err == nil
	c.previousLives(m)
	halt := (*HaltError)(nil)
	switch errors.As(err, &halt); {
	case halt != nil && halt.Why == plan.Lagging:
		c.refusedUntil(m)
	case err != nil:
		c.failed(pointDecision, fmt.Errorf("a rotation now fails: %w", err))
	case m.Decision == Drift:
		c.warn(pointDecision, "rotate now", "a rotation adopts PingOne's secret, which no version holds yet")
	case m.Decision == Seed && c.found.current.Alternates() && c.found.twin == "":
		c.ok(pointDecision, "a rotation creates the twin, unless an earlier one did, and takes its first secret over")
	case m.Decision == "":
		c.ok(pointDecision, "a rotation now first gives consumers PingOne's current secret, because theirs is about to end")
	default:
		c.ok(pointDecision, "a rotation now: %s", m.Decision)
	}
}

func (c *checkup) previousLives(m plan.Move) {
	id := c.applicationID()
	if c.found.current.Alternates() && c.found.twin != "" {
		id = c.found.twin
	}
	p := c.found.views[id].Previous
	if p == nil {
		return
	}
	used := "has not been used since it was replaced"
	if !p.LastUsed.IsZero() {
		used = "was last used at " + p.LastUsed.UTC().Format(time.RFC3339)
	}
	text := fmt.Sprintf("%s lives until %s and %s", p.Secret.Fingerprint(), p.ExpiresAt.UTC().Format(time.RFC3339), used)
	if m.Decision == Refuse {
		c.warn("previous", "find the consumers that still hold it; the refusal ends by itself", "%s", text)
		return
	}
	c.ok("previous", "%s", text)
}

// refusedUntil says how long rotations are refused. A refusal now is not a failure if the next
// rotation is due only after it has ended.
func (c *checkup) refusedUntil(m plan.Move) {
	id := c.applicationID()
	since := c.since(c.found.current, c.item())
	if c.found.current.Alternates() {
		id, since = c.found.twin, time.Time{}
	}
	p := c.found.views[id].Previous
	end := m.Until.UTC().Format(time.RFC3339)
	const point = pointDecision
	remedy := fmt.Sprintf("wait until it has been idle for %s, or until its grace is over; to force it, end that secret now with pingrotate end-previous %s --lock-out",
		inUnits(plan.IdleAfter), cmp.Or(c.secret.name, c.secret.id))
	switch {
	case p.LastUsed.After(since):
		c.fail(point, remedy, "a rotation now is refused, because consumers still use the previous secret")
	case c.secret.next.IsZero() || c.secret.next.After(m.Until):
		c.warn(point, remedy, "a rotation now is refused, because the previous secret has just been replaced; from %s on it is not", end)
	default:
		c.fail(point, remedy, "the rotation that is due by %s is refused, because the previous secret has just been replaced", c.secret.next.UTC().Format(time.RFC3339))
	}
}
