package main_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pingrotate/rotation"
)

// everything is the template with each option chosen that adds to the role.
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

// onEverything are the actions that are allowed on *, with the reason. Each of them
// has no resource that a policy could name.
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
	s := deploy(t, everything)
	const function = "arn:aws:lambda:us-east-1:123456789012:function:pingone-rotator"
	allowed := map[string]bool{} // of Secrets Manager
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
			switch service {
			case "secretsmanager":
				allowed[name] = true
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
	if got, want := slices.Sorted(maps.Keys(allowed)), called(t); !slices.Equal(got, want) {
		t.Errorf("actions of Secrets Manager: the role allows %q, the function calls %q", got, want)
	}
}

// called returns the actions that the function calls in a day of work, which must be
// those that its interface lists.
func called(t *testing.T) (actions []string) {
	for m := range reflect.TypeFor[rotation.SecretsManager]().Methods() {
		actions = append(actions, m.Name)
	}
	made := map[string]bool{}
	for _, c := range work(t).secrets.Calls() {
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
			if service, _, _ := strings.Cut(action, ":"); service != "secretsmanager" && service != "logs" {
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

func TestOnlyThisAccountsSecretsManagerAndTheAuditsRuleMayInvokeTheFunction(t *testing.T) {
	permissions := deploy(t, everything).ofType("AWS::Lambda::Permission")
	for name, p := range permissions {
		check(t, name+": action", p["Action"], any("lambda:InvokeFunction"))
		check(t, name+": function", p["FunctionName"], any("<RotatorFunction.Arn>"))
		switch p["Principal"] {
		case "secretsmanager.amazonaws.com":
			check(t, name+": account", p["SourceAccount"], any("123456789012"))
			check(t, name+": no ARN, or it holds for one secret", p["SourceArn"], nil)
		case "events.amazonaws.com":
			check(t, name+": rule", p["SourceArn"], any("<AuditRule.Arn>"))
			check(t, name+": no account, or EventBridge cannot", p["SourceAccount"], nil)
		default:
			t.Errorf("%s: lets %v invoke the function", name, p["Principal"])
		}
	}
	check(t, "permissions", len(permissions), 2)
}

func TestASecretIsAttachedAfterThePermissionAndNotRotatedAtOnce(t *testing.T) {
	r := deploy(t, everything).values["RotatedSecretSchedule"].(map[string]any)
	p := r["Properties"].(map[string]any)
	check(t, "depends on", r["DependsOn"], any("RotatorPermission"))
	check(t, "rotates at once", p["RotateImmediatelyOnUpdate"], any("false"))
	check(t, "secret", p["SecretId"], any(everything["RotatedSecretArn"]))
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
			case "events.amazonaws.com":
				check(t, name+": a condition, with which EventBridge delivers nothing", st["Condition"], nil)
			default:
				t.Errorf("%s: lets %v publish", name, principal)
			}
		}
	}
}
