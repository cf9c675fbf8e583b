package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/waves"
	"pingrotate/rotation"
	"pingrotate/statemachine"
)

var withCampaigns = map[string]string{"Campaigns": "true"}

const statesARN = "arn:aws:states:us-east-1:123456789012:"

// machines are the state machines of the template, by the file of their definition.
func machines(t *testing.T, s *stack) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for name, p := range s.ofType("AWS::Serverless::StateMachine") {
		p["resource"] = name
		all[p["DefinitionUri"].(string)] = p
	}
	if len(all) != 2 {
		t.Fatalf("got %d state machines, want 2", len(all))
	}
	return all
}

// asl returns a definition after CloudFormation's substitutions.
func asl(t *testing.T, p map[string]any) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../" + p["DefinitionUri"].(string))
	if err != nil {
		t.Fatal(err)
	}
	substitutions := p["DefinitionSubstitutions"].(map[string]any)
	used := map[string]bool{}
	definition := substitution.ReplaceAllStringFunc(string(text), func(v string) string {
		name := v[2 : len(v)-1]
		value, ok := substitutions[name].(string)
		if !ok {
			t.Errorf("%s: nothing is substituted for %s", p["DefinitionUri"], v)
		}
		used[name] = true
		return value
	})
	for name := range substitutions {
		if !used[name] {
			t.Errorf("%s: %s is substituted for nothing", p["DefinitionUri"], name)
		}
	}
	var machine map[string]any
	if err := json.Unmarshal([]byte(definition), &machine); err != nil {
		t.Fatal(err)
	}
	return machine
}

// eachState calls do with every state of a machine, including those of branches and items.
func eachState(machine map[string]any, do func(name string, state, siblings map[string]any)) {
	states := machine["States"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		state := states[name].(map[string]any)
		do(name, state, states)
		if branches, ok := state["Branches"].([]any); ok {
			for _, b := range branches {
				eachState(b.(map[string]any), do)
			}
		}
		if items, ok := state["ItemProcessor"].(map[string]any); ok {
			eachState(items, do)
		}
	}
}

// TestEveryStateLeadsToAStateOrAnEnd, and each is reached.
func TestEveryStateLeadsToAStateOrAnEnd(t *testing.T) {
	for file, p := range machines(t, deploy(t, withCampaigns)) {
		machine := asl(t, p)
		reached := map[string]bool{machine["StartAt"].(string): true}
		eachState(machine, func(name string, state, siblings map[string]any) {
			var next []string
			for _, key := range []string{"Next", "Default"} {
				next = append(next, texts(state[key])...)
			}
			for _, list := range []string{"Choices", "Catch"} {
				for _, item := range anys(state[list]) {
					next = append(next, texts(item.(map[string]any)["Next"])...)
				}
			}
			for _, to := range next {
				if siblings[to] == nil {
					t.Errorf("%s: %s leads to %s, which is not there", file, name, to)
				}
				reached[to] = true
			}
			for _, b := range append(anys(state["Branches"]), state["ItemProcessor"]) {
				if inner, ok := b.(map[string]any); ok {
					reached[inner["StartAt"].(string)] = true
				}
			}
			ends := state["End"] == true || state["Type"] == "Succeed" || state["Type"] == "Fail"
			if ends == (len(next) > 0) && state["Type"] != "Parallel" {
				t.Errorf("%s: %s ends: %t, and leads to %q", file, name, ends, next)
			}
			if _, ok := state["TimeoutSeconds"]; state["Type"] == "Task" && !ok && name != "Tell" {
				t.Errorf("%s: %s may wait for a year", file, name)
			}
		})
		eachState(machine, func(name string, _, _ map[string]any) {
			if !reached[name] {
				t.Errorf("%s: nothing leads to %s", file, name)
			}
		})
	}
}

func anys(v any) []any { all, _ := v.([]any); return all }

// TestTheStatesAskForActionsThatExist, with members that these have, and only through the
// alias.
func TestTheStatesAskForActionsThatExist(t *testing.T) {
	examples := map[string]any{
		"campaign.$": map[string]any{"start": "2026-11-27T00:00:00Z"}, "memory.$": map[string]any{}, "secretId.$": "a",
		"secrets.$": []string{"a"}, "stopped.$": "why",
	}
	actions := map[string]bool{}
	for file, p := range machines(t, deploy(t, withCampaigns)) {
		eachState(asl(t, p), func(name string, state, _ map[string]any) {
			if state["Resource"] != "arn:aws:states:::lambda:invoke" {
				return
			}
			parameters := state["Parameters"].(map[string]any)
			check(t, file+": "+name+": function", parameters["FunctionName"], any("<OperateAlias>"))
			event := map[string]any{}
			for member, value := range parameters["Payload"].(map[string]any) {
				if path, ok := strings.CutSuffix(member, ".$"); ok {
					member, value = path, examples[member]
				}
				event[member] = value
			}
			text, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			a, err := rotation.ParseAction(text)
			if err != nil || a.Campaign == nil {
				t.Errorf("%s: %s sends %s: %v", file, name, text, err)
			}
			actions[a.Action] = true
			retries, _ := json.Marshal(state["Retry"])
			if !strings.Contains(string(retries), "States.TaskFailed") || !strings.Contains(string(retries), "JitterStrategy") {
				t.Errorf("%s: %s is not repeated: %s", file, name, retries)
			}
		})
	}
	if got := fmt.Sprint(slices.Sorted(maps.Keys(actions))); got != "[audit list rotate tally]" {
		t.Errorf("got the actions %s", got)
	}
}

// TestThePathsOfTheStatesAreOfMembersThatAreAlwaysThere: a path to an absent member ends an
// execution.
func TestThePathsOfTheStatesAreOfMembersThatAreAlwaysThere(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	members := map[string]any{"list": waves.Next(waves.Campaign{}, waves.Memory{}, waves.Tally{}, work(t).register.Now()), "rotate": waves.Ending{}, "audit": waves.Looked{}, "tally": waves.Tally{}.Summary(waves.Campaign{}, waves.Memory{}, "")}
	path := regexp.MustCompile(`^\$\.Payload\.(\w+)$`)
	n := 0
	for file, p := range machines(t, deploy(t, withCampaigns)) {
		eachState(asl(t, p), func(name string, state, _ map[string]any) {
			parameters, _ := state["Parameters"].(map[string]any)
			payload, _ := parameters["Payload"].(map[string]any)
			selector, _ := state["ResultSelector"].(map[string]any)
			if payload == nil {
				return
			}
			text, err := json.Marshal(members[payload["action"].(string)])
			if err != nil {
				t.Fatal(err)
			}
			var there map[string]any
			json.Unmarshal(text, &there)
			for _, from := range selector {
				if m := path.FindStringSubmatch(fmt.Sprint(from)); m != nil {
					n++
					if _, ok := there[m[1]]; !ok {
						t.Errorf("%s: %s reads %s, which %s may leave out", file, name, from, payload["action"])
					}
				}
			}
		})
	}
	if n < 15 {
		t.Errorf("found %d paths, want more: does this test still see them?", n)
	}
}

func TestTheStateMachinesMayDoWhatTheirStatesDoAndNoMore(t *testing.T) {
	s := deploy(t, withCampaigns)
	// The counterpart of onEverything for the state machines' role.
	wild := map[string]string{}
	for _, action := range strings.Fields("CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries PutResourcePolicy DescribeResourcePolicies DescribeLogGroups") {
		wild["logs:"+action] = `"Monitoring Step Functions using CloudWatch Logs": a delivery has no resource to name`
	}
	allowed := map[string]string{}
	for _, st := range statements(s.get("StatesRole", "Properties", "Policies")) {
		for _, action := range texts(st["Action"]) {
			resources := texts(st["Resource"])
			if strings.Contains(action, "*") || slices.Contains(resources, "*") && wild[action] == "" {
				t.Errorf("%s: is allowed on %q", action, resources)
			}
			if wild[action] == "" {
				allowed[action] = strings.Join(resources, " ")
			}
			check(t, action+": effect", st["Effect"], any("Allow"))
		}
	}
	want := map[string]string{
		"lambda:InvokeFunction":    "<OperateAlias>",
		"sns:Publish":              "<AlarmTopic>",
		"states:StartExecution":    statesARN + "stateMachine:pingone-rotator-campaign " + statesARN + "stateMachine:pingone-rotator-audit",
		"states:DescribeExecution": statesARN + "execution:pingone-rotator-campaign/* " + statesARN + "execution:pingone-rotator-audit/*",
		"states:StopExecution":     statesARN + "execution:pingone-rotator-campaign/* " + statesARN + "execution:pingone-rotator-audit/*",
	}
	if !maps.Equal(allowed, want) {
		t.Errorf("got %v, want %v", allowed, want)
	}
	for file, p := range machines(t, s) {
		check(t, file+": role", p["Role"], any("<StatesRole.Arn>"))
		check(t, file+": type", p["Type"], any("STANDARD"))
		name := "pingone-rotator-" + strings.TrimSuffix(strings.TrimPrefix(file, "statemachine/"), ".asl.json")
		check(t, file+": name, which the role spells out", p["Name"], any(name))
		check(t, file+": log", fmt.Sprint(p["Logging"]), "map[Destinations:[map[CloudWatchLogsLogGroup:map[LogGroupArn:<StatesLogGroup.Arn>]]] IncludeExecutionData:true Level:ERROR]")
		eachState(asl(t, p), func(state string, of, _ map[string]any) {
			switch of["Resource"] {
			case nil, "arn:aws:states:::lambda:invoke", "arn:aws:states:::sns:publish", "arn:aws:states:::sns:publish.waitForTaskToken":
			default:
				t.Errorf("%s: %s uses %v, for which the role has no right", file, state, of["Resource"])
			}
		})
	}
	for _, role := range []string{"StatesRole", "AuditStartRole"} {
		trust := statements(s.get(role, "Properties", "AssumeRolePolicyDocument"))
		check(t, role+": account", strings.Join(condition(trust[0], "StringEquals", "aws:SourceAccount"), " "), "123456789012")
	}
}

func TestEveryRoleHasThePathAndTheBoundaryThatAreGiven(t *testing.T) {
	const boundary = "arn:aws:iam::123456789012:policy/boundary"
	s := deploy(t, map[string]string{"Campaigns": "true", "RolePath": "/service/", "PermissionsBoundaryArn": boundary})
	roles := s.ofType("AWS::IAM::Role")
	check(t, "roles", len(roles), 3)
	for name, p := range roles {
		check(t, name+": path", p["Path"], any("/service/"))
		check(t, name+": boundary", p["PermissionsBoundary"], any(boundary))
	}
}

func TestTheStateMachinesTellTheTopicThatThereIs(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:123456789012:pager"
	s := deploy(t, map[string]string{"Campaigns": "true", "AlarmTopicArn": topic})
	p := machines(t, s)["statemachine/campaign.asl.json"]
	check(t, "topic", p["DefinitionSubstitutions"].(map[string]any)["TopicArn"], any(topic))
	for _, st := range statements(s.get("StatesRole", "Properties", "Policies")) {
		if slices.Contains(texts(st["Action"]), "sns:Publish") {
			check(t, "right", strings.Join(texts(st["Resource"]), " "), topic)
		}
	}
}

// TestTheAuditsRuleStartsTheStateMachineWhereThereIsOne, with an event that it takes.
func TestTheAuditsRuleStartsTheStateMachineWhereThereIsOne(t *testing.T) {
	s := deploy(t, map[string]string{"Campaigns": "true", "AuditEveryHours": "2", "LicenceLimit": "1200"})
	targets := s.get("AuditRule", "Properties", "Targets").([]any)
	target := targets[0].(map[string]any)
	check(t, "targets", len(targets), 1)
	check(t, "target", target["Arn"], any("<AuditStateMachine>"))
	check(t, "role", target["RoleArn"], any("<AuditStartRole.Arn>"))
	for _, st := range statements(s.get("AuditStartRole", "Properties", "Policies")) {
		check(t, "right", fmt.Sprint(st["Action"], st["Resource"]), "states:StartExecution<AuditStateMachine>")
	}
	transformer := target["InputTransformer"].(map[string]any)
	check(t, "paths", fmt.Sprint(transformer["InputPathsMap"]), "map[start:$.time]")
	input := strings.ReplaceAll(transformer["InputTemplate"].(string), "<start>", "2026-11-27T03:17:00Z")
	var c waves.Campaign
	if err := json.Unmarshal([]byte(input), &c); err != nil {
		t.Fatalf("%s: %v", input, err)
	}
	if err := c.Check(); err != nil || !c.Audit || c.Limit != 1200 || c.PeriodSeconds != 7200 {
		t.Errorf("%s: got %+v and %v", input, c, err)
	}
}

// TestTheEmbeddedDefinitionsAreThoseOfTheTemplate: the sandbox and tests run the embedded
// ones.
func TestTheEmbeddedDefinitionsAreThoseOfTheTemplate(t *testing.T) {
	embedded := statemachine.Stack{Partition: "aws", FunctionARN: "<OperateAlias>", TopicARN: "<AlarmTopic>"}
	for file, p := range machines(t, deploy(t, withCampaigns)) {
		text := embedded.Campaign()
		if strings.Contains(file, "audit") {
			text = embedded.Audit()
		}
		var got any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		check(t, file, fmt.Sprint(got), fmt.Sprint(asl(t, p)))
	}
}
