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

	"pingrotate/internal/campaign"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// An attachment is a secret to make, or to take over, and to have rotated by the function.
// Each of its steps finds out whether it has been done already, so that it continues where
// it was interrupted.
type attachment struct {
	*program
	secret   string // name
	schedule string
	window   string
	kmsKey   string
	tags     []string
	dryRun   bool
	mark     bool // the application, as this secret's

	text   string // the document, without a secret; empty for a secret to take over
	client register.Key
	tag    map[string]string
	taken  *takenOver // a secret that applications read already; nil for one to make
}

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

// check takes the document and checks the rest before anything is made.
func (a *attachment) check(text string) error {
	a.text = text
	if d, err := rotation.ParseDocument(text); err == nil {
		a.client = register.Key{EnvironmentID: d.EnvironmentID, ID: d.ApplicationID()}
	}
	switch {
	case a.secret == "":
		return errors.New("--secret is missing: the name of the secret to make")
	case !secretName.MatchString(a.secret):
		return errors.New("--secret must be a name of letters, digits and /_+=.@-")
	}
	return a.checkRest()
}

func (a *attachment) checkRest() (err error) {
	if err := checkSchedule(a.schedule, a.window); err != nil {
		return err
	}
	a.tag, err = parseTags(a.tags)
	return err
}

// token returns an id that follows from what is to be made, so that a repetition is
// known for what it is: a UUID of version 8 (RFC 9562).
func (a *attachment) token(step string) *string {
	sum := sha256.Sum256([]byte(step + "\x00" + a.secret + "\x00" + a.text))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return aws.String(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// attach checks everything, makes the secret or gives one that is there its new document,
// adds tags, configures the rotation, waits for Secrets Manager's test of that, and has the
// function fill the secret. What was done by an earlier run is not done again.
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
	now, err := a.lookUp(ctx, client, a.secret)
	if err != nil {
		return err
	}
	does, err := a.settle(ctx, client, now, function)
	if err != nil {
		return err
	}
	found, err := a.foresee(ctx, call, now, does)
	if err != nil || a.dryRun {
		return err
	}
	if err := a.put(ctx, client, now, does); err != nil {
		return err
	}
	if now, err = a.present(ctx, client); err != nil {
		return err
	}
	if err := a.markApplication(ctx, call, now); err != nil {
		return err
	}
	if err := a.addTags(ctx, client, now); err != nil {
		return err
	}
	if err := a.configure(ctx, client, now, function); err != nil {
		return err
	}
	a.enter(ctx, now.arn)
	var report rotation.Report
	switch {
	case does == leaves:
	case a.taken != nil:
		err = a.tested(ctx, client)
	default:
		report, err = a.fill(ctx, call, client)
	}
	if err != nil {
		return err
	}
	if now, err = a.present(ctx, client); err != nil {
		return err
	}
	return a.conclude(report, now, found)
}

// fill waits for Secrets Manager's test, and has the function fill the secret.
func (a *attachment) fill(ctx context.Context, call campaign.Call, client *secretsmanager.Client) (report rotation.Report, err error) {
	if err := a.tested(ctx, client); err != nil {
		return report, err
	}
	action := rotation.Action{Action: rotation.ActionRotate, SecretID: a.secret, ClientRequestToken: *a.token("fill"), By: a.by(ctx)}
	if _, report, err = a.rotateOne(ctx, call, action, "filling", 2*time.Minute); err == nil && bad(report.Outcome) {
		err = errors.New(report.Error)
	}
	if err != nil {
		return report, remedy.Errorf("once that is repaired, run the same command again, with other flags if these were wrong", "fill %s: %s", a.secret, remedy.Text(err))
	}
	return report, nil
}

// enter enters the secret in the register, where its table is known, as the function does
// before its first act. That act waits until nothing can be under way that an item
// announced which is lost: the sooner the item is there, the shorter. Of an application
// that is yet to be created, and of whatever fails here, the function takes care.
func (a *attachment) enter(ctx context.Context, arn string) {
	table := a.register()
	if table.Name == "" || a.client.ID == "" {
		return
	}
	_, err := table.Replace(ctx, a.client, register.Revision{}, register.Item{}.Begin(a.clock.time()).Holds(arn))
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
func (a *attachment) instruct(r rotation.Report, now *holder) {
	switch {
	case a.taken != nil:
		a.note("%s is rotated by the function from now on; what applications read has kept its names and values", a.secret)
		return
	case r.Outcome == "":
		a.note("%s holds its secret already; nothing was left to do but tags and schedule", a.secret)
	case r.Promoted != nil && a.client.ID == "":
		a.note("%s holds %s, the secret of the new application", a.secret, r.Promoted.Fingerprint)
		if r.ClientID != "" {
			a.note("its client id is %s", r.ClientID)
		}
	case r.Promoted != nil:
		a.note("%s holds %s, the secret that the application has in PingOne; it was not changed", a.secret, r.Promoted.Fingerprint)
	}
	a.note("tell consumers to read clientId, clientSecret and tokenEndpoint from it, not from a copy; they need secretsmanager:GetSecretValue")
	next := now.next.UTC().Format(time.RFC3339)
	switch {
	case now.next.IsZero():
	case a.client.ID == "": // of a new application there are no consumers yet
		a.note("the first rotation is due by %s; pingrotate check %s says whether it would work", next, a.secret)
	default:
		a.note("all of them must do so before the first rotation, which is due by %s; pingrotate check %s says whether it would work", next, a.secret)
	}
}

// present describes a secret that must be there.
func (a *attachment) present(ctx context.Context, client *secretsmanager.Client) (*holder, error) {
	now, err := a.lookUp(ctx, client, a.secret)
	if err == nil && now == nil {
		err = remedy.Errorf("run the same command again", "describe the secret %s: it is gone", a.secret)
	}
	return now, err
}

// addTags adds the tags that are missing, and replaces those with another value.
func (a *attachment) addTags(ctx context.Context, client *secretsmanager.Client, now *holder) error {
	var missing []types.Tag
	for _, key := range slices.Sorted(maps.Keys(a.tag)) {
		if !tagged(now.tags, map[string]string{key: a.tag[key]}) {
			missing = append(missing, types.Tag{Key: aws.String(key), Value: aws.String(a.tag[key])})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := client.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &now.arn, Tags: missing}); err != nil {
		return advise("tag the secret "+a.secret, "secretsmanager:TagResource", err)
	}
	a.note("%s was added to the tags of %s", counted(len(missing), "tag"), a.secret)
	return nil
}

// configure names the function as the secret's, without rotating it. A schedule that is
// another one is changed.
func (a *attachment) configure(ctx context.Context, client *secretsmanager.Client, now *holder, function string) error {
	if now.enabled && now.function == function && now.schedule == a.schedule && (a.window == "" || now.window == a.window) {
		return nil
	}
	rules := &types.RotationRulesType{ScheduleExpression: &a.schedule}
	if a.window != "" {
		rules.Duration = &a.window
	}
	_, err := client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId:           &now.arn,
		ClientRequestToken: aws.String(rotation.NewToken()),
		RotationLambdaARN:  &function,
		RotationRules:      rules,
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
		now, err := a.present(ctx, client)
		if err != nil {
			return err
		}
		if now.pending == "" || now.pending == now.current || now.pending == *a.token("fill") {
			return nil
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return remedy.Errorf("look at the function's log, and run the same command again", "%s: Secrets Manager's test of the rotation is not over after two minutes", a.secret)
}

// foresee has the function check the document before anything is made. What it finds wrong
// ends the command; with --dry-run it is told in full.
func (a *attachment) foresee(ctx context.Context, call campaign.Call, now *holder, does plan) (*rotation.Checkup, error) {
	if does == leaves && now.enabled && !a.dryRun {
		return nil, nil // it was checked before it was filled
	}
	action := rotation.Action{Action: rotation.ActionCheck, SecretID: a.secret, Document: a.text, Mark: a.mark, By: a.by(ctx)}
	if now != nil {
		action.SecretID = now.arn
	}
	if a.taken != nil {
		action.Document, action.Holds = a.taken.document.Outline(), a.taken.document.ClientSecret.Fingerprint()
	}
	done := a.busy("checking what " + a.secret + " will hold")
	raw, err := call(ctx, action)
	done()
	if err != nil {
		return nil, fmt.Errorf("check the document of %s: %w", a.secret, err)
	}
	found, err := readJSON[rotation.Checkup](raw)
	if err != nil {
		return nil, err
	}
	switch {
	case a.dryRun && a.json():
		err = a.write(raw)
	case a.dryRun:
		page := a.page()
		if found.WouldRotate {
			page.say("%s: %s", a.secret, found.Because)
		} else {
			page.say("%s: would not be made or changed%s", a.secret, reason(found))
		}
		tellFindings(page, found.Findings)
		err = page.err
	case !found.WouldRotate:
		a.tellWrong(found)
	}
	if err != nil || found.WouldRotate {
		if err == nil && a.dryRun {
			a.note("%s", does.wouldDo(a.secret))
		}
		return &found, err
	}
	why := because(found)
	if strings.Contains(found.Because, "does not allow") {
		a.tellEntry(action.Document)
		why = found.Because + "; correct that, or have the admin's owner add the entry above"
	}
	return &found, fmt.Errorf("%s was not made or changed: %s", a.secret, why)
}

// markApplication has the function mark the application as this secret's, if that is asked
// for: before Secrets Manager tests the rotation, which is not allowed until then.
func (a *attachment) markApplication(ctx context.Context, call campaign.Call, now *holder) error {
	if !a.mark {
		return nil
	}
	action := rotation.Action{Action: rotation.ActionMark, SecretID: now.arn, Document: a.text, By: a.by(ctx)}
	if a.taken != nil {
		action.Document = a.taken.document.Outline()
	}
	raw, err := call(ctx, action)
	if err != nil {
		return fmt.Errorf("mark the application of %s: %w", a.secret, err)
	}
	found, err := readJSON[rotation.Checkup](raw)
	if err != nil {
		return err
	}
	for _, f := range found.Findings {
		if f.State == rotation.Failure {
			return fmt.Errorf("mark the application of %s: %s", a.secret, told(f))
		}
		a.note("%s", f.Detail)
	}
	return nil
}

// because says what is wrong, and what to do.
func because(c rotation.Checkup) string {
	for _, f := range c.Findings {
		if f.State == rotation.Failure && strings.HasPrefix(c.Because, f.Point+": ") {
			return f.Point + ": " + told(f)
		}
	}
	return c.Because
}

// tellEntry writes the entry that the admin's owner may add to allow, for that person to
// look at.
func (a *attachment) tellEntry(text string) {
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return
	}
	a.warn("the entry that the owner of the admin's secret may add to its allow:")
	fmt.Fprintln(printable{a.err}, strings.TrimSpace(rotation.EntryFor(a.secret, d)))
}

// tellWrong writes to standard error what is wrong, if that is more than one thing: the
// first is in the error.
func (a *attachment) tellWrong(c rotation.Checkup) {
	wrong := slices.DeleteFunc(slices.Clone(c.Findings), func(f rotation.Finding) bool { return f.State != rotation.Failure })
	if len(wrong) < 2 {
		return
	}
	for _, f := range wrong[1:] {
		a.warn("%s: %s", f.Point, told(f))
	}
}

// decodeJSON reads a document's members.
func decodeJSON(text string) (members map[string]any) {
	json.Unmarshal([]byte(text), &members)
	return members
}
