// Package statemachine holds the state machines of template.yaml, in the Amazon States
// Language, for the programs and tests that run them without AWS.
package statemachine

import (
	_ "embed"
	"encoding/json"
	"strings"
)

// The definitions, with ${...} where the template substitutes. See
// https://states-language.net/spec.html.
var (
	//go:embed campaign.asl.json
	campaign string
	//go:embed audit.asl.json
	audit string
)

// A Stack is what the template substitutes in the definitions.
type Stack struct {
	Partition   string
	FunctionARN string // of the alias that takes actions
	TopicARN    string // for messages to people
}

// Campaign returns the state machine that rotates a fleet.
func (s Stack) Campaign() string { return s.in(campaign) }

// Audit returns the state machine that audits every secret.
func (s Stack) Audit() string { return s.in(audit) }

func (s Stack) in(definition string) string {
	return strings.NewReplacer("${Partition}", s.Partition, "${FunctionArn}", s.FunctionARN, "${TopicArn}", s.TopicARN).Replace(definition)
}

// Token returns the task token in the parameters of the task that asks a person, as an
// execution's history has them. It returns false for any other task's.
func Token(parameters string) (token string, ok bool) {
	var p struct {
		MessageAttributes struct{ TaskToken struct{ StringValue string } }
	}
	if json.Unmarshal([]byte(parameters), &p) != nil {
		return "", false
	}
	token = p.MessageAttributes.TaskToken.StringValue
	return token, token != ""
}
