package main_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	main "pingrotate/cmd/rotator"
)

// A reference is a name in the template that must exist. Held are the conditions under
// which it counts.
type reference struct {
	kind, name string // kind is a section of the template, or "" for a parameter or a resource
	held       []string
	line       int
}

// references returns the references in a value.
func (n node) references(held ...string) (all []reference) {
	add := func(kind, name string) {
		name, _, _ = strings.Cut(name, ".")
		if !strings.HasPrefix(name, "AWS::") {
			all = append(all, reference{kind, name, held, n.Line})
		}
	}
	switch n.Tag {
	case "!Ref", "!GetAtt":
		add("", n.Value)
	case "!Sub":
		text, own := n.Value, map[string]node{}
		if items := n.items(); len(items) == 2 {
			text, own = items[0].Value, items[1].fields()
		}
		for _, v := range substitution.FindAllString(text, -1) {
			if _, ok := own[v[2:len(v)-1]]; !ok {
				add("", v[2:len(v)-1])
			}
		}
	case "!Condition":
		add("Conditions", n.Value)
	case "!FindInMap":
		add("Mappings", n.items()[0].Value)
	case "!If":
		condition := n.items()[0].Value
		add("Conditions", condition)
		held := slices.Clip(held)
		all = append(all, n.items()[1].references(append(held, condition)...)...)
		return append(all, n.items()[2].references(append(held, "not "+condition)...)...)
	}
	for _, item := range n.items() {
		all = append(all, item.references(held...)...)
	}
	for _, value := range n.fields() {
		all = append(all, value.references(held...)...)
	}
	return all
}

// resource returns the references of a resource or an output.
func (n node) resource() []reference {
	var all []reference
	c := n.at("Condition").Value
	if c != "" {
		all = append(all, reference{"Conditions", c, nil, n.Line})
	}
	all = append(all, n.references(c)...)
	for _, name := range append(n.at("DependsOn").items(), n.at("DependsOn")) {
		if name.Value != "" {
			all = append(all, reference{"", name.Value, []string{c}, name.Line})
		}
	}
	return all
}

func TestEveryReferenceHasATargetAndEveryParameterConditionAndMappingIsUsed(t *testing.T) {
	doc := template(t)
	var all []reference
	for _, section := range []string{"Conditions", "Rules"} {
		all = append(all, doc.at(section).references()...)
	}
	for _, section := range []string{"Resources", "Outputs"} {
		for _, r := range doc.at(section).fields() {
			all = append(all, r.resource()...)
		}
	}
	used := map[string]bool{}
	for _, r := range all {
		section := r.kind
		if section == "" {
			section = "Parameters"
			if _, ok := doc.at("Resources").fields()[r.name]; ok {
				section = "Resources"
			}
		}
		if _, ok := doc.at(section).fields()[r.name]; !ok {
			t.Errorf("line %d: %s refers to nothing", r.line, r.name)
		}
		used[section+"."+r.name] = true

		// A conditional resource can be named only where its condition holds.
		if c := doc.at("Resources", r.name, "Condition").Value; section == "Resources" && c != "" && !slices.Contains(r.held, c) {
			t.Errorf("line %d: %s is referred to where %s may not hold", r.line, r.name, c)
		}
	}
	for _, section := range []string{"Parameters", "Conditions", "Mappings"} {
		for _, name := range doc.at(section).keys() {
			if !used[section+"."+name] {
				t.Errorf("%s: %s is never used", section, name)
			}
		}
	}
}

func TestNoResourceWaitsForItself(t *testing.T) {
	resources := template(t).at("Resources").fields()
	done := map[string]bool{}
	var visit func(path []string)
	visit = func(path []string) {
		name := path[len(path)-1]
		if i := slices.Index(path, name); i < len(path)-1 {
			t.Fatalf("circular: %s", strings.Join(path[i:], " → "))
		}
		for _, r := range resources[name].resource() {
			if _, ok := resources[r.name]; ok && !done[r.name] {
				visit(append(slices.Clip(path), r.name))
			}
		}
		done[name] = true
	}
	for name := range resources {
		visit([]string{name})
	}
}

func TestEveryParameterIsExplained(t *testing.T) {
	doc := template(t)
	var grouped []string
	for _, g := range doc.at("Metadata", "AWS::CloudFormation::Interface", "ParameterGroups").items() {
		for _, p := range g.at("Parameters").items() {
			grouped = append(grouped, p.Value)
		}
	}
	slices.Sort(grouped)
	names := doc.at("Parameters").keys()
	if !slices.Equal(grouped, names) {
		t.Errorf("parameters in groups: got %q, want each once: %q", grouped, names)
	}
	if labels := doc.at("Metadata", "AWS::CloudFormation::Interface", "ParameterLabels").keys(); !slices.Equal(labels, names) {
		t.Errorf("parameters with a label: got %q, want %q", labels, names)
	}
	deploy := page(t, "deploy.md")
	for _, name := range names {
		if doc.at("Parameters", name, "Description").Value == "" {
			t.Errorf("%s: has no description", name)
		}
		row := "\n| `" + name + "` | "
		if value := doc.at("Parameters", name, "Default").Value; value != "" {
			row += "`" + value + "` |"
		}
		if !strings.Contains(deploy, row) {
			t.Errorf("%s: docs/deploy.md has no row %q", name, row)
		}
	}
}

// page returns the text of a page in docs/.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOptionsMakeWhatTheyAreForAndNothingElse(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:123456789012:pager"
	base := deploy(t, nil)
	for _, tt := range []struct {
		parameters  map[string]string
		more, fewer string // types of resources, and policies of the role
	}{
		{map[string]string{"Tracing": "Active"}, "traces", ""},
		{map[string]string{"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}, "network", ""},
		{map[string]string{"KmsKeyArns": "arn:aws:kms:us-east-1:123456789012:key/1"}, "keys", ""},
		{map[string]string{"RotatedSecretArn": adminARN}, "AWS::SecretsManager::RotationSchedule", ""},
		{map[string]string{"Alarms": "false"}, "", "AWS::CloudWatch::Alarm AWS::Events::Rule AWS::SNS::Topic AWS::SNS::TopicPolicy"},
		{map[string]string{"AlarmTopicArn": topic}, "", "AWS::SNS::Topic AWS::SNS::TopicPolicy"},
		{map[string]string{"Dashboard": "false"}, "", "AWS::CloudWatch::Dashboard"},
		{map[string]string{"Campaigns": "true"}, "AWS::CloudWatch::Alarm AWS::IAM::Role AWS::Logs::LogGroup AWS::Serverless::StateMachine", ""},
		{map[string]string{"AlarmEmail": "night@example.com", "AdminSecretId": "pingone/admin", "AuditEveryHours": "24"}, "", ""},
	} {
		s := deploy(t, tt.parameters)
		more, fewer := difference(base.parts(), s.parts())
		if got := strings.Join(more, " "); got != tt.more {
			t.Errorf("%v: makes %q more, want %q", tt.parameters, got, tt.more)
		}
		if got := strings.Join(fewer, " "); got != tt.fewer {
			t.Errorf("%v: makes %q fewer, want %q", tt.parameters, got, tt.fewer)
		}
	}

	s := deploy(t, map[string]string{"AlarmTopicArn": topic, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "Tracing": "Active"})
	for name, alarm := range s.ofType("AWS::CloudWatch::Alarm") {
		check(t, name+": topic", fmt.Sprint(alarm["AlarmActions"], alarm["OKActions"]), fmt.Sprint([]any{topic}, []any{topic}))
	}
	function := s.ofType("AWS::Serverless::Function")["RotatorFunction"]
	check(t, "network", fmt.Sprint(function["VpcConfig"]), "map[SecurityGroupIds:[sg-1] SubnetIds:[subnet-1 subnet-2]]")
	check(t, "tracing", function["Tracing"], any("Active"))
	check(t, "network of no VPC", base.get("RotatorFunction", "Properties", "VpcConfig"), nil)
}

// parts counts the resources by type, and the policies of the role by name.
func (s *stack) parts() map[string]int {
	all := map[string]int{}
	for name := range s.values {
		all[s.get(name, "Type").(string)]++
	}
	for _, p := range s.get("RotatorRole", "Properties", "Policies").([]any) {
		all[p.(map[string]any)["PolicyName"].(string)]++
	}
	return all
}

func difference(before, after map[string]int) (more, fewer []string) {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if after[name] > before[name] {
			more = append(more, name)
		}
		if after[name] < before[name] {
			fewer = append(fewer, name)
		}
	}
	return more, fewer
}

func TestEverySettingIsDeclaredAndEveryDeclaredOneIsRead(t *testing.T) {
	declared := template(t).at("Resources", "RotatorFunction", "Properties", "Environment", "Variables").keys()
	var read []string
	err := main.ReadAll(func(name string) string {
		if strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			return "set by Lambda, or by sam local"
		}
		read = append(read, name)
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(read)
	read = slices.Compact(read) // one that is checked is read twice
	if !slices.Equal(declared, read) {
		t.Errorf("variables: the template declares %q, the function reads %q", declared, read)
	}
}

func TestDefaultsAreGoodSettings(t *testing.T) {
	variables := deploy(t, nil).get("RotatorFunction", "Properties", "Environment", "Variables").(map[string]any)
	s, err := main.ReadSettings(func(name string) string { v, _ := variables[name].(string); return v })
	if err != nil {
		t.Fatal(err)
	}
	check(t, "admin", s.AdminSecretID, adminARN)
}
