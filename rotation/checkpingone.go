package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/provision"
	"pingrotate/pingone"
)

// pingOneIsReady looks at the application, its secret and what a rotation would do.
func (c *checkup) pingOneIsReady(ctx context.Context, admin *pingone.Client, current *stored) {
	if c.hand.CreateTestUser {
		done, err := c.createTestUser(ctx, admin, current.Document)
		if len(done) > 0 {
			c.ok("test user", "%s", strings.Join(done, ", "))
		}
		if !c.failed("test user", err) && len(done) == 0 {
			c.ok("test user", "is there already")
		}
	}
	if c.specificationHolds(ctx, admin, current); current.ClientID == "" {
		c.Decision = Seed
		return
	}
	d := current.Document
	app, err := c.application(ctx, admin, d)
	if c.failed("application", cmp.Or(err, checkAny(app))) {
		return
	}
	c.ok("application", "%s is enabled and uses %s", app.ID, app.TokenEndpointAuthMethod)
	if d.AuthMethod != "" && d.AuthMethod != app.TokenEndpointAuthMethod {
		c.warn("method", "rotate: it is stored anew", "the stored tokenEndpointAuthMethod is %s, the application's is %s", d.AuthMethod, app.TokenEndpointAuthMethod)
	}
	c.verificationFits(ctx, d, app)
	c.adminReaches(ctx, admin, d)
	live, err := c.readSecret(ctx, admin, d)
	if pingone.IsForbidden(err) {
		err = c.provisioner(admin).Explain(ctx, d, err)
	}
	if c.failed("application secret", err) {
		return
	}
	c.ok("application secret", "the admin can read it: %s", live.Secret.Fingerprint())
	if skew := live.AsOf.Sub(c.client.Time()).Abs(); skew > time.Minute {
		c.warn("clock", "nothing to do: the rotation goes by PingOne's clock; JWT credentials may be refused", "this machine's clock and PingOne's differ by %v", skew.Round(time.Second))
	}
	c.currentWorks(ctx, d, app, live)
	c.decide(ctx, admin, current, live)
}

// checkAny is checkApplication for what may be absent.
func checkAny(app *pingone.Application) error {
	if app == nil {
		return nil
	}
	return checkApplication(app)
}

// verificationFits checks that the new secret can be verified in the way that the
// document asks for.
func (c *checkup) verificationFits(ctx context.Context, d *Document, app *pingone.Application) {
	v := d.Rotation.Verify
	grants := slices.Contains(app.GrantTypes, "CLIENT_CREDENTIALS")
	switch {
	case d.IsResource():
		c.ok("verification", "by introspection, as a custom resource does")
	case v.UserSecretID != "":
		if _, err := c.testUser(ctx, d); !c.failed("verification", err) {
			c.ok("verification", "by a test user who signs on")
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

// adminReaches checks that no role of the target keeps its secret from the admin, and
// that some role of the admin's lets it regenerate.
func (c *checkup) adminReaches(ctx context.Context, admin *pingone.Client, d *Document) {
	var held, own []pingone.RoleAssignment
	var roles []pingone.Role
	err := parallel(
		func() (err error) {
			if !d.IsResource() {
				held, err = admin.RoleAssignments(ctx, d.EnvironmentID, d.ApplicationID())
			}
			return err
		},
		func() (err error) {
			own, err = admin.RoleAssignments(ctx, admin.Admin.Environment.ID, c.adminApplication)
			return err
		},
		func() (err error) { roles, err = admin.Roles(ctx, d.EnvironmentID); return err },
	)
	if err != nil {
		c.warn("roles", "give the admin a role that may read role assignments, to have them checked", "cannot be read: %v", err)
		return
	}
	if lacking := provision.OutOfReach(held, roles); len(lacking) > 0 {
		c.fail("roles", "give the admin the same, or rotate with another admin", "the application has roles that the admin lacks: %s", strings.Join(lacking, ", "))
	} else {
		c.ok("roles", "the admin holds, or may assign, each of the application's %d", len(held))
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

// currentWorks asks PingOne for what consumers ask it for.
func (c *checkup) currentWorks(ctx context.Context, d *Document, app *pingone.Application, live *pingone.ApplicationSecret) {
	if d.ClientSecret.IsZero() {
		c.ok("current", "holds no secret yet; the first rotation takes PingOne's over")
		return
	}
	env, err := c.Settings.environment(d)
	user, userErr := c.testUser(ctx, d)
	if err != nil || userErr != nil {
		return // said above
	}
	cred := pingone.Credential{Environment: env, ClientID: d.ClientID, Secret: d.ClientSecret, Method: app.TokenEndpointAuthMethod}
	err = c.try(ctx, d, cred, user)
	switch {
	case err == nil:
		c.ok("current", "%s: %s", d.ClientSecret.Fingerprint(), cmp.Or(c.verified, "obtains a token"))
	case pingone.IsRejected(err) && !live.Accepts(d.ClientSecret):
		c.fail("current", "rotate now: it adopts PingOne's", "%s is refused: somebody has regenerated the secret, and PingOne's is %s", d.ClientSecret.Fingerprint(), live.Secret.Fingerprint())
	default:
		c.failed("current", err)
	}
}

// decide says what createSecret would do about the state as it is.
func (c *checkup) decide(ctx context.Context, admin *pingone.Client, current *stored, live *pingone.ApplicationSecret) {
	o := Observation{Current: current.ClientSecret, CurrentAt: c.promoted(current), Live: live, Now: live.AsOf}
	if current.Alternates() {
		if current.Rotation.Twin == "" {
			c.Decision = Regenerate
			c.ok("decision", "a rotation creates the twin, and regenerates its secret")
			return
		}
		sub, err := c.idle(ctx, admin, current) // which creates nothing when there is a twin
		if c.failed("twin", err) {
			return
		}
		idle, err := c.readSecret(ctx, admin, sub.Document)
		if c.failed("twin", err) {
			return
		}
		c.ok("twin", "application %s is idle", sub.ClientID)
		held := sub.held
		if held.IsZero() {
			held = idle.Secret
		}
		o = Observation{Current: held, CurrentAt: sub.heldAt, Live: idle, Now: idle.AsOf}
	}
	c.Decision = Decide(o)
	if c.Decision == Drift && current.Alternates() {
		c.Decision = Adopt
	}
	if p := o.Live.Previous; p != nil {
		used := "has not been used since it was replaced"
		if !p.LastUsed.IsZero() {
			used = "was last used at " + p.LastUsed.UTC().Format(time.RFC3339)
		}
		state := c.ok
		if c.Decision == Refuse {
			state = func(point, format string, args ...any) {
				c.warn(point, "find the consumers that still hold it; the refusal ends by itself", format, args...)
			}
		}
		state("previous", "%s lives until %s and %s", p.Secret.Fingerprint(), p.ExpiresAt.UTC().Format(time.RFC3339), used)
	}
	switch c.Decision {
	case Refuse:
		c.refusedUntil(o)
	case Drift:
		c.warn("decision", "rotate now", "a rotation adopts PingOne's secret, which nobody holds yet")
	default:
		c.ok("decision", "a rotation now: %s", c.Decision)
	}
}

// refusedUntil says for how long a rotation is refused. That it is refused now is no
// failure where nobody wants it before it is allowed again.
func (c *checkup) refusedUntil(o Observation) {
	p := o.Live.Previous
	end := o.since().Add(idleAfter)
	if p.ExpiresAt.Before(end) {
		end = p.ExpiresAt
	}
	const point = "decision"
	remedy := fmt.Sprintf("wait until it has been idle for %v, or until it expires", idleAfter)
	switch {
	case p.LastUsed.After(o.CurrentAt):
		c.fail(point, remedy, "a rotation now is refused, because consumers still use the previous secret")
	case c.next.IsZero() || c.next.After(end):
		c.warn(point, remedy, "a rotation now is refused, because the previous secret has just been replaced; from %s on it is not", end.UTC().Format(time.RFC3339))
	default:
		c.fail(point, remedy, "the rotation that is due by %s is refused, because the previous secret has just been replaced", c.next.UTC().Format(time.RFC3339))
	}
}
