package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"time"

	"pingrotate/internal/belief"
	"pingrotate/internal/registertest"
	"pingrotate/internal/remedy"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// AWS is the suite for Secrets Manager and DynamoDB in one account and Region. It signs and
// sends its own requests, because the SDK would repeat some and complete others.
type AWS struct {
	Region      string
	Credentials aws.CredentialsProvider
	HTTP        *http.Client
	Clock       Clock
	Run         string // part of the name of everything that is created

	SecretsManager string // URL
	DynamoDB       string // URL
	Logs           string // URL of CloudWatch Logs, where the function logs its steps

	Function string // ARN of the deployed function; "" for none
	LogGroup string // the function's
	KMSKey   string // id or ARN of a key to encrypt with; "" for none

	shared Inquiry // what Close removes
	table  string  // name of the table that DynamoDB's probes share
	retry  *retried
}

// Plan says what a run does.
func (a *AWS) Plan() Plan {
	p := Plan{
		Creates: []string{"secrets named " + Prefix + "…, some 30, each for seconds", "one DynamoDB table named " + Prefix + "…, on demand"},
		Rights: []string{
			"all actions of secretsmanager on secret:" + Prefix + "*, and ListSecrets, GetRandomPassword and BatchGetSecretValue on *",
			"all actions of dynamodb on table/" + Prefix + "*, and ListTables on *",
		},
		Cost:   "less than a US cent: a secret costs by the hour",
		Leaves: "nothing: secrets are deleted without recovery. CloudTrail keeps a record of them",
		Lasts:  3 * time.Minute,
	}
	if a.Function != "" {
		p.Rights = append(p.Rights, "lambda:InvokeFunction on the function, for RotateSecret; logs:FilterLogEvents on its log group")
		p.Creates = append(p.Creates, "rotations of some of these secrets by the function, which fail: it serves none of them")
		p.Lasts += retryPatience
	}
	if a.KMSKey != "" {
		p.Rights = append(p.Rights, "kms:GenerateDataKey and kms:Decrypt with the key")
	}
	return p
}

// Beliefs implements [Suite].
func (a *AWS) Beliefs() []belief.Belief {
	return append(secretsmanagertest.Beliefs(), registertest.Beliefs()...)
}

// Probes implements [Suite].
func (a *AWS) Probes() []Probe {
	var all []Probe
	for _, group := range [][]awsProbe{rotationProbes, storeProbes, tableProbes} {
		for _, one := range group {
			all = append(all, Probe{one.belief, one.leans, func(q *Inquiry) { one.ask(&awsInquiry{Inquiry: q, suite: a}) }})
		}
	}
	return all
}

// Reasons implements [Suite].
func (a *AWS) Reasons() map[string]string { return awsReasons }

type awsProbe struct {
	belief string
	leans  bool
	ask    func(*awsInquiry)
}

// awsReasons says why some beliefs have no probe.
var awsReasons = map[string]string{
	"S15": "needs a function that omits the RotationToken; the deployed one never does",
	"S16": "needs a function that falsely claims to have moved AWSCURRENT; the deployed one never does",
	"S17": "needs a rotation that completes, and the deployed function completes none of a secret that no admin allows; `pingrotate trial --function` shows where AWSPENDING is afterwards",
	"S22": "needs a hundred versions and more than a day",
	"S29": "needs a second Region, and replicas, which cost as much as secrets; try it with a secret of yours",
	"S30": "needs a second Region, like S29",
	"D15": "the service may take days to delete an expired row",
	"D19": "removing a protected table needs another permission, which a probe should not need",
	"D21": "concerns the SDK, whose source was read; the service does not throttle on demand",
}

// Close implements [Suite].
func (a *AWS) Close(ctx context.Context) error {
	a.shared.ctx = ctx
	_, err := a.shared.clean()
	a.shared, a.table, a.retry = Inquiry{}, "", nil
	return err
}

// Sweep implements [Suite]. ListSecrets may be minutes late: the next run finds what this
// one misses.
func (a *AWS) Sweep(ctx context.Context) (swept []string, err error) {
	q := &awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock, belief: "sweep"}, suite: a}
	for _, sweep := range []func() ([]string, error){q.sweepSecrets, q.sweepTables} {
		some, err := sweep()
		swept = append(swept, some...)
		if err != nil {
			return swept, err
		}
	}
	return swept, nil
}

func (q *awsInquiry) sweepSecrets() (swept []string, err error) {
	if q.suite.SecretsManager == "" {
		return nil, nil
	}
	for _, found := range q.listSecrets(object{"Filters": []object{{"Key": "name", "Values": []string{Prefix}}}}) {
		name, _ := found["Name"].(string)
		description, _ := found["Description"].(string)
		if !strings.HasPrefix(name, Prefix) || description != marker {
			continue
		}
		if found["RotationEnabled"] == true {
			if err := q.cancelRotation(name); err != nil {
				return swept, err
			}
		}
		if err := q.deleteSecret(name); err != nil {
			return swept, err
		}
		swept = append(swept, "secret "+name)
	}
	return swept, q.obstacle
}

// sweepTables finds nothing without the permission to list tables, as then there is no
// table either.
func (q *awsInquiry) sweepTables() (swept []string, err error) {
	if q.suite.DynamoDB == "" {
		return nil, nil
	}
	in := object{}
	for range 1000 {
		page := q.dynamo("ListTables", in)
		all, _ := page.at("TableNames").([]any)
		for _, one := range all {
			// A table has no description: only our own names end like this.
			if name, _ := one.(string); strings.HasPrefix(name, Prefix) && strings.HasSuffix(name, tableSuffix) {
				if err := q.deleteTable(name); err != nil {
					return swept, err
				}
				swept = append(swept, "table "+name)
			}
		}
		next := page.text("LastEvaluatedTableName")
		if next == "" {
			break
		}
		in["ExclusiveStartTableName"] = next
	}
	return swept, nil
}

// tableSuffix is the end of every table's name.
const tableSuffix = "-may-be-deleted"

// An awsInquiry asks AWS.
type awsInquiry struct {
	*Inquiry
	suite *AWS
}

func (q *awsInquiry) secrets(operation string, in object) reply {
	return q.call("secretsmanager", q.suite.SecretsManager, "secretsmanager."+operation, "application/x-amz-json-1.1", in)
}

func (q *awsInquiry) dynamo(operation string, in object) reply {
	return q.call("dynamodb", q.suite.DynamoDB, "DynamoDB_20120810."+operation, "application/x-amz-json-1.0", in)
}

// call sends a request, and repeats it after a temporary failure. If there is no answer, it
// blocks the inquiry.
func (q *awsInquiry) call(service, endpoint, target, contentType string, in object) reply {
	for range 6 {
		if q.blocked() {
			return reply{}
		}
		got, err := q.suite.exchange(q.ctx, service, endpoint, target, contentType, encode(in))
		if err != nil {
			q.block("%s: %w", target, err)
			return reply{}
		}
		throttled := got.code() == "ThrottlingException" || got.code() == "ProvisionedThroughputExceededException"
		if got.status < 500 && !throttled {
			return got
		}
		q.pause(2 * time.Second)
	}
	q.block("%s: the service is not available", target)
	return reply{}
}

// exchange is [send] for AWS, with a signed request.
func (a *AWS) exchange(ctx context.Context, service, endpoint, target, contentType string, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return reply{}, errors.New("the endpoint cannot be called")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("X-Amz-Target", target)
	credentials, err := a.Credentials.Retrieve(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("find AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), service, a.Region, time.Now()); err != nil {
		return reply{}, fmt.Errorf("sign the request: %w", err)
	}
	got, text, err := send(a.HTTP, req)
	if err != nil {
		return reply{}, err
	}
	got.sum = crc32.ChecksumIEEE(text)
	json.Unmarshal(text, &got.body) // if it is not JSON, there is nothing to read
	if got.status >= 300 && got.body != nil {
		kind, _ := got.body["__type"].(string)
		got.body["code"] = kind[strings.LastIndex(kind, "#")+1:]
		if said, ok := got.body["Message"]; ok {
			got.body["message"] = said
		}
	}
	return got, nil
}

// want notes a difference if the answer does not have the code and, in its message, the
// words. An empty code means success.
func (q *awsInquiry) want(what string, r reply, code, words string) {
	if q.blocked() || r.code() == code && strings.Contains(r.text("message"), words) {
		return
	}
	expected := code
	if code == "" {
		expected = "success"
	}
	if words != "" {
		expected += " (" + words + ")"
	}
	q.differ("%s: got %s, want %s", what, r, expected)
}

// must blocks the inquiry if an answer that only prepares for the question is a refusal.
func (q *awsInquiry) must(what string, r reply) reply {
	switch {
	case q.blocked() || r.status == http.StatusOK:
	case r.code() == "AccessDeniedException":
		q.block("%w", remedy.Errorf("your identity needs the permissions that docs/conformance.md lists", "%s: got %s", what, r))
	default:
		q.block("%s: got %s", what, r)
	}
	return r
}

// name returns a name that nothing else has.
func (q *awsInquiry) name() string {
	q.serial++
	return fmt.Sprintf("%s%s-%s-%d", Prefix, q.suite.Run, q.belief, q.serial)
}

// A stored is a secret that was created for a probe.
type stored struct{ name, arn, version string }

// secret creates a secret with the value, or without a version if it is "".
func (q *awsInquiry) secret(value string) stored {
	s := stored{name: q.name(), version: newUUID()}
	in := object{"Name": s.name, "Description": marker, "ClientRequestToken": s.version}
	if value != "" {
		in["SecretString"] = value
	}
	s.arn = q.create(q.Inquiry, s.name, in).text("ARN")
	return s
}

// create creates a secret, which the keeper removes, even if no answer came, but not if it
// existed before.
func (q *awsInquiry) create(keeper *Inquiry, name string, in object) reply {
	if q.blocked() {
		return reply{}
	}
	r := q.secrets("CreateSecret", in)
	if r.code() != "ResourceExistsException" {
		keeper.later("secret "+name, func(ctx context.Context) error { return q.suite.lending(ctx).deleteSecret(name) })
	}
	return q.must("create the secret "+name, r)
}

// cancelRotation cancels the rotation of a secret that is about to be deleted. If it has
// none any more, that is success.
func (q *awsInquiry) cancelRotation(name string) error {
	r := q.secrets("CancelRotateSecret", object{"SecretId": name})
	switch {
	case q.obstacle != nil:
		return q.obstacle
	case r.status != http.StatusOK && r.code() != "ResourceNotFoundException" && r.code() != "InvalidRequestException":
		return fmt.Errorf("cancel the rotation of %s: %s", name, r)
	}
	return nil
}

func (q *awsInquiry) deleteSecret(name string) error {
	r := q.secrets("DeleteSecret", object{"SecretId": name, "ForceDeleteWithoutRecovery": true})
	switch {
	case q.obstacle != nil:
		return q.obstacle
	case r.status != http.StatusOK && r.code() != "ResourceNotFoundException":
		return fmt.Errorf("delete %s: %s", name, r)
	}
	return nil
}

// put stores a value as a new version, with labels if any are given.
func (q *awsInquiry) put(s stored, token, value string, labels ...string) reply {
	in := object{"SecretId": s.name, "ClientRequestToken": token, "SecretString": value}
	if len(labels) > 0 {
		in["VersionStages"] = labels
	}
	return q.secrets("PutSecretValue", in)
}

// move moves a label between versions; "" stands for no version.
func (q *awsInquiry) move(s stored, label, from, to string) reply {
	in := object{"SecretId": s.name, "VersionStage": label}
	if from != "" {
		in["RemoveFromVersionId"] = from
	}
	if to != "" {
		in["MoveToVersionId"] = to
	}
	return q.secrets("UpdateSecretVersionStage", in)
}

// describe returns a description, which may lack the secret's last change.
func (q *awsInquiry) describe(s stored) reply {
	return q.must("describe a secret", q.secrets("DescribeSecret", object{"SecretId": s.name}))
}

// holder returns the version that has a label, or "" if none has.
func holder(description reply, label string) string {
	versions, _ := description.at("VersionIdsToStages").(object)
	for id, labels := range versions {
		for _, one := range names(labels) {
			if one == label {
				return id
			}
		}
	}
	return ""
}

// shows waits until a description shows something, and reports whether it did.
func (q *awsInquiry) shows(s stored, done func(description reply) bool) bool {
	return q.eventually(func() bool { return done(q.describe(s)) })
}

func (q *awsInquiry) listSecrets(in object) []object {
	var all []object
	for range 1000 {
		r := q.must("list secrets", q.secrets("ListSecrets", in))
		items, _ := r.at("SecretList").([]any)
		for _, item := range items {
			if o, ok := item.(object); ok {
				all = append(all, o)
			}
		}
		next := r.text("NextToken")
		if next == "" {
			return all
		}
		in["NextToken"] = next
	}
	return all
}
