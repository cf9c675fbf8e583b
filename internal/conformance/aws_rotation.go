package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// rotationProbes are about rotations. They need the deployed function. It fails at
// createSecret, because it serves none of these secrets. For a version that has become
// AWSCURRENT it reports success up to finishSecret, where it would complete an emergency,
// and refuses because it serves none of them. So no rotation of a probe is ever completed.
var rotationProbes = []awsProbe{
	{"S14", true, (*awsInquiry).rotationIsTriedAgain},
	{"S42", true, (*awsInquiry).invokedAsNamed},
	{"S1", false, (*awsInquiry).pendingIsEmpty},
	{"S2", false, (*awsInquiry).firstPutFills},
	{"S11", false, (*awsInquiry).oneRotationAtATime},
	{"S12", false, (*awsInquiry).stepsInOrder},
	{"S13", false, (*awsInquiry).sameTokenStartsNothing},
	{"S18", false, (*awsInquiry).newVersionAbandons},
	{"S19", false, (*awsInquiry).cancelLeavesPending},
	{"S20", false, (*awsInquiry).testAlone},
	{"S21", false, (*awsInquiry).rotationIsDescribed},
}

// retryPatience is how long Secrets Manager may take for each of its next attempts.
const retryPatience = 20 * time.Minute

// unserved is the value of the secrets that are rotated: a document that the function can
// read, of a client that no admin allows these secrets, and without a client secret that it
// could try.
const unserved = `{"environmentId":"00000000-0000-4000-8000-000000000000","region":"NA","clientId":"00000000-0000-4000-8000-000000000000"}`

// rotate starts a rotation.
func (q *awsInquiry) rotate(s stored, token string, more object) reply {
	in := object{
		"SecretId": s.name, "ClientRequestToken": token, "RotationLambdaARN": q.suite.Function,
		"RotationRules": object{"AutomaticallyAfterDays": 30},
	}
	for name, value := range more {
		in[name] = value
	}
	r := q.secrets("RotateSecret", in)
	if r.status == http.StatusOK {
		q.later("rotation of "+s.name, func(ctx context.Context) error { return q.suite.lending(ctx).cancelRotation(s.name) })
	}
	return r
}

// rotating creates a secret whose rotation is under way, and returns its token.
func (q *awsInquiry) rotating() (s stored, token string) {
	if q.suite.Function == "" {
		q.skip("needs --function")
		return stored{}, ""
	}
	s, token = q.secret(unserved), newUUID()
	q.must("rotate", q.rotate(s, token, nil))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSPENDING") == token }) {
		q.block("a rotation has begun, and no version has AWSPENDING")
	}
	return s, token
}

// A step is one invocation of the function, from its log.
type step struct {
	At      time.Time
	Step    string
	Version string
	Error   string
	Invoked string // the ARN by which the function was invoked
}

// steps returns the steps that the function logged about a secret, oldest first.
func (q *awsInquiry) steps(s stored, since time.Time) []step {
	in := object{
		"logGroupName": q.suite.LogGroup, "startTime": since.Add(-time.Minute).UnixMilli(),
		"filterPattern": `{ ($.secretId = "` + s.arn + `") }`,
	}
	var all []step
	for range 100 {
		r := q.must("read the function's log", q.call("logs", q.suite.Logs, "Logs_20140328.FilterLogEvents", "application/x-amz-json-1.1", in))
		events, _ := r.at("events").([]any)
		for _, one := range events {
			event, _ := one.(object)
			line, _ := event["message"].(string)
			at, _ := event["timestamp"].(float64)
			var fields struct{ Step, Version, Error, FunctionARN string }
			if json.Unmarshal([]byte(line), &fields) == nil && fields.Step != "" {
				all = append(all, step{time.UnixMilli(int64(at)), fields.Step, fields.Version, fields.Error, fields.FunctionARN})
			}
		}
		next := r.text("nextToken")
		if next == "" {
			break
		}
		in["nextToken"] = next
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.At.Compare(b.At) })
	return all
}

// retried is what was seen of a rotation that failed several times and then came as far as
// finishSecret.
type retried struct {
	attempts []step // at createSecret
	after    []step // of the attempt that reached finishSecret
	token    string
	obstacle error
}

// watchRetries lets a rotation fail three times, promotes its version, and waits for the
// attempt that finds it promoted. The first probe that needs this waits; the others use
// what it saw.
func (q *awsInquiry) watchRetries() *retried {
	if q.suite.retry != nil {
		if err := q.suite.retry.obstacle; err != nil {
			q.block("%w", err)
		}
		return q.suite.retry
	}
	seen := &retried{}
	begun := q.clock.now()
	s, token := q.rotating()
	seen.token = token
	q.until(begun, 3*retryPatience, func() bool { seen.attempts = q.steps(s, begun); return len(seen.attempts) >= 3 })
	if !q.blocked() && len(seen.attempts) < 2 {
		q.block("Secrets Manager tried %d times within %v", len(seen.attempts), 3*retryPatience)
	}
	q.must("fill the pending version", q.put(s, token, unserved, "AWSPENDING"))
	q.must("promote it", q.move(s, "AWSCURRENT", s.version, token))
	if _, ok := q.until(q.clock.now(), 3*retryPatience, func() bool {
		seen.after = wholeAttempt(q.steps(s, begun))
		return len(seen.after) > 0
	}); !ok {
		q.block("Secrets Manager did not try again within %v", 3*retryPatience)
	}
	if q.skipped == "" {
		seen.obstacle = q.obstacle
		q.suite.retry = seen
	}
	return seen
}

// wholeAttempt returns the steps of the first attempt that reached finishSecret, or nil if
// none has.
func wholeAttempt(all []step) []step {
	end := slices.IndexFunc(all, func(s step) bool { return s.Step == "finishSecret" })
	for begin := end; begin >= 0; begin-- {
		if all[begin].Step == "createSecret" {
			return all[begin : end+1]
		}
	}
	return nil
}

func (q *awsInquiry) rotationIsTriedAgain() {
	seen := q.watchRetries()
	if q.blocked() {
		return
	}
	var between []time.Duration
	for n, attempt := range seen.attempts {
		if attempt.Version != seen.token {
			q.differ("a retry has another token")
		}
		if n > 0 {
			between = append(between, attempt.At.Sub(seen.attempts[n-1].At))
		}
	}
	q.note("seen %d attempts", len(seen.attempts))
	q.measure("the next attempt begins after", between, Limit{})
}

func (q *awsInquiry) stepsInOrder() {
	seen := q.watchRetries()
	if q.blocked() {
		return
	}
	for _, one := range seen.attempts {
		if one.Step != "createSecret" {
			q.differ("%s follows a createSecret that failed", one.Step)
		}
	}
	var order []string
	for _, one := range seen.after {
		order = append(order, one.Step)
	}
	if want := []string{"createSecret", "setSecret", "testSecret", "finishSecret"}; !slices.Equal(order, want) {
		q.differ("the steps of a whole attempt are %v, want %v", order, want)
	}
}

func (q *awsInquiry) pendingIsEmpty() {
	s, token := q.rotating()
	for what, in := range map[string]object{"its id": {"VersionId": token}, "its label": {"VersionStage": "AWSPENDING"}} {
		in["SecretId"] = s.name
		q.want("read the pending version by "+what, q.secrets("GetSecretValue", in), "ResourceNotFoundException", "")
	}
}

func (q *awsInquiry) firstPutFills() {
	s, token := q.rotating()
	q.want("fill the pending version", q.put(s, token, "filled", "AWSPENDING"), "", "")
	if !q.eventually(func() bool {
		return q.secrets("GetSecretValue", object{"SecretId": s.name, "VersionId": token}).text("SecretString") == "filled"
	}) {
		q.differ("the pending version does not have the value that was put")
	}
}

func (q *awsInquiry) oneRotationAtATime() {
	s, _ := q.rotating()
	q.want("rotate while a rotation is incomplete", q.rotate(s, newUUID(), nil), "InvalidRequestException", "A previous rotation isn't complete")
}

func (q *awsInquiry) sameTokenStartsNothing() {
	s, token := q.rotating()
	r := q.rotate(s, token, nil)
	q.want("rotate with the token of a version", r, "", "")
	if r.status == 200 && r.text("VersionId") != token {
		q.differ("the answer is about another version")
	}
}

func (q *awsInquiry) newVersionAbandons() {
	s, token := q.rotating()
	q.must("put", q.put(s, newUUID(), "by a person"))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSPENDING") != token }) {
		q.differ("a new version leaves AWSPENDING on the rotation's")
	}
}

func (q *awsInquiry) cancelLeavesPending() {
	s, token := q.rotating()
	q.must("cancel", q.secrets("CancelRotateSecret", object{"SecretId": s.name}))
	if !q.shows(s, func(d reply) bool { return d.at("RotationEnabled") == false }) {
		q.differ("a cancelled rotation is still enabled")
	}
	if holder(q.describe(s), "AWSPENDING") != token {
		q.differ("cancelling a rotation takes AWSPENDING off")
	}
	q.must("take AWSPENDING off", q.move(s, "AWSPENDING", token, ""))
	q.want("rotate again", q.rotate(s, newUUID(), nil), "", "")
}

func (q *awsInquiry) testAlone() {
	if q.suite.Function == "" {
		q.skip("needs --function")
		return
	}
	begun := q.clock.now()
	s := q.secret(unserved)
	q.must("rotate", q.rotate(s, newUUID(), object{"RotateImmediately": false}))
	var all []step
	q.eventually(func() bool { all = q.steps(s, begun); return len(all) > 0 })
	for _, one := range all {
		if one.Step != "testSecret" {
			q.differ("RotateImmediately=false calls %s", one.Step)
		}
	}
	if !q.blocked() && len(all) == 0 {
		q.block("the function logged nothing about the secret")
	}
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSPENDING") == "" && holder(d, "AWSCURRENT") == s.version }) {
		q.differ("the pending copy stays after the test")
	}
}

// invokedAsNamed asks about what the function relies on: it takes steps only by its own
// ARN, and actions only through an alias.
func (q *awsInquiry) invokedAsNamed() {
	begun := q.clock.now()
	s, _ := q.rotating()
	var all []step
	q.eventually(func() bool { all = q.steps(s, begun); return len(all) > 0 })
	switch {
	case q.blocked():
	case len(all) == 0:
		q.block("the function logged nothing about the secret")
	case all[0].Invoked == "":
		q.block("the function's log does not say by which ARN it was invoked")
	case all[0].Invoked != q.suite.Function:
		q.differ("the function was invoked by %s, and the rotation names %s", all[0].Invoked, q.suite.Function)
	}
}

func (q *awsInquiry) rotationIsDescribed() {
	if q.suite.Function == "" {
		q.skip("needs --function")
		return
	}
	s := q.secret(unserved)
	if d := q.describe(s); !q.blocked() && d.at("RotationEnabled") != nil {
		q.differ("RotationEnabled is present before rotation was configured")
	}
	q.must("rotate", q.rotate(s, newUUID(), nil))
	if !q.shows(s, func(d reply) bool {
		return d.at("RotationEnabled") == true && d.at("NextRotationDate") != nil && d.at("RotationRules", "AutomaticallyAfterDays") == float64(30)
	}) {
		q.differ("a description does not show that rotation is on, its rules and the next date")
	}
}
