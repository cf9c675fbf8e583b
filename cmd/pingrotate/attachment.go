package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// An attachment is a secret to make, and to have rotated by the function. Each of its
// steps finds out whether it has been done already, so that it continues where it was
// interrupted.
type attachment struct {
	*program
	secret   string // name
	schedule string
	kmsKey   string
	tags     []string

	text string // the document
	tag  []types.Tag
}

var (
	secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	schedule   = regexp.MustCompile(`^(rate|cron)\([^()]{1,250}\)$`)
)

// check takes the document and checks the rest before anything is made.
func (a *attachment) check(text string) error {
	a.text = text
	switch {
	case a.secret == "":
		return errors.New("--secret is missing: the name of the secret to make")
	case !secretName.MatchString(a.secret):
		return errors.New("--secret must be a name of letters, digits and /_+=.@-")
	case !schedule.MatchString(a.schedule):
		return errors.New("--schedule must be such as 'rate(30 days)' or 'cron(0 4 1 * ? *)'")
	}
	for _, t := range a.tags {
		key, value, ok := strings.Cut(t, "=")
		if !ok || key == "" {
			return fmt.Errorf("--tag must be KEY=VALUE, not %q", t)
		}
		a.tag = append(a.tag, types.Tag{Key: &key, Value: &value})
	}
	return nil
}

// token returns an id that follows from what is to be made, so that a repetition is
// known for what it is: a UUID of version 8 (RFC 9562).
func (a *attachment) token(step string) *string {
	sum := sha256.Sum256([]byte(step + "\x00" + a.secret + "\x00" + a.text))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return aws.String(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// attach makes the secret, configures its rotation, waits for Secrets Manager's test
// of that, and has the function fill it.
func (a *attachment) attach(ctx context.Context) error {
	call, err := a.call(ctx)
	if err != nil {
		return err
	}
	function, err := a.functionARN(ctx)
	if err != nil {
		return err
	}
	client := secretsmanager.NewFromConfig(a.cfg)
	now, err := a.create(ctx, client)
	if err == nil {
		err = a.configure(ctx, client, now, function)
	}
	if err != nil {
		return err
	}

	if now, err = a.describe(ctx, client); err != nil {
		return err
	}
	a.enter(ctx, now.arn)
	var report rotation.Report
	if now.current == *a.token("create") { // otherwise it has been filled
		if err := a.tested(ctx, client); err != nil {
			return err
		}
		action := rotation.Action{Action: rotation.ActionRotate, SecretID: a.secret, ClientRequestToken: *a.token("fill"), By: a.by(ctx)}
		if _, report, err = a.rotateOne(ctx, call, action, 2*time.Minute); err == nil && bad(report.Outcome) {
			err = errors.New(report.Error)
		}
		if err != nil {
			return remedy.Errorf("once that is repaired, run the same command again", "fill %s: %s", a.secret, remedy.Text(err))
		}
	}
	if now, err = a.describe(ctx, client); err != nil {
		return err
	}
	if a.json() {
		return a.write(struct {
			ARN          string           `json:"arn"`
			Name         string           `json:"name"`
			NextRotation time.Time        `json:"nextRotation,omitzero"`
			Report       *rotation.Report `json:"report,omitempty"` // of what filled it in this run
		}{now.arn, a.secret, now.next, filled(report)})
	}
	page := a.page()
	page.say("%s", now.arn)
	a.instruct(report, now)
	return page.err
}

// enter enters the secret in the register, where its table is known, as the function does
// before its first act. That act waits until nothing can be under way that an item
// announced which is lost: the sooner the item is there, the shorter. Of an application
// that is yet to be created, and of whatever fails here, the function takes care.
func (a *attachment) enter(ctx context.Context, arn string) {
	table := a.register()
	var d struct{ EnvironmentID, ClientID string }
	if table.Name == "" || json.Unmarshal([]byte(a.text), &d) != nil || d.ClientID == "" {
		return
	}
	key := register.Key{EnvironmentID: d.EnvironmentID, ID: d.ClientID}
	_, err := table.Replace(ctx, key, register.Revision{}, register.Item{}.Begin(time.Now()).Holds(arn))
	if err != nil && !errors.Is(err, register.ErrOvertaken) {
		a.note("the register was not asked: %v", err)
	}
}

func filled(r rotation.Report) *rotation.Report {
	if r.Outcome == "" {
		return nil
	}
	return &r
}

// instruct says what to tell the consumers.
func (a *attachment) instruct(r rotation.Report, now *attached) {
	switch {
	case r.Outcome == "":
		a.note("%s was filled already; nothing was left to do", a.secret)
	case r.Promoted != nil:
		a.note("%s holds %s, PingOne's secret as it is", a.secret, r.Promoted.Fingerprint)
	}
	a.note("tell consumers to read clientId, clientSecret and tokenEndpoint from it, not from a copy; they need secretsmanager:GetSecretValue")
	if !now.next.IsZero() {
		a.note("until %s all of them must, for then it is rotated; pingrotate check %s says whether that will work", now.next.UTC().Format(time.RFC3339), a.secret)
	}
}

// An attached is what Secrets Manager says of the secret.
type attached struct {
	arn, function    string
	current, pending string // version ids
	versions         []string
	enabled          bool
	next             time.Time
}

func (a *attachment) describe(ctx context.Context, client *secretsmanager.Client) (*attached, error) {
	out, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &a.secret})
	if err != nil {
		return nil, advise("describe the secret "+a.secret, "secretsmanager:DescribeSecret", err)
	}
	now := &attached{
		arn:      aws.ToString(out.ARN),
		function: aws.ToString(out.RotationLambdaARN),
		enabled:  aws.ToBool(out.RotationEnabled),
		next:     aws.ToTime(out.NextRotationDate),
		versions: slices.Collect(maps.Keys(out.VersionIdsToStages)),
	}
	for id, labels := range out.VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") {
			now.current = id
		} else if slices.Contains(labels, "AWSPENDING") {
			now.pending = id
		}
	}
	return now, nil
}

// create makes the secret, unless an earlier run of the same command has.
func (a *attachment) create(ctx context.Context, client *secretsmanager.Client) (*attached, error) {
	in := &secretsmanager.CreateSecretInput{
		Name:               &a.secret,
		SecretString:       &a.text,
		ClientRequestToken: a.token("create"),
		Tags:               a.tag,
	}
	if a.kmsKey != "" {
		in.KmsKeyId = &a.kmsKey
	}
	_, err := client.CreateSecret(ctx, in)
	var exists *types.ResourceExistsException
	if err != nil && !errors.As(err, &exists) {
		return nil, advise("create the secret "+a.secret, "secretsmanager:CreateSecret, and secretsmanager:TagResource for tags", err)
	}
	now, err := a.describe(ctx, client)
	if err != nil {
		return nil, err
	}
	if exists != nil && !slices.Contains(now.versions, *a.token("create")) && now.current != *a.token("fill") {
		return nil, remedy.Errorf("choose another name, or attach that one by aws secretsmanager rotate-secret --rotation-lambda-arn",
			"create the secret %s: there is one already, which was not made by this command line", a.secret)
	}
	return now, nil
}

// configure names the function as the secret's, without rotating it.
func (a *attachment) configure(ctx context.Context, client *secretsmanager.Client, now *attached, function string) error {
	switch {
	case now.enabled && now.function == function:
		return nil
	case now.enabled:
		return remedy.Errorf("name that with --function", "configure the rotation of %s: it is rotated by %s", a.secret, now.function)
	}
	_, err := client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId:           &a.secret,
		ClientRequestToken: a.token("test"),
		RotationLambdaARN:  &function,
		RotationRules:      &types.RotationRulesType{ScheduleExpression: &a.schedule},
		RotateImmediately:  aws.Bool(false),
	})
	if api, ok := errors.AsType[smithy.APIError](err); ok && strings.Contains(api.ErrorMessage(), "cannot invoke") {
		return remedy.Errorf("there is no function "+function+", or you may not invoke it: name another with --function", "configure the rotation of %s: %s", a.secret, said(err))
	}
	if err != nil {
		return advise("configure the rotation of "+a.secret, "secretsmanager:RotateSecret, and lambda:InvokeFunction on the function", err)
	}
	return nil
}

// tested waits until Secrets Manager's own test of the settings is over: until then
// it refuses a rotation.
func (a *attachment) tested(ctx context.Context, client *secretsmanager.Client) error {
	done := a.busy("waiting for Secrets Manager to test the rotation of " + a.secret)
	defer done()
	deadline := time.Now().Add(2 * time.Minute)
	for pause := 100 * time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 2*time.Second) {
		now, err := a.describe(ctx, client)
		if err != nil {
			return err
		}
		if now.pending == "" || now.pending == *a.token("fill") {
			return nil
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return remedy.Errorf("look at the function's log, and run the same command again", "%s: Secrets Manager's test of the rotation is not over after two minutes", a.secret)
}
