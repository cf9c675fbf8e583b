package conformance_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pingrotate/internal/conformance"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestARotationIsAwaitedUntilItIsRecordedAsComplete has functions that complete a
// rotation, that fail, and that claim to have done what they have not.
func TestARotationIsAwaitedUntilItIsRecordedAsComplete(t *testing.T) {
	const limit = 15 * time.Minute
	for what, row := range map[string]struct {
		fills, moves, claims, complete bool
	}{
		"completes":                 {fills: true, moves: true, claims: true, complete: true},
		"fails":                     {},
		"fails once it has stored":  {fills: true},
		"claims, and moves nothing": {fills: true, claims: true},
		"moves, and fails then":     {fills: true, moves: true},
	} {
		t.Run(what, func(t *testing.T) {
			w := newAWSWorld(t)
			name, err := w.suite.Keep(t.Context(), "scheduled", func(string) (string, error) { return "before", nil })
			if err != nil {
				t.Fatal(err)
			}
			w.suite.CancelLater(name)
			before := w.secrets.VersionID(name, "AWSCURRENT")
			sdk := secretsmanager.New(secretsmanager.Options{
				Region: "us-east-1", BaseEndpoint: aws.String(w.secrets.URL()), Credentials: w.suite.Credentials,
			})
			w.secrets.AddFunction(functionARN, func(ctx context.Context, event []byte) error {
				var e struct{ Step, ClientRequestToken string }
				if err := json.Unmarshal(event, &e); err != nil {
					return err
				}
				if e.Step == "createSecret" && row.fills {
					sdk.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
						SecretId: &name, ClientRequestToken: &e.ClientRequestToken, SecretString: aws.String("after"), VersionStages: []string{"AWSPENDING"},
					})
				}
				if e.Step == "finishSecret" && row.moves {
					sdk.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
						SecretId: &name, VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: &before, MoveToVersionId: &e.ClientRequestToken,
					})
				}
				if !row.claims && (!row.fills || e.Step == "finishSecret") {
					return context.DeadlineExceeded
				}
				return nil
			})
			w.secrets.EnableRotation(name, functionARN)
			was, err := w.suite.Rotation(t.Context(), name)
			if err != nil || !was.Enabled || !was.Rotated.IsZero() {
				t.Fatalf("got %+v, error %v, want rotation enabled and never done", was, err)
			}
			version, err := w.suite.Rotate(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			looks, begun := 0, w.secrets.Now()
			now, complete, err := w.suite.Await(t.Context(), name, version, was.Rotated, limit, func(conformance.Rotation, time.Duration) { looks++ })
			took := w.secrets.Now().Sub(begun)
			if err != nil || complete != row.complete || looks == 0 || !complete && (took < limit || took > limit+time.Minute) {
				t.Errorf("complete: %t after %v and %d looks, error %v, want %t", complete, took, looks, err, row.complete)
			}
			if moved := now.Current == version; moved != row.moves || !moved && now.Filled != row.fills {
				t.Errorf("saw %+v", now)
			}
			if err := w.suite.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if left := w.secrets.Dump(); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}
