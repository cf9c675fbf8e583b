package rotation

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
	DriftFound        Metric = "DriftFound"        // 1 when somebody had regenerated a secret by hand
	ConsumersLag      Metric = "ConsumersLag"      // 1 when a rotation was refused because of it
)

// The metrics of an audit, each once an audit. They count secrets but for the age.
const (
	SecretsAudited       Metric = "SecretsAudited"
	SecretsNotReached    Metric = "SecretsNotReached"    // time did not suffice
	SecretsFailing       Metric = "SecretsFailing"       // AWSCURRENT is refused, or the secret cannot be read
	PreviousInUse        Metric = "PreviousInUse"        // consumers have not let go of the secret before
	PreviousInUseNearEnd Metric = "PreviousInUseNearEnd" // and it ends within a quarter of its grace
	SecretsOverdue       Metric = "SecretsOverdue"       // not rotated when the schedule said
	RotationsStuck       Metric = "RotationsStuck"       // AWSPENDING has been waiting for more than a day
	EmergenciesOpen      Metric = "EmergenciesOpen"      // a leaked secret is not shown to be dead
	OldestSecretHours    Metric = "OldestSecretHours"    // the age of the oldest AWSCURRENT
)
