package statestest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A program is a definition, or the part of one that a branch or an item runs.
type program struct {
	Comment         string
	QueryLanguage   string
	StartAt         string
	TimeoutSeconds  int
	States          map[string]*state
	ProcessorConfig struct{ Mode, ExecutionType string }
}

// A state has the fields that this package implements. Any other is an error.
type state struct {
	Comment, Type, Next string
	End                 bool

	Parameters, ResultSelector, Result json.RawMessage
	ItemSelector                       json.RawMessage
	ResultPath                         json.RawMessage // a path or null
	OutputPath                         string

	Resource       string
	TimeoutSeconds int
	Retry          []*retrier
	Catch          []catcher

	Choices []choice
	Default string

	SecondsPath string

	Branches []*program

	ItemsPath, MaxConcurrencyPath, ToleratedFailureCountPath string
	ToleratedFailureCount                                    int
	ItemProcessor                                            *program

	Error, CausePath string
}

type retrier struct {
	Comment         string
	ErrorEquals     []string
	IntervalSeconds float64
	BackoffRate     float64
	MaxAttempts     int
	MaxDelaySeconds float64
	JitterStrategy  string
}

type catcher struct {
	Comment     string
	ErrorEquals []string
	ResultPath  json.RawMessage
	Next        string
}

type choice struct {
	And                               []choice
	Variable, Next                    string
	StringEquals                      *string
	BooleanEquals                     *bool
	NumericEquals, NumericGreaterThan *float64
}

func parse(definition string) (*program, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(definition)))
	dec.DisallowUnknownFields()
	p := new(program)
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read the definition: %w", err)
	}
	return p, p.check()
}

func (p *program) check() error {
	if p.States[p.StartAt] == nil {
		return fmt.Errorf("StartAt: there is no state %q", p.StartAt)
	}
	for _, name := range slices.Sorted(maps.Keys(p.States)) {
		s := p.States[name]
		next := []string{}
		switch s.Type {
		case "Pass", "Wait", "Succeed", "Fail":
		case "Task":
			if !slices.Contains([]string{invoke, publish, publish + waiting}, s.Resource) {
				return fmt.Errorf("%s: the resource %s is not played here", name, s.Resource)
			}
		case "Choice":
			next = append(next, s.Default)
			for _, c := range s.Choices {
				next = append(next, c.Next)
			}
		case "Parallel":
			for _, b := range s.Branches {
				if err := b.check(); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		case "Map":
			c := s.ItemProcessor.ProcessorConfig
			if c.Mode != "DISTRIBUTED" || c.ExecutionType != "STANDARD" {
				return fmt.Errorf("%s: only a Distributed Map with Standard children is played here", name)
			}
			if err := s.ItemProcessor.check(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		default:
			return fmt.Errorf("%s: the type %s is not played here", name, s.Type)
		}
		if !s.End && s.Type != "Choice" && s.Type != "Succeed" && s.Type != "Fail" {
			next = append(next, s.Next)
		}
		for _, c := range s.Catch {
			next = append(next, c.Next)
		}
		for _, to := range next {
			if p.States[to] == nil {
				return fmt.Errorf("%s: there is no state %q", name, to)
			}
		}
	}
	return nil
}

const (
	invoke  = "arn:aws:states:::lambda:invoke"
	publish = "arn:aws:states:::sns:publish"
	waiting = ".waitForTaskToken"
)
