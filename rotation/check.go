package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/document"
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
	c.fail(point, cmp.Or(remedy, pingone.Remedy(err)), "%s", detail)
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
		c.fail("rotation", enable+" "+c.FunctionARN, "is done by another function, %s", document.Printable(c.function))
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
		c.ok("key", "%s decrypts; whether the function may use it to encrypt (kms:GenerateDataKey) only a rotation can show", document.Printable(c.kmsKey))
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
	if d.Rotation.Strategy == document.Alternating {
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
