package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// storeProbes are about secrets, versions and labels.
var storeProbes = []awsProbe{
	{"S24", true, (*awsInquiry).storeReadsLag},
	{"S3", false, (*awsInquiry).versionIsFinal},
	{"S4", false, (*awsInquiry).putPromotes},
	{"S5", false, (*awsInquiry).firstIsCurrent},
	{"S6", true, (*awsInquiry).movesCompareAndSwap},
	{"S7", true, (*awsInquiry).whatMovesWithCurrent},
	{"S8", false, (*awsInquiry).labelsGo},
	{"S9", false, (*awsInquiry).whatIsNotThere},
	{"S10", false, (*awsInquiry).noFunction},
	{"S23", false, (*awsInquiry).partialARN},
	{"S25", false, (*awsInquiry).limitsOfAPut},
	{"S26", false, (*awsInquiry).scheduledForDeletion},
	{"S27", false, (*awsInquiry).deprecatedVersions},
	{"S28", false, (*awsInquiry).filtersOfAList},
	{"S31", false, (*awsInquiry).lastChanged},
	{"S32", false, (*awsInquiry).lastAccessed},
	{"S33", false, (*awsInquiry).listIsADescription},
	{"S34", false, (*awsInquiry).impossibleID},
	{"S35", false, (*awsInquiry).createTwice},
	{"S36", false, (*awsInquiry).randomPasswords},
	{"S37", false, (*awsInquiry).updateIsAPut},
	{"S38", false, (*awsInquiry).readSeveral},
	{"S39", false, (*awsInquiry).restore},
	{"S40", false, (*awsInquiry).versionsAreListed},
	{"S41", false, (*awsInquiry).tagsComeAndGo},
}

func (q *awsInquiry) storeReadsLag() {
	s := q.secret("one")
	var described, read []time.Duration
	for n := range samples {
		token := newUUID()
		q.must("put", q.put(s, token, fmt.Sprint("value ", n)))
		begun := q.clock.now()
		a, okA := q.until(begun, patience, func() bool { return holder(q.describe(s), "AWSCURRENT") == token })
		b, okB := q.until(begun, patience, func() bool {
			return q.secrets("GetSecretValue", object{"SecretId": s.name}).text("VersionId") == token
		})
		if !q.blocked() && (!okA || !okB) {
			q.differ("a read does not show a new version within %v", patience)
			return
		}
		described, read = append(described, a), append(read, b)
	}
	q.measure("DescribeSecret shows a change", described, LimitReads)
	q.measure("GetSecretValue shows a change", read, LimitReads)
	listed, ok := q.until(q.clock.now(), 6*time.Minute, func() bool {
		return len(q.listSecrets(object{"Filters": []object{{"Key": "name", "Values": []string{s.name}}}})) == 1
	})
	if !ok {
		q.differ("ListSecrets does not show a new secret within %v", listed.Round(time.Second))
		return
	}
	q.measure("ListSecrets shows a new secret", []time.Duration{listed}, Limit{"the API reference says", 5 * time.Minute})
}

func (q *awsInquiry) versionIsFinal() {
	s, token := q.secret("one"), newUUID()
	q.must("put", q.put(s, token, "two", "BLUE"))
	q.want("put the same again", q.put(s, token, "two", "BLUE"), "", "")
	q.want("put something else with the same token", q.put(s, token, "three", "BLUE"), "ResourceExistsException", "You can't use ClientRequestToken")
}

func (q *awsInquiry) putPromotes() {
	s, token := q.secret("one"), newUUID()
	q.must("put", q.put(s, token, "two"))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSCURRENT") == token }) {
		q.differ("PutSecretValue without labels does not move AWSCURRENT")
	}
}

func (q *awsInquiry) firstIsCurrent() {
	s, token := q.secret(""), newUUID()
	q.must("put", q.put(s, token, "one", "BLUE"))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSCURRENT") == token }) {
		q.differ("the first version is not AWSCURRENT, though there is no other")
	}
}

func (q *awsInquiry) movesCompareAndSwap() {
	s, second := q.secret("one"), newUUID()
	q.must("put", q.put(s, second, "two", "BLUE"))
	q.want("move AWSCURRENT without saying from where", q.move(s, "AWSCURRENT", "", second), "InvalidParameterException", "RemoveFromVersionId can't be empty")
	q.want("move AWSCURRENT from where it is not", q.move(s, "AWSCURRENT", second, second), "InvalidParameterException", "must be set to the version that currently has")
	q.want("move AWSCURRENT", q.move(s, "AWSCURRENT", s.version, second), "", "")
	again := q.move(s, "AWSCURRENT", s.version, second)
	q.want("move it again", again, "InvalidParameterException", "")
}

func (q *awsInquiry) whatMovesWithCurrent() {
	s, second, third := q.secret("one"), newUUID(), newUUID()
	q.must("put", q.put(s, second, "two", "AWSPENDING"))
	q.must("move", q.move(s, "AWSCURRENT", s.version, second))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSPREVIOUS") == s.version }) {
		q.differ("moving AWSCURRENT does not move AWSPREVIOUS to the version that it left")
	}
	if holder(q.describe(s), "AWSPENDING") != second {
		q.differ("moving AWSCURRENT takes AWSPENDING off")
	}
	q.must("put", q.put(s, third, "three"))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSCURRENT") == third && holder(d, "AWSPENDING") == "" }) {
		q.differ("a new version without labels leaves AWSPENDING on the one that was current")
	}
}

func (q *awsInquiry) labelsGo() {
	s := q.secret("one")
	q.must("label", q.move(s, "BLUE", "", s.version))
	q.want("take a label off", q.move(s, "BLUE", s.version, ""), "", "")
	q.want("take it off again", q.move(s, "BLUE", s.version, ""), "InvalidParameterException", "")
	q.want("take AWSCURRENT off", q.move(s, "AWSCURRENT", s.version, ""), "InvalidParameterException", "You can only move staging label AWSCURRENT")
}

func (q *awsInquiry) whatIsNotThere() {
	s := q.secret("one")
	get := func(in object) reply { in["SecretId"] = s.name; return q.secrets("GetSecretValue", in) }
	q.want("a version with a label that it lacks", get(object{"VersionId": s.version, "VersionStage": "AWSPENDING"}), "InvalidRequestException", "VersionStage that is not associated")
	q.want("a label that is nowhere", get(object{"VersionStage": "BLUE"}), "ResourceNotFoundException", "staging label: BLUE")
	q.want("a version that does not exist", get(object{"VersionId": newUUID()}), "ResourceNotFoundException", "VersionId")
}

func (q *awsInquiry) noFunction() {
	s := q.secret("one")
	rotate := func(in object) reply {
		in["SecretId"], in["ClientRequestToken"] = s.name, newUUID()
		return q.secrets("RotateSecret", in)
	}
	q.want("rotate without a function", rotate(object{}), "InvalidRequestException", "No Lambda rotation function ARN")
	arn := strings.Split(s.arn, ":")
	if q.blocked() || len(arn) < 5 {
		return
	}
	absent := "arn:" + arn[1] + ":lambda:" + q.suite.Region + ":" + arn[4] + ":function:" + q.name()
	q.want("rotate with a function that does not exist", rotate(object{"RotationLambdaARN": absent, "RotationRules": object{"AutomaticallyAfterDays": 30}}),
		"AccessDeniedException", "cannot invoke the specified Lambda function")
	if d := q.describe(s); !q.blocked() && (holder(d, "AWSPENDING") != "" || d.at("RotationEnabled") == true) {
		q.differ("a refused rotation changes the secret")
	}
}

func (q *awsInquiry) partialARN() {
	s := q.secret("one")
	if q.blocked() || len(s.arn) < 8 {
		return
	}
	q.want("an ARN without its suffix", q.secrets("DescribeSecret", object{"SecretId": s.arn[:len(s.arn)-7]}), "", "")
}

func (q *awsInquiry) limitsOfAPut() {
	s := q.secret("one")
	raw := func(in object) reply { in["SecretId"] = s.name; return q.secrets("PutSecretValue", in) }
	q.want("put without a token", raw(object{"SecretString": "two"}), "InvalidRequestException", "You must provide a ClientRequestToken")
	if r := raw(object{"SecretString": "two", "ClientRequestToken": "short"}); !q.blocked() && r.status != http.StatusBadRequest {
		q.differ("a token of 5 characters: got %s", r)
	}
	var labels []string
	for n := range 21 {
		labels = append(labels, fmt.Sprint("LABEL", n))
	}
	if r := q.put(s, newUUID(), "two", labels...); !q.blocked() && r.status != http.StatusBadRequest {
		q.differ("put with 21 labels: got %s", r)
	}
	if r := q.put(s, newUUID(), strings.Repeat("x", 65537)); !q.blocked() && r.status != http.StatusBadRequest {
		q.differ("put 65,537 bytes: got %s", r)
	}
	q.want("put 65,536 bytes", q.put(s, newUUID(), strings.Repeat("x", 65536)), "", "")
}

func (q *awsInquiry) scheduledForDeletion() {
	s := q.secret("one")
	q.must("delete", q.secrets("DeleteSecret", object{"SecretId": s.name, "RecoveryWindowInDays": 7}))
	if !q.shows(s, func(d reply) bool { return d.at("DeletedDate") != nil || d.at("DeletionDate") != nil }) {
		q.differ("a secret that is scheduled for deletion is described without a date")
	}
	q.want("read it", q.secrets("GetSecretValue", object{"SecretId": s.name}), "InvalidRequestException", "marked for deletion")
	q.want("create one of its name", q.secrets("CreateSecret", object{"Name": s.name, "ClientRequestToken": newUUID(), "SecretString": "x"}),
		"InvalidRequestException", "already scheduled for deletion")
	q.want("end it at once", q.secrets("DeleteSecret", object{"SecretId": s.name, "ForceDeleteWithoutRecovery": true}), "", "")
	q.want("end one that does not exist", q.secrets("DeleteSecret", object{"SecretId": q.name(), "ForceDeleteWithoutRecovery": true}), "", "")
}

// versions returns the ids of the listed versions.
func (q *awsInquiry) versions(s stored, deprecated bool) []string {
	r := q.must("list versions", q.secrets("ListSecretVersionIds", object{"SecretId": s.name, "IncludeDeprecated": deprecated}))
	items, _ := r.at("Versions").([]any)
	var all []string
	for _, item := range items {
		version, _ := item.(object)
		id, _ := version["VersionId"].(string)
		all = append(all, id)
	}
	return all
}

func (q *awsInquiry) deprecatedVersions() {
	s, second := q.secret("one"), newUUID()
	q.must("put", q.put(s, second, "two", "BLUE"))
	q.must("take the label off", q.move(s, "BLUE", second, ""))
	described := func(d reply) bool { _, there := d.at("VersionIdsToStages").(object)[second]; return there }
	if !q.shows(s, func(d reply) bool { return !described(d) }) {
		q.differ("DescribeSecret shows a version without labels")
	}
	if slices.Contains(q.versions(s, false), second) {
		q.differ("ListSecretVersionIds shows a version without labels unasked")
	}
	if !q.blocked() && !slices.Contains(q.versions(s, true), second) {
		q.differ("ListSecretVersionIds does not show a version without labels when it is asked to")
	}
}

func (q *awsInquiry) filtersOfAList() {
	s := q.secret("one")
	find := func(values ...string) int {
		return len(q.listSecrets(object{"Filters": []object{{"Key": "name", "Values": values}}}))
	}
	if _, ok := q.until(q.clock.now(), 6*time.Minute, func() bool { return find(s.name[:len(s.name)-1]) >= 1 }); !ok {
		q.differ("ListSecrets does not find a secret by a prefix of its name")
	}
	if n := find(s.name, "!"+s.name); !q.blocked() && n != 0 {
		q.differ("a value that begins with ! does not exclude: found %d", n)
	}
	if n := len(q.listSecrets(object{"Filters": []object{{"Key": "description", "Values": []string{marker}}, {"Key": "name", "Values": []string{s.name}}}})); !q.blocked() && n != 1 {
		q.differ("a filter by the description: found %d, want 1", n)
	}
}

func (q *awsInquiry) lastChanged() {
	s := q.secret("one")
	before, _ := q.describe(s).at("LastChangedDate").(float64)
	q.pause(2 * time.Second)
	q.must("label", q.move(s, "BLUE", "", s.version))
	if !q.shows(s, func(d reply) bool { now, _ := d.at("LastChangedDate").(float64); return now > before }) {
		q.differ("LastChangedDate stays when a label is put on")
	}
}

func (q *awsInquiry) lastAccessed() {
	s := q.secret("one")
	if d := q.describe(s); !q.blocked() && d.at("LastAccessedDate") != nil {
		q.differ("LastAccessedDate is present before the first read")
	}
	q.must("read", q.secrets("GetSecretValue", object{"SecretId": s.name}))
	midnight := q.clock.now().UTC().Truncate(24 * time.Hour)
	if !q.shows(s, func(d reply) bool {
		at, ok := d.at("LastAccessedDate").(float64)
		return ok && at == float64(midnight.Unix())
	}) {
		q.differ("LastAccessedDate is not the midnight before a read")
	}
}

func (q *awsInquiry) listIsADescription() {
	s := q.secret("one")
	var found []object
	q.until(q.clock.now(), 6*time.Minute, func() bool {
		found = q.listSecrets(object{"Filters": []object{{"Key": "name", "Values": []string{s.name}}}})
		return len(found) == 1
	})
	if q.blocked() {
		return
	}
	if len(found) != 1 {
		q.block("ListSecrets does not show the secret")
		return
	}
	labels, _ := found[0]["SecretVersionsToStages"].(object)
	if found[0]["ARN"] != s.arn || found[0]["Description"] != marker || !slices.Contains(names(labels[s.version]), "AWSCURRENT") {
		q.differ("ListSecrets does not show ARN, description and labels as DescribeSecret does")
	}
}

func (q *awsInquiry) impossibleID() {
	q.want("an id with a space", q.secrets("DescribeSecret", object{"SecretId": "no such id"}), "ValidationException", "")
}

func (q *awsInquiry) createTwice() {
	s := q.secret("one")
	again := q.secrets("CreateSecret", object{"Name": s.name, "ClientRequestToken": s.version, "SecretString": "two"})
	q.want("create with the same token and other content", again, "ResourceExistsException", "You can't use ClientRequestToken")
}

func (q *awsInquiry) randomPasswords() {
	r := q.must("ask for a password", q.secrets("GetRandomPassword", object{}))
	if n := len(r.text("RandomPassword")); !q.blocked() && n != 32 {
		q.differ("a password has %d characters, want 32", n)
	}
	if n := len(q.must("ask for a password", q.secrets("GetRandomPassword", object{"PasswordLength": 50})).text("RandomPassword")); !q.blocked() && n != 50 {
		q.differ("a password of 50 characters has %d", n)
	}
	if r := q.secrets("GetRandomPassword", object{"PasswordLength": 4097}); !q.blocked() && r.status != http.StatusBadRequest {
		q.differ("a password of 4097 characters: got %s", r)
	}
}

func (q *awsInquiry) updateIsAPut() {
	s, token := q.secret("one"), newUUID()
	in := object{"SecretId": s.name, "ClientRequestToken": token, "SecretString": "two"}
	if q.suite.KMSKey != "" {
		in["KmsKeyId"] = q.suite.KMSKey
	}
	q.must("update", q.secrets("UpdateSecret", in))
	if !q.shows(s, func(d reply) bool { return holder(d, "AWSCURRENT") == token && holder(d, "AWSPREVIOUS") == s.version }) {
		q.differ("UpdateSecret with a value does not move AWSCURRENT to it")
	}
	if q.suite.KMSKey != "" && !q.shows(s, func(d reply) bool { return d.text("KmsKeyId") != "" }) {
		q.differ("UpdateSecret does not change the key")
	}
}

func (q *awsInquiry) readSeveral() {
	a, b := q.secret("one"), q.secret("two")
	absent := q.name()
	var r reply
	q.eventually(func() bool {
		r = q.must("read several", q.secrets("BatchGetSecretValue", object{"SecretIdList": []string{a.name, b.name, absent}}))
		values, _ := r.at("SecretValues").([]any)
		return len(values) == 2
	})
	values, _ := r.at("SecretValues").([]any)
	problems, _ := r.at("Errors").([]any)
	if !q.blocked() && (len(values) != 2 || len(problems) != 1) {
		q.differ("reading two secrets and one that does not exist gives %d values and %d errors", len(values), len(problems))
	}
	var many []string
	for n := range 21 {
		many = append(many, fmt.Sprint(absent, n))
	}
	if r := q.secrets("BatchGetSecretValue", object{"SecretIdList": many}); !q.blocked() && r.status != http.StatusBadRequest {
		q.differ("read 21 secrets: got %s", r)
	}
}

func (q *awsInquiry) restore() {
	s := q.secret("one")
	q.want("restore a secret that is not deleted", q.secrets("RestoreSecret", object{"SecretId": s.name}), "", "")
	q.must("delete", q.secrets("DeleteSecret", object{"SecretId": s.name, "RecoveryWindowInDays": 7}))
	q.want("restore it", q.secrets("RestoreSecret", object{"SecretId": s.name}), "", "")
	if !q.eventually(func() bool { return q.secrets("GetSecretValue", object{"SecretId": s.name}).status == http.StatusOK }) {
		q.differ("a restored secret cannot be read")
	}
}

func (q *awsInquiry) versionsAreListed() {
	s := q.secret("one")
	r := q.must("list versions", q.secrets("ListSecretVersionIds", object{"SecretId": s.name}))
	if keys := names(r.at("Versions", "0", "KmsKeyIds")); !q.blocked() && !slices.Equal(keys, []string{"DefaultEncryptionKey"}) {
		q.differ("a version without a customer managed key is listed with %d keys, want DefaultEncryptionKey", len(keys))
	}
}

func (q *awsInquiry) tagsComeAndGo() {
	s := q.secret("one")
	tag := func(value string) {
		q.must("tag", q.secrets("TagResource", object{"SecretId": s.name, "Tags": []object{{"Key": "colour", "Value": value}}}))
	}
	tag("blue")
	tag("red")
	if !q.shows(s, func(d reply) bool {
		tags, _ := d.at("Tags").([]any)
		return len(tags) == 1 && d.text("Tags", "0", "Value") == "red"
	}) {
		q.differ("a tag of the same key is not replaced")
	}
	q.want("remove tags, one of them not there", q.secrets("UntagResource", object{"SecretId": s.name, "TagKeys": []string{"colour", "other"}}), "", "")
	if !q.shows(s, func(d reply) bool { tags, _ := d.at("Tags").([]any); return len(tags) == 0 }) {
		q.differ("a tag that was removed is still there")
	}
}
