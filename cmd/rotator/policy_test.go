package main_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// everything is the parameters with each option chosen that adds to the role.
var everything = map[string]string{
	"KmsKeyArns": "arn:aws:kms:us-east-1:123456789012:key/1", "Tracing": "Active", "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1",
	"RotatedSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/orders-api-a1B2c3",
}

// statements returns the statements of a policy, or of several.
func statements(policy any) (all []map[string]any) {
	switch v := policy.(type) {
	case map[string]any:
		if v["Effect"] != nil {
			return []map[string]any{v}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, statements(v[name])...)
		}
	case []any:
		for _, item := range v {
			all = append(all, statements(item)...)
		}
	}
	return all
}

// condition returns the values of a condition of a statement.
func condition(statement map[string]any, operator, key string) []string {
	c, _ := statement["Condition"].(map[string]any)
	o, _ := c[operator].(map[string]any)
	return texts(o[key])
}

// onEverything are the actions that are allowed on *, each with its reason. No policy could
// name a resource for them.
var onEverything = map[string]string{
	"secretsmanager:ListSecrets":     "the audit finds its secrets; names, labels and dates, no values",
	"xray:PutTraceSegments":          "tracing, when chosen",
	"xray:PutTelemetryRecords":       "tracing, when chosen",
	"ec2:CreateNetworkInterface":     "Lambda wants it before it attaches a function to a VPC, when chosen",
	"ec2:DescribeNetworkInterfaces":  "the same",
	"ec2:DescribeSubnets":            "the same",
	"ec2:DeleteNetworkInterface":     "the same",
	"ec2:AssignPrivateIpAddresses":   "the same",
	"ec2:UnassignPrivateIpAddresses": "the same",
}

func TestPolicyAllowsWhatTheFunctionCallsAndNoMore(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	s := deploy(t, everything)
	const function = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"
	allowed, kept := map[string]bool{}, map[string]bool{} // of Secrets Manager, of DynamoDB
	var denied []string
	for _, st := range statements(s.get("RotatorRole", "Properties", "Policies")) {
		if st["Effect"] == "Deny" {
			check(t, "who is denied", strings.Join(condition(st, "ArnEquals", "lambda:SourceFunctionArn"), " "), function)
			denied = append(denied, texts(st["Action"])...)
			continue
		}
		resources := texts(st["Resource"])
		for _, action := range texts(st["Action"]) {
			service, name, _ := strings.Cut(action, ":")
			if strings.Contains(action, "*") {
				t.Errorf("%s: has a wildcard", action)
			}
			if slices.Contains(resources, "*") && onEverything[action] == "" {
				t.Errorf("%s: is allowed on *", action)
			}
			if strings.Contains(strings.Join(resources, ""), "*") && onEverything[action] == "" &&
				!slices.Equal(condition(st, "StringEquals", "secretsmanager:resource/AllowRotationLambdaArn"), []string{function}) {
				t.Errorf("%s: is allowed on more than the secrets that name this function", action)
			}
			if service == "secretsmanager" || service == "dynamodb" {
				// No other function that is given the role may use it.
				check(t, action+": by whom", strings.Join(condition(st, "ArnEquals", "lambda:SourceFunctionArn"), " "), function)
			}
			switch service {
			case "secretsmanager":
				allowed[name] = true
			case "dynamodb":
				kept[name] = true
				check(t, action, strings.Join(resources, " "), "<RegisterTable.Arn>")
				if name == "DeleteItem" {
					check(t, action+": of which rows", strings.Join(condition(st, "ForAllValues:StringLike", "dynamodb:LeadingKeys"), " "), "client#* emergencies")
					check(t, action+": where no key is named", strings.Join(condition(st, "Null", "dynamodb:LeadingKeys"), " "), "false")
				}
			case "kms":
				if !slices.Equal(condition(st, "StringEquals", "kms:ViaService"), []string{"secretsmanager.us-east-1.amazonaws.com"}) {
					t.Errorf("%s: is allowed to more than Secrets Manager", action)
				}
				if condition(st, "StringLike", "kms:EncryptionContext:SecretARN") == nil && condition(st, "StringEquals", "kms:EncryptionContext:SecretARN") == nil {
					t.Errorf("%s: is allowed for more than secrets", action)
				}
			case "logs":
				check(t, action, strings.Join(resources, " "), "<RotatorLogGroup.Arn>")
			case "ec2", "xray":
			default:
				t.Errorf("%s: the function calls no such service", action)
			}
		}
	}
	for action := range onEverything {
		if strings.HasPrefix(action, "ec2:") && !slices.Contains(denied, action) {
			t.Errorf("%s: is for Lambda, and not denied to the function itself", action)
		}
	}
	w := work(t)
	if got, want := slices.Sorted(maps.Keys(allowed)), called(t, w); !slices.Equal(got, want) {
		t.Errorf("actions of Secrets Manager: the role allows %q, the function calls %q", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(kept)), w.registered(t); !slices.Equal(got, want) {
		t.Errorf("actions of DynamoDB: the role allows %q, the function calls %q", got, want)
	}
}

// registered returns the permissions for DynamoDB that the function has used. It may delete
// only rows about a client, or in the list of open emergencies.
func (w *world) registered(t *testing.T) []string {
	rights := map[string]bool{}
	for _, c := range w.register.Calls() {
		switch {
		case c.Operation == "TransactWriteItems": // of puts, which needs no permission beyond theirs
			rights["PutItem"] = true
		case c.Operation == "DeleteItem" && !strings.HasPrefix(c.Target, "client#") && c.Target != "emergencies":
			t.Errorf("deletes a row of %q", c.Target)
		default:
			rights[c.Operation] = true
		}
	}
	return slices.Sorted(maps.Keys(rights))
}

// called returns the actions that the function calls in a day of work, which must be
// those that its interface lists.
func called(t *testing.T, w *world) (actions []string) {
	for m := range reflect.TypeFor[rotation.SecretsManager]().Methods() {
		actions = append(actions, m.Name)
	}
	made := map[string]bool{}
	for _, c := range w.secrets.Calls() {
		if c.Operation != "RotateSecret" { // the test's own
			made[c.Operation] = true
		}
	}
	if got := slices.Sorted(maps.Keys(made)); !slices.Equal(got, actions) {
		t.Errorf("calls: got %q, want those of the interface SecretsManager, %q", got, actions)
	}
	return actions
}

func TestWithoutOptionsTheRoleHasNoRightOfThem(t *testing.T) {
	for _, st := range statements(deploy(t, nil).get("RotatorRole", "Properties", "Policies")) {
		for _, action := range texts(st["Action"]) {
			if service, _, _ := strings.Cut(action, ":"); service != "secretsmanager" && service != "dynamodb" && service != "logs" {
				t.Errorf("%s: is allowed, and nothing was chosen that needs it", action)
			}
		}
	}
}

func TestAdminSecretsAreReadByTheirFullARNs(t *testing.T) {
	for _, st := range statements(deploy(t, everything).get("RotatorRole", "Properties", "Policies")) {
		if st["Sid"] == "ReadAdminSecrets" {
			check(t, "actions", strings.Join(texts(st["Action"]), " "), "secretsmanager:GetSecretValue")
			check(t, "resources", strings.Join(texts(st["Resource"]), " "), adminARN)
			return
		}
	}
	t.Error("the role has no statement ReadAdminSecrets")
}

// Secrets Manager invokes the function itself, and the audit's rule invokes the alias.
// Neither may invoke the other.
func TestOnlyThisAccountsSecretsManagerAndTheAuditsRuleMayInvokeTheFunction(t *testing.T) {
	permissions := deploy(t, everything).ofType("AWS::Lambda::Permission")
	for name, p := range permissions {
		check(t, name+": action", p["Action"], any("lambda:InvokeFunction"))
		switch p["Principal"] {
		case "secretsmanager.amazonaws.com":
			check(t, name+": function", p["FunctionName"], any("<RotatorFunction.Arn>"))
			check(t, name+": account", p["SourceAccount"], any("123456789012"))
			check(t, name+": no ARN, or it holds for one secret", p["SourceArn"], nil)
		case "events.amazonaws.com":
			check(t, name+": function", p["FunctionName"], any("<OperateAlias>"))
			check(t, name+": rule", p["SourceArn"], any("<AuditRule.Arn>"))
			check(t, name+": no account, or EventBridge cannot", p["SourceAccount"], nil)
		default:
			t.Errorf("%s: lets %v invoke the function", name, p["Principal"])
		}
	}
	check(t, "permissions", len(permissions), 2)
}

// The alias must follow the function. With a published version, operators would get the
// settings and the program of another day.
func TestTheAliasForActionsIsOnTheFunctionItself(t *testing.T) {
	s := deploy(t, nil)
	aliases := s.ofType("AWS::Lambda::Alias")
	check(t, "aliases", len(aliases), 1)
	p := aliases["OperateAlias"]
	check(t, "name", p["Name"], any(rotation.OperateAlias))
	check(t, "version", p["FunctionVersion"], any("$LATEST"))
	check(t, "function", p["FunctionName"], any("<RotatorFunction>"))
	check(t, "routing", p["RoutingConfig"], nil)
	async := s.values["OperateInvokeConfig"].(map[string]any)
	check(t, "configuration waits for", async["DependsOn"], any("OperateAlias"))
	check(t, "configuration of", s.get("OperateInvokeConfig", "Properties", "Qualifier"), any(rotation.OperateAlias))
	check(t, "attempts after the first", s.get("OperateInvokeConfig", "Properties", "MaximumRetryAttempts"), any("0"))
	check(t, "output", s.template.at("Outputs", "OperateArn", "Value").Value, "OperateAlias")
}

func TestASecretIsAttachedAfterThePermissionAndNotRotatedAtOnce(t *testing.T) {
	r := deploy(t, everything).values["RotatedSecretSchedule"].(map[string]any)
	p := r["Properties"].(map[string]any)
	check(t, "depends on", r["DependsOn"], any("RotatorPermission"))
	check(t, "rotates at once", p["RotateImmediatelyOnUpdate"], any("false"))
	check(t, "secret", p["SecretId"], any(everything["RotatedSecretArn"]))
	rules := p["RotationRules"].(map[string]any)
	check(t, "window", rules["Duration"], nil)
	windowed := maps.Clone(everything)
	windowed["RotationWindow"] = "3h" // T34 in rotation/testdata/cases.txt
	check(t, "window", deploy(t, windowed).get("RotatedSecretSchedule", "Properties", "RotationRules", "Duration"), any("3h"))
	check(t, "function", p["RotationLambdaARN"], any("<RotatorFunction.Arn>")) // which waits for the role and its policies
}

func TestTheTopicTakesMessagesOfAlarmsAndRulesOnly(t *testing.T) {
	for name, p := range deploy(t, nil).ofType("AWS::SNS::TopicPolicy") {
		for _, st := range statements(p["PolicyDocument"]) {
			check(t, name+": action", strings.Join(texts(st["Action"]), " "), "sns:Publish")
			check(t, name+": topic", strings.Join(texts(st["Resource"]), " "), "<AlarmTopic>")
			switch principal := st["Principal"].(map[string]any)["Service"]; principal {
			case "cloudwatch.amazonaws.com":
				check(t, name+": account", strings.Join(condition(st, "StringEquals", "aws:SourceAccount"), " "), "123456789012")
				of := condition(st, "ArnLike", "aws:SourceArn")
				check(t, name+": alarms", strings.Join(of, " "), "arn:aws:cloudwatch:us-east-1:123456789012:alarm:pingone-rotator-*")
				for alarm, p := range alarms(t) {
					if !strings.HasPrefix(p["AlarmName"].(string), "pingone-rotator-") {
						t.Errorf("%s: may not publish", alarm)
					}
				}
			case "events.amazonaws.com":
				check(t, name+": a condition, with which EventBridge delivers nothing", st["Condition"], nil)
			default:
				t.Errorf("%s: lets %v publish", name, principal)
			}
		}
	}
}

// The log may be evidence. If a creation fails, it must leave no log group behind, or the
// next attempt would find the name taken.
func TestTheLogOutlivesTheStack(t *testing.T) {
	r := deploy(t, nil).values["RotatorLogGroup"].(map[string]any)
	check(t, "DeletionPolicy", r["DeletionPolicy"], any("RetainExceptOnCreate"))
	check(t, "UpdateReplacePolicy", r["UpdateReplacePolicy"], any("Retain"))
}

// TestWhatAnOrganisationAsksForIsAParameter: T30 in rotation/testdata/cases.txt, and a key
// for the log.
func TestWhatAnOrganisationAsksForIsAParameter(t *testing.T) {
	const boundary, key = "arn:aws:iam::123456789012:policy/boundary", "arn:aws:kms:us-east-1:123456789012:key/1"
	without := deploy(t, nil)
	with := deploy(t, map[string]string{"PermissionsBoundaryArn": boundary, "RolePath": "/service/", "LogKmsKeyArn": key})
	for _, row := range []struct {
		resource, property string
		without, with      any
	}{
		{"RotatorRole", "PermissionsBoundary", nil, boundary},
		{"RotatorRole", "Path", "/", "/service/"},
		{"RotatorLogGroup", "KmsKeyId", nil, key},
	} {
		check(t, row.property, without.get(row.resource, "Properties", row.property), row.without)
		check(t, row.property, with.get(row.resource, "Properties", row.property), row.with)
	}
}

// TestNoLogLevelSilencesTheAlarms: T28 in rotation/testdata/cases.txt. Lambda treats a line
// without a level, such as a line of metrics, as INFO, and drops lines below the configured
// level.
func TestNoLogLevelSilencesTheAlarms(t *testing.T) {
	var levels []string
	for _, v := range template(t).at("Parameters", "LogLevel", "AllowedValues").items() {
		levels = append(levels, v.Value)
	}
	slices.Sort(levels)
	check(t, "levels", strings.Join(levels, " "), "DEBUG INFO")
}

// Only the register's table knows of an open emergency.
func TestTheRegisterOutlivesTheStack(t *testing.T) {
	s := deploy(t, nil)
	r := s.values["RegisterTable"].(map[string]any)
	p := r["Properties"].(map[string]any)
	for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		check(t, policy, r[policy], any("Retain"))
	}
	check(t, "name, with which the stack could not be deployed again", p["TableName"], nil)
	check(t, "deletion protection", p["DeletionProtectionEnabled"], any("true"))
	check(t, "point-in-time recovery", s.get("RegisterTable", "Properties", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), any("true"))
}

// TestTheRegistersTableIsTheOneThatTheProgramUses creates the template's table in the
// stand-in, and runs the program with it.
func TestTheRegistersTableIsTheOneThatTheProgramUses(t *testing.T) {
	s := deploy(t, nil)
	p := s.get("RegisterTable", "Properties").(map[string]any)
	kinds := map[any]any{}
	for _, a := range p["AttributeDefinitions"].([]any) {
		a := a.(map[string]any)
		kinds[a["AttributeName"]] = a["AttributeType"]
	}
	names := map[any]string{}
	for _, k := range p["KeySchema"].([]any) {
		k := k.(map[string]any)
		check(t, "type of "+k["AttributeName"].(string), kinds[k["AttributeName"]], any("S"))
		names[k["KeyType"]] = k["AttributeName"].(string)
	}
	check(t, "billing", p["BillingMode"], any("PAY_PER_REQUEST"))
	ttl := p["TimeToLiveSpecification"].(map[string]any)
	check(t, "time to live", ttl["Enabled"], any("true"))
	check(t, "table of the function", s.get("RotatorFunction", "Properties", "Environment", "Variables", "REGISTER_TABLE"), any("<RegisterTable>"))

	db := registertest.Run(t)
	db.CreateTable(tableName, names["HASH"], names["RANGE"], ttl["AttributeName"].(string))
	table := register.Table{Name: tableName, Connection: register.Connection{
		Region: "us-east-1", Endpoint: db.URL(), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	}}
	if err := table.Append(t.Context(), register.Evidence{What: "check"}); err != nil {
		t.Fatal(err)
	}
	db.Follow(func() time.Time { return time.Now().Add(2 * register.DefaultRetention) })
	check(t, "rows that expire", db.Expire(), 1)
	key := register.Key{EnvironmentID: "a", ID: "b"}
	if _, err := table.Replace(t.Context(), key, register.Revision{}, register.Item{}); err != nil {
		t.Error(err)
	}
}
