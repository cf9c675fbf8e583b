package rotation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// MetricNamespace is where the function's metrics are in CloudWatch.
const MetricNamespace = "PingOneRotation"

// A Metric is one of the function's own. All have one dimension, FunctionName: a
// dimension for the secret would cost as much as the secret does.
type Metric string

// The metrics of a step, each once a step.
const (
	StepDuration      Metric = "StepDuration"      // milliseconds
	StepErrors        Metric = "StepErrors"        // 1 for a step that failed
	Rotations         Metric = "Rotations"         // 1 when AWSCURRENT has moved
	CredentialRefused Metric = "CredentialRefused" // 1 when PingOne refused a secret that was to be promoted, or the admin's
	DriftFound        Metric = "DriftFound"        // 1 when a secret had been regenerated outside of the rotation
	ConsumersLag      Metric = "ConsumersLag"      // 1 when a rotation was refused because of it
)

// The metrics of an audit, each once an audit. They count secrets but for the age.
const (
	SecretsAudited       Metric = "SecretsAudited"
	SecretsNotReached    Metric = "SecretsNotReached"    // time did not suffice
	SecretsFailing       Metric = "SecretsFailing"       // AWSCURRENT is refused, or the secret cannot be read
	PreviousInUse        Metric = "PreviousInUse"        // consumers have not let go of the secret before
	PreviousInUseNearEnd Metric = "PreviousInUseNearEnd" // and it ends within a quarter of its grace, or before the next audit
	SecretsOverdue       Metric = "SecretsOverdue"       // not rotated when the schedule said
	RotationsStuck       Metric = "RotationsStuck"       // AWSPENDING has been waiting for more than a day
	EmergenciesOpen      Metric = "EmergenciesOpen"      // a leaked secret is not shown to be dead
	OldestSecretHours    Metric = "OldestSecretHours"    // the age of the oldest AWSCURRENT
)

// units are CloudWatch's. What is not listed is a Count.
var units = map[Metric]string{StepDuration: "Milliseconds"}

// emit writes one line of metrics, with properties that CloudWatch Logs can search
// and that cost no metric. See "Embedded metric format" in the CloudWatch user guide.
func (r *Rotator) emit(values map[Metric]float64, properties map[string]string) {
	if r.Metrics == nil {
		return
	}
	type metric struct{ Name, Unit string }
	var defined []metric
	line := map[string]any{"FunctionName": functionName(r.FunctionARN)}
	for _, m := range slices.Sorted(maps.Keys(values)) {
		unit := units[m]
		if unit == "" {
			unit = "Count"
		}
		defined = append(defined, metric{string(m), unit})
		line[string(m)] = values[m]
	}
	for name, value := range properties {
		line[name] = value
	}
	line["_aws"] = map[string]any{
		"Timestamp": r.PingOne.Time().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  MetricNamespace,
			"Dimensions": [][]string{{"FunctionName"}},
			"Metrics":    defined,
		}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		return // numbers and strings
	}
	r.Metrics.Write(append(text, '\n')) // in one call, or another line could get in between
}

// functionName returns the name in a function's ARN, which may have a version behind it.
func functionName(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 6 {
		return parts[6]
	}
	return arn
}

// count makes a metric of an answer.
func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
