package conformance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/conformance"
)

// code is the code of an AWS error.
func (e *exchange) code() string {
	kind := e.at("__type")
	return kind[strings.LastIndex(kind, "#")+1:]
}

// on is a lie about one operation, told after it is carried out.
func on(operation string, change func(*exchange)) func(*awsWorld) lie {
	return func(*awsWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.path == operation {
				change(e)
			}
		}
	}
}

// before is a lie about one operation, told before it is carried out.
func before(operation string, change func(*exchange)) func(*awsWorld) lie {
	return func(*awsWorld) lie {
		return func(e *exchange) {
			if e.path == operation {
				change(e)
			}
			e.pass(e)
		}
	}
}

// granted turns a refusal with this code and these words into a success.
func granted(operation, code, words string) func(*awsWorld) lie {
	return on(operation, func(e *exchange) {
		if e.code() == code && strings.Contains(e.at("Message")+e.at("message"), words) {
			e.become(200, object{})
		}
	})
}

// labels changes the labels in descriptions: of each version, by its id.
func labels(change func(e *exchange, of map[string][]string)) func(*awsWorld) lie {
	return on("DescribeSecret", func(e *exchange) { relabel(e, change) })
}

func relabel(e *exchange, change func(e *exchange, of map[string][]string)) {
	of := map[string][]string{}
	text, _ := json.Marshal(e.answer["VersionIdsToStages"])
	if json.Unmarshal(text, &of) == nil && of != nil {
		change(e, of)
		e.answer["VersionIdsToStages"] = of
	}
}

func without(list []string, label string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return l == label })
}

// logged changes what the function logged.
func logged(change func(line object) (kept bool)) func(*awsWorld) lie {
	return on("FilterLogEvents", func(e *exchange) {
		kept := []any{}
		events, _ := e.answer["events"].([]any)
		for _, one := range events {
			event := one.(object)
			var line object
			json.Unmarshal([]byte(event["message"].(string)), &line)
			if change(line) {
				text, _ := json.Marshal(line)
				event["message"] = string(text)
				kept = append(kept, event)
			}
		}
		e.answer["events"] = kept
	})
}

func in(e *exchange, names ...string) string {
	return (&exchange{answer: e.body}).at(names...)
}

func has(e *exchange, text string) bool {
	body, _ := json.Marshal(e.body)
	return strings.Contains(string(body), text)
}

// awsLies are what AWS would do if one belief were false, and as little else as possible.
var awsLies = map[string]func(w *awsWorld) lie{
	"S1": on("GetSecretValue", func(e *exchange) {
		if in(e, "VersionStage") == "AWSPENDING" && in(e, "VersionId") == "" && e.status == 400 {
			e.become(200, object{"SecretString": "***"})
		}
	}),
	"S2": on("GetSecretValue", func(e *exchange) {
		if e.at("SecretString") == "filled" {
			e.answer["SecretString"] = "***"
		}
	}),
	"S3": granted("PutSecretValue", "ResourceExistsException", ""),
	"S4": before("PutSecretValue", func(e *exchange) {
		if in(e, "SecretString") == "two" && e.body["VersionStages"] == nil {
			e.body["VersionStages"] = []string{"BLUE"}
		}
	}),
	"S5": labels(func(_ *exchange, of map[string][]string) {
		for id, list := range of {
			if slices.Contains(list, "BLUE") {
				of[id] = without(list, "AWSCURRENT")
			}
		}
	}),
	"S6": granted("UpdateSecretVersionStage", "InvalidParameterException", "can't be empty"),
	"S7": labels(func(_ *exchange, of map[string][]string) {
		for id, list := range of {
			if slices.Contains(list, "AWSCURRENT") {
				of[id] = without(list, "AWSPENDING")
			}
		}
	}),
	"S8": on("UpdateSecretVersionStage", func(e *exchange) {
		if in(e, "VersionStage") == "BLUE" && e.status == 400 {
			e.become(200, object{})
		}
	}),
	"S9": on("GetSecretValue", func(e *exchange) {
		if e.code() == "InvalidRequestException" && e.at("Message") != "" && strings.Contains(e.at("Message"), "not associated") {
			e.answer["__type"] = "ResourceNotFoundException"
		}
	}),
	"S10": granted("RotateSecret", "AccessDeniedException", ""),
	"S11": granted("RotateSecret", "InvalidRequestException", "A previous rotation"),
	"S12": logged(func(line object) bool { return line["step"] != "setSecret" }),
	"S13": func(*awsWorld) lie {
		seen := map[any]bool{}
		return func(e *exchange) {
			e.pass(e)
			if token := e.body["ClientRequestToken"]; e.path == "RotateSecret" {
				if seen[token] {
					e.answer["VersionId"] = "another"
				}
				seen[token] = true
			}
		}
	},
	"S14": logged(func(line object) bool {
		if line["step"] == "createSecret" && line["error"] != nil {
			line["version"] = "another"
		}
		return true
	}),
	"S42": logged(func(line object) bool { line["functionArn"] = functionARN + ":live"; return true }),
	"S18": func(*awsWorld) lie {
		token, abandoned := map[any]string{}, map[any]bool{}
		return func(e *exchange) {
			e.pass(e)
			id := e.body["SecretId"]
			switch {
			case e.path == "RotateSecret":
				token[id] = in(e, "ClientRequestToken")
			case e.path == "PutSecretValue" && in(e, "SecretString") == "by a person":
				abandoned[id] = true
			case e.path == "DescribeSecret" && abandoned[id]:
				relabel(e, func(_ *exchange, of map[string][]string) { of[token[id]] = []string{"AWSPENDING"} })
			}
		}
	},
	"S19": labels(func(e *exchange, of map[string][]string) {
		for id, list := range of {
			if e.answer["RotationEnabled"] == false {
				of[id] = without(list, "AWSPENDING")
			}
		}
	}),
	"S20": logged(func(line object) bool {
		if line["step"] == "testSecret" && line["error"] == nil {
			return true
		}
		if line["step"] == "testSecret" {
			line["step"] = "setSecret"
		}
		return true
	}),
	"S21": on("DescribeSecret", func(e *exchange) { delete(e.answer, "NextRotationDate") }),
	"S23": on("DescribeSecret", func(e *exchange) {
		if strings.HasPrefix(in(e, "SecretId"), "arn:") {
			e.become(400, object{"__type": "ResourceNotFoundException"})
		}
	}),
	"S24": func(w *awsWorld) lie {
		first := map[string]time.Time{}
		return func(e *exchange) {
			e.pass(e)
			value := e.at("SecretString")
			if e.path != "GetSecretValue" || !strings.HasPrefix(value, "value ") {
				return
			}
			if first[value].IsZero() {
				first[value] = w.secrets.Now()
			}
			if w.secrets.Now().Sub(first[value]) < time.Minute {
				e.answer["VersionId"] = "the one before"
			}
		}
	},
	"S25": granted("PutSecretValue", "InvalidRequestException", "ClientRequestToken"),
	"S26": granted("CreateSecret", "InvalidRequestException", "already scheduled"),
	"S27": before("ListSecretVersionIds", func(e *exchange) { e.body["IncludeDeprecated"] = true }),
	"S28": before("ListSecrets", func(e *exchange) {
		filters, _ := e.body["Filters"].([]any)
		for _, one := range filters {
			f := one.(object)
			values, _ := f["Values"].([]any)
			f["Values"] = slices.DeleteFunc(values, func(v any) bool { return strings.HasPrefix(v.(string), "!") })
		}
	}),
	"S31": on("DescribeSecret", func(e *exchange) { e.answer["LastChangedDate"] = e.answer["CreatedDate"] }),
	"S32": on("DescribeSecret", func(e *exchange) {
		if at, ok := e.answer["LastAccessedDate"].(float64); ok {
			e.answer["LastAccessedDate"] = at + 3600
		}
	}),
	"S33": on("ListSecrets", func(e *exchange) {
		list, _ := e.answer["SecretList"].([]any)
		for _, one := range list {
			delete(one.(object), "SecretVersionsToStages")
		}
	}),
	"S34": on("DescribeSecret", func(e *exchange) {
		if e.code() == "ValidationException" {
			e.answer["__type"] = "ResourceNotFoundException"
		}
	}),
	"S35": granted("CreateSecret", "ResourceExistsException", ""),
	"S36": on("GetRandomPassword", func(e *exchange) { e.answer["RandomPassword"] = e.at("RandomPassword") + "x" }),
	"S37": func(*awsWorld) lie {
		return func(e *exchange) {
			if e.path == "UpdateSecret" {
				e.become(200, object{})
				return
			}
			e.pass(e)
		}
	},
	"S38": on("BatchGetSecretValue", func(e *exchange) { delete(e.answer, "Errors") }),
	"S39": func(*awsWorld) lie {
		scheduled := map[any]bool{}
		return func(e *exchange) {
			e.pass(e)
			id := e.body["SecretId"]
			if e.path == "RestoreSecret" && !scheduled[id] {
				e.become(400, object{"__type": "InvalidRequestException"})
			}
			scheduled[id] = scheduled[id] || e.path == "DeleteSecret"
		}
	},
	"S40": on("ListSecretVersionIds", func(e *exchange) {
		versions, _ := e.answer["Versions"].([]any)
		for _, one := range versions {
			delete(one.(object), "KmsKeyIds")
		}
	}),
	"S41": on("UntagResource", func(e *exchange) { e.become(400, object{"__type": "InvalidParameterException"}) }),

	"D1": on("PutItem", func(e *exchange) {
		if in(e, "Item", "revision", "N") == "2" && e.status == 400 {
			e.become(200, object{})
		}
	}),
	"D2": on("PutItem", func(e *exchange) {
		if in(e, "Item", "subject", "S") == "D2" && e.status == 400 {
			e.become(200, object{})
		}
	}),
	"D3": on("PutItem", func(e *exchange) { delete(e.answer, "Item") }),
	"D4": on("PutItem", func(e *exchange) {
		if in(e, "ConditionExpression") == "revision <> :r" {
			e.become(400, object{"__type": "ConditionalCheckFailedException"})
		}
	}),
	"D5": on("GetItem", func(e *exchange) {
		if e.at("Item", "revision", "N") == "1.5" {
			e.set("1.50", "Item", "revision", "N")
		}
	}),
	"D6": on("GetItem", func(e *exchange) {
		if e.body["ConsistentRead"] == true && e.at("Item", "revision", "N") == "17" {
			e.set("16", "Item", "revision", "N")
		}
	}),
	"D7": on("GetItem", func(e *exchange) {
		if e.status == 200 && e.answer["Item"] == nil {
			e.become(400, object{"__type": "ResourceNotFoundException"})
		}
	}),
	"D8": func(*awsWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.code() == "ValidationException" && !has(e, `"entry"`) {
				e.answer["message"] = "The key does not fit"
			}
		}
	},
	"D9": granted("PutItem", "ValidationException", "reserved"),
	"D10": on("PutItem", func(e *exchange) {
		if has(e, `":other"`) {
			e.become(200, object{})
		}
	}),
	"D11": on("PutItem", func(e *exchange) {
		if e.body["Item"].(object)["filler"] != nil {
			e.become(200, object{})
		}
	}),
	"D12": before("Query", func(e *exchange) { delete(e.body, "ScanIndexForward") }),
	"D13": on("Query", func(e *exchange) {
		if e.body["Limit"] == float64(2) {
			delete(e.answer, "LastEvaluatedKey")
		}
	}),
	"D14": on("Query", func(e *exchange) {
		if e.body["FilterExpression"] != nil {
			delete(e.answer, "LastEvaluatedKey")
		}
	}),
	"D16": on("TransactWriteItems", func(e *exchange) { delete(e.answer, "CancellationReasons") }),
	"D17": granted("TransactWriteItems", "IdempotentParameterMismatchException", ""),
	"D18": granted("GetItem", "ResourceNotFoundException", ""),
	"D20": func(*awsWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			e.replied.Set("X-Amz-Crc32", "0")
		}
	},
	"D23": before("Query", func(e *exchange) { delete(e.body, "ProjectionExpression") }),
	"D22": on("DeleteItem", func(e *exchange) { e.become(400, object{"__type": "ResourceNotFoundException"}) }),
}

// TestOneFalseBeliefAboutAWSMakesItsProbeDiffer has the services lie about each belief in
// turn.
func TestOneFalseBeliefAboutAWSMakesItsProbeDiffer(t *testing.T) {
	t.Parallel()
	for _, probe := range newAWSWorld(t).suite.Probes() {
		t.Run(probe.Belief, func(t *testing.T) {
			t.Parallel()
			tell := awsLies[probe.Belief]
			if tell == nil {
				t.Fatal("there is no lie about this belief")
			}
			w := newAWSWorld(t)
			w.suite.HTTP.Transport = &liar{w, "", tell(w)}
			for _, r := range w.run(t, chosen(w.suite, probe.Belief)...).Results {
				want := conformance.Holds
				switch {
				case r.Belief == probe.Belief:
					want = conformance.Differs
				case w.suite.Reasons()[r.Belief] != "":
					want = conformance.Skipped
				}
				if r.Verdict != want {
					t.Errorf("%s: %s: %s%s, want: %s", r.Belief, r.Verdict, r.Seen, r.Why, want)
				}
			}
		})
	}
}
