package rotation

import (
	"encoding/json"
	"errors"
	"fmt"

	"pingrotate/pingone"
)

// A Step is one of the four steps in which Secrets Manager rotates a secret. See "Rotation by
// Lambda function" in the Secrets Manager user guide.
type Step string

const (
	CreateSecret Step = "createSecret"
	SetSecret    Step = "setSecret"
	TestSecret   Step = "testSecret"
	FinishSecret Step = "finishSecret"
)

// An Event is what Secrets Manager invokes the function with.
type Event struct {
	Step               Step
	SecretID           string
	ClientRequestToken string // the id of the version that the rotation makes

	// RotationToken proves to PutSecretValue that the writer acts for this rotation. It may
	// be empty.
	RotationToken pingone.Secret
}

// ParseEvent decodes and checks an event. It ignores unknown keys, because AWS adds keys from
// time to time.
func ParseEvent(data []byte) (Event, error) {
	var wire struct {
		Step               string         `json:"Step"`
		SecretID           string         `json:"SecretId"`
		ClientRequestToken string         `json:"ClientRequestToken"`
		RotationToken      pingone.Secret `json:"RotationToken"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		var typeError *json.UnmarshalTypeError
		if errors.As(err, &typeError) && typeError.Field != "" {
			return Event{}, eventError(typeError.Field, "must be a string")
		}
		return Event{}, errors.New("read the event: not a JSON object such as those in events/")
	}
	ev := Event{Step(wire.Step), wire.SecretID, wire.ClientRequestToken, wire.RotationToken}
	switch ev.Step {
	case CreateSecret, SetSecret, TestSecret, FinishSecret:
	case "":
		return Event{}, eventError("Step", "is missing; Secrets Manager sends it, and events/ has an example of each")
	default:
		return Event{}, eventError("Step", "must be createSecret, setSecret, testSecret or finishSecret")
	}
	if ev.SecretID == "" || len(ev.SecretID) > 2048 {
		return Event{}, eventError("SecretId", "must be the name or ARN of a secret")
	}
	if n := len(ev.ClientRequestToken); n < 32 || n > 64 {
		return Event{}, eventError("ClientRequestToken", "must be the id of the version labelled AWSPENDING, 32 to 64 characters")
	}
	return ev, nil
}

func eventError(field, problem string) error {
	return fmt.Errorf("read the event: field %s: %s", field, problem)
}
