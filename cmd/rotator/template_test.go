package main_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
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

// at returns the value at a path of keys; a node without a value if there is none.
func (n node) at(path ...string) node {
	for _, key := range path {
		next, ok := n.fields()[key]
		if !ok {
			next = node{&yaml.Node{}}
		}
		n = next
	}
	return n
}

// fields returns the members of a mapping.
func (n node) fields() map[string]node {
	all := map[string]node{}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		all[n.Content[i].Value] = node{n.Content[i+1]}
	}
	return all
}

func (n node) keys() []string { return slices.Sorted(maps.Keys(n.fields())) }

// items returns the elements of a list.
func (n node) items() (all []node) {
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			all = append(all, node{c})
		}
	}
	return all
}

// A stack is the template as CloudFormation reads it with some parameters.
type stack struct {
	t          *testing.T
	template   node
	parameters map[string]any
	values     map[string]any // resources by name, without those whose condition does not hold
}

// deploy resolves the template. Parameters that are not given have their default.
func deploy(t *testing.T, parameters map[string]string) *stack {
	t.Helper()
	s := &stack{t: t, template: template(t), parameters: map[string]any{
		"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
	}, values: map[string]any{}}
	for name, p := range s.template.at("Parameters").fields() {
		value, given := parameters[name]
		switch {
		case !given && name == "AdminSecretArns": // the only one without a default
			value = adminARN
		case !given && p.at("Default").Tag == "":
			t.Fatalf("%s: has no default", name)
		case !given:
			value = p.at("Default").Value
		}
		s.parameters[name] = value
		if p.at("Type").Value == "CommaDelimitedList" {
			s.parameters[name] = list(strings.Split(value, ","))
		}
	}
	for name := range parameters {
		if s.parameters[name] == nil {
			t.Fatalf("%s: is no parameter", name)
		}
	}
	for name, r := range s.template.at("Resources").fields() {
		if c := r.at("Condition").Value; c == "" || s.holds(c) {
			s.values[name] = s.resolve(r)
		}
	}
	return s
}

const adminARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/admin-a1B2c3"

func list(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

func (s *stack) holds(condition string) bool {
	c, ok := s.template.at("Conditions").fields()[condition]
	if !ok {
		s.t.Fatalf("%s: is no condition", condition)
	}
	return s.resolve(c) == true
}

type noValue struct{}

// resolve returns a value as one of Go's: map[string]any, []any, string or bool. A
// reference to a resource becomes its name in angle brackets.
func (s *stack) resolve(n node) any {
	items := n.items()
	switch n.Tag {
	case "!Ref":
		return s.ref(n.Value)
	case "!GetAtt":
		return "<" + n.Value + ">"
	case "!Sub":
		text, own := n.Value, map[string]node{}
		if len(items) == 2 {
			text, own = items[0].Value, items[1].fields()
		}
		return substitution.ReplaceAllStringFunc(text, func(v string) string {
			if value, ok := own[v[2:len(v)-1]]; ok {
				return fmt.Sprint(s.resolve(value))
			}
			return fmt.Sprint(s.ref(v[2 : len(v)-1]))
		})
	case "!If":
		if s.holds(items[0].Value) {
			return s.resolve(items[1])
		}
		return s.resolve(items[2])
	case "!Equals":
		return s.resolve(items[0]) == s.resolve(items[1])
	case "!Not":
		return s.resolve(items[0]) != true
	case "!And":
		return !slices.ContainsFunc(items, func(n node) bool { return s.resolve(n) != true })
	case "!Condition":
		return s.holds(n.Value)
	case "!Join":
		var texts []string
		for _, v := range s.resolve(items[1]).([]any) {
			texts = append(texts, v.(string))
		}
		return strings.Join(texts, items[0].Value)
	case "!Select":
		return s.resolve(items[1]).([]any)[0]
	case "!FindInMap":
		return s.template.at("Mappings", items[0].Value, s.resolve(items[1]).(string), items[2].Value).Value
	case "!!str", "!!int", "!!bool":
		return n.Value
	case "!!seq":
		all := []any{}
		for _, item := range items {
			if v := s.resolve(item); v != (noValue{}) {
				all = append(all, v)
			}
		}
		return all
	case "!!map":
		all := map[string]any{}
		for name, value := range n.fields() {
			if strings.HasPrefix(name, "Fn::") || name == "Ref" {
				s.t.Fatalf("line %d: the tests know short tags only, not %s", value.Line, name)
			}
			if v := s.resolve(value); v != (noValue{}) {
				all[name] = v
			}
		}
		return all
	}
	s.t.Fatalf("line %d: the tests do not know %s", n.Line, n.Tag)
	return nil
}

var substitution = regexp.MustCompile(`\$\{[^}]*\}`)

func (s *stack) ref(name string) any {
	if name == "AWS::NoValue" {
		return noValue{}
	}
	if v, ok := s.parameters[name]; ok {
		return v
	}
	return "<" + name + ">"
}

// get returns the value at a path below the resources; nil if there is none.
func (s *stack) get(path ...string) any {
	var v any = s.values
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// ofType returns the properties of the resources of a type, by name.
func (s *stack) ofType(name string) map[string]map[string]any {
	all := map[string]map[string]any{}
	for resource := range s.values {
		if s.get(resource, "Type") == name {
			all[resource] = s.get(resource, "Properties").(map[string]any)
		}
	}
	return all
}

// texts returns a string, or a list of them, as a list.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			all = append(all, texts(item)...)
		}
	}
	return all
}
