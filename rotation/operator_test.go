package rotation_test

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// label puts an extra label on the current version, as a user may.
func (w *world) label(name string) {
	w.t.Helper()
	w.labelVersion(name, w.sm.VersionID(orders, "AWSCURRENT"))
}

// labelVersion puts a label that no other version has on a version.
func (w *world) labelVersion(name, id string) {
	w.t.Helper()
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: &name, MoveToVersionId: &id,
	})
	if err != nil {
		w.t.Fatalf("label a version: %v", err)
	}
}

// move moves a label from another version.
func (w *world) move(label, to string) {
	w.t.Helper()
	from := w.sm.VersionID(orders, label)
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: &label, MoveToVersionId: &to, RemoveFromVersionId: &from,
	})
	if err != nil {
		w.t.Fatalf("move a label: %v", err)
	}
}

// unstick removes AWSPENDING, as an operator does.
func (w *world) unstick() {
	w.t.Helper()
	w.clear(w.sm.VersionID(orders, "AWSPENDING"))
}

func (w *world) clear(id string) {
	w.t.Helper()
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(orders), VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &id,
	})
	if err != nil {
		w.t.Fatalf("take AWSPENDING away: %v", err)
	}
}

// putPending stores a value under the token of the rotation in progress.
func (w *world) putPending(text string) {
	w.t.Helper()
	id := w.sm.VersionID(orders, "AWSPENDING")
	_, err := w.rotator.Secrets.PutSecretValue(w.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(orders), ClientRequestToken: &id, SecretString: &text, VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		w.t.Fatalf("store a foreign value: %v", err)
	}
}
