package rotation

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/plan"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A checkup is a check in progress. It looks and decides as a rotation does, with the same
// plan, so it predicts what a rotation would do.
type checkup struct {
	*run
	Checkup
	action  Action
	decided bool // Decision is what createSecret would do
}

// check examines each condition of a successful rotation. It changes nothing, unless the
// action asks for the test user to be created.
func (r *Rotator) check(ctx context.Context, a Action) *Checkup {
	n := r.begin(a.SecretID, plan.ByStep, "check", "")
	n.readOnly = true
	c := &checkup{run: n, Checkup: Checkup{Action: a.Action, SecretID: a.SecretID}, action: a}
	c.examine(ctx)
	if n.secret.arn != "" {
		c.SecretID, c.Name = n.secret.arn, n.secret.name
	}
	c.conclude()
	c.Calls = n.count.take()
	r.log().LogAttrs(ctx, slog.LevelInfo, "rotation action",
		slog.String("action", a.Action), slog.String("outcome", string(c.State)), slog.String("secretId", c.SecretID), slog.String(claimedBy, a.By))
	return &c.Checkup
}

// examine goes through the points and stops at the first that makes the next ones
// unanswerable.
func (c *checkup) examine(ctx context.Context) {
	if c.failed("secret", c.secret.describe(ctx)) {
		return
	}
	if c.failed("rotation", c.qualified(c.secret.function)) {
		return
	}
	unreadable := c.readSecret(ctx)
	c.rotationIsOn()
	c.labelsAreInPlace()
	c.replicasFollow()
	if c.failed("document", unreadable) {
		return
	}
	d := c.found.current
	c.needs(d.Document)
	c.ok("document", "version %s is a valid document, stored %s", d.versionID, d.created.UTC().Format(time.RFC3339))
	if all := c.copies(); len(all) > 0 {
		c.fail("copies", "remove the copy, or name the member in rotation.names", "a rotation is refused, because %s would go stale", strings.Join(all, ", "))
	}
	c.permissions(ctx)
	if !c.adminIsReady(ctx) {
		return
	}
	admin := c.found.acting
	c.ok("admin", "application %s obtains a token", admin.application)
	c.writerReaches(ctx)
	if c.action.CreateTestUser {
		c.makeTestUser(ctx)
	}
	c.specificationHolds(ctx)
	if d.ClientID == "" {
		c.Decision, c.decided = Seed, true
		return
	}
	app, err := admin.read(ctx, d.Document, d.ApplicationID())
	if c.failed("application", err) {
		return
	}
	c.adminReaches(ctx)
	if c.failed("application secret", c.readClient(ctx, plan.Create)) {
		return
	}
	c.applicationIsFit(ctx, app)
	c.registerIsThere()
	c.currentWorks(ctx)
	c.decide(ctx)
}

// adminIsReady reports whether the document's admin is found, allowed to act on the target,
// and able to obtain a token. It first checks the region and the grace.
func (c *checkup) adminIsReady(ctx context.Context) bool {
	d := c.found.current
	env, err := c.Settings.environment(d.Document)
	if c.failed("region", err) {
		return false
	}
	c.ok("region", "%s, %s", d.Region, env.Auth)
	c.graceFits()
	if c.failed("admin", c.authorize(ctx)) {
		return false
	}
	if _, err = c.client.Token(ctx, c.found.acting.client.Admin, ""); err != nil {
		err = fmt.Errorf("authenticate as the admin application: %w", err)
	}
	return !c.failed("admin", err)
}

func (c *checkup) rotationIsOn() {
	s := c.secret
	switch {
	case !s.rotationEnabled:
		c.fail("rotation", c.attachAgain(), "is turned off for this secret")
	case c.FunctionARN != "" && s.function != c.FunctionARN:
		c.fail("rotation", "have this one do it with aws secretsmanager rotate-secret --rotation-lambda-arn "+c.FunctionARN, "is done by another function, %s", document.Printable(s.function))
	case !s.next.IsZero() && s.next.Before(c.client.Time()):
		c.warn("rotation", "find the error of the last rotation in the function's log", "was due at %s", s.next.UTC().Format(time.RFC3339))
	case s.next.IsZero():
		c.warn("rotation", "give it a schedule with aws secretsmanager rotate-secret --rotation-rules", "is enabled and has no schedule")
	default:
		c.ok("rotation", "is enabled, and next due by %s", s.next.UTC().Format(time.RFC3339))
	}
}

// attachAgain says how Secrets Manager is made to rotate the secret again: with a schedule,
// which was lost with the rotation.
func (r *run) attachAgain() string {
	name := cmp.Or(r.secret.name, r.secret.id)
	if d := r.found.current; d != nil {
		return fmt.Sprintf("to turn it on: pingrotate adopt --in-place %s --environment %s --pingone-region %s", name, d.EnvironmentID, document.Printable(string(d.Region)))
	}
	return "to turn it on: aws secretsmanager rotate-secret --secret-id " + name + " --rotation-lambda-arn " + r.FunctionARN
}

func (c *checkup) labelsAreInPlace() {
	pending, current := c.secret.holder(labelPending), c.secret.holder(labelCurrent)
	age := c.client.Time().Sub(c.secret.changed).Round(time.Second)
	switch {
	case pending == "" || pending == current:
		c.ok(pointStuck, "no rotation is under way")
	case age < plan.Quiet:
		c.warn(pointStuck, "check again in a minute", "a rotation is under way, version %s", pending)
	default:
		c.fail(pointStuck, "find its error in the function's log and correct the cause, or end it with aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id "+pending,
			"version %s has been waiting for %v or longer", pending, age)
	}
}

func (c *checkup) replicasFollow() {
	if len(c.secret.replicas) == 0 {
		return
	}
	if region := c.secret.replicaBehind(); region != "" {
		c.fail("replicas", "repair the replication: aws secretsmanager describe-secret says what is wrong with it", "the replica in %s is not in sync", region)
		return
	}
	c.ok("replicas", "%d, all in sync", len(c.secret.replicas))
}

func (c *checkup) permissions(ctx context.Context) {
	if c.failed("permissions", c.secret.mayWrite(ctx, c.found.current.versionID)) {
		return
	}
	c.ok("permissions", "the function may read, store and label versions")
	if key := c.secret.kmsKey; key != "" {
		c.ok("key", "%s decrypts; whether the function may use it to encrypt (kms:GenerateDataKey) only a rotation can show", document.Printable(key))
	}
}

// longestCache is how long AWS's caching clients keep a secret by default.
const longestCache = time.Hour

func (c *checkup) graceFits() {
	d := c.found.current.Document
	grace := c.Settings.grace(d)
	if d.Rotation.Strategy == document.Alternating {
		c.ok("grace", "until the next rotation, because two applications alternate")
		return
	}
	every := interval(c.secret.rules)
	switch {
	case grace <= longestCache:
		c.warn("grace", "raise rotation.grace, or ROTATION_GRACE", "%s is not longer than AWS's caching clients keep a secret, which is %s", inUnits(grace), inUnits(longestCache))
	case every > 0 && grace >= every:
		c.warn("grace", "lower rotation.grace, or rotate less often", "%s is not shorter than the time between two rotations, which is %s: each rotation will find the previous secret alive, and refuse if it is in use", inUnits(grace), inUnits(every))
	default:
		c.ok("grace", "a replaced secret works for %s from the promotion, and ends after %s at the latest", inUnits(grace), inUnits(plan.Fuse(grace)))
	}
}

var hourly = lazyregexp.New(`^rate\((\d+) hours?\)$`)

// interval returns the time between two rotations, or zero for a cron expression.
// DescribeSecret gives an expression in days as AutomaticallyAfterDays too.
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

func (c *checkup) makeTestUser(ctx context.Context) {
	done, err := c.createTestUser(ctx)
	if len(done) > 0 {
		c.ok(pointUser, "%s", strings.Join(done, ", "))
	}
	if !c.failed(pointUser, err) && len(done) == 0 {
		c.ok(pointUser, "is there already")
	}
}

// createTestUser creates what is missing of the user that rotation.verify.userSecretId names.
// It returns what it created, even if it then fails.
func (r *run) createTestUser(ctx context.Context) (done []string, err error) {
	d := r.found.current.Document
	u, err := r.testUser(ctx, d)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, document.NewFieldError("rotation.verify.userSecretId", "is missing; name there the secret with the test user's environmentId, username, password and redirectUri")
	}
	return r.provisioner().CreateTestUser(ctx, d, u)
}
