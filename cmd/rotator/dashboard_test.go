package main_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pingrotate/rotation"
)

// A widget of the dashboard.
type widget struct {
	Type          string
	X, Y          int
	Width, Height int
	Properties    struct {
		Region, Title, View, Query, Markdown string
		Metrics                              [][]any
	}
}

func widgets(t *testing.T, s *stack) []widget {
	t.Helper()
	var body struct {
		Start   string
		Widgets []widget
	}
	text := s.get("RotationDashboard", "Properties", "DashboardBody").(string)
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("the dashboard is not JSON: %v", err)
	}
	check(t, "shown from", body.Start, "-PT25H")
	return body.Widgets
}

func TestEveryWidgetIsOnMetricsThatExistAndEveryMetricIsOnAWidget(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	metrics := metricsOf(t)
	shown := map[string]bool{}
	for _, w := range widgets(t, deploy(t, map[string]string{"Campaigns": "true"})) {
		if w.Type != "metric" {
			continue
		}
		if len(w.Properties.Metrics) == 0 {
			t.Errorf("%s: shows nothing", w.Properties.Title)
		}
		for _, m := range w.Properties.Metrics {
			namespace, name := m[0].(string), m[1].(string)
			if !slices.Contains(metrics[namespace], name) {
				t.Errorf("%s: there is no metric %s in %s", w.Properties.Title, name, namespace)
			}
			dimension := fmt.Sprint(m[2:4])
			if namespace != "AWS/States" {
				check(t, w.Properties.Title+": dimension", dimension, "[FunctionName pingone-rotator]")
			} else if dimension != "[StateMachineArn <CampaignStateMachine>]" && dimension != "[StateMachineArn <AuditStateMachine>]" {
				t.Errorf("%s: dimension %s", w.Properties.Title, dimension)
			}
			if stat := m[4].(map[string]any)["stat"]; !slices.Contains([]any{"Sum", "Maximum", "p50"}, stat) {
				t.Errorf("%s: statistic %v of %s", w.Properties.Title, stat, name)
			}
			shown[name] = true
		}
	}
	for _, name := range metrics[rotation.MetricNamespace] {
		if !shown[name] {
			t.Errorf("%s: is on no widget", name)
		}
	}
}

func TestWidgetsCoverEachOtherNowhere(t *testing.T) {
	all := widgets(t, deploy(t, map[string]string{"Campaigns": "true"}))
	for i, w := range all {
		if w.X < 0 || w.Y < 0 || w.Width < 1 || w.X+w.Width > 24 || w.Height < 1 {
			t.Errorf("%s: is outside of the 24 columns", w.Properties.Title)
		}
		for _, o := range all[:i] {
			if w.X < o.X+o.Width && o.X < w.X+w.Width && w.Y < o.Y+o.Height && o.Y < w.Y+w.Height {
				t.Errorf("%q and %q lie on each other", w.Properties.Title, o.Properties.Title)
			}
		}
		if region := w.Properties.Region; w.Type != "text" && region != "us-east-1" {
			t.Errorf("%s: region %q", w.Properties.Title, region)
		}
	}
}

// The keywords and functions of CloudWatch Logs Insights that the dashboard uses.
var insights = strings.Fields("SOURCE filter stats latest as by sort asc desc limit fields coalesce ispresent and or")

func TestEveryTableReadsFieldsThatTheFunctionLogs(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	logged, values := logs(t)
	word := regexp.MustCompile("@?[A-Za-z_][A-Za-z0-9_]*")
	literal := regexp.MustCompile(`"[^"]*"|'[^']*'`)
	alias := regexp.MustCompile(`\bas (\w+)`)
	tables := 0
	for _, w := range widgets(t, deploy(t, map[string]string{"FunctionName": "another", "Campaigns": "true"})) {
		if w.Type != "log" {
			continue
		}
		tables++
		q := w.Properties.Query
		if !strings.HasPrefix(q, "SOURCE '/aws/lambda/another' | ") {
			t.Errorf("%s: reads %q, not the function's log", w.Properties.Title, q)
		}
		for _, text := range regexp.MustCompile(`= "([^"]*)"`).FindAllStringSubmatch(q, -1) {
			if !values[text[1]] {
				t.Errorf("%s: no field of a line is %q", w.Properties.Title, text[1])
			}
		}
		aliases := map[string]bool{}
		for _, a := range alias.FindAllStringSubmatch(q, -1) {
			aliases[a[1]] = true
		}
		for _, name := range word.FindAllString(literal.ReplaceAllString(q, ""), -1) {
			if slices.Contains(insights, name) {
				continue
			}
			if !aliases[name] && name != "@timestamp" && !logged[name] {
				t.Errorf("%s: no line has a field %s", w.Properties.Title, name)
			}
		}
	}
	if tables == 0 {
		t.Error("the dashboard has no table")
	}
}

// logs returns the fields of the lines that the function logs, and their values.
func logs(t *testing.T) (fields, values map[string]bool) {
	fields, values = map[string]bool{}, map[string]bool{string(rotation.OK): true} // a secret that is well is logged as such
	_, lines := split(work(t).output.lines(t))
	for _, line := range lines {
		for name, value := range line {
			fields[name] = true
			if text, ok := value.(string); ok {
				values[text] = true
			}
		}
	}
	return fields, values
}
