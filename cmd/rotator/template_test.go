package main_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	main "pingrotate/cmd/rotator"

	"gopkg.in/yaml.v3"
)

// node is a value of the template. CloudFormation's short tags, such as !Ref, stay
// visible as tags.
type node struct{ *yaml.Node }

func template(t *testing.T) node {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return node{doc.Content[0]}
}

// at returns the value at a path of keys; a node without value if there is none.
func (n node) at(path ...string) node {
	for _, key := range path {
		found := &yaml.Node{}
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = node{found}
	}
	return n
}

// strings returns a string or a list of them.
func (n node) strings() (all []string) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	for _, c := range n.Content {
		all = append(all, node{c}.strings()...)
	}
	return all
}

// statements returns every policy statement in the template, wherever it is.
func (n node) statements() (all []node) {
	if n.Kind == yaml.MappingNode && n.at("Effect").Value != "" {
		return []node{n}
	}
	for _, c := range n.Content {
		all = append(all, node{c}.statements()...)
	}
	return all
}

func TestPolicyAllowsWhatTheFunctionCallsAndNoMore(t *testing.T) {
	var actions []string
	for _, s := range template(t).at("Resources").statements() {
		for _, action := range s.at("Action").strings() {
			service, name, _ := strings.Cut(action, ":")
			if strings.Contains(action, "*") {
				t.Errorf("%s: has a wildcard", action)
			}
			resource := strings.Join(s.at("Resource").strings(), " ")
			if service == "secretsmanager" {
				actions = append(actions, name)
				if strings.HasSuffix(resource, "*") && s.at("Condition", "StringEquals", "secretsmanager:resource/AllowRotationLambdaArn").Value == "" {
					t.Errorf("%s: is allowed on every secret, not only on those that name this function", action)
				}
			}
			if service == "kms" && s.at("Condition", "StringEquals", "kms:ViaService").Value == "" {
				t.Errorf("%s: is allowed to more than Secrets Manager", action)
			}
			if resource == "*" {
				t.Errorf("%s: is allowed on *", action)
			}
		}
	}
	slices.Sort(actions)
	want := []string{"DescribeSecret", "GetSecretValue", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} // the admin secrets have a statement of their own
	if !slices.Equal(actions, want) {
		t.Errorf("actions of Secrets Manager: got %q, want %q", actions, want)
	}
	calls := called(t)
	for _, action := range want {
		if !slices.Contains(calls, action) {
			t.Errorf("%s: is allowed, and no rotation calls it; the calls are %q", action, calls)
		}
	}
}

// called returns the actions that a rotation calls.
func called(t *testing.T) (actions []string) {
	w := newWorld(t)
	w.addSecret("pingone/orders")
	if err := w.secrets.Rotate(t.Context(), "pingone/orders"); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.secrets.Calls() {
		if !slices.Contains(actions, c.Operation) {
			actions = append(actions, c.Operation)
		}
	}
	return actions
}

func TestOnlyThisAccountsSecretsManagerMayInvokeTheFunction(t *testing.T) {
	p := template(t).at("Resources", "RotatorPermission", "Properties")
	if p.at("Principal").Value != "secretsmanager.amazonaws.com" || p.at("SourceAccount").Value != "AWS::AccountId" || p.at("SourceAccount").Tag != "!Ref" {
		t.Error("the permission lacks the principal secretsmanager.amazonaws.com or the SourceAccount of this account")
	}
}

func TestEverySettingIsDeclaredAndEveryDeclaredOneIsRead(t *testing.T) {
	var declared []string
	variables := template(t).at("Resources", "RotatorFunction", "Properties", "Environment", "Variables")
	for i := 0; i < len(variables.Content); i += 2 {
		declared = append(declared, variables.Content[i].Value)
	}
	var read []string
	if _, err := main.ReadSettings(func(name string) string { read = append(read, name); return "" }); err != nil {
		t.Fatal(err)
	}
	read = slices.DeleteFunc(read, func(name string) bool { return name == "AWS_SAM_LOCAL" }) // set by sam local
	slices.Sort(declared)
	slices.Sort(read)
	if fmt.Sprint(declared) != fmt.Sprint(read) {
		t.Errorf("variables: the template declares %q, the function reads %q", declared, read)
	}
}
