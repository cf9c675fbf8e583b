package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// checkup is a check under way.
type checkup struct {
	*step
	Checkup
}

// check looks at each condition of a successful rotation. It changes nothing, but
// for the test user if that is asked for.
func (r *Rotator) check(ctx context.Context, a Action) *Checkup {
	s := r.step(Event{Step: TestSecret, SecretID: a.SecretID})
	s.hand = &a
	c := &checkup{step: s, Checkup: Checkup{Action: a.Action, SecretID: a.SecretID}}
	c.look(ctx)
	if s.arn != "" {
		c.SecretID, c.Name = s.arn, s.name
	}
	c.State = worst(c.Findings)
	c.Calls = s.callsSoFar()
	r.log().LogAttrs(ctx, slog.LevelInfo, "rotation action",
		slog.String("action", a.Action), slog.String("outcome", string(c.State)), slog.String("secretId", c.SecretID), slog.String("by", a.By))
	return &c.Checkup
}

func (s *step) callsSoFar() Calls {
	return Calls{SecretsManager: s.calls.secretsManager.Load(), PingOne: s.calls.pingOne.Load(), PingOneAPI: s.calls.platform.Load()}
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

// failed enters an error, whose text has the remedy in it.
func (c *Checkup) failed(point string, err error) bool {
	if err == nil {
		return false
	}
	text := strings.ReplaceAll(err.Error(), "\n", ", and ") // of calls that ran at once
	detail, remedy, _ := strings.Cut(text, "; ")
	c.fail(point, remedy, "%s", detail)
	return true
}

// look goes on for as long as the next points can be told at all.
func (c *checkup) look(ctx context.Context) {
	if c.failed("secret", c.describe(ctx)) {
		return
	}
	c.rotationIsOn()
	c.labelsAreInPlace()
	c.replicasFollow()
	current, err := c.readCurrent(ctx)
	if c.failed("document", err) {
		return
	}
	c.ok("document", "version %s is a valid document, stored %s", current.versionID, current.created.UTC().Format(time.RFC3339))
	c.mayWrite(ctx, current)
	env, err := c.Settings.environment(current.Document)
	if c.failed("region", err) {
		return
	}
	c.ok("region", "%s, %s", current.Region, env.Auth)
	c.graceFits(current.Document)
	if admin := c.adminWorks(ctx, current.Document); admin != nil {
		c.pingOneIsReady(ctx, admin, current)
	}
}

func (c *checkup) rotationIsOn() {
	const enable = "enable it with aws secretsmanager rotate-secret --rotation-lambda-arn"
	switch {
	case !c.rotationEnabled:
		c.fail("rotation", enable, "is not enabled for this secret")
	case c.FunctionARN != "" && c.function != c.FunctionARN:
		c.fail("rotation", enable+" "+c.FunctionARN, "is done by another function, %s", printable(c.function))
	case !c.next.IsZero() && c.next.Before(c.client.Time()):
		c.warn("rotation", "look for the error of the last one in the function's log", "was due at %s", c.next.UTC().Format(time.RFC3339))
	case c.next.IsZero():
		c.warn("rotation", "give the secret a schedule with --rotation-rules", "is enabled and has no schedule")
	default:
		c.ok("rotation", "is enabled, and next due by %s", c.next.UTC().Format(time.RFC3339))
	}
}

func (c *checkup) labelsAreInPlace() {
	pending, current := c.holder(labelPending), c.holder(labelCurrent)
	age := c.client.Time().Sub(c.changed).Round(time.Second)
	switch {
	case pending == "" || pending == current:
		c.ok("pending", "no rotation is under way")
	case age < quiet:
		c.warn("pending", "check again in a minute", "a rotation is under way, version %s", pending)
	default:
		c.fail("pending", "find its error in the function's log and mend that, or end it with aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id "+pending,
			"version %s has been waiting for %v or longer", pending, age)
	}
	if leaked := c.holder(labelCompromised); leaked != "" {
		c.fail("leak", "run the emergency again; what it has done so far stays done", "version %s is labelled COMPROMISED, and its secret is not shown to be dead", leaked)
	}
}

func (c *checkup) replicasFollow() {
	if len(c.replicas) == 0 {
		return
	}
	if region, _ := c.replicaBehind(); region != "" {
		c.fail("replicas", "mend the replication: aws secretsmanager describe-secret says what is wrong with it", "the replica in %s is not in sync", region)
		return
	}
	c.ok("replicas", "%d, all in sync", len(c.replicas))
}

// labelOfCheck is a label that no version has.
const labelOfCheck = "pingrotate-check"

// mayWrite tries the two writes of a rotation in a way that Secrets Manager must
// refuse once it has seen that they are permitted: it checks permissions first.
func (c *checkup) mayWrite(ctx context.Context, current *stored) {
	err := parallel(
		func() error {
			// The version exists, with another value, and so stays as it is.
			_, err := c.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &c.arn, ClientRequestToken: &current.versionID, SecretString: aws.String("{}"), VersionStages: []string{labelOfCheck},
			}, c.count)
			if exists := (*types.ResourceExistsException)(nil); errors.As(err, &exists) {
				return nil
			}
			return denied("store a version", err)
		},
		func() error {
			_, err := c.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &c.arn, VersionStage: aws.String(labelOfCheck), RemoveFromVersionId: &current.versionID,
			}, c.count)
			if absent := (*types.InvalidParameterException)(nil); errors.As(err, &absent) {
				return nil
			}
			return denied("move a label", err)
		},
	)
	if c.failed("permissions", err) {
		return
	}
	c.ok("permissions", "the function may read, store and label versions")
	if c.kmsKey != "" {
		c.ok("key", "%s decrypts; whether the function may use it to encrypt (kms:GenerateDataKey) only a rotation can show", printable(c.kmsKey))
	}
}

func denied(action string, err error) error {
	if err == nil {
		return nil // which no service does; then nothing is known against it
	}
	return secretsManagerError(action, err)
}

// longestCache is how long AWS's caching clients keep a secret.
const longestCache = time.Hour

func (c *checkup) graceFits(d *Document) {
	grace := c.Settings.grace(d)
	if d.Rotation.Strategy == alternating {
		c.ok("grace", "until the next rotation, because two applications alternate")
		return
	}
	every := interval(c.rules)
	switch {
	case grace <= longestCache:
		c.warn("grace", "raise rotation.grace, or ROTATION_GRACE", "%v is no longer than AWS's caching clients keep a secret, which is %v", grace, longestCache)
	case every > 0 && grace >= every:
		c.warn("grace", "lower rotation.grace, or rotate less often", "%v is no shorter than the time between two rotations, which is %v: each will find the previous secret alive, and refuse if that is in use", grace, every)
	default:
		c.ok("grace", "a replaced secret lives for %v", grace)
	}
}

var hourly = regexp.MustCompile(`^rate\((\d+) hours?\)$`)

// interval returns the time between two rotations; zero for a cron expression.
func interval(rules *types.RotationRulesType) time.Duration {
	if rules == nil {
		return 0
	}
	if days := aws.ToInt64(rules.AutomaticallyAfterDays); days > 0 {
		return time.Duration(days) * 24 * time.Hour
	}
	if m := hourly.FindStringSubmatch(aws.ToString(rules.ScheduleExpression)); m != nil {
		hours, _ := strconv.Atoi(m[1])
		return time.Duration(hours) * time.Hour
	}
	return 0
}

// adminWorks returns the client that acts as the admin, nil if nothing can be done
// with its credential.
func (c *checkup) adminWorks(ctx context.Context, d *Document) *pingone.Client {
	admin, err := c.admin(ctx, d)
	if c.failed("admin", err) {
		return nil
	}
	if _, err := c.client.Token(ctx, admin.Admin, ""); err != nil {
		c.failed("admin", fmt.Errorf("authenticate as the admin application: %w", err))
		return nil
	}
	c.ok("admin", "application %s obtains a token", c.adminApplication)
	if c.adminAllowsAll {
		c.warn("allow list", "add allow to the admin's secret", "the admin serves every target that it can manage, for whoever may write a secret of this function")
	} else {
		c.ok("allow list", "the admin is meant for this secret")
	}
	return admin
}

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
		err = c.explain(ctx, admin, d, err)
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
	case d.isResource():
		c.ok("verification", "by introspection, as a custom resource does")
	case v.UserSecretID != "":
		if _, err := c.testUser(ctx, d); !c.failed("verification", err) {
			c.ok("verification", "by a test user who signs on")
		}
	case !grants && !v.demandsNothing():
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
			if !d.isResource() {
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
	if lacking := outOfReach(held, roles); len(lacking) > 0 {
		c.fail("roles", "give the admin the same, or rotate with another admin", "the application has roles that the admin lacks: %s", strings.Join(lacking, ", "))
	} else {
		c.ok("roles", "the admin holds, or may assign, each of the application's %d", len(held))
	}
	var names []string
	for _, a := range own {
		name := roleName(roles, a.RoleID)
		covers := a.ScopeType == "ORGANIZATION" || a.ScopeType == "ENVIRONMENT" && a.ScopeID == d.EnvironmentID
		if covers && (name == "Environment Admin" || name == "Client Application Developer") {
			c.ok("regenerate", "the admin may: it is %s", describeRole(a, roles))
			return
		}
		names = append(names, describeRole(a, roles))
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
	if current.alternates() {
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
	if c.Decision == Drift && current.alternates() {
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
		c.fail("decision", fmt.Sprintf("wait until it has been idle for %v, or until it expires", idleAfter), "a rotation now is refused, because the previous secret is in use")
	case Drift:
		c.warn("decision", "rotate now", "a rotation adopts PingOne's secret, which nobody holds yet")
	default:
		c.ok("decision", "a rotation now: %s", c.Decision)
	}
}
