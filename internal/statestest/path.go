package statestest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// A failure is the error of a state.
type failure struct{ Error, Cause string }

func runtimeFailure(format string, args ...any) *failure {
	return &failure{"States.Runtime", fmt.Sprintf(format, args...)}
}

// matches reports whether a retrier or a catcher with these names applies to the failure.
// See "Error names" in the specification.
func (f *failure) matches(names []string) bool {
	for _, name := range names {
		switch {
		case name == f.Error, name == "States.ALL" && f.Error != "States.Runtime":
			return true
		case name == "States.TaskFailed" && f.Error != "States.Timeout" && f.Error != "States.Runtime":
			return true
		}
	}
	return false
}

// evaluate returns the value of a path or of States.Format. The context is the value of $$.
func evaluate(expression string, input any, context map[string]any) (any, *failure) {
	if inner, ok := strings.CutPrefix(expression, "States.Format("); ok {
		return format(strings.TrimSuffix(inner, ")"), input, context)
	}
	root, path := input, strings.TrimPrefix(expression, "$")
	if strings.HasPrefix(path, "$") {
		root, path = context, path[1:]
	}
	for _, key := range strings.Split(path, ".")[1:] {
		m, ok := root.(map[string]any)
		if !ok {
			return nil, runtimeFailure("%s: %s is of no object", expression, key)
		}
		if root, ok = m[key]; !ok {
			return nil, runtimeFailure("%s: there is no %s", expression, key)
		}
	}
	return root, nil
}

var formatArguments = regexp.MustCompile(`^'((?:[^'\\]|\\.)*)'((?:, *[^,]+)*)$`)

func format(arguments string, input any, context map[string]any) (any, *failure) {
	m := formatArguments.FindStringSubmatch(arguments)
	if m == nil {
		return nil, runtimeFailure("States.Format(%s) is not played here", arguments)
	}
	text := strings.ReplaceAll(m[1], `\'`, "'")
	for _, path := range strings.Split(m[2], ",")[1:] {
		value, f := evaluate(strings.TrimSpace(path), input, context)
		if f != nil {
			return nil, f
		}
		if !strings.Contains(text, "{}") {
			return nil, runtimeFailure("States.Format(%s): more values than places", arguments)
		}
		text = strings.Replace(text, "{}", strings.ReplaceAll(fmt.Sprint(value), "{}", "{ }"), 1)
	}
	return text, nil
}

// fill returns a payload template with its paths evaluated.
func fill(template json.RawMessage, input any, context map[string]any) (any, *failure) {
	var v any
	if err := json.Unmarshal(template, &v); err != nil {
		return nil, runtimeFailure("%v", err)
	}
	return fillValue(v, input, context)
}

func fillValue(v any, input any, context map[string]any) (any, *failure) {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			var f *failure
			if name, ok := strings.CutSuffix(key, ".$"); ok {
				key = name
				value, f = evaluate(value.(string), input, context)
			} else {
				value, f = fillValue(value, input, context)
			}
			if f != nil {
				return nil, f
			}
			out[key] = value
		}
		return out, nil
	case []any:
		var out []any
		for _, value := range v {
			filled, f := fillValue(value, input, context)
			if f != nil {
				return nil, f
			}
			out = append(out, filled)
		}
		return out, nil
	}
	return v, nil
}

// place puts a result where ResultPath says: "$" replaces the input, null discards the
// result, and "$.name" adds it to the input as that member.
func place(input, result any, path json.RawMessage) (any, *failure) {
	if len(path) == 0 {
		return result, nil
	}
	var text *string
	if err := json.Unmarshal(path, &text); err != nil {
		return nil, runtimeFailure("%v", err)
	}
	if text == nil {
		return input, nil
	}
	name, ok := strings.CutPrefix(*text, "$.")
	m, object := input.(map[string]any)
	if !ok || !object || strings.Contains(name, ".") {
		return nil, runtimeFailure("the ResultPath %s is not played here", *text)
	}
	out := map[string]any{}
	for key, value := range m {
		out[key] = value
	}
	out[name] = result
	return out, nil
}

// holds reports whether a choice applies.
func (c choice) holds(input any, context map[string]any) (bool, *failure) {
	if len(c.And) > 0 {
		for _, part := range c.And {
			if ok, f := part.holds(input, context); !ok || f != nil {
				return false, f
			}
		}
		return true, nil
	}
	v, f := evaluate(c.Variable, input, context)
	if f != nil {
		return false, f
	}
	number, _ := v.(float64)
	switch {
	case c.StringEquals != nil:
		return v == *c.StringEquals, nil
	case c.BooleanEquals != nil:
		return v == *c.BooleanEquals, nil
	case c.NumericEquals != nil:
		return v == *c.NumericEquals, nil
	case c.NumericGreaterThan != nil:
		return number > *c.NumericGreaterThan, nil
	}
	return false, runtimeFailure("a choice without a comparison that is played here")
}
