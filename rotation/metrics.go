package rotation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// MetricNamespace is the CloudWatch namespace of the function's metrics.
const MetricNamespace = "PingOneRotation"

// A Metric is one of the function's metrics. FunctionName is their only dimension: a metric
// for each secret would cost as much as the secret itself.
type Metric string

// The metrics that each step and each action writes.
const (
	StepDuration      Metric = "StepDuration"      // milliseconds
	StepErrors        Metric = "StepErrors"        // 1 if the step failed
	Rotations         Metric = "Rotations"         // 1 if AWSCURRENT moved
	CredentialRefused Metric = "CredentialRefused" // 1 if PingOne refused the secret to be promoted, or the admin's
	DriftFound        Metric = "DriftFound"        // 1 if AWSCURRENT was dead and PingOne's secret was adopted
	ConsumersLag      Metric = "ConsumersLag"      // 1 if a rotation was refused because consumers lag
)

// The metrics that each audit writes. All but the last count secrets.
const (
	SecretsAudited       Metric = "SecretsAudited"
	SecretsNotReached    Metric = "SecretsNotReached"    // the audit had no time for them
	SecretsFailing       Metric = "SecretsFailing"       // AWSCURRENT is refused, or the secret cannot be read
	PreviousInUse        Metric = "PreviousInUse"        // consumers still use the replaced secret
	PreviousInUseNearEnd Metric = "PreviousInUseNearEnd" // the same, and it ends within a quarter of its grace or before the next audit
	SecretsOverdue       Metric = "SecretsOverdue"       // not rotated when the schedule said
	RotationsStuck       Metric = "RotationsStuck"       // AWSPENDING has been waiting for more than a day
	EmergenciesOpen      Metric = "EmergenciesOpen"      // the leaked secret is not yet shown to be dead
	OldestSecretHours    Metric = "OldestSecretHours"    // how long the oldest AWSCURRENT has been in place
)

// units are CloudWatch's names. A metric that is not listed is a Count.
var units = map[Metric]string{StepDuration: "Milliseconds"}

// emit writes one line of metrics. The properties cost no metric, and CloudWatch Logs can
// search them. See "Embedded metric format" in the CloudWatch user guide.
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
		return // numbers and strings always encode
	}
	r.Metrics.Write(append(text, '\n')) // in one write, so that no other line gets in between
}

// functionName returns the name in a function's ARN. A version or alias may follow it.
func functionName(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 6 {
		return parts[6]
	}
	return arn
}

// count turns a yes or no into a metric's value.
func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
