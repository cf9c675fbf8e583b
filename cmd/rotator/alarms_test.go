package main_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pingrotate/rotation"
)

// metricsOf returns the metrics that exist, by namespace: package rotation's constants,
// read from its source so that none is forgotten, and those of Lambda that the template
// uses. The function itself must emit each of its own.
func metricsOf(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../rotation/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.ValueSpec)
			if !ok || fmt.Sprint(c.Type) != "Metric" {
				return true
			}
			for _, v := range c.Values {
				if text, err := strconv.Unquote(v.(*ast.BasicLit).Value); err == nil {
					own = append(own, text)
				}
			}
			return true
		})
	}
	slices.Sort(own)
	emitted := map[string]bool{}
	metrics, _ := split(work(t).output.lines(t))
	for _, line := range metrics {
		definition, _ := json.Marshal(line["_aws"])
		var aws struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
		}
		if err := json.Unmarshal(definition, &aws); err != nil {
			t.Fatalf("got the metrics %s: %v", definition, err)
		}
		for _, d := range aws.CloudWatchMetrics {
			for _, m := range d.Metrics {
				emitted[m.Name] = true
			}
		}
	}
	if got := slices.Sorted(maps.Keys(emitted)); !slices.Equal(got, own) {
		t.Errorf("metrics: the function emits %q, want the constants of package rotation, %q", got, own)
	}
	return map[string][]string{
		rotation.MetricNamespace: own,
		// See "Types of metrics for Lambda functions" in the Lambda developer guide.
		"AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration"},
		// See "Execution metrics" in the Step Functions developer guide.
		"AWS/States": {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"},
	}
}

func alarms(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := deploy(t, map[string]string{"Campaigns": "true"}).ofType("AWS::CloudWatch::Alarm")
	if len(all) == 0 {
		t.Fatal("there is no alarm")
	}
	return all
}

func TestEveryAlarmIsOnAMetricThatExists(t *testing.T) {
	t.Parallel() // while the function works for half a minute
	metrics := metricsOf(t)
	for name, p := range alarms(t) {
		if !slices.Contains(metrics[p["Namespace"].(string)], p["MetricName"].(string)) {
			t.Errorf("%s: there is no metric %s in %s", name, p["MetricName"], p["Namespace"])
		}
		dimension := "[map[Name:FunctionName Value:pingone-rotator]]"
		if p["Namespace"] == "AWS/States" {
			dimension = "[map[Name:StateMachineArn Value:<CampaignStateMachine>]]"
		}
		check(t, name+": dimensions", fmt.Sprint(p["Dimensions"]), dimension)
	}
}

// The metrics of a step exist only when a step runs. Those of an audit describe the state
// until the next audit.
func TestAlarmsTreatMissingDataAsWhatItMeans(t *testing.T) {
	for name, p := range alarms(t) {
		metric := p["MetricName"].(string)
		want := "notBreaching"
		switch metric {
		case string(rotation.SecretsAudited):
			want = "breaching"
		case string(rotation.SecretsFailing), string(rotation.PreviousInUseNearEnd), string(rotation.SecretsOverdue),
			string(rotation.RotationsStuck), string(rotation.EmergenciesOpen):
			want = "ignore"
		}
		check(t, name+": missing data", p["TreatMissingData"], any(want))
	}
}

func TestTheAlarmForAMissingAuditLooksAtTwoAudits(t *testing.T) {
	doc := template(t)
	var hours []string
	for _, v := range doc.at("Parameters", "AuditEveryHours", "AllowedValues").items() {
		hours = append(hours, v.Value)
	}
	for _, h := range hours {
		s := deploy(t, map[string]string{"AuditEveryHours": h})
		n, err := strconv.Atoi(h)
		if err != nil || n < 1 || 24%n != 0 {
			t.Errorf("%s hours: do not divide a day", h)
		}
		check(t, h+" hours: period", s.get("AuditMissingAlarm", "Properties", "Period"), any(fmt.Sprint(n*3600)))
		check(t, h+" hours: schedule", s.get("AuditRule", "Properties", "ScheduleExpression"), any("cron(17 0/"+h+" * * ? *)"))
	}
	check(t, "periods", deploy(t, nil).get("AuditMissingAlarm", "Properties", "EvaluationPeriods"), any("2"))
	slices.Sort(hours)
	if got := doc.at("Mappings", "AuditEveryHours").keys(); !slices.Equal(got, hours) {
		t.Errorf("periods: there are some for %q hours, want %q", got, hours)
	}
}

// TestASlowStepIsTheSameInTheAlarmItsTextAndTheDashboard: and in the pages.
func TestASlowStepIsTheSameInTheAlarmItsTextAndTheDashboard(t *testing.T) {
	s := deploy(t, nil)
	slow, limit := int(rotation.SlowStep.Seconds()), int(rotation.StepLimit.Seconds())
	check(t, "threshold", s.get("SlowStepAlarm", "Properties", "Threshold"), any(fmt.Sprint(slow*1000)))
	text := s.get("SlowStepAlarm", "Properties", "AlarmDescription").(string)
	for where, words := range map[string][2]string{
		"the alarm":       {text, fmt.Sprintf("more than %d of the %d seconds", slow, limit)},
		"the dashboard":   {fmt.Sprint(s.get("RotationDashboard", "Properties", "DashboardBody")), fmt.Sprintf(`"value": %d}`, slow*1000)},
		"docs/operate.md": {page(t, "operate.md"), fmt.Sprintf("a step took more than %d s of the %d s", slow, limit)},
		"Timeout":         {s.template.at("Parameters", "Timeout", "Description").Value, fmt.Sprintf("ends itself within %d.", limit)},
	} {
		if !strings.Contains(words[0], words[1]) {
			t.Errorf("%s: does not say %q", where, words[1])
		}
	}
}

func TestTheAuditsRuleSendsAnAudit(t *testing.T) {
	targets := deploy(t, nil).get("AuditRule", "Properties", "Targets").([]any)
	target := targets[0].(map[string]any)
	check(t, "target", target["Arn"], any("<OperateAlias>"))
	a, err := rotation.ParseAction([]byte(target["Input"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "action", fmt.Sprint(a), fmt.Sprint(rotation.Action{Action: rotation.ActionAudit}))
}

func TestEachAlarmSaysWhatToDoAndIsInThePages(t *testing.T) {
	operate := page(t, "operate.md")
	imperative := regexp.MustCompile(`(?i)\b(look|find|run|rotate|restart|store)\b`)
	rows := 0
	for name, p := range alarms(t) {
		text := p["AlarmDescription"].(string)
		if !imperative.MatchString(text) || len(text) > 1024 {
			t.Errorf("%s: %q does not say what to do, in at most 1024 characters", name, text)
		}
		suffix, ok := strings.CutPrefix(p["AlarmName"].(string), "pingone-rotator-")
		if !ok {
			t.Errorf("%s: the name %s is not the function's and a suffix", name, p["AlarmName"])
		}
		if !strings.Contains(operate, "| `"+suffix+"` |") {
			t.Errorf("%s: the table of alarms in docs/operate.md has no row for %s", name, suffix)
		}
		rows++
	}
	_, section, _ := strings.Cut(operate, "**Alarms")
	section, _, _ = strings.Cut(section, "\n## ")
	check(t, "alarms in docs/operate.md", strings.Count(section, "\n| `"), rows)
}

func TestFailedRotationsAreReportedInAMailThatReads(t *testing.T) {
	p := deploy(t, nil).ofType("AWS::Events::Rule")["RotationFailedRule"]
	pattern, err := json.Marshal(p["EventPattern"])
	if err != nil {
		t.Fatal(err)
	}
	check(t, "pattern", string(pattern), `{"detail":{"eventName":["RotationFailed","TestRotationFailed","RotationAbandoned"]},`+
		`"detail-type":["AWS Service Event via CloudTrail"],"source":["aws.secretsmanager"]}`)
	target := p["Targets"].([]any)[0].(map[string]any)
	check(t, "target", target["Arn"], any("<AlarmTopic>"))

	transformer := target["InputTransformer"].(map[string]any)
	paths := transformer["InputPathsMap"].(map[string]any)
	check(t, "the secret's ARN", paths["secret"], any("$.detail.additionalEventData.SecretId"))
	lines := transformer["InputTemplate"].(string)
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line[0] != '"' || line[len(line)-1] != '"' || strings.Contains(line[1:len(line)-1], `"`) {
			t.Errorf("%s: EventBridge wants each line of a text in quotation marks", line)
		}
	}
	for _, v := range regexp.MustCompile(`<(\w+)>`).FindAllStringSubmatch(lines, -1) {
		if paths[v[1]] == nil {
			t.Errorf("<%s> is not in the InputPathsMap", v[1])
		}
		delete(paths, v[1])
	}
	for name := range paths {
		t.Errorf("%s: is read from the event, and not told", name)
	}
}
